import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.buffer import BoundedBuffer, ClosedError, WhenFull


def newest(capacity: int) -> BoundedBuffer[int, int]:
    return BoundedBuffer(capacity, WhenFull.DROP_OLDEST, list.append)


def test_the_oldest_is_dropped_and_told_with_the_next_item() -> None:
    buffer = newest(2)
    assert [buffer.put(i) for i in range(4)] == [0, 0, 1, 1]
    first = buffer.get()
    assert first is not None
    assert (first.item, first.dropped) == (2, (0, 1))
    second = buffer.get()
    assert second is not None
    assert (second.item, second.dropped) == (3, ())


def test_an_empty_buffer_gives_none_when_the_time_is_up() -> None:
    assert newest(1).get(timeout_s=0.001) is None


def test_a_closed_buffer_is_emptied_before_it_ends() -> None:
    buffer = newest(2)
    buffer.put(1)
    buffer.close()
    assert buffer.get() is not None
    with pytest.raises(ClosedError):
        buffer.get()
    with pytest.raises(ClosedError):
        buffer.put(2)


def test_a_full_blocking_buffer_makes_the_writer_wait() -> None:
    buffer: BoundedBuffer[int, int] = BoundedBuffer(1, WhenFull.BLOCK, list.append)
    buffer.put(1)
    writer = threading.Thread(target=buffer.put, args=(2,))
    writer.start()
    taken = [buffer.get(), buffer.get()]
    writer.join(5)
    assert [t.item for t in taken if t] == [1, 2]


def test_room_is_told_without_taking_it() -> None:
    buffer: BoundedBuffer[int, int] = BoundedBuffer(1, WhenFull.BLOCK, list.append)
    assert buffer.wait_for_room(0)
    buffer.put(1)
    assert not buffer.wait_for_room(0.01)
    buffer.close()
    assert buffer.wait_for_room(0)


def test_closing_frees_a_waiting_writer() -> None:
    buffer: BoundedBuffer[int, int] = BoundedBuffer(1, WhenFull.BLOCK, list.append)
    buffer.put(1)
    ended = threading.Event()

    def write() -> None:
        with pytest.raises(ClosedError):
            buffer.put(2)
        ended.set()

    threading.Thread(target=write).start()
    buffer.close()
    assert ended.wait(5)


@given(st.integers(1, 5), st.lists(st.booleans(), max_size=60))
def test_every_item_comes_out_once_as_itself_or_as_a_drop(capacity: int, puts: list[bool]) -> None:
    buffer, put, out = newest(capacity), 0, list[int]()
    for is_put in puts:
        if is_put:
            buffer.put(put)
            put += 1
        elif len(buffer):
            taken = buffer.get()
            assert taken is not None
            out += [*taken.dropped, taken.item]
    while len(buffer):
        taken = buffer.get()
        assert taken is not None
        out += [*taken.dropped, taken.item]
    assert out == list(range(put))
