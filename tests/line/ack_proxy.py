"""A TCP proxy before a real MQTT broker that tampers with its acknowledgements.

What it understands of MQTT is where a packet ends and which one is a PUBACK.
"""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Literal

from tests.waiting import free_port

Harm = Literal["repeated", "invented", "lost"]
PUBACK = 0x40
NEVER_SENT = range(40_000, 65_000)
"""Packet ids that a connection of a few thousand messages does not reach: they count from 1."""


class AckProxy:
    """Passes everything on, but for a harm that is set; `done` counts what was done so far.

    repeated  each acknowledgement comes twice
    invented  each one is followed by one for a message that was never sent
    lost      none is passed on; meant to be followed by `cut`
    """

    def __init__(self, broker_port: int) -> None:
        self.port = free_port()
        self.harm: Harm | None = None
        self.done: Counter[str] = Counter()
        self._broker_port = broker_port
        self._writers: set[asyncio.StreamWriter] = set()
        self._random = random.Random(0)
        self._loop: asyncio.AbstractEventLoop
        self._over: asyncio.Event
        self._serving = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._run(),), daemon=True)
        self._thread.start()
        self._serving.wait()

    def cut(self) -> None:
        """Break every connection."""
        self._loop.call_soon_threadsafe(self._abort)

    def close(self) -> None:
        """Stop serving."""
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        async with await asyncio.start_server(self._serve, "127.0.0.1", self.port):
            self._serving.set()
            await self._over.wait()
            self._abort()

    def _abort(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, broker = await asyncio.open_connection("127.0.0.1", self._broker_port)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, broker}
        self._writers |= both
        try:
            ways = (_pass(reader, broker), self._answer(answers, writer))
            ending = [asyncio.ensure_future(way) for way in ways]
            await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)
            self._writers -= both
            for end in both:
                end.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            packet = await _packet(reader)
            for changed in self._tamper(packet) if packet[0] == PUBACK else (packet,):
                writer.write(changed)
            await writer.drain()

    def _tamper(self, packet: bytes) -> Iterator[bytes]:
        harm = self.harm
        if harm != "lost":
            yield packet
        if harm == "repeated":
            yield packet
        elif harm == "invented":
            yield bytes((PUBACK, 2)) + self._random.choice(NEVER_SENT).to_bytes(2)
        if harm is not None:
            self.done[harm] += 1


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def _packet(reader: asyncio.StreamReader) -> bytes:
    """One MQTT packet: its type, the length of the rest as a variable byte integer, the rest."""
    head, length, shift = await reader.readexactly(1), 0, 0
    while True:
        head += await reader.readexactly(1)
        length |= (head[-1] & 0x7F) << shift
        shift += 7
        if head[-1] < 0x80:
            return head + await reader.readexactly(length)
