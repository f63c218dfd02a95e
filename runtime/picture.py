"""Size and completeness of a picture file, read from its bytes before a decoder sees them.

A decoder allocates what the header asks for and, for some formats and versions, returns the upper
half of a truncated file without a word. Both are found here, by walking the file's own structure:
JPEG (ITU-T T.81 annex B), PNG (ISO/IEC 15948), BMP, and TIFF 6.0.
"""

import re
import struct
import zlib
from typing import NamedTuple

_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_AFTER_SCAN_DATA = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257


class PictureSize(NamedTuple):
    """Pixels."""

    height: int
    width: int


def picture_size(data: bytes) -> PictureSize:
    """Size of a complete JPEG, PNG, BMP or TIFF file.

    Raises:
        ValueError: another format, or a file that ends early or breaks its format's structure; the
        text finishes the sentence "the file ...".
    """
    try:
        if data.startswith(b"\xff\xd8"):
            return _jpeg(data)
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return _png(data)
        if data.startswith(b"BM"):
            return _bmp(data)
        if data[:4] in {b"II*\x00", b"MM\x00*"}:
            return _tiff(data)
    except (struct.error, IndexError) as error:
        raise ValueError("is truncated") from error
    raise ValueError("is no JPEG, PNG, BMP or TIFF picture" if data else "is empty")


def _jpeg(data: bytes) -> PictureSize:
    size, at = None, 2
    while True:
        while data[at] == 0xFF and data[at + 1] == 0xFF:
            at += 1
        if data[at] != 0xFF:
            raise ValueError("is a damaged JPEG: bytes between its segments")
        marker = data[at + 1]
        if marker == 0xD9:
            break
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker in _FRAME_HEADERS:
            size = PictureSize(*struct.unpack_from(">HH", data, at + 5))
        at += 2 + max(2, length)
        if marker == 0xDA:
            after = _AFTER_SCAN_DATA.search(data, at)
            if after is None:
                raise ValueError("is a truncated JPEG")
            at = after.start()
    if size is None:
        raise ValueError("is a JPEG without a picture")
    return size


def _png(data: bytes) -> PictureSize:
    at, kind = 8, b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, at)
        (crc,) = struct.unpack_from(">I", data, at + 8 + length)
        if zlib.crc32(memoryview(data)[at + 4 : at + 8 + length]) != crc:
            raise ValueError("is a damaged PNG: a checksum is wrong")
        at += 12 + length
    width, height = struct.unpack_from(">II", data, 16)
    return PictureSize(height, width)


def _bmp(data: bytes) -> PictureSize:
    (pixels_at, header) = struct.unpack_from("<II", data, 10)
    layout, at = ("<HH", 18) if header == 12 else ("<ii", 18)
    width, height = struct.unpack_from(layout, data, at)
    if pixels_at >= len(data):
        raise ValueError("is a truncated BMP")
    return PictureSize(abs(height), abs(width))


def _tiff(data: bytes) -> PictureSize:
    order = "<" if data[:2] == b"II" else ">"
    (directory,) = struct.unpack_from(order + "I", data, 4)
    (entries,) = struct.unpack_from(order + "H", data, directory)
    found = {}
    for entry in range(entries):
        at = directory + 2 + 12 * entry
        tag, kind = struct.unpack_from(order + "HH", data, at)
        if tag in {_TIFF_WIDTH, _TIFF_HEIGHT}:
            (found[tag],) = struct.unpack_from(order + ("H" if kind == 3 else "I"), data, at + 8)
    if len(found) < 2:
        raise ValueError("is a TIFF without a picture size")
    return PictureSize(found[_TIFF_HEIGHT], found[_TIFF_WIDTH])
