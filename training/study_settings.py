"""Every setting that a study's variants had, in `OUT/settings/<variant>.yaml`: rows outlive their
runs, and a later version's defaults must not go on where others stand behind the rows.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from contract.errors import ConfigError
from training.config import Settings, dump_settings, load_settings

SETTINGS = "settings"


def keep_settings(out: Path, variant: str, settings: Settings) -> None:
    """Write a variant's settings, unless they are there."""
    path = out / SETTINGS / f"{variant}.yaml"
    if path.exists():
        return
    path.parent.mkdir(exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.partial")  # other folds may finish at the same time
    draft.write_text(dump_settings(settings), "utf-8")
    draft.replace(path)


def check_settings(out: Path, variant: str, settings: Settings) -> None:
    """Refuse a variant whose rows had other settings; those that did not exist then have today's
    defaults.

    Raises:
        ConfigError: names the first one.
    """
    path = out / SETTINGS / f"{variant}.yaml"
    if not path.exists():
        return
    kept, now = (dict(_flat(s.model_dump(mode="json"))) for s in (load_settings(path), settings))
    for name, value in now.items():
        if kept.get(name) != value:
            raise ConfigError(
                f"{path}: the rows of {variant} had {name} {kept.get(name)}, this study now has"
                f" {value}; say so in the study's file, or give --out a new folder"
            )


def _flat(tree: dict[str, object], above: str = "") -> Iterator[tuple[str, object]]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value
