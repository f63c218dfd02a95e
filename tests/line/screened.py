"""A screen for the line's small bundle, as if it had been calibrated."""

from datetime import UTC, datetime
from pathlib import Path

from contract.bundle import PEOPLE, Bundle, write_bundle
from contract.card import Metric, MissRate, ScreenCard
from runtime.screen import FEATURES
from tests.line.strip import write_line_bundle


def small_screen(threshold: float = 3.0, features: str = FEATURES) -> ScreenCard:
    rates = {"right": MissRate(missed=0, defects=299, bound=0.01)}
    return ScreenCard(
        features=features,
        threshold=threshold,
        wanted=0.01,
        confidence=0.95,
        calibration=rates,
        held_out=rates,
        clean_screened=Metric(value=0.9, low=None, high=None, images=100),
        data="known by hand",
        data_digest="0" * 64,
        created=datetime(2026, 1, 2, tzinfo=UTC),
    )


def write_screened_bundle(path: Path, screen: ScreenCard) -> Bundle:
    plain = write_line_bundle(path.with_name(path.name + "-plain"))
    return with_screen(plain, path, screen)


def with_screen(bundle: Bundle, path: Path, screen: ScreenCard) -> Bundle:
    return write_bundle(
        path,
        model=bundle.model.read_bytes(),
        card=bundle.card.model_copy(update={"screen": screen}),
        golden=bundle.golden(),
        people=(bundle.path / PEOPLE).read_text("utf-8"),
    )
