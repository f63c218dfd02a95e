"""The table of position errors holds what it promises."""

import pytest

from tests.bench.position_error import Case, cases


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case.source}: {case.disturbed_by}")
def test_no_error_is_larger_than_its_bound(case: Case) -> None:
    assert case.error_mm <= case.bound_mm
