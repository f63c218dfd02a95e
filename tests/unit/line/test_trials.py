"""The deck of random trials is dealt whole, and no two faults at once have the same target."""

from collections import Counter

import pytest

from tests.drills.faults import FAULTS
from tests.drills.trials import AT_ONCE, deal


@pytest.mark.parametrize("seed", range(50))
def test_every_fault_is_had_as_often_as_it_lies_in_the_deck(seed: int) -> None:
    rounds = deal(str(seed))
    count = Counter(name for names in rounds for name in names)
    assert count == {name: fault.often for name, fault in FAULTS.items()}
    for names in rounds:
        targets = [FAULTS[name].target for name in names]
        assert 1 <= len(targets) == len(set(targets)) <= AT_ONCE


def test_a_seed_deals_the_same_rounds_again_and_another_seed_others() -> None:
    assert deal("7") == deal("7") != deal("8")


def test_where_no_disk_may_be_mounted_none_is_filled() -> None:
    dealt = {name for names in deal("7", with_disk=False) for name in names}
    assert dealt == FAULTS.keys() - {"disk full"}
