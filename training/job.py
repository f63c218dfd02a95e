"""What the user asked for, and its folder: made new, or taken up again."""

import fcntl
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Literal

from lightning.pytorch.utilities import rank_zero_only
from pydantic import BaseModel, ConfigDict, ValidationError

from contract.errors import ConfigError
from training.config import Settings, dump_settings, load_settings
from training.run import CONFIG, RUN, SPLIT
from training.split_file import SplitRow, write_split

Role = Literal["teacher", "student"]

PLAN, CHECKPOINTS, LAST = "plan.json", "checkpoints", "last.ckpt"
LOCK, DRAFT = ".lock", f"{PLAN}.partial"


@dataclass(frozen=True, slots=True)
class Job:
    """One training. `teacher` is the run to distil from, `say` shows a line to the user,
    `git_revision` is that of the code at the start, `extra` are folders of migrated images.
    """

    role: Role
    data: Path
    out: Path
    settings: Settings
    command_line: tuple[str, ...]
    git_revision: str | None
    say: Callable[[str], None]
    split: Path | None = None
    init: Path | None = None
    teacher: Path | None = None
    extra: tuple[Path, ...] = ()

    @property
    def last_checkpoint(self) -> Path:
        """Where `--resume` goes on."""
        return self.out / CHECKPOINTS / LAST


class Plan(BaseModel):
    """`plan.json`: what must be the same when a training goes on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role
    data_digest: str
    teacher: str | None
    """Folder of the teacher's run."""
    init: str | None
    """File with the start weights."""
    teacher_digest: str | None = None
    """Of the teacher's weights."""
    command_line: tuple[str, ...]
    extra: tuple[str, ...] = ()
    """Folders of migrated images, and the digest of all that lies in them."""
    extra_digest: str | None = None
    git_revision: str | None = None
    """Of the code that began the training, and stays that of its run."""


def is_first_process() -> bool:
    """Whether this process writes; of several GPUs' processes only one does."""
    return getattr(rank_zero_only, "rank", 0) in {0, None}


def claim(out: Path, hint: str = "") -> None:
    """Make a new folder for what will be written; `hint` is what else the user may do.

    Raises:
        ConfigError: something lies there already, or it cannot be made.
    """
    make_folder(out)
    try:
        names = {path.name for path in out.iterdir()} - {LOCK}
    except OSError as error:
        raise ConfigError(f"{out}: cannot be used as --out ({error.strerror})") from error
    if DRAFT in names:  # a training was killed there before its plan was whole
        names -= {DRAFT, CONFIG, SPLIT}
    if names and is_first_process():
        raise ConfigError(f"{out}: not empty; give --out a new folder{hint}")


def make_folder(out: Path) -> None:
    """Make a folder, where there is none yet, and see that it can be written to.

    Raises:
        ConfigError: it cannot.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=out):  # a folder that is there already may still be read-only
            pass
    except OSError as error:
        raise ConfigError(f"{out}: cannot be used as --out ({error.strerror})") from error


class HeldError(ConfigError):
    """Another command trains in the same folder."""


@contextmanager
def held(out: Path) -> Iterator[None]:
    """Keep other commands from training in the same folder; a process that dies lets go of it.

    Raises:
        HeldError: another one trains there.
    """
    if not is_first_process():
        yield
        return
    with locked(out, wait=False):
        yield


@contextmanager
def locked(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Be the only process in a folder, at once or after another one has left it.

    Raises:
        HeldError: another one is there, and it is not to be waited for.
    """
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise HeldError(
                f"{folder}: another command is at work there; wait for its end, or stop it"
            ) from error
        yield


def wait_for(out: Path) -> None:
    """Until no other command trains there."""
    with locked(out):
        pass


def write_plan(job: Job, plan: Plan, rows: Iterable[SplitRow]) -> None:
    """Leave behind what a resumed training needs, before the first step; the plan comes last and
    whole, since a study's other processes may be reading.
    """
    draft = job.out / DRAFT
    draft.write_text(plan.model_dump_json(indent=1) + "\n", "utf-8")
    write_split(job.out / SPLIT, rows)
    (job.out / CONFIG).write_text(dump_settings(job.settings), "utf-8")
    draft.replace(job.out / PLAN)


def take_up(role: Role, out: Path, data: Path, say: Callable[[str], None]) -> tuple[Job, Plan]:
    """The job that was broken off in `out`, with its own settings, split, teacher and command.

    Raises:
        ConfigError: nothing to go on with, finished already, damaged, or of the other role.
    """
    if (out / RUN).exists():
        raise ConfigError(f"{out}: this run is finished; `stripsight-train evaluate` judges it")
    plan = read_plan(out)
    if plan.role != role:
        raise ConfigError(f"{out}: holds a {plan.role}; say `stripsight-train {plan.role}`")
    last = out / CHECKPOINTS / LAST
    has_begun = last.is_file()
    if has_begun:
        check_checkpoint(last)
    job = Job(
        role, data, out, load_settings(out / CONFIG), plan.command_line, plan.git_revision, say,
        split=out / SPLIT,
        init=Path(plan.init) if plan.init and not has_begun else None,
        teacher=Path(plan.teacher) if plan.teacher else None,
        extra=tuple(Path(path) for path in plan.extra),
    )  # fmt: skip
    return job, plan


def check_checkpoint(path: Path) -> None:
    """Refuse a file that was cut off.

    Raises:
        ConfigError: it is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (OSError, zipfile.BadZipFile) as error:
        raise ConfigError(f"{path}: damaged; train again into a new folder") from error
    if damaged:
        raise ConfigError(f"{path}: damaged ({damaged}); train again into a new folder")


def read_plan(out: Path) -> Plan:
    """What the training in `out` was begun with.

    Raises:
        ConfigError: none was begun there, or the file is damaged.
    """
    try:
        return Plan.model_validate_json((out / PLAN).read_text("utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{out}: nothing to resume there; leave --resume out") from error
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        raise ConfigError(f"{out / PLAN}: damaged; train again into a new folder") from error
