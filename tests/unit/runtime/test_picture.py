import struct
import tempfile
import zlib
from pathlib import Path

import cv2
import hypothesis.strategies as st
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings

from contract.errors import ConfigError
from runtime.picture import picture_size
from runtime.scale import read_gray

GRAY = cv2.GaussianBlur(
    np.random.default_rng(5).integers(0, 256, (60, 80), dtype=np.uint8), (0, 0), 2
)
FORMATS = [".jpg", ".png", ".bmp", ".tiff"]


def encode(suffix: str, image: npt.NDArray[np.integer | np.floating] = GRAY) -> bytes:
    done, data = cv2.imencode(suffix, image)
    assert done
    return data.tobytes()


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("suffix", FORMATS)
def test_size_is_read_from_the_header(suffix: str) -> None:
    assert picture_size(encode(suffix)) == (60, 80)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff"])
def test_lossless_formats_come_back_exactly(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a{suffix}", encode(suffix))
    np.testing.assert_array_equal(read_gray(path), GRAY)


def test_gray_stored_as_color_stays_the_same_gray(tmp_path: Path) -> None:
    color = np.repeat(GRAY[..., None], 3, axis=2)
    np.testing.assert_array_equal(read_gray(write(tmp_path / "a.png", encode(".png", color))), GRAY)


def test_color_becomes_luma(tmp_path: Path) -> None:
    blue = np.zeros((4, 4, 3), np.uint8)
    blue[..., 0] = 255
    assert read_gray(write(tmp_path / "a.png", encode(".png", blue)))[0, 0] == 29  # 0.114 * 255


def test_an_opaque_alpha_channel_is_dropped(tmp_path: Path) -> None:
    image = np.dstack([GRAY, GRAY, GRAY, np.full_like(GRAY, 255)])
    np.testing.assert_array_equal(read_gray(write(tmp_path / "a.png", encode(".png", image))), GRAY)


def test_a_transparent_picture_is_refused(tmp_path: Path) -> None:
    image = np.dstack([GRAY, GRAY, GRAY, GRAY])
    with pytest.raises(ConfigError, match=r"a\.png: is transparent.*without an alpha"):
        read_gray(write(tmp_path / "a.png", encode(".png", image)))


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_more_than_eight_bits_are_refused(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a{suffix}", encode(suffix, GRAY.astype(np.uint16) * 16))
    with pytest.raises(ConfigError, match="has uint16 values, not 8 bits; convert it"):
        read_gray(path)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, suffix: str, share: float) -> None:
    data = encode(suffix)
    path = write(tmp_path / f"a{suffix}", data[: int(len(data) * share)])
    with pytest.raises(ConfigError, match=rf"a\{suffix}: .*(replace|remove)"):
        read_gray(path)


def test_a_jpeg_without_its_last_byte_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"a\.jpg: the file is .*truncated"):
        read_gray(write(tmp_path / "a.jpg", encode(".jpg")[:-2]))


def test_bytes_after_a_complete_jpeg_do_no_harm(tmp_path: Path) -> None:
    plain = read_gray(write(tmp_path / "a.jpg", encode(".jpg")))
    padded = read_gray(write(tmp_path / "b.jpg", encode(".jpg") + b"camera trailer"))
    np.testing.assert_array_equal(plain, padded)


def test_a_changed_byte_in_a_png_is_refused(tmp_path: Path) -> None:
    data = bytearray(encode(".png"))
    data[len(data) // 2] ^= 1
    with pytest.raises(ConfigError, match="damaged PNG: a checksum is wrong"):
        read_gray(write(tmp_path / "a.png", bytes(data)))


def test_a_huge_header_is_refused_before_decoding(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="60000 x 60000 pixels is outside"):
        read_gray(write(tmp_path / "a.png", png_header(60000, 60000)))


def test_a_header_that_promises_more_rows_than_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="damaged, cannot be decoded"):
        read_gray(write(tmp_path / "a.png", png_header(300, 300)))


@pytest.mark.parametrize(
    ("data", "message"), [(b"", "is empty"), (b"<html>", "no JPEG, PNG, BMP or TIFF")]
)
def test_what_is_no_picture(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_gray(write(tmp_path / "a.jpg", data))


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "no.png", tmp_path):
        with pytest.raises(ConfigError, match="no such picture file"):
            read_gray(path)


@given(
    suffix=st.sampled_from(FORMATS),
    edits=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=4),
    end=st.integers(0, 4000),
)
@settings(max_examples=150)
def test_damage_never_gives_another_exception(
    suffix: str, edits: list[tuple[int, int]], end: int
) -> None:
    data = bytearray(encode(suffix)[:end])
    for at, value in edits:
        if at < len(data):
            data[at] = value
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        Path(file.name).write_bytes(data)
        try:
            picture = read_gray(Path(file.name))
        except ConfigError as error:
            assert file.name in str(error)  # noqa: PT017 - both outcomes are right
        else:
            assert picture.dtype == np.uint8
            assert picture.ndim == 2
