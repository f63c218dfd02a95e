"""The control socket: the one way back from people and programs to the strip.

A Unix stream socket in the run folder; its file mode is its access control. One JSON line asks,
one JSON line answers:

    {"action": "status", "by": "console", "arguments": {}}
    {"ok": true, "result": {...}, "error": null}

Handlers run in the server's thread, one request at a time. Whatever changes something is audited
by its handler as an `action` event.
"""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from edge.errors import ConfigError, ReceiverError, StripSightError

MAX_LINE_BYTES = 64 * 1024
SOCKET_NAME = "control.sock"


class Request(BaseModel):
    """What somebody wants."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: str
    by: str
    arguments: dict[str, str] = {}


class Reply(BaseModel):
    """What came of it: `error` is the text for the person who asked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ok: bool
    result: dict[str, JsonValue] = {}
    error: str | None = None


Handler = Callable[[Request], dict[str, JsonValue]]


class ControlServer:
    """Answers requests in a thread of its own between `start` and `stop`."""

    def __init__(self, run_path: Path, handlers: Mapping[str, Handler]) -> None:
        self._path = run_path / SOCKET_NAME
        self._handlers = handlers
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)

    def start(self) -> None:
        """Bind the socket; readable and writable by its owner and group only.

        Raises:
            ConfigError: the run folder cannot be used, or another daemon answers there.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._path.exists():
                self._refuse_a_living_daemon()
                self._path.unlink()
            self._socket.bind(str(self._path))
            self._path.chmod(0o660)
        except OSError as error:
            raise ConfigError(
                f"run_path: {self._path} cannot be used ({error}); choose another folder"
            ) from error
        self._socket.listen(8)
        self._socket.settimeout(0.2)
        self._thread.start()

    def stop(self) -> None:
        """Answer the request in hand, then end."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def _refuse_a_living_daemon(self) -> None:
        with contextlib.suppress(ReceiverError):
            ask(self._path.parent, Request(action="status", by="start"), timeout_s=1.0)
            raise ConfigError(
                f"run_path: another daemon runs in {self._path.parent}; stop it first"
            )

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                peer, _ = self._socket.accept()
            except TimeoutError:
                continue
            with peer, contextlib.suppress(OSError):
                peer.settimeout(2.0)
                reply = self._answer(_read_line(peer))
                peer.sendall(reply.model_dump_json().encode() + b"\n")

    def _answer(self, line: bytes) -> Reply:
        try:
            request = Request.model_validate_json(line)
        except ValidationError as error:
            return Reply(ok=False, error=f"not a request: {error.errors()[0]['msg']}")
        handler = self._handlers.get(request.action)
        if handler is None:
            known = ", ".join(sorted(self._handlers))
            return Reply(ok=False, error=f"unknown action {request.action!r}; known: {known}")
        try:
            return Reply(ok=True, result=handler(request))
        except StripSightError as error:
            return Reply(ok=False, error=str(error))


def ask(run_path: Path, request: Request, timeout_s: float = 10.0) -> Reply:
    """Ask the daemon that runs in this folder.

    Raises:
        ReceiverError: nobody answers there, or not in time.
    """
    path = run_path / SOCKET_NAME
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
            peer.settimeout(timeout_s)
            peer.connect(str(path))
            peer.sendall(request.model_dump_json().encode() + b"\n")
            return Reply.model_validate(json.loads(_read_line(peer)))
    except (OSError, ValueError) as error:
        raise ReceiverError(f"no daemon answers at {path} ({error}); is it running?") from error


def _read_line(peer: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n") and len(data) <= MAX_LINE_BYTES:
        part = peer.recv(4096)
        if not part:
            break
        data += part
    return data
