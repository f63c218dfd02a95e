"""Files that nobody but the line may read: keys and users."""

import os
from pathlib import Path


def write_private(path: Path, content: bytes) -> None:
    """Write or replace a file that only its owner may read, at once.

    Where root writes it, it belongs to whom the file before it belonged to, or else its folder: the
    line runs as another user, who could not read a file of root's.

    Raises:
        OSError: it cannot be written.
    """
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        if os.geteuid() == 0:
            known = path.stat() if path.exists() else path.parent.stat()
            os.fchown(file.fileno(), known.st_uid, known.st_gid)
    part.replace(path)
