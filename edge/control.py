"""The control socket: the one way back from people and programs to the strip.

A Unix stream socket in the run folder; its file mode is its access control. One JSON line asks,
one JSON line answers:

    {"action": "status", "by": "console", "arguments": {}}
    {"ok": true, "result": {...}, "error": null}

A handler runs in the thread of its connection. Whatever changes something is audited
by its handler as an `action` event.
"""

import contextlib
import os
import pwd
import socket
import socketserver
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
    """Answers requests between `start` and `stop`, each in a thread of its own."""

    def __init__(self, run_path: Path, handlers: Mapping[str, Handler]) -> None:
        self._path = run_path / SOCKET_NAME
        self._handlers = handlers
        self._server: _Server | None = None

    def start(self) -> None:
        """Bind the socket; for its owner and group only.

        Raises:
            ConfigError: the run folder cannot be used, or another daemon answers there.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._path.exists():
                self._refuse_a_living_daemon()
                self._path.unlink()
            self._server = _Server(str(self._path), self._handlers)
            self._path.chmod(0o660)
        except OSError as error:
            raise ConfigError(
                f"run_path: {self._path} cannot be used ({error}); choose another folder"
            ) from error
        serve = self._server.serve_forever
        threading.Thread(target=serve, args=(0.1,), name="control", daemon=True).start()

    def stop(self) -> None:
        """Take no more requests."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._path.unlink(missing_ok=True)

    def _refuse_a_living_daemon(self) -> None:
        with contextlib.suppress(ReceiverError):
            ask(self._path.parent, Request(action="status", by="start"), timeout_s=1.0)
            raise ConfigError(
                f"run_path: another daemon runs in {self._path.parent}; stop it first"
            )


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def __init__(self, path: str, handlers: Mapping[str, Handler]) -> None:
        self.handlers = handlers
        super().__init__(path, _Connection)


class _Connection(socketserver.StreamRequestHandler):
    timeout = 2.0  # a peer that sends nothing

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            reply = self._answer(self.rfile.readline(MAX_LINE_BYTES))
            self.wfile.write(reply.model_dump_json().encode() + b"\n")

    def _answer(self, line: bytes) -> Reply:
        try:
            request = Request.model_validate_json(line)
        except ValidationError as error:
            return Reply(ok=False, error=f"not a request: {error.errors()[0]['msg']}")
        server = self.server
        handlers = server.handlers if isinstance(server, _Server) else {}
        handler = handlers.get(request.action)
        if handler is None:
            known = ", ".join(sorted(handlers))
            return Reply(ok=False, error=f"unknown action {request.action!r}; known: {known}")
        try:
            return Reply(ok=True, result=handler(request))
        except StripSightError as error:
            return Reply(ok=False, error=str(error))


def ask(run_path: Path, request: Request, timeout_s: float = 10.0) -> Reply:
    """Ask the daemon that runs in this folder.

    Raises:
        ReceiverError: nobody answers there, not in time, or not in these words.
    """
    path = run_path / SOCKET_NAME
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
            peer.settimeout(timeout_s)
            peer.connect(str(path))
            peer.sendall(request.model_dump_json().encode() + b"\n")
            with peer.makefile("rb") as answer:
                line = answer.readline()
    except OSError as error:
        raise ReceiverError(f"no daemon answers at {path} ({error}); is it running?") from error
    try:
        return Reply.model_validate_json(line)
    except ValidationError as error:
        raise ReceiverError(
            f"the daemon at {path} gave no proper answer; see the log of inspect"
        ) from error


def this_user() -> str:
    """Who asks, for the audit: the name too, where this machine has one for the user."""
    number = os.getuid()
    try:
        return f"{pwd.getpwuid(number).pw_name} (uid {number})"
    except KeyError:
        return f"uid {number}"
