import threading
import time

import pytest

from edge.errors import LedgerError
from edge.stage import Stage, join_all


def test_a_stage_that_never_began_has_ended() -> None:
    assert Stage("idle", lambda: None, threading.Event()).join(0)


def test_work_that_goes_on_is_not_waited_for_longer_than_asked() -> None:
    go_on, stop = threading.Event(), threading.Event()

    def work() -> None:
        go_on.wait(10)

    stage = Stage("busy", work, stop)
    stage.start()
    assert not stage.join(0)
    go_on.set()
    assert stage.join(10)
    assert not stop.is_set()


@pytest.mark.parametrize("error", [LedgerError("no room"), ZeroDivisionError("a bug")])
def test_an_error_is_kept_and_stops_the_others(error: Exception) -> None:
    def work() -> None:
        raise error

    stop = threading.Event()
    stage = Stage("failing", work, stop)
    stage.start()
    assert stage.join(10)
    assert stage.error is error
    assert stop.is_set()


def test_many_that_hang_are_not_waited_for_longer_than_one() -> None:
    go_on, stop = threading.Event(), threading.Event()

    def hang() -> None:
        go_on.wait(30)

    hanging = [Stage(f"{n}", hang, stop) for n in range(5)]
    quick = Stage("quick", lambda: None, stop)
    for stage in (*hanging, quick):
        stage.start()
    assert quick.join(10)
    began_s = time.monotonic()
    assert join_all([*hanging, quick], 1.0) == hanging
    assert 1.0 <= time.monotonic() - began_s < 3.0
    go_on.set()
    assert join_all(hanging, 10) == []
