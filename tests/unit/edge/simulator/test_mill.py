from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from edge.errors import ConfigError
from edge.simulator.defects import DEFECTS, draw
from edge.simulator.mill import Mill, MillConfig, SimulatedDefect

SMALL = MillConfig(
    seed=5, width_px=512, rows=200, strip_mm=(225.0, 240.0), wander_mm=2.0, coil_m=1.05,
    per_m=dict.fromkeys(DEFECTS, 0.8),
)  # fmt: skip
BARE = replace(SMALL, per_m={}, roll_mark_share=0.0)


def test_same_seed_same_pixels_in_any_order() -> None:
    first = [frame.pixels for frame, _ in zip(Mill(SMALL).frames(), range(4), strict=False)]
    mill = Mill(SMALL)
    for seq in (3, 0, 2, 1):
        assert np.array_equal(mill.frame(seq).pixels, first[seq])
    assert not np.array_equal(Mill(replace(SMALL, seed=6)).frame(0).pixels, first[0])


def test_frames_join_without_a_seam() -> None:
    # Noise apart, the step over a border is like any step within a frame.
    quiet = replace(BARE, noise=0.0)
    grey = np.vstack([Mill(quiet).frame(seq).pixels for seq in range(3)]).astype(int)
    steps = np.abs(np.diff(grey[:, 60:-60], axis=0)).mean(axis=1)
    assert steps[199] < 1.5 * np.median(steps)
    assert steps[399] < 1.5 * np.median(steps)


def _defects(config: MillConfig, frames: int) -> dict[str, list[tuple[int, SimulatedDefect]]]:
    found: dict[str, list[tuple[int, SimulatedDefect]]] = {}
    for frame, _ in zip(Mill(config).frames(), range(frames), strict=False):
        for defect in frame.defects:
            found.setdefault(defect.id, []).append((frame.seq, defect))
    return found


def test_a_defect_over_several_frames_is_shown_whole() -> None:
    crossing = 0
    on_first_coil = [d for key, d in _defects(SMALL, 11).items() if key.startswith("coil-0001/")]
    for pieces in on_first_coil:
        seqs = [seq for seq, _ in pieces]
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
        assert sum(int(d.mask.sum()) for _, d in pieces) == pieces[0][1].pixels
        crossing += len(pieces) > 1
    assert crossing > 0


def test_truth_lies_where_the_pixels_changed() -> None:
    seen = 0
    drawn, bare = Mill(SMALL), Mill(BARE)
    for seq in range(8):
        frame = drawn.frame(seq)
        change = np.abs(frame.pixels.astype(int) - bare.frame(seq).pixels)
        near = np.zeros(change.shape, np.bool_)
        for defect in frame.defects:
            top, left, end, side = defect.box
            assert defect.mask.shape == (end - top, side - left)
            assert change[top:end, left:side][defect.mask].mean() > 4
            near[max(0, top - 60) : end + 60, max(0, left - 60) : side + 60] = True
            seen += 1
        assert change[~near].max(initial=0) <= 4  # a wake or halo may reach further than the box
    assert seen > 5


def test_metres_and_millimetres_fit_the_box() -> None:
    for seq in range(6):
        frame = Mill(SMALL).frame(seq)
        heads = {coil.id: coil.head_m for coil in frame.coils}
        for defect in frame.defects:
            top, left, end, side = defect.box
            from_m = frame.rows.first_m + top * SMALL.m_per_row - heads[defect.coil]
            assert from_m >= defect.from_m - 1e-9
            if top > 0:
                assert from_m == pytest.approx(defect.from_m, abs=1e-9)
            if end < SMALL.rows:
                to_m = frame.rows.first_m + end * SMALL.m_per_row - heads[defect.coil]
                assert to_m == pytest.approx(defect.to_m, abs=1e-9)
            middle = (left + side) / 2 - frame.left_px[(top + end) // 2]
            wanted = (defect.from_mm + defect.to_mm) / 2 / SMALL.mm_per_px
            if top > 0 and end < SMALL.rows:
                assert middle == pytest.approx(wanted, abs=2.0)
            assert 0 < defect.width_mm <= defect.to_mm - defect.from_mm + 2 * SMALL.mm_per_px


def test_coils_follow_without_a_hole_and_may_change_within_a_frame() -> None:
    frames = [Mill(SMALL).frame(seq) for seq in range(11)]
    assert any(len(frame.coils) == 2 for frame in frames)
    coils = {coil.id: coil for frame in frames for coil in frame.coils}
    ordered = sorted(coils.values(), key=lambda coil: coil.head_m)
    assert [coil.id for coil in ordered] == [f"coil-{i + 1:04d}" for i in range(len(ordered))]
    for one, other in pairwise(ordered):
        assert one.tail_m == other.head_m
    assert all(225 <= coil.width_mm <= 240 for coil in ordered)


def test_a_damaged_roll_prints_once_each_turn() -> None:
    config = replace(BARE, roll_mark_share=1.0, coil_m=4.5, roll_m=(0.9, 0.9))
    starts = sorted(pieces[0][1].from_m for pieces in _defects(config, 45).values())
    assert len(starts) >= 4
    assert np.allclose(np.diff(starts), 0.9, atol=config.m_per_row)


def test_the_strip_is_bright_and_its_surroundings_dark() -> None:
    frame = Mill(BARE).frame(1)
    left = int(frame.left_px.min())
    right = int(frame.left_px.max() + frame.coils[0].width_mm / BARE.mm_per_px)
    assert frame.pixels[:, : left - 2].mean() < 40
    assert frame.pixels[:, left + 6 : right - 6].mean() > 80
    assert frame.pixels[:, right + 3 :].mean() < 40


@pytest.mark.parametrize(
    "wrong",
    [
        {"seed": -1},
        {"width_px": 64},
        {"mm_per_px": 0.0},
        {"mm_per_px": float("nan")},
        {"strip_mm": (900.0, 2000.0)},
        {"strip_mm": (240.0, 225.0)},
        {"per_m": {"rust": 1.0}},
        {"per_m": {"red_iron": -1.0}},
        {"coil_m": 0.0},
        {"wander_mm": 20.0},
        {"wander_mm": -1.0},
        {"roll_m": (0.2, 2.0)},
    ],
)
def test_a_mill_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="mill"):
        replace(SMALL, **wrong)


@pytest.mark.parametrize(
    ("width_px", "mm_per_px"), [(256, 0.5), (512, 0.1), (4096, 0.25), (640, 2)]
)
def test_any_camera_sees_a_strip_that_fits(width_px: int, mm_per_px: float) -> None:
    config = MillConfig(width_px=width_px, mm_per_px=mm_per_px, rows=32, per_m={})
    frame = Mill(config).frame(0)
    assert 0 < frame.coils[0].width_mm < width_px * mm_per_px
    assert frame.left_px.min() > 0


def test_every_class_can_be_drawn_and_no_other() -> None:
    for name in DEFECTS:
        one, other = (draw(np.random.default_rng(i), name, 0.5) for i in (0, 1))
        assert one.mask.any()
        assert one.gain.shape == one.mask.shape
        assert one.gain.shape != other.gain.shape or not np.array_equal(one.gain, other.gain)
    with pytest.raises(ConfigError, match="rust"):
        draw(np.random.default_rng(0), "rust", 0.5)


def test_width_is_the_thickness_not_the_length() -> None:
    for seed in range(5):
        scratch = draw(np.random.default_rng(seed), "surface_scratch", 0.5)
        assert scratch.width_px() < 8
        assert scratch.mask.any(axis=1).sum() > 50
