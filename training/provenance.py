"""Where a run comes from: source revision, tool versions."""

import platform
import subprocess
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

TOOLS = ("stripsight", "torch", "lightning", "torchmetrics", "numpy", "opencv-python-headless")


def versions(tools: Sequence[str] = TOOLS) -> dict[str, str]:
    """Versions of Python and of tools, by default those that make a run; those not installed as
    packages are left out.
    """
    found = {"python": platform.python_version()}
    for tool in tools:
        try:
            found[tool] = metadata.version(tool)
        except metadata.PackageNotFoundError:
            continue
    return found


def git_revision() -> str | None:
    """Revision of the source tree, `+changed` where it was edited; None outside its repository,
    such as in another project's virtual environment.
    """
    revision = _git("rev-parse", "HEAD")
    if revision is None or _git("ls-files", "--error-unmatch", Path(__file__).name) is None:
        return None
    return revision + "+changed" if _git("status", "--porcelain", "-uno") else revision


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments],  # noqa: S607 - whichever git the user has
            cwd=Path(__file__).parent, capture_output=True, text=True, check=True, timeout=20,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
