import pytest

from edge.text import columns, percent


@pytest.mark.parametrize(
    ("share", "text"),
    [(1.0, "100 %"), (0.999999, "99.99 %"), (0.5, "50.00 %"), (0.0, "0.00 %")],
)
def test_only_all_is_a_hundred_percent(share: float, text: str) -> None:
    assert percent(share) == text


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert columns([("a", "no."), ("long", "7")], {1}) == ["a     no.", "long    7"]
