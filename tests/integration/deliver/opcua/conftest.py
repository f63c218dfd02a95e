"""A real courier that serves OPC UA from a ledger that the test writes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from edge.ledger.log import EventLog
from tests.line.daemon import Daemon
from tests.line.opcua import OpcUaLine
from tests.waiting import wait_for


@pytest.fixture
def line(tmp_path: Path) -> OpcUaLine:
    return OpcUaLine(tmp_path)


@pytest.fixture
def log(line: OpcUaLine) -> Iterator[EventLog]:
    made = line.ledger()
    yield made
    made.close()


@pytest.fixture
def serve(log: EventLog) -> Iterator[Callable[[OpcUaLine], Daemon]]:  # noqa: ARG001 - must be there
    """Starts a courier and waits until it listens."""
    with ExitStack() as running:

        def start(line: OpcUaLine) -> Daemon:
            courier = Daemon(line.config, "courier")
            courier.log.unlink(missing_ok=True)
            running.enter_context(courier)
            wait_for(lambda: "listens on" in courier.log.read_text(), "the server listens", 120)
            return courier

        yield start


@pytest.fixture
def courier(line: OpcUaLine, serve: Callable[[OpcUaLine], Daemon]) -> Daemon:
    return serve(line)
