"""What Prometheus and the supervisor ask a process over HTTP.

    /metrics  everything the process measures
    /livez    200 while it works, 503 when it hangs and should be restarted
    /readyz   200 while it does its job, 503 with the reason when it cannot

Served from threads of its own; the callables it is given must be thread-safe and quick.
"""

import contextlib
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from edge.clock import Clock
from edge.errors import ConfigError

HANGS_AFTER_NS = 30_000_000_000
Page = tuple[int, str, bytes]
TEXT = "text/plain; charset=utf-8"


class Heartbeat:
    """Whether a loop still turns: it calls `beat`, any thread may ask `alive`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._beat_ns = clock.now().monotonic_ns

    def beat(self) -> None:
        """The loop turned."""
        self._beat_ns = self._clock.now().monotonic_ns

    def alive(self) -> bool:
        """False when it has not turned for half a minute."""
        return self._clock.now().monotonic_ns - self._beat_ns < HANGS_AFTER_NS


class HealthServer:
    """A running server; `port` is the one it got where 0 was asked for."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self._server = server
        self.port = int(server.server_address[1])
        self._thread = threading.Thread(
            target=server.serve_forever, args=(0.1,), name="health", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop answering and free the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def serve_health(
    host: str,
    port: int,
    registry: CollectorRegistry,
    live: Callable[[], bool],
    ready: Callable[[], tuple[bool, str]],
    key: str = "metrics",
) -> HealthServer:
    """Answer `/metrics`, `/livez` and `/readyz` until closed.

    Args:
        host: Address to listen on.
        port: TCP port; 0 takes a free one.
        registry: What `/metrics` shows.
        live: Whether the process still works.
        ready: Whether it does its job, and the reason for people.
        key: Config key of the port, named in the error.

    Raises:
        ConfigError: the address or port cannot be used.
    """
    pages: dict[str, Callable[[], Page]] = {
        "/metrics": lambda: (200, CONTENT_TYPE_LATEST, generate_latest(registry)),
        "/livez": lambda: (200, TEXT, b"ok\n") if live() else (503, TEXT, b"not alive\n"),
        "/readyz": lambda: _ready_page(*ready()),
    }
    try:
        server = ThreadingHTTPServer((host, port), _handler(pages))
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"{key}: cannot listen on {host}:{port} ({error}); choose another port there"
        ) from error
    server.daemon_threads = True
    return HealthServer(server)


def _ready_page(ready: bool, reason: str) -> Page:  # noqa: FBT001 - the pair that `ready` returns
    return (200 if ready else 503), TEXT, reason.encode() + b"\n"


def _handler(pages: dict[str, Callable[[], Page]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5.0
        server_version = "stripsight"

        def handle(self) -> None:
            # Whoever asked and did not wait for the answer is no fault of this process.
            with contextlib.suppress(ConnectionError):
                super().handle()

        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0], lambda: (404, TEXT, b"not found\n"))
            status, content_type, body = page()
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """A scrape each second is no news."""

    return Handler
