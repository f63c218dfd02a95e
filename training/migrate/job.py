"""What the user asked a migration for, and its folder: made new, or taken up again.

    config.yaml, migration.json   every setting; what was asked for
    split.csv                     the target's split (and `source_split.csv`, if one was given)
    curves.csv/.png, samples/     losses, and a grid of samples after every epoch
    checkpoints/last.ckpt         where `--resume` goes on
    generator.pt                  source to target, a plain state dict
    quality.json, quality.txt     KID and nearest neighbours
    migrated/                     the image folder for `student --extra`

A migration is finished once `migrated` exists; it is renamed to that last.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from contract.errors import ConfigError
from training.config import Settings, dump_settings, load_settings
from training.job import CHECKPOINTS, LAST, check_checkpoint
from training.migrate.data import ClassPair, Lines
from training.provenance import git_revision, versions
from training.run import CONFIG, SPLIT
from training.split_file import write_split

PLAN, SOURCE_SPLIT, MIGRATED = "migration.json", "source_split.csv", "migrated"


@dataclass(frozen=True, slots=True)
class MigrateJob:
    """One migration; `judge` is a run whose embedding tells its quality."""

    source: Path
    target: Path
    pair: ClassPair
    out: Path
    settings: Settings
    command_line: tuple[str, ...]
    git_revision: str | None
    say: Callable[[str], None]
    split: Path | None = None
    source_split: Path | None = None
    judge: Path | None = None

    @property
    def last_checkpoint(self) -> Path:
        """Where `--resume` goes on."""
        return self.out / CHECKPOINTS / LAST


class MigratePlan(BaseModel):
    """`migration.json`: what must be the same when a migration goes on, and who made it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pair: ClassPair
    source_digest: str
    target_digest: str
    judge: str | None
    git_revision: str | None
    command_line: tuple[str, ...]
    versions: dict[str, str]


def begin(job: MigrateJob, lines: Lines) -> None:
    """Leave behind what a resumed migration needs, before the first step."""
    (job.out / CONFIG).write_text(dump_settings(job.settings), "utf-8")
    write_split(job.out / SPLIT, lines.target_images.rows)
    if job.source_split:
        shutil.copyfile(job.source_split, job.out / SOURCE_SPLIT)
    plan = MigratePlan(
        pair=job.pair, source_digest=lines.source_digest, target_digest=lines.target_digest,
        judge=str(job.judge.resolve()) if job.judge else None,
        git_revision=job.git_revision, command_line=job.command_line, versions=versions(),
    )  # fmt: skip
    (job.out / PLAN).write_text(plan.model_dump_json(indent=1) + "\n", "utf-8")


def take_up(
    source: Path, target: Path, pair: ClassPair, out: Path, say: Callable[[str], None]
) -> tuple[MigrateJob, MigratePlan]:
    """The migration that was broken off in `out`, with its own settings, splits and command.

    Raises:
        ConfigError: nothing to go on with, finished already, damaged, or of other classes.
    """
    if (out / MIGRATED).exists():
        raise ConfigError(f"{out}: this migration is finished; `student --extra {out / MIGRATED}`")
    plan = _read_plan(out)
    if plan.pair != pair:
        raise ConfigError(f"{out}: was begun with --class {'='.join(plan.pair)}; give that")
    if (out / CHECKPOINTS / LAST).is_file():
        check_checkpoint(out / CHECKPOINTS / LAST)
    source_split = out / SOURCE_SPLIT
    job = MigrateJob(
        source, target, pair, out, load_settings(out / CONFIG), plan.command_line, git_revision(),
        say, out / SPLIT, source_split if source_split.is_file() else None,
        Path(plan.judge) if plan.judge else None,
    )  # fmt: skip
    return job, plan


def _read_plan(out: Path) -> MigratePlan:
    try:
        return MigratePlan.model_validate_json((out / PLAN).read_bytes())
    except FileNotFoundError as error:
        raise ConfigError(f"{out}: nothing to resume there; leave --resume out") from error
    except (OSError, ValidationError) as error:
        raise ConfigError(f"{out / PLAN}: damaged; migrate again into a new folder") from error
