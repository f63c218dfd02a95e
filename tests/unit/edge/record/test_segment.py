import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.record.segment import TITLE, DamagedError, Raw, head, read_records

RECORDS = st.lists(
    st.builds(
        Raw,
        st.dictionaries(st.text(max_size=5), st.floats(allow_nan=False)),
        st.binary(max_size=40),
    ),
    min_size=1,
    max_size=5,
)


def encoded(records: list[Raw]) -> tuple[bytes, list[int]]:
    """The file, and where each record ends in it."""
    data, ends = TITLE, []
    for words, pixels in records:
        body = json.dumps(words).encode()
        data += head(body, memoryview(pixels)) + body + pixels
        ends.append(len(data))
    return data, ends


def read(data: bytes) -> tuple[list[Raw], bool]:
    """The records that can be read, and whether that was all."""
    found: list[Raw] = []
    try:
        for record in read_records(io.BytesIO(data), len(data)):
            found.append(record)  # noqa: PERF402 - those before the damage count
    except DamagedError:
        return found, False
    return found, True


@given(RECORDS)
def test_what_was_written_is_read(records: list[Raw]) -> None:
    assert read(encoded(records)[0]) == (records, True)


@given(RECORDS, st.data())
def test_a_torn_file_gives_the_records_before_the_tear(
    records: list[Raw], data: st.DataObject
) -> None:
    whole, ends = encoded(records)
    cut = data.draw(st.integers(0, len(whole) - 1))
    left = sum(end <= cut for end in ends)
    assert read(whole[:cut]) == (records[:left], cut == len(TITLE) or cut in ends)


@given(RECORDS, st.data(), st.integers(1, 255))
def test_a_changed_byte_gives_no_changed_record(
    records: list[Raw], data: st.DataObject, change: int
) -> None:
    whole, ends = encoded(records)
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[at] ^= change
    before = sum(end <= at for end in ends)
    assert read(bytes(changed)) == (records[:before], False)


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_no_crash(data: bytes) -> None:
    read(TITLE + data)
    read(data)


@pytest.mark.parametrize("words", [b"[]", b"{", b"\xff", b"[" * 100_000])
def test_sound_bytes_that_are_no_object_are_damage(words: bytes) -> None:
    data = TITLE + head(words, memoryview(b"")) + words
    assert read(data) == ([], False)
