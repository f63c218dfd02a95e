import numpy as np
import pytest

from edge.simulator.noise import StripNoise, child, ramp

SEED = np.random.SeedSequence(7)


@pytest.mark.parametrize("cell", [(1, 1), (24, 1), (5, 9), (400, 30)])
def test_rows_do_not_depend_on_how_the_strip_is_cut(cell: tuple[int, int]) -> None:
    whole = StripNoise(SEED, 40, cell).rows(0, 300)
    pieces = StripNoise(SEED, 40, cell)
    later = pieces.rows(177, 123)
    earlier = pieces.rows(0, 177)
    assert np.array_equal(whole, np.concatenate([earlier, later]))


def test_a_blur_reaches_over_the_cut() -> None:
    noise = StripNoise(SEED, 32, (1, 1), blur_px=0.8)
    whole = noise.rows(0, 128)
    assert np.array_equal(whole[63:65], noise.rows(63, 2))


def test_white_noise_has_unit_variance_and_keeps_it_when_blurred() -> None:
    for blur_px in (0.0, 0.9):
        rows = StripNoise(SEED, 256, (1, 1), blur_px=blur_px).rows(0, 256)
        assert abs(float(rows.std()) - 1) < 0.03
        assert abs(float(rows.mean())) < 0.03


def test_a_coarse_cell_makes_neighbours_alike() -> None:
    rows = StripNoise(SEED, 300, (40, 1)).rows(0, 300)
    along = float(np.corrcoef(rows[:-1].ravel(), rows[1:].ravel())[0, 1])
    across = float(np.corrcoef(rows[:, :-1].ravel(), rows[:, 1:].ravel())[0, 1])
    assert along > 0.95
    assert abs(across) < 0.3


def test_children_of_one_seed_differ_and_come_back() -> None:
    first, second = (np.random.default_rng(child(SEED, 1, i)).random() for i in (0, 1))
    assert first != second
    assert first == np.random.default_rng(child(SEED, 1, 0)).random()


def test_a_ramp_rises_from_0_to_1() -> None:
    values = np.array([-1, 2, 2.5, 3, 9], np.float32)
    assert ramp(values, 2, 1).tolist() == [0, 0, 0.5, 1, 1]
