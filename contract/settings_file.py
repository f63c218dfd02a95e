"""A user's YAML file as a mapping, read strictly: a key written twice is an error, not a choice."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from contract.errors import ConfigError

MAX_BYTES = 1 << 20


class _Loader(yaml.SafeLoader):
    """YAML 1.2 section 3.2.1.1: the keys of a mapping are unique. PyYAML keeps the last."""

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002 - PyYAML's own
    ) -> dict[Hashable, Any]:
        """As PyYAML does it, with unique keys."""
        seen: set[str] = set()
        for key in (k for k, _ in node.value if isinstance(k, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key.value!r} is here twice; remove one",
                    problem_mark=key.start_mark,
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_settings(path: Path, example: str, what: str = "config") -> dict[str, Any]:
    """What the file says; empty for an empty file.

    Args:
        path: the file.
        example: where an example lies, for the message.
        what: what file it is, for the message.

    Raises:
        ConfigError: missing, unreadable, no YAML, larger than 1 MiB, or no mapping.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path}: larger than 1 MiB, so it is no {what}")
        raw = yaml.load(path.read_text("utf-8"), _Loader)  # noqa: S506 - a SafeLoader
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such {what} file; {example}") from error
    except IsADirectoryError as error:
        raise ConfigError(f"{path}: a folder; name the {what} file in it") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read as YAML: {error}") from error
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: must be a YAML mapping; {example}")
    return raw
