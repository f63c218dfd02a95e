import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.acquire.block_ids import BlockIds


@pytest.mark.parametrize(
    ("ids", "missed"),
    [
        ([0, 1, 2], [0, 0, 0]),
        ([1, 2, 5], [0, 0, 2]),
        ([7, 8], [0, 0]),
        ([65534, 65535, 1, 2], [0, 0, 0, 0]),
        ([65533, 2], [0, 3]),
        ([65535, 65536], [0, 0]),
        ([100, 0, 1], [0, 0, 0]),
        ([100, 1, 2], [0, 0, 0]),
        ([2**64 - 1, 2**64 - 1], [0, 0]),
        ([3, 2**64 - 1, 5], [0, 0, 1]),
    ],
)
def test_gaps(ids: list[int], missed: list[int]) -> None:
    blocks = BlockIds()
    assert [blocks.missed(block_id) for block_id in ids] == missed


@given(st.integers(0, 65535), st.lists(st.integers(0, 1000), max_size=60))
def test_sixteen_bit_ids_wrap_without_losing_count(start: int, gaps: list[int]) -> None:
    blocks, absolute = BlockIds(), start
    blocks.missed(absolute % 65535 + 1)
    for gap in gaps:
        absolute += gap + 1
        assert blocks.missed(absolute % 65535 + 1) == gap
