"""Mosaics: of one class and the given images only, never without a defect, without a seam."""

from typing import Literal

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.config import load_settings
from training.mosaic import Mosaics, Profiles, blend, find_seams, profiles_of, standing_out

SETTINGS = load_settings()
ALWAYS = SETTINGS.mosaic.model_copy(update={"share": 1.0})
NO_FLIP = SETTINGS.augment.model_copy(update={"flip_across": False, "flip_along": False})
SIDE = 64

Kind = Literal["hole", "scratch", "texture", "plain"]


def tile(kind: Kind, seed: int, grey: float = 120) -> np.ndarray:
    generator = np.random.default_rng(seed)
    image = generator.normal(grey, 3, (SIDE, SIDE))
    x, y = generator.integers(6, SIDE - 6, 2)
    if kind == "hole":
        image[y - 4 : y + 4, x - 4 : x + 4] -= 60
    if kind == "scratch":
        image[:, x : x + 2] += 50
    if kind == "texture":
        for row, column in generator.integers(2, SIDE - 2, (60, 2)):
            image[row - 1 : row + 1, column - 1 : column + 1] -= 40
    return image.clip(0, 255).astype(np.uint8)


def strip(kind: Kind, count: int) -> np.ndarray:
    return np.stack([tile(kind, seed) for seed in range(count)])


def defect_area(image: np.ndarray, sign: int) -> int:
    """Pixels more than 20 grey levels beyond the background, eight of its sigmas after a 3 x 3
    mean.
    """
    smooth = cv2.blur(image.astype(np.float32), (3, 3))
    return int((sign * (smooth - np.median(smooth)) > 20).sum())


@pytest.mark.parametrize(("kind", "sign"), [("hole", -1), ("scratch", 1)])
def test_no_mosaic_loses_its_defect(kind: Kind, sign: int) -> None:
    pixels = strip(kind, 60)
    whole = min(defect_area(image, sign) for image in pixels)
    mosaics = Mosaics(pixels, np.zeros(60, np.int64), ALWAYS, SETTINGS.augment)
    for seed in range(4):
        fused, made = mosaics.fuse(np.arange(60), np.random.default_rng(seed))
        assert made.mean() > 0.8
        areas = [defect_area(image, sign) for image in fused[made]]
        assert min(areas) > 0.6 * whole


def test_without_the_rule_defects_would_be_lost() -> None:
    careless = ALWAYS.model_copy(update={"kept": 0.0})
    pixels = strip("hole", 60)
    mosaics = Mosaics(pixels, np.zeros(60, np.int64), careless, SETTINGS.augment)
    fused, _ = mosaics.fuse(np.arange(60), np.random.default_rng(0))
    assert min(defect_area(image, -1) for image in fused) == 0


def test_two_halves_that_lost_their_defects_are_not_joined() -> None:
    side = 40
    left, right = np.zeros((2, 2, side + 1), np.float32)
    left[:, 10:], right[:, 30:] = 1, 1
    level = np.full((1, 2, side), 100, np.float32)
    wide = ALWAYS.model_copy(update={"edge": 0.3})  # seams at 12 .. 28, between both defects
    generator = np.random.default_rng(0)
    for _ in range(20):
        seams = find_seams(
            Profiles(left[None], level), Profiles(right[None], level), wide, generator
        )
        # The left defect's image comes first: the other order would keep neither of them.
        assert seams.possible.all()
        assert seams.own_first.all()
    nothing = np.zeros_like(left)
    seams = find_seams(Profiles(left[None], level), Profiles(nothing[None], level), wide, generator)
    assert not seams.possible.any()


def test_a_demand_that_cannot_be_met_leaves_the_images_alone() -> None:
    pixels = strip("texture", 12)
    greedy = ALWAYS.model_copy(update={"kept": 2.0})
    fused, made = Mosaics(pixels, np.zeros(12, np.int64), greedy, NO_FLIP).fuse(
        np.arange(12), np.random.default_rng(0)
    )
    assert not made.any()
    assert (fused == pixels).all()


def test_textures_make_mosaics_too() -> None:
    pixels = strip("texture", 30)
    _, made = Mosaics(pixels, np.zeros(30, np.int64), ALWAYS, NO_FLIP).fuse(
        np.arange(30), np.random.default_rng(0)
    )
    assert made.mean() > 0.8


@settings(max_examples=25)
@given(
    labels=st.lists(st.integers(0, 3), min_size=2, max_size=40).filter(
        lambda labels: max(labels.count(label) for label in labels) > 1
    ),
    seed=st.integers(0, 99),
)
def test_partners_are_others_of_the_same_class(labels: list[int], seed: int) -> None:
    array = np.array(labels, np.int64)
    pixels = np.zeros((len(labels), 32, 32), np.uint8)
    mosaics = Mosaics(pixels, array, ALWAYS, NO_FLIP)
    own = np.array([i for i, label in enumerate(labels) if labels.count(label) > 1])
    found = mosaics.partners(own, np.random.default_rng(seed))
    assert (array[found] == array[own]).all()
    assert (found != own).all()


def test_every_other_image_is_drawn_as_a_partner() -> None:
    labels = np.array([1, 0, 1, 0, 1, 1])
    mosaics = Mosaics(np.zeros((6, 32, 32), np.uint8), labels, ALWAYS, NO_FLIP)
    found = mosaics.partners(np.full(400, 2), np.random.default_rng(0))
    assert set(found.tolist()) == {0, 4, 5}


def test_pixels_come_from_the_two_images_alone() -> None:
    """Classes of clearly different grey never meet, and no value leaves the parts' range."""
    pixels = np.concatenate([strip("hole", 10), strip("hole", 10) // 3])
    labels = np.repeat([0, 1], 10)
    fused, made = Mosaics(pixels, labels, ALWAYS, SETTINGS.augment).fuse(
        np.arange(20), np.random.default_rng(0)
    )
    assert made.any()
    assert fused[:10].mean(axis=(1, 2)).min() > 100
    assert fused[10:].mean(axis=(1, 2)).max() < 50


def test_the_one_image_of_a_class_stays_itself() -> None:
    pixels = np.concatenate([strip("hole", 3), strip("scratch", 1)])
    fused, made = Mosaics(pixels, np.array([0, 0, 0, 1]), ALWAYS, SETTINGS.augment).fuse(
        np.arange(4), np.random.default_rng(0)
    )
    assert not made[3]
    assert (fused[3] == pixels[3]).all()


def test_the_same_draws_give_the_same_mosaics_and_the_source_is_unchanged() -> None:
    pixels = strip("scratch", 16)
    before = pixels.copy()
    mosaics = Mosaics(pixels, np.zeros(16, np.int64), ALWAYS, SETTINGS.augment)
    results = [mosaics.fuse(np.arange(16), np.random.default_rng(s))[0] for s in (1, 1, 2)]
    assert (results[0] == results[1]).all()
    assert (results[0] != results[2]).any()
    assert (pixels == before).all()


def test_the_share_is_kept() -> None:
    pixels = strip("hole", 40)
    half = ALWAYS.model_copy(update={"share": 0.5})
    indices = np.tile(np.arange(40), 20)
    mosaics = Mosaics(pixels, np.zeros(40, np.int64), half, SETTINGS.augment)
    fused, made = mosaics.fuse(indices, np.random.default_rng(0))
    # Some draws find no seam; four standard errors of 800 draws above the half.
    assert 0.4 < made.mean() < 0.5 + 4 * (0.25 / 800) ** 0.5
    assert (fused[~made] == pixels[indices][~made]).all()


def test_clean_images_have_nothing_to_lose() -> None:
    pixels = np.concatenate([strip("plain", 10), np.full((10, SIDE, SIDE), 90, np.uint8)])
    labels = np.repeat([0, 1], 10)
    for clean, expected in ([], 0), ([1], 10):
        mosaics = Mosaics(pixels, labels, ALWAYS, SETTINGS.augment, clean)
        _, made = mosaics.fuse(np.arange(20), np.random.default_rng(0))
        assert made[10:].sum() == expected


@pytest.mark.parametrize("grey", [100, 150])
def test_no_seam_shows_between_parts_of_other_brightness(grey: float) -> None:
    """The step across the seam is no larger than steps elsewhere in the same image."""
    pixels = np.stack([tile("hole", 0), tile("hole", 1, grey)])
    mine = profiles_of(pixels[:1])
    theirs = profiles_of(pixels[1:])
    freely = ALWAYS.model_copy(update={"grey_change": 1.0})
    seams = find_seams(mine, theirs, freely, np.random.default_rng(0))
    assert seams.possible.all()
    fused = blend(pixels[:1], pixels[1:], mine, theirs, seams, freely)[0].astype(float)
    lines = np.median(fused, axis=1 if seams.along_y[0] else 0)
    at = int(seams.at[0])
    left, right = lines[at - 8 : at - 4].mean(), lines[at + 4 : at + 8].mean()
    # Medians over 64 pixels of sigma 3 have a standard error of 0.5; four of them a side.
    assert abs(left - right) < 4 * 0.5 * (2 / 4) ** 0.5 + 0.5


@pytest.mark.parametrize(("limit", "possible"), [(0.11, False), (0.14, True)])
def test_grey_is_not_changed_beyond_the_limit(limit: float, possible: bool) -> None:  # noqa: FBT001
    """Backgrounds of 110 and 142 meet at 126: 12.7 % from each."""
    pixels = np.stack([tile("hole", 0, 110), tile("hole", 1, 142)])
    mine, theirs = profiles_of(pixels[:1]), profiles_of(pixels[1:])
    options = ALWAYS.model_copy(update={"grey_change": limit})
    seams = find_seams(mine, theirs, options, np.random.default_rng(0))
    assert seams.possible.all() == possible


def test_what_stands_out_is_the_defect() -> None:
    image = tile("hole", 3)
    excess = standing_out(image.astype(np.float32))
    inside = cv2.dilate((cv2.blur(image, (3, 3)) < 90).astype(np.uint8), np.ones((11, 11)))
    assert excess[inside > 0].sum() > 0.98 * excess.sum() > 0


@pytest.mark.parametrize("grey", [0, 130, 255])
def test_nothing_stands_out_of_a_flat_image(grey: int) -> None:
    assert standing_out(np.full((SIDE, SIDE), grey, np.float32)).sum() == 0


def test_mirrored_profiles_are_those_of_the_mirrored_image() -> None:
    pixels = strip("hole", 5)
    both = SETTINGS.augment.model_copy(update={"flip_across": True, "flip_along": True})
    mosaics = Mosaics(pixels, np.zeros(5, np.int64), ALWAYS, both)
    for seed in range(6):
        mirrored, profiles = mosaics._mirrored(np.arange(5), np.random.default_rng(seed))
        fresh = profiles_of(mirrored)
        assert profiles.standing_out == pytest.approx(fresh.standing_out, abs=1e-4)
        # An even band sits half a pixel aside when mirrored.
        assert profiles.level == pytest.approx(fresh.level, abs=1.5)
