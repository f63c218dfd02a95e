"""A network that a test can cut: a TCP proxy between two of the line's programs."""

import contextlib
import socket
import struct
import threading
from typing import Self

from tests.waiting import free_port

_RESET = struct.pack("ii", 1, 0)


class Network:
    """Forwards `port` to `target`, both on this host, until it is cut."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.passed = 0
        """Bytes that went through, both ways."""
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._through = threading.Event()
        self._through.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._through.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    @property
    def endpoint(self) -> str:
        """Of the OPC UA server behind it."""
        return f"opc.tcp://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Reset every connection, with whatever is under way in it."""
        with self._lock:
            gone, self._open = self._open, []
        for end in gone:
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                end.shutdown(socket.SHUT_RD)
            end.close()

    def hold(self) -> None:
        """Swallow nothing and pass nothing on: a cable that somebody pulled."""
        self._through.clear()

    def release(self) -> None:
        self._through.set()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self._target), 5)
                except OSError:
                    near.close()
                    continue
                with self._lock:
                    self._open += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._through.wait()
                self.passed += len(data)
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
