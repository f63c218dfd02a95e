"""Who may log in: a file of names and hashed passwords, one a line.

    scada:scrypt$16384$8$1$<salt>$<hash>

Salt and hash in hex. `stripsight-edge opcua user` writes it; it is read again when it has changed.
"""

import contextlib
import hashlib
import hmac
import re
import secrets
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from edge.clock import Clock
from edge.errors import ConfigError
from edge.opcua.private_file import write_private

COST, BLOCK, LANES = 2**14, 8, 1
"""Of scrypt (RFC 7914): 16 MB and 50 ms for each password tried."""
FAILURES, WINDOW_NS = 10, 60_000_000_000
"""So many wrong passwords in so long a time; more are refused unread until it has passed."""
LONGEST_PASSWORD = 256
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_FORM = "NAME:scrypt$16384$8$1$SALT$HASH"


class _Hash(NamedTuple):
    salt: bytes
    digest: bytes

    @classmethod
    def of(cls, password: str, salt: bytes) -> "_Hash":
        digest = hashlib.scrypt(password.encode(), salt=salt, n=COST, r=BLOCK, p=LANES)
        return cls(salt, digest)


class Users:
    """Checks names and passwords. Any thread may use it.

    Raises:
        ConfigError: the file cannot be read, or a line of it is wrong.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._failed: deque[int] = deque(maxlen=FAILURES)
        self._key = secrets.token_bytes(32)
        self._known: dict[str, tuple[_Hash, bytes]] = {}
        self._stamp: tuple[int, int] | None = None
        self._users: dict[str, _Hash] = {}
        self._read()

    def admits(self, name: str, password: str) -> bool:
        """Whether somebody of that name has that password. A right one is remembered (as a keyed
        digest), so that a client who reconnects costs no second hash and is not held up by others'
        wrong guesses.
        """
        with self._lock:
            self._read()
            user = self._users.get(name)
            tag = hmac.digest(self._key, password.encode(errors="replace"), "sha256")
            known = self._known.get(name)
            if known and known[0] == user and hmac.compare_digest(known[1], tag):
                return True
            if self._too_many() or len(password) > LONGEST_PASSWORD:
                return False
            # A name that is not there costs as much time as one that is.
            wanted = user or _Hash(b"\0" * 16, b"\0" * 64)
            try:
                found = _Hash.of(password, wanted.salt)
            except UnicodeEncodeError:
                found = None
            if user is None or found is None or not hmac.compare_digest(found.digest, user.digest):
                self._failed.append(self._clock.now().monotonic_ns)
                return False
            self._known[name] = (user, tag)
            return True

    def _too_many(self) -> bool:
        now_ns = self._clock.now().monotonic_ns
        return len(self._failed) == FAILURES and now_ns - self._failed[0] < WINDOW_NS

    def _read(self) -> None:
        try:
            stat = self._path.stat()
            stamp = (stat.st_mtime_ns, stat.st_ino)
            if stamp == self._stamp:
                return
            lines = self._path.read_text("utf-8").splitlines()
        except PermissionError as error:
            raise ConfigError(
                f"deliver.opcua_server.users: {self._path} belongs to another user than the one"
                " that the line runs as; give it to that one (chown)"
            ) from error
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"deliver.opcua_server.users: {self._path} cannot be read ({error});"
                " make it with `stripsight-edge opcua user`"
            ) from error
        self._users = dict(_parsed(self._path, n, line) for n, line in enumerate(lines, 1) if line)
        self._stamp = stamp


def add_user(path: Path, name: str, password: str) -> bool:
    """Write a user into the file, which only its owner can read; whether the name is new.

    Raises:
        ConfigError: a name or password of the wrong form, or a file that cannot be used.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(f"{name!r}: a user's name has letters, digits, dot, dash and underscore")
    if not 8 <= len(password) <= LONGEST_PASSWORD:
        raise ConfigError(f"a password has 8 to {LONGEST_PASSWORD} characters")
    with _changed(path) as users:
        new = name not in users
        users[name] = _Hash.of(password, secrets.token_bytes(16))
    return new


def remove_user(path: Path, name: str) -> None:
    """Take a user out of the file.

    Raises:
        ConfigError: there is no such user, or the file cannot be used.
    """
    with _changed(path) as users:
        if users.pop(name, None) is None:
            raise ConfigError(f"{path}: there is no user {name!r}; it has {', '.join(users)}")


@contextlib.contextmanager
def _changed(path: Path) -> Iterator[dict[str, _Hash]]:
    """The file's users, to be changed; then it is written."""
    try:
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        users = dict(_parsed(path, n, line) for n, line in enumerate(lines, 1) if line)
        yield users
        text = "".join(
            f"{who}:scrypt${COST}${BLOCK}${LANES}${h.salt.hex()}${h.digest.hex()}\n"
            for who, h in users.items()
        )
        write_private(path, text.encode())
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"{path}: {error}; choose another file or password") from error


def _parsed(path: Path, number: int, line: str) -> tuple[str, _Hash]:
    name, _, rest = line.partition(":")
    match rest.split("$"):
        case ["scrypt", cost, block, lanes, salt, digest] if (cost, block, lanes) == (
            str(COST),
            str(BLOCK),
            str(LANES),
        ) and NAME.fullmatch(name):
            try:
                return name, _Hash(bytes.fromhex(salt), bytes.fromhex(digest))
            except ValueError:
                pass
    raise ConfigError(
        f"{path}: line {number} is not {_FORM}; remove that line, and make the user anew"
        " with `opcua user`"
    )
