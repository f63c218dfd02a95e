"""One file of a recording: a row of records, each with its length and checksum.

    stripsight-recording 1
    record record record ...

A record is a head (little endian: mark `SSR1`, bytes of words, bytes of pixels, CRC-32 of all that
but itself), its words as one JSON object, and the pixels as they left the camera. A daemon that
died leaves at most one torn record, the last; what lies behind a damaged one is not read.
"""

import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

TITLE = b"stripsight-recording 1\n"
_MARK = b"SSR1"
_LENGTHS = struct.Struct("<4sII")
_SUM = struct.Struct("<I")
HEAD_BYTES = _LENGTHS.size + _SUM.size


class DamagedError(Exception):
    """The file cannot be read from here on; the text says where and why."""


class Raw(NamedTuple):
    """A record as it lies in the file."""

    words: dict[str, Any]
    pixels: bytes


def head(words: bytes, pixels: memoryview) -> bytes:
    """What stands before a record's words and pixels."""
    lengths = _LENGTHS.pack(_MARK, len(words), pixels.nbytes)
    return lengths + _SUM.pack(_sum(lengths, words, pixels))


def read_records(stream: BinaryIO, size: int) -> Iterator[Raw]:
    """The records of a file of `size` bytes; never takes more memory than the file is long.

    Raises:
        DamagedError: no recording, torn, or changed since; the records before were sound.
    """
    if stream.read(len(TITLE)) != TITLE:
        raise DamagedError("it does not begin as a recording of this version")
    at = len(TITLE)
    while at < size:
        raw = _read_record(stream, at, size)
        at = stream.tell()
        yield raw


def _read_record(stream: BinaryIO, at: int, size: int) -> Raw:
    start = stream.read(HEAD_BYTES)
    if len(start) < HEAD_BYTES:
        raise DamagedError(f"torn at byte {at}: it ends within a record's head")
    lengths, expected = start[: _LENGTHS.size], _SUM.unpack(start[_LENGTHS.size :])[0]
    mark, words_bytes, pixels_bytes = _LENGTHS.unpack(lengths)
    if mark != _MARK:
        raise DamagedError(f"damaged at byte {at}: no record begins there")
    if at + HEAD_BYTES + words_bytes + pixels_bytes > size:
        raise DamagedError(f"torn at byte {at}: the record is longer than the rest of the file")
    words, pixels = stream.read(words_bytes), stream.read(pixels_bytes)
    if _sum(lengths, words, memoryview(pixels)) != expected:
        raise DamagedError(f"damaged at byte {at}: the record's checksum differs")
    return Raw(_object(words, at), pixels)


def _object(words: bytes, at: int) -> dict[str, Any]:
    try:
        found = json.loads(words)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"damaged at byte {at}: no JSON ({error})") from error
    if not isinstance(found, dict):
        raise DamagedError(f"damaged at byte {at}: no JSON object")
    return found


def _sum(lengths: bytes, words: bytes, pixels: memoryview) -> int:
    return zlib.crc32(pixels, zlib.crc32(words, zlib.crc32(lengths)))
