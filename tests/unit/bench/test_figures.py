import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.figures import curve, means_per, percentile, short, slope, spread


def test_a_percentile_is_a_sample_that_was_measured() -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.0
    assert percentile([float(n) for n in range(1, 101)], 0.99) == 99.0
    assert percentile([float(n) for n in range(1, 3001)], 0.99) == 2970.0
    assert percentile([7.0], 0.01) == 7.0


@given(st.lists(st.floats(0, 10), min_size=1), st.floats(0.01, 1))
def test_so_many_samples_do_not_exceed_a_percentile(values: list[float], share: float) -> None:
    found = percentile(values, share)

    assert sum(value <= found for value in values) >= share * len(values) - 1e-6
    assert sum(value < found for value in values) < share * len(values) + 1e-6


def test_a_curve_goes_from_the_least_to_the_greatest() -> None:
    found = curve([float(n) for n in range(1000)])

    assert (found[0], found[-1]) == ((0.0, 0.0), (1.0, 999.0))
    assert found == sorted(found)
    assert dict(found)[0.999] == 998.0


def test_spread_is_least_median_greatest() -> None:
    assert spread([3.0, 1.0, 2.0, 10.0]) == (1.0, 2.5, 10.0)


def test_slope_of_a_line_with_noise_that_is_worked_out_by_hand() -> None:
    # y = 2 x with residuals +1, -2, +1 at x = 0, 1, 2: orthogonal to x, so the slope is 2 exactly;
    # its standard error is sqrt(6 / 1 / 2), Student's factor for one degree of freedom 12.706.
    found = slope([0.0, 1.0, 2.0], [1.0, 0.0, 5.0])

    assert found.value == pytest.approx(2.0)
    assert found.high - found.value == pytest.approx(12.706 * 3**0.5, rel=1e-4)
    assert found.value - found.low == pytest.approx(found.high - found.value)


def test_means_over_stretches_of_the_first_coordinate() -> None:
    points = [(0.1, 1.0), (0.9, 3.0), (2.5, 8.0)]

    assert means_per(1.0, points) == [(0.5, 2.0), (2.5, 8.0)]


def test_numbers_of_a_table_are_short_and_never_powers_of_ten() -> None:
    assert [short(v) for v in (1024.0, 0.04567, 12.34, 100.0)] == ["1024", "0.0457", "12.3", "100"]
