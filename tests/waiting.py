"""Waiting on conditions and servers, and free ports."""

import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import httpx

from edge.clock import SystemClock

T = TypeVar("T")
PORTS = range(20_000, 32_000)
_TICK = threading.Event()


def wait_for(look: Callable[[], T], what: str, timeout_s: float = 20) -> T:
    """The first true value of `look`; fails with its name when the time is up."""
    clock = SystemClock()
    end_ns = clock.now().monotonic_ns + int(timeout_s * 1e9)
    while True:
        found = look()
        if found:
            return found
        assert clock.now().monotonic_ns < end_ns, f"not within {timeout_s:g} s: {what}"
        _TICK.wait(0.05)


def answers(url: str) -> bool:
    """Whether a web server lies behind `url` and is content."""
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False


def free_port() -> int:
    """A TCP port that nobody uses. Below those that the kernel gives to outgoing connections: one
    of them would be taken by any client before the daemon that it is for has started.
    """
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
