"""What a figure was measured on, and whether the machine was idle meanwhile."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

LIBRARIES = ("openvino", "onnxruntime", "numpy", "opencv-python-headless")
MOST_LOAD = 0.3
"""Above it somebody else is at work. Of one minute: what ended before that has faded by half."""
STEAL = 7
"""Of the line `cpu` in /proc/stat (proc(5)): time in which another machine had our processor."""


class Busy(NamedTuple):
    """Load averages, and the ticks that all processors have spent since the boot."""

    load: tuple[float, float, float]
    ticks: int
    stolen: int


def machine() -> str:
    """Processor, cores and what they multiply with."""
    flags = Path("/proc/cpuinfo").read_text()
    features = [
        name for name in ("amx_int8", "avx512_bf16", "avx512_vnni", "avx2") if f" {name}" in flags
    ]
    model = next((ln.split(":")[1].strip() for ln in flags.splitlines() if "model name" in ln), "?")
    return f"{model}, {flags.count('processor')} cores, {'+'.join(features)}, {platform.system()}"


def versions() -> dict[str, str]:
    """Of what does the work."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def busy() -> Busy:
    """How busy the machine is, and was until now."""
    return parse_busy(os.getloadavg(), Path("/proc/stat").read_text())


def parse_busy(load: tuple[float, float, float], stat: str) -> Busy:
    """From the load averages and the text of /proc/stat."""
    ticks = [int(word) for word in stat.splitlines()[0].split()[1:9]]  # guest time is in user time
    return Busy(load, sum(ticks), ticks[STEAL])


def stolen_share(before: Busy, after: Busy) -> float:
    """Share of all processors' time that went to other machines between the two."""
    ticks = after.ticks - before.ticks
    return (after.stolen - before.stolen) / ticks if ticks > 0 else 0.0


def refusal(now: Busy) -> str | None:
    """Why nothing can be measured now; None where it can."""
    if now.load[0] <= MOST_LOAD:
        return None
    return (
        f"the load average of the last minute is {now.load[0]:.2f}, above {MOST_LOAD}: another"
        " program is at work, and the figures would be of both. Wait for it, or give --anyway for"
        " figures that only show that the bench works"
    )
