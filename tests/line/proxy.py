"""A TCP proxy on a free port that can cut its connections, or let them go dumb, as networks do."""

import select
import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from tests.waiting import free_port


class Proxy:
    """Passes bytes to a port of this host, in a thread of its own."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self._target = target
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._dumb = threading.Event()
        self._down = threading.Event()
        self._cut = threading.Event()
        self._stop = threading.Event()
        self._server = socket.create_server(("127.0.0.1", self.port))
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._server.close()
        self._close_all()

    def cut(self) -> None:
        """Close all connections, and refuse new ones until `restore`."""
        self._down.set()
        self._cut.set()

    def go_dumb(self) -> None:
        """Pass nothing on, and close nothing: a cable pulled out between two switches."""
        self._dumb.set()

    def restore(self) -> None:
        """Work again; what was dumb is closed towards the client alone."""
        self._down.clear()
        self._dumb.clear()

    def _run(self) -> None:
        while not self._stop.is_set():
            if self._cut.is_set():
                self._close_all()
                self._cut.clear()
            if self._dumb.is_set():
                self._stop.wait(0.05)
                continue
            ready, _, _ = select.select([self._server, *self._pairs], [], [], 0.05)
            for one in ready:
                if one is self._server:
                    self._accept()
                elif one in self._pairs:
                    self._pass(one)

    def _accept(self) -> None:
        near, _ = self._server.accept()
        if self._down.is_set():
            near.close()
            return
        far = socket.create_connection(("127.0.0.1", self._target))
        self._pairs |= {near: far, far: near}

    def _pass(self, one: socket.socket) -> None:
        other = self._pairs[one]
        data = b""
        with suppress(OSError):
            data = one.recv(65536)
            other.sendall(data)
        if not data:
            for end in (one, other):
                self._pairs.pop(end).close()

    def _close_all(self) -> None:
        for one in self._pairs:
            one.close()
        self._pairs.clear()
