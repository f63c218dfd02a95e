"""A clock that a test moves, and a config to start from."""

from pathlib import Path
from typing import Any

from edge.clock import Stamp
from edge.config import Config, EncoderPosition

UTC_NS = 1_800_000_000_000_000_000


class FakeClock:
    """Sleeping is instant and advances the time."""

    def __init__(self) -> None:
        self.now_ns = 5_000_000_000

    def now(self) -> Stamp:
        return Stamp(self.now_ns, UTC_NS + self.now_ns)

    def sleep_until(self, monotonic_ns: int) -> None:
        self.now_ns = max(self.now_ns, monotonic_ns)

    def pass_s(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


def stamp(seconds: float) -> Stamp:
    return Stamp(round(seconds * 1e9), UTC_NS + round(seconds * 1e9))


def encoder(counts_per_m: float, bits: int = 32, **keys: Any) -> EncoderPosition:  # noqa: ANN401
    return EncoderPosition(kind="encoder", counts_per_m=counts_per_m, bits=bits, **keys)


def make_config(source: dict[str, Any], **sections: Any) -> Config:  # noqa: ANN401 - YAML's values
    return Config.model_validate(
        {
            "site": "s",
            "line": "l",
            "camera": "c",
            "bundle": Path("b"),
            "source": source,
            "optics": {"mm_per_px_along": 0.5, "mm_per_px_across": 0.5},
            "position": {"kind": "lines"},
            "coils": {"width_mm": 500},
            "ledger": {"path": Path("ledger")},
            "run_path": Path("run"),
            **sections,
        }
    )
