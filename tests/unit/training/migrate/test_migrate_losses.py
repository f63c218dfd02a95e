"""Losses by hand, pool and schedule."""

import pytest
import torch

from training.config import load_settings
from training.migrate.losses import (
    GeneratorLoss,
    Pool,
    adversarial,
    decay_factor,
    discriminator_loss,
    l1,
)
from training.migrate.networks import Discriminator, Generator
from training.migrate.task import Migration, to_grey, to_unit


def test_least_squares_by_hand() -> None:
    scores = torch.tensor([[0.5, 1.0], [2.0, 0.0]])
    assert float(adversarial(scores, real=True)) == (0.25 + 0 + 1 + 1) / 4
    assert float(adversarial(scores, real=False)) == (0.25 + 1 + 4 + 0) / 4
    real, made = torch.tensor([0.5]), torch.tensor([0.25])
    assert float(discriminator_loss(real, made)) == (0.5**2 + 0.25**2) / 2


def test_mean_absolute_difference_by_hand() -> None:
    assert float(l1(torch.tensor([1.0, -1.0]), torch.tensor([0.5, 1.0]))) == 1.25


def test_the_total_has_the_published_weights() -> None:
    options = load_settings().migrate
    loss = GeneratorLoss(torch.tensor(1.0), torch.tensor(0.3), torch.tensor(0.2))
    total = loss.total(options.cycle_weight, options.identity_weight)
    assert float(total) == pytest.approx(1 + 10 * 0.3 + 5 * 0.2)


def test_defaults_are_the_published_ones() -> None:
    options = load_settings().migrate
    assert (options.learning_rate, options.beta1, options.beta2) == (2e-4, 0.5, 0.999)
    assert (options.batch_size, options.pool_size) == (1, 50)


def test_the_rate_stays_and_then_falls_linearly() -> None:
    factors = [decay_factor(epoch, 6, 3) for epoch in range(7)]
    assert factors == pytest.approx([1, 1, 1, 0.75, 0.5, 0.25, 0])
    assert [decay_factor(epoch, 3, 0) for epoch in range(3)] == [1, 1, 1]


def test_a_pool_fills_and_then_gives_older_pictures() -> None:
    pool = Pool.empty(50, seed=0)
    numbers = torch.arange(1000.0)[:, None]
    given = torch.cat([pool.exchange(number[None]) for number in numbers])[:, 0]
    assert torch.equal(given[:50], numbers[:50, 0])
    older = given[50:] < numbers[50:, 0]
    assert 0.45 < float(older.float().mean()) < 0.55
    assert len(pool.kept) == 50
    # Every picture is either shown once or still kept: none twice, none lost after an exchange.
    shown = given[50:].tolist()
    assert len(set(shown)) == len(shown)


def test_an_empty_pool_passes_all_through() -> None:
    pool = Pool.empty(0, seed=0)
    pictures = torch.rand(5, 1, 2, 2)
    assert torch.equal(pool.exchange(pictures), pictures)


def test_a_restored_pool_goes_on_alike() -> None:
    first = Pool.empty(3, seed=1)
    first.exchange(torch.rand(10, 1))
    second = Pool.empty(3, seed=9)
    second.restore(first.state())
    more = torch.rand(20, 1)
    assert torch.equal(first.exchange(more), second.exchange(more))


def test_grey_levels_survive_the_way_to_the_network_and_back() -> None:
    levels = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16)
    unit = to_unit(levels)
    assert (float(unit.min()), float(unit.max())) == (-1, 1)
    assert torch.equal(to_grey(unit), levels)


class Same(Generator):
    """Changes nothing."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


class Brighter(Generator):
    """Adds 1."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1


class Scores(Discriminator):
    """Finds in every pixel how real it is."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def migration() -> Migration:
    options = load_settings(changes={"migrate.size_px": 32, "migrate.filters": 4}).migrate
    return Migration(options, seed=0)


def test_a_generator_is_asked_to_leave_its_own_line_as_it_is() -> None:
    module = migration()
    module.forth, module.back = Brighter(4, 1), Same(4, 1)
    pictures = torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        assert float(module._generator_losses(*[pictures] * 4).identity) == pytest.approx(1)


def test_discriminators_learn_real_from_made_each_on_its_line() -> None:
    module = migration()
    module.judge_source, module.judge_target = Scores(4), Scores(4)
    source, target, in_source, in_target = (
        torch.full((1, 1, 2, 2), value) for value in (0.75, 0.5, 0.25, 0.125)
    )
    found = module._discriminators_loss(source, target, in_source, in_target)
    assert float(found) == ((0.25**2 + 0.25**2) + (0.5**2 + 0.125**2)) / 2


def test_the_losses_of_a_step_are_those_of_the_method() -> None:
    module = migration()
    module.forth, module.back = Same(4, 1), Same(4, 1)
    source, target = torch.rand(1, 1, 32, 32), torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        losses = module._generator_losses(source, target, target, source)
        in_target, in_source = module.judge_target(source), module.judge_source(target)
        crossed = module._generator_losses(source, target, source, target)
    judged = (in_target - 1).square().mean() + (in_source - 1).square().mean()
    assert float(losses.adversarial) == pytest.approx(float(judged))
    # Back from "in target" is compared with the source, and the other way round.
    assert (float(losses.cycle), float(losses.identity)) == (0, 0)
    assert float(crossed.cycle) == pytest.approx(2 * float((source - target).abs().mean()))
