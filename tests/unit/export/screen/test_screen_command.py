"""`stripsight-export screen` from marked frames to a bundle, with the unit tests' small network."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from contract.bundle import PEOPLE, open_bundle
from contract.card import ScreenCard
from contract.errors import ConfigError
from export.cli import app
from export.screen.calibrate import Wish, divide
from export.screen.marked import open_marked
from export.screen.watch import watch
from runtime.screen import FEATURES
from tests.line.strip import write_line_bundle
from tests.unit.export.screen.strips import TILE, write_coils

DEEP, FAINT = 70, 3


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of forty coils each tenth has spots that nobody can see."""
    folder = tmp_path_factory.mktemp("frames") / "strip"
    return write_coils(folder, 40, lambda coil: DEEP if coil % 10 else FAINT)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_line_bundle(tmp_path_factory.mktemp("bundle") / "plain").path


def run(*words: object) -> str:
    result = CliRunner().invoke(app, ["screen", *map(str, words)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def screen_of(path: Path) -> ScreenCard:
    screen = open_bundle(path).card.screen
    assert screen is not None
    return screen


def test_a_bundle_gets_a_screen_and_keeps_all_else(
    tmp_path: Path, bundle: Path, frames: Path
) -> None:
    out = tmp_path / "screened"
    scale = ("--mm-per-px", 0.5, "--miss-rate", 0.3)
    said = run("--bundle", bundle, "--frames", frames, "--out", out, *scale)
    assert "inspect.screen: true" in said
    before, after = open_bundle(bundle), open_bundle(out)
    assert after.card.model_copy(update={"screen": None}) == before.card
    assert (after.golden().pixels == before.golden().pixels).all()
    screen = screen_of(out)
    assert screen.features == FEATURES
    assert screen.calibration["right"].bound <= 0.3
    assert screen.calibration["right"].defects == 28
    assert screen.held_out["right"].defects == 12
    assert screen.clean_screened.value > 0.9
    people = (out / PEOPLE).read_text("utf-8")
    assert "at most 30 % of the defects of each class" in people
    again = tmp_path / "again"
    run("--bundle", out, "--frames", frames, "--out", again, *scale)
    assert (again / PEOPLE).read_text("utf-8").count("## Screen") == 1
    assert screen_of(again).threshold == screen.threshold


def test_what_the_card_says_of_misses_is_what_the_coils_say(
    tmp_path: Path, bundle: Path, frames: Path
) -> None:
    """Counted anew from the suspicions; spots that nobody can see are missed first."""
    out = tmp_path / "screened"
    words = ("--bundle", bundle, "--frames", frames, "--out", out)
    run(*words, "--mm-per-px", 0.5, "--miss-rate", 0.3)
    screen = screen_of(out)
    watched = watch(open_marked(frames).pieces(), TILE, 6)
    parts = divide(watched, Wish(0.3, 0.95, 0.3, 0))
    assert set(parts.calibration.clean) | set(parts.held_out.clean) == set(watched.clean)
    assert not set(parts.calibration.clean) & set(parts.held_out.clean)
    faint = {f"{frames}/coil-{coil}" for coil in range(0, 40, 10)}
    for part, rates in ((parts.calibration, screen.calibration), (parts.held_out, screen.held_out)):
        met = part.one_per_coil(0)
        assert len({m.coil for m in met}) == len(met)
        missed = [m for m in met if m.suspicion < screen.threshold]
        assert rates["right"].missed == len(missed)
        assert faint & {m.coil for m in met} <= {m.coil for m in missed}


def test_a_report_shows_the_trade(tmp_path: Path, bundle: Path, frames: Path) -> None:
    run("--bundle", bundle, "--frames", frames, "--mm-per-px", 0.5, "--report", tmp_path / "r")
    with (tmp_path / "r/screen.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["wanted"] for row in rows} == {"0.2"}
    assert {row["part"] for row in rows} == {"calibration", "held out"}
    assert all(0 <= float(row["clean_screened"]) <= 1 for row in rows)
    assert "| 20.0% |" in (tmp_path / "r/screen.md").read_text("utf-8")
    picture = cv2.imread(str(tmp_path / "r/screen.png"))
    assert isinstance(picture, np.ndarray)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--mm-per-px", 0.5), "needs 299 calibration coils .* there are: right 28"),
        (("--mm-per-px", 0.4), "has 0.4 mm per px, small-1 0.5"),
        ((), "has None mm per px"),
        (("--mm-per-px", 0.5, "--frames", "FRAMES"), "two folders show the same coils"),
    ],
)
def test_what_cannot_be_bounded_is_refused(
    tmp_path: Path, bundle: Path, frames: Path, words: tuple[object, ...], why: str
) -> None:
    words = tuple(frames if word == "FRAMES" else word for word in words)
    with pytest.raises(ConfigError, match=why):
        run("--bundle", bundle, "--frames", frames, "--out", tmp_path / "out", *words)
    assert not (tmp_path / "out").exists()


def test_a_class_that_no_frame_shows_is_refused(tmp_path: Path, bundle: Path) -> None:
    frames = write_coils(tmp_path / "frames", 20, lambda _: DEEP, class_name="other")
    with pytest.raises(ConfigError, match="there are: right 0"):
        run(
            "--bundle", bundle, "--frames", frames, "--out", tmp_path / "out", "--mm-per-px", 0.5,
            "--miss-rate", 0.3,
        )  # fmt: skip


def test_neither_bundle_nor_report_is_nothing_to_do(bundle: Path, frames: Path) -> None:
    with pytest.raises(ConfigError, match="nothing would be written"):
        run("--bundle", bundle, "--frames", frames, "--mm-per-px", 0.5)
