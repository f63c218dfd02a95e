"""The console process: takes its port, follows the ledger, serves the page until told to stop."""

import logging
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import uvicorn
from fastapi import FastAPI

from edge.config import Config
from edge.console.page import add_page
from edge.console.watcher import Watcher
from edge.errors import ConfigError, StripSightError

log = logging.getLogger(__name__)

_STOP_POLL_S = 0.2
_GOODBYE_S = 2


def run_console(config: Config, ready: Callable[[], None], stop: threading.Event) -> None:
    """Serve the page until `stop` is set, or SIGTERM or SIGINT comes; `ready` is called once it can
    be seen.

    Call it from the main thread. The server catches both signals itself and raises them again when
    it has ended, so that the caller's own handler still runs.

    Raises:
        ConfigError: the port cannot be used.
        StripSightError: following the ledger failed; its trace is in the log.
    """
    listener = _listen(config.console.host, config.console.port)
    app = FastAPI(openapi_url=None, lifespan=_telling(ready))
    server = uvicorn.Server(_settings(app))
    over = threading.Event()

    def leave() -> None:
        over.set()
        server.should_exit = True

    watcher = Watcher(config, leave)
    add_page(app, config, lambda: watcher.drawn)
    threading.Thread(target=_leave_on, args=(stop, over, leave), daemon=True).start()
    watcher.start()
    log.info("console: http://%s:%d/", *listener.getsockname()[:2])
    try:
        server.run(sockets=[listener])
    finally:
        failed = over.is_set() and not stop.is_set()
        watcher.stop()
        listener.close()
    if failed:
        raise StripSightError("console: following the ledger failed; see the trace in the log")


def _telling(ready: Callable[[], None]) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        ready()
        yield

    return lifespan


def _settings(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app, log_level="warning", access_log=False, timeout_graceful_shutdown=_GOODBYE_S
    )


def _leave_on(stop: threading.Event, over: threading.Event, leave: Callable[[], None]) -> None:
    while not over.is_set():
        if stop.wait(_STOP_POLL_S):
            leave()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"console.port: cannot listen on {host}:{port} ({error.strerror}); choose another"
            " console.port, or console.enabled: false"
        ) from error
    return listener
