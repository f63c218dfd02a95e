"""Aravis' fake camera: real GVCP and GVSP over UDP, in a network of its own.

The network is this thread's and of what it starts from then on: threads, processes. The host's own
loopback, and whoever uses it, does not notice the packets that are dropped here.
"""

import ctypes
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.acquire.aravis import AravisSource
from edge.acquire.position import LinesPosition
from edge.clock import SystemClock
from edge.config import AravisSource as AravisSection
from edge.types import U8, Frame
from tests.conftest import require_program
from tests.waiting import wait_for

ADDRESS = "127.0.0.1"
ROWS = COLUMNS = 512
PACKETS_A_FRAME = 195
"""Of 1400 bytes, first and last of the frame included."""
NARROW = {"Width": 128}
"""A frame of 49 packets: a UDP socket holds it also where net.core.rmem_max is the kernel's own."""
M_PER_ROW = 0.0005
_NEW_NETWORK = 0x40000000
_NETWORK = "/proc/thread-self/ns/net"
_CONTROL_PORT = "0F74"  # 3956, as /proc/net/udp writes it
_RULES = """
table inet lossy {{
  counter lost {{ }}
  chain out {{
    type filter hook output priority 0
    {match} counter name lost drop
  }}
}}
"""


class OwnNetwork:
    """A network namespace whose loopback is up; skips where none may be made.

    One for all tests: the kernel makes the next one wait until the last is cleared away, which can
    take half a minute.
    """

    def __init__(self) -> None:
        ip = require_program("ip")
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._hosts = os.open(_NETWORK, os.O_RDONLY)
        if self._libc.unshare(_NEW_NETWORK):
            os.close(self._hosts)
            pytest.skip(f"a network of its own: {os.strerror(ctypes.get_errno())}")
        self._own = os.open(_NETWORK, os.O_RDONLY)
        subprocess.run([ip, "link", "set", "lo", "up"], check=True)
        self._enter(self._hosts)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """This thread is in it, and what it starts meanwhile."""
        self._enter(self._own)
        try:
            yield
        finally:
            self._enter(self._hosts)

    def close(self) -> None:
        os.close(self._own)
        os.close(self._hosts)

    def _enter(self, network: int) -> None:
        assert self._libc.setns(network, _NEW_NETWORK) == 0


class FakeCamera:
    """The camera's process; killed, it says good-bye to nobody."""

    def __init__(self) -> None:
        self._program = require_program("arv-fake-gv-camera-0.8")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._program, "-i", ADDRESS], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(lambda: self.listens, "the camera answers")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def listens(self) -> bool:
        sockets = Path("/proc/thread-self/net/udp").read_text("utf-8")
        return f":{_CONTROL_PORT} " in sockets


class Lossy:
    """Packets that the camera sends and that nobody gets, while the block lasts."""

    def __init__(self, match: str) -> None:
        self._nft = require_program("nft")
        self._rules = _RULES.format(match=match)
        self.lost = 0
        """Packets thrown away, once the block is over."""

    def __enter__(self) -> "Lossy":
        self._run("-f", "-", rules=self._rules)
        return self

    def __exit__(self, *_: object) -> None:
        self._run("flush", "chain", "inet", "lossy", "out")
        told = self._run("list", "counter", "inet", "lossy", "lost")
        found = re.search(r"packets (\d+)", told)
        assert found is not None
        self.lost = int(found[1])
        self._run("delete", "table", "inet", "lossy")

    def _run(self, *arguments: str, rules: str | None = None) -> str:
        command = [self._nft, *arguments]
        return subprocess.run(
            command, input=rules, capture_output=True, text=True, check=True
        ).stdout


def make(**section: Any) -> AravisSource:  # noqa: ANN401 - YAML's values
    # A second's frames, so that a busy machine loses none that the test does not take away.
    named = {"address": ADDRESS, "frames_per_s": 50.0, "buffers": 50} | section
    config = AravisSection.model_validate({"kind": "aravis", **named})
    return AravisSource(config, LinesPosition(M_PER_ROW), SystemClock())


@contextmanager
def opened(**section: Any) -> Iterator[AravisSource]:  # noqa: ANN401 - YAML's values
    source = make(**section)
    source.open()
    try:
        yield source
    finally:
        source.close()


def id_in(frame: Frame) -> int:
    """What the camera wrote into its first pixel: its id, modulo 255, over which the 16 bits wrap
    without a step (65535 is 257 times 255).
    """
    return int(frame.pixels[0, 0])


def picture(first: int) -> U8:
    """The camera's test picture that begins with this value."""
    columns, rows = np.meshgrid(np.arange(COLUMNS), np.arange(ROWS))
    return ((first + columns + rows) % 255).astype(np.uint8)
