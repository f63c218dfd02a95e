"""The three pages, and a port that is taken."""

import socket
import struct
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter

from edge.errors import ConfigError
from edge.health import HANGS_AFTER_NS, HealthServer, Heartbeat, serve_health
from tests.unit.edge.ledger.making import SetClock


class Process:
    live = True
    ready = (True, "ready")


@pytest.fixture
def server() -> Iterator[HealthServer]:
    registry = CollectorRegistry()
    Counter("stripsight_things", "Things", registry=registry).inc(3)
    made = serve_health(
        "127.0.0.1", 0, registry, lambda: Process.live, lambda: Process.ready, key="metrics.x_port"
    )
    yield made
    made.close()


def fetch(server: HealthServer, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=5) as page:
            return page.status, page.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_pages(server: HealthServer, monkeypatch: pytest.MonkeyPatch) -> None:
    status, text = fetch(server, "/metrics?name=x")
    assert (status, "stripsight_things_total 3.0" in text) == (200, True)
    assert fetch(server, "/livez") == (200, "ok\n")
    assert fetch(server, "/readyz") == (200, "ready\n")
    assert fetch(server, "/") == (404, "not found\n")
    monkeypatch.setattr(Process, "live", False)
    monkeypatch.setattr(Process, "ready", (False, "no camera"))
    assert fetch(server, "/livez") == (503, "not alive\n")
    assert fetch(server, "/readyz") == (503, "no camera\n")


def test_a_scraper_that_hangs_up_leaves_no_trace(
    server: HealthServer, capfd: pytest.CaptureFixture[str]
) -> None:
    at_once = struct.pack("ii", 1, 0)
    for _ in range(4):
        with socket.create_connection(("127.0.0.1", server.port)) as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            peer.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
    assert fetch(server, "/livez") == (200, "ok\n")
    assert capfd.readouterr().err == ""


def test_a_loop_that_turns_is_alive_and_one_that_hangs_is_not() -> None:
    clock = SetClock()
    heart = Heartbeat(clock)
    for _ in range(3):
        clock.monotonic_ns += HANGS_AFTER_NS - 1
        assert heart.alive()
        heart.beat()
    clock.monotonic_ns += HANGS_AFTER_NS
    assert not heart.alive()
    heart.beat()
    assert heart.alive()


def test_port_in_use_names_port_and_key(server: HealthServer) -> None:
    registry = CollectorRegistry()
    with pytest.raises(ConfigError, match=rf"metrics\.x_port: .*:{server.port}"):
        serve_health(
            "127.0.0.1",
            server.port,
            registry,
            lambda: True,
            lambda: (True, ""),
            key="metrics.x_port",
        )
