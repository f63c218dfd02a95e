"""The service manager's notification protocol (sd_notify(3)): datagrams to a socket it names."""

import contextlib
import socket


class Notifier:
    """Tells systemd how the process is; silent where no socket was given. Never waits or fails."""

    def __init__(self, address: str | None) -> None:
        """Take the value of `NOTIFY_SOCKET`; a leading `@` names an abstract socket."""
        self._address = address.replace("@", "\0", 1) if address else None

    def ready(self) -> None:
        """Start-up is complete."""
        self._send(b"READY=1")

    def alive(self) -> None:
        """The work goes on (watchdog)."""
        self._send(b"WATCHDOG=1")

    def _send(self, message: bytes) -> None:
        if self._address is None:
            return
        # A service manager that is away or busy must neither stop the strip nor hold it up.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
            peer.settimeout(0)
            peer.sendto(message, self._address)
