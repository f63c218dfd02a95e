"""A small disk that can be filled to the last byte."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import require_program

DISK_MB = 40


@contextmanager
def small_disk(path: Path, size_mb: int = DISK_MB) -> Iterator[Path]:
    """A file system of so many megabytes.

    Raises:
        PermissionError: mounting is not permitted.
    """
    path.mkdir()
    mount = [require_program("mount"), "-t", "tmpfs", "-o", f"size={size_mb}m", "none", str(path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        raise PermissionError("mounting a small disk needs root")
    try:
        yield path
    finally:
        subprocess.run([require_program("umount"), "-l", str(path)], check=True)


def fill(disk: Path) -> None:
    """Write until there is no room for one more block."""
    with (disk / "filler").open("ab", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            return
