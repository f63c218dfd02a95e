"""Tells other processes that there is something new in the event log: an empty Unix datagram.

Only a hint: it may get lost, come late or stand for many commits, so a reader polls as well. The
sender never waits and never fails, whoever listens or does not.
"""

import contextlib
import socket
from pathlib import Path

from edge.errors import ConfigError

LISTENERS = ("courier.sock", "console.sock")


class WakeSender:
    """The writer's side; owned by one thread."""

    def __init__(self, run_path: Path) -> None:
        self._addresses = [str(run_path / name) for name in LISTENERS]
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(0)

    def wake(self) -> None:
        """Nudge whoever listens; a full or missing socket is passed over."""
        for address in self._addresses:
            with contextlib.suppress(OSError):
                self._socket.sendto(b"", address)

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()


class WakeReceiver:
    """A reader's side: `name` is one of `LISTENERS`. Owned by one thread.

    Raises:
        ConfigError: the socket cannot be made in the run folder.
    """

    def __init__(self, run_path: Path, name: str) -> None:
        self._path = run_path / name
        self._socket = listen_at(self._path)

    def wait(self, timeout_s: float) -> bool:
        """Wait for a nudge; takes all that have come. False when the time was up."""
        self._socket.settimeout(timeout_s)
        try:
            self._socket.recv(1)
        except (TimeoutError, BlockingIOError):
            return False
        self._socket.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(1)
        return True

    def close(self) -> None:
        """Give the socket back and remove its name."""
        self._socket.close()
        self._path.unlink(missing_ok=True)


def listen_at(path: Path) -> socket.socket:
    """A socket for datagrams at a name, which is taken from whoever had it before.

    Raises:
        ConfigError: it cannot be made there.
    """
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        made.bind(str(path))
        path.chmod(0o660)
    except OSError as error:
        made.close()
        raise ConfigError(
            f"run_path: {path} cannot be used ({error}); choose another folder"
        ) from error
    return made
