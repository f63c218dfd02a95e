"""What a figure was measured on."""

import platform
from pathlib import Path


def machine() -> str:
    """Processor, cores and what they multiply with."""
    flags = Path("/proc/cpuinfo").read_text()
    features = [
        name for name in ("amx_int8", "avx512_bf16", "avx512_vnni", "avx2") if f" {name}" in flags
    ]
    model = next((ln.split(":")[1].strip() for ln in flags.splitlines() if "model name" in ln), "?")
    return f"{model}, {flags.count('processor')} cores, {'+'.join(features)}, {platform.system()}"
