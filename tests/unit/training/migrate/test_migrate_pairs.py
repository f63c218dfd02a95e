"""What an epoch draws."""

from typing import cast

import numpy as np

from training.config import load_settings
from training.data import LabelledImages
from training.migrate.data import Draw, Line, Lines, Pairs, PairSampler


def test_every_image_of_the_larger_side_comes_once_per_epoch() -> None:
    sampler = PairSampler(10, 4, seed=0)
    draws = list(sampler)
    assert len(draws) == len(sampler) == 10
    assert sorted(draw.source for draw in draws) == list(range(10))
    counts = np.bincount([draw.target for draw in draws], minlength=4)
    assert set(counts.tolist()) == {2, 3}


def test_an_epoch_is_drawn_alike_again_and_the_next_is_another() -> None:
    sampler = PairSampler(10, 4, seed=0)
    first, again = list(sampler), list(sampler)
    sampler.set_epoch(1)
    assert first == again != list(sampler)


def lines(side: int) -> Lines:
    pictures = np.arange(2 * side * side, dtype=np.uint8).reshape(2, side, side)
    line = Line(("a", "b"), ("a", "b"), pictures, pictures)
    return Lines(line, line, "", "", cast("LabelledImages", None))


def test_a_pair_is_a_crop_of_the_wider_picture() -> None:
    settings = load_settings()
    both = lines(12)
    plain = settings.augment.model_copy(update={"flip_across": False, "flip_along": False})
    for seed in range(20):
        source, target = Pairs(both, 8, plain)[Draw(0, 1, seed)]
        for crop, picture in ((source, both.source.wide[0]), (target, both.target.wide[1])):
            places = np.lib.stride_tricks.sliding_window_view(picture, (8, 8)).reshape(-1, 64)
            assert (places == crop.numpy().ravel()).all(axis=1).any()


def test_flips_follow_the_augmentation() -> None:
    settings = load_settings()
    pairs = Pairs(lines(8), 8, settings.augment)
    seen = {pairs[Draw(0, 0, seed)][0].numpy().tobytes() for seed in range(60)}
    picture = lines(8).source.wide[0]
    flipped = (picture, picture[::-1], picture[:, ::-1], picture[::-1, ::-1])
    assert seen == {view.tobytes() for view in flipped}
