"""Fog, a lens out of focus, drops and hands are seen; smooth steel, dirt and defects are not."""

import copy
from pathlib import Path

import numpy as np
import pytest

from contract.tiles import Span
from edge.acquire.folder import list_pictures
from edge.inspect.lens import BLOCK, LEARN_FRAMES, MARGIN, Lens, texture_of
from edge.inspect.strip import find_strip
from edge.simulator.mill import MillConfig
from edge.types import F32
from runtime.scale import read_gray
from tests.lens.harm import (
    DETECT,
    Harm,
    defocus,
    drop,
    fog,
    hand,
    learned,
    look,
    seen_by_camera,
    strip_frames,
    untouched,
)

MILL = MillConfig(seed=4, width_px=1024, rows=256, coil_m=100.0, contrast=(1.3, 1.5))
BARE = slice(120, 904)
"""Columns of the strip alone, without its edges."""
BARE_PX = BARE.stop - BARE.start


@pytest.fixture(scope="module")
def frames() -> list[F32]:
    return list(strip_frames(MILL, range(LEARN_FRAMES + 4)))


@pytest.fixture(scope="module")
def usual(frames: list[F32]) -> Lens:
    return learned(frames[:LEARN_FRAMES])


@pytest.fixture
def lens(usual: Lens) -> Lens:
    return copy.deepcopy(usual)


@pytest.fixture
def bare(frames: list[F32]) -> Lens:
    """A lens that has never seen an edge."""
    return learned(frame[:, BARE] for frame in frames[:LEARN_FRAMES])


@pytest.mark.parametrize("harm", [defocus(3), defocus(6), fog(0.15), fog(0.05)])
def test_fog_and_a_lens_out_of_focus_are_seen_and_pass(
    lens: Lens, frames: list[F32], harm: Harm
) -> None:
    verdicts = []
    for frame, now in zip(frames[LEARN_FRAMES:], (untouched, harm, harm, untouched), strict=True):
        look(lens, frame, now)
        verdicts.append(lens.blurred)
    assert verdicts == [False, True, True, False]


def test_a_frame_without_harm_hides_nothing(lens: Lens, frames: list[F32]) -> None:
    for seed, frame in enumerate(frames[LEARN_FRAMES:]):
        look(lens, frame, seed=seed)
        assert not lens.blurred
        assert lens.hidden == ()


@pytest.mark.parametrize("harm", [drop(2, 2), hand(2, 2), hand(2, 2, 250)])
def test_what_hides_some_columns_is_found_there_and_passes(
    lens: Lens, frames: list[F32], harm: Harm
) -> None:
    for frame in frames[LEARN_FRAMES : LEARN_FRAMES + 3]:
        look(lens, frame, harm)
        assert not lens.blurred
        assert lens.hidden == (Span(1 * BLOCK + MARGIN, 5 * BLOCK + MARGIN),)
    look(lens, frames[-1])
    assert lens.hidden == ()


@pytest.mark.parametrize(
    ("first", "columns"), [(0, Span(0, 2 * BLOCK + MARGIN)), (4, Span(3 * BLOCK + MARGIN, BARE_PX))]
)
def test_what_hides_the_picture_s_border_hides_all_up_to_it(
    bare: Lens, frames: list[F32], first: int, columns: Span
) -> None:
    look(bare, frames[-1][:, BARE], drop(first, 1))
    assert bare.hidden == (columns,)


def test_what_is_dark_needs_no_past(frames: list[F32]) -> None:
    lens = Lens(0.25)
    look(lens, frames[0], hand(2, 2))
    assert lens.hidden == (Span(1 * BLOCK + MARGIN, 5 * BLOCK + MARGIN),)


def test_smooth_steel_between_sharp_edges_is_no_blur(lens: Lens, frames: list[F32]) -> None:
    frame = frames[LEARN_FRAMES].copy()
    on_strip = frame > 60
    frame[on_strip] = frame[on_strip].mean() + 0.1 * (frame[on_strip] - frame[on_strip].mean())
    look(lens, frame)
    assert not lens.blurred


def test_smooth_steel_of_a_new_coil_is_no_blur(bare: Lens, frames: list[F32]) -> None:
    smooth = fog(0.1)
    look(bare, frames[-1][:, BARE], smooth)
    assert bare.blurred  # in the middle of a coil it can be nothing else
    for _ in range(3):
        look(bare, frames[-1][:, BARE])
    bare.new_coil()
    for frame in frames:
        look(bare, frame[:, BARE], smooth)
        assert not bare.blurred


def test_fog_stays_fog_over_a_coil_change(bare: Lens, frames: list[F32]) -> None:
    look(bare, frames[-1][:, BARE], fog(0.1))
    bare.new_coil()
    look(bare, frames[-2][:, BARE], fog(0.1))
    assert bare.blurred
    look(bare, frames[-2][:, BARE])
    assert not bare.blurred


def test_what_stays_the_same_along_the_strip_is_no_texture(frames: list[F32]) -> None:
    """Dust, a sensor's columns: they are as sharp as ever when the lens is foggy."""
    dirt = np.random.default_rng(1).uniform(0.7, 1.3, (1, MILL.width_px)).astype(np.float32)

    def contrast(grey: F32) -> float:
        pixels = seen_by_camera(grey)
        return float(np.nanmedian(texture_of(pixels, find_strip(pixels, DETECT)).contrast))

    clean = contrast(frames[0])
    assert contrast(frames[0] * dirt) == pytest.approx(clean, rel=0.25)
    assert contrast(fog(0.05)(frames[0]) * dirt) < 0.05 * clean


def test_the_cameras_noise_is_no_texture(frames: list[F32]) -> None:
    flat = np.full_like(frames[0], 130)
    pixels = seen_by_camera(flat)
    seen = texture_of(pixels, find_strip(pixels, DETECT))
    assert np.nanmax(np.abs(seen.contrast / seen.error)) < 5


def test_a_lens_that_has_learned_nothing_claims_nothing(frames: list[F32]) -> None:
    lens = Lens(0.25)
    for frame in frames[: LEARN_FRAMES - 1]:
        look(lens, frame)
    look(lens, frames[-1], fog(0.01))
    assert (lens.blurred, lens.hidden) == (False, ())


def test_it_can_be_turned_off(frames: list[F32]) -> None:
    lens = Lens(0.0)
    for frame in frames:
        look(lens, frame)
    look(lens, frames[0], fog(0.01))
    assert (lens.blurred, lens.hidden) == (False, ())


@pytest.mark.parametrize("width", [1, 7, 127, 136, 137, 300])
@pytest.mark.parametrize("rows", [16, 17, 33])
def test_any_picture_can_be_looked_at(width: int, rows: int) -> None:
    lens = Lens(0.25)
    for grey in (0, 255, 40):
        pixels = np.full((rows, width), grey, np.uint8)
        lens.look(pixels, find_strip(pixels, DETECT))
    assert (lens.blurred, lens.hidden) == (False, ())


@pytest.mark.data
def test_real_strip_gives_no_false_alarm_after_any_other(real_data: Path) -> None:
    """Ten frames of ten strips, with and without an edge in view: steel that changes as much from
    one frame to the next as it does from mill to mill is not called blurred.
    """
    pictures = [read_gray(p) for p in list_pictures(real_data / "gc10_frames" / "images")]
    for before in pictures:
        usual = Lens(0.25)
        for _ in range(LEARN_FRAMES):
            usual.look(before, find_strip(before, DETECT))
        for after in pictures:
            if after.shape == before.shape:
                lens = copy.deepcopy(usual)
                lens.look(after, find_strip(after, DETECT))
                assert (lens.blurred, lens.hidden) == (False, ())
        look(usual, before.astype(np.float32), defocus(5))
        assert usual.blurred
