"""Recorded runs, whole and broken, and what their replay says of them."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contract.events import Event, number
from edge.clock import SystemClock
from edge.config import Coils, EncoderPosition, Optics
from edge.errors import ConfigError, ReplayError
from edge.inspect.light import UNIT, LightFile
from edge.ledger.digest import digest_of
from edge.ledger.reader import EventReader
from edge.record import ring
from edge.record.compare import Comparison
from edge.record.reading import find_runs
from edge.record.ring import segment_paths
from edge.record.segment import TITLE, head, read_records
from edge.record.session import run_replay
from edge.types import Loss
from tests.line.strip import write_line_bundle
from tests.unit.edge.inspect.test_loop import COLUMNS, FRAME_M, ROWS
from tests.unit.edge.ledger.making import SOURCE, action, defect
from tests.unit.edge.record.recorded_line import RecordedLine
from tests.unit.runtime.small_bundle import SIDE

SMALL = 400_000
"""Bytes of a ring that holds ten frames, each in a file of its own."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_line_bundle(tmp_path / "bundle")
    return tmp_path


def replay(folder: Path, out: str | None = "again", run: int | None = None, *bundles: Path) -> str:
    lines: list[str] = []
    target = folder / out if out else None
    run_replay(folder / "recording", run, bundles, target, lines.append, SystemClock())
    return "\n".join(lines)


def events_of(ledger: Path) -> list[Event]:
    return [recorded.event for recorded in EventReader(ledger).after(0, 10_000)]


def test_late_lost_acted_and_swapped_all_come_again(folder: Path) -> None:
    write_line_bundle(folder / "better", version="2")
    line = RecordedLine(folder)
    line.act("start")
    for k in range(4):
        line.frame(k, took_s=0.06 if k == 2 else 0.01)
    line.act("in between")
    line.activate(folder / "better", "now")
    line.frame(5, losses=(Loss(4 * FRAME_M, 5 * FRAME_M, "camera_overrun"),))
    line.activate(folder / "bundle", "coil_start")
    for k in range(6, 12):
        line.frame(k)
    line.end()
    said = replay(folder)
    assert said.endswith("\nequal")
    assert "hole" not in said
    assert str(digest_of(folder / "again")) == str(digest_of(folder / "ledger"))
    live = events_of(folder / "ledger")
    assert {e.kind for e in live} >= {"action", "model_changed", "defect", "coil_report"}
    outcomes = {e.data["outcome"] for e in live if e.kind == "not_inspected"}
    assert outcomes == {"late", "lost"}
    assert len(list((folder / "again" / "evidence").iterdir())) == len(
        list((folder / "ledger" / "evidence").iterdir())
    )


def test_a_line_with_an_encoder_and_uneven_light_is_replayed_without_either(folder: Path) -> None:
    """Where strip was is in each frame; the light file may have been made anew meanwhile."""
    light = LightFile(
        camera="/s/l/c", serial=None, mirrored=False, made=datetime(2026, 11, 27, tzinfo=UTC),
        frames=50, gain=[UNIT + n % 20 for n in range(COLUMNS * SIDE)],
    )  # fmt: skip
    (folder / "light.json").write_text(light.sealed().model_dump_json())
    optics = Optics(mm_per_px_along=0.5, mm_per_px_across=0.5, flat_field=folder / "light.json")
    encoder = EncoderPosition(kind="encoder", counts_per_m=4000)
    line = RecordedLine(folder, optics=optics, position=encoder)
    for k in range(9):
        line.frame(k)
    line.end()
    (folder / "light.json").unlink()
    assert replay(folder).endswith("\nequal")
    assert str(digest_of(folder / "again")) == str(digest_of(folder / "ledger"))


def test_a_stretch_told_a_second_at_a_time_comes_again(folder: Path) -> None:
    endless = Coils(length_m=None, width_mm=COLUMNS * SIDE * 0.5)
    line = RecordedLine(folder, coils=endless)
    for k in range(30):
        line.frame(k, took_s=0.06)
    line.end()
    assert replay(folder).endswith("\nequal")
    late = [e.data["cells"] for e in events_of(folder / "ledger") if e.kind == "not_inspected"]
    assert late == [ROWS * COLUMNS, 25 * ROWS * COLUMNS, 4 * ROWS * COLUMNS]


def test_a_second_run_counts_on_and_each_can_be_replayed(folder: Path) -> None:
    for _ in range(2):
        line = RecordedLine(folder)
        for k in range(5):
            line.frame(k)
        line.end()
    second = events_of(folder / "ledger")[-1].seq
    assert "* run 2, began" in replay(folder, "newest")
    assert events_of(folder / "newest")[-1].seq == second
    replay(folder, "first", 1)
    first = events_of(folder / "first")[-1].seq
    assert events_of(folder / "newest")[0].seq == first + 1
    assert str(digest_of(folder / "first")) == str(digest_of(folder / "ledger", 0, first))
    with pytest.raises(ConfigError, match="no run 3; there are 1, 2"):
        replay(folder, None, 3)


def test_a_ring_that_lost_its_beginning_compares_whole_coils(folder: Path) -> None:
    line = RecordedLine(folder, SMALL)
    for k in range(20):
        line.frame(k)
    line.end()
    assert sum(p.stat().st_size for p in (folder / "recording").iterdir()) <= SMALL
    said = replay(folder, None)
    assert "files before" in said
    assert "equal as far as can be told" in said
    assert "2 whole coils" in said
    assert "sha256" not in said


def test_a_hole_anywhere_is_said_and_the_coils_behind_it_are_compared(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ring, "SEGMENT_BYTES", SMALL // 8)
    line = RecordedLine(folder)
    for k in range(14):
        line.frame(k)
    line.end()
    whole = [path.read_bytes() for path in segment_paths(folder / "recording")]
    for torn, data in list(zip(segment_paths(folder / "recording"), whole, strict=True))[2:9]:
        torn.write_bytes(data[: len(data) // 2] + b"?" + data[len(data) // 2 + 1 :])
        said = replay(folder, None)
        assert f"hole: {torn.name} damaged at byte" in said
        assert "first of 1 holes" in said
        assert re.search(r"[12] whole coils", said)
        torn.write_bytes(data)
    assert replay(folder, None).endswith("equal")


def test_a_run_that_was_killed_replays_as_far_as_it_was_recorded(folder: Path) -> None:
    line = RecordedLine(folder)
    for k in range(5):
        line.frame(k)
    line.look(5)
    line.write(clean=False)
    (segment,) = segment_paths(folder / "recording")
    said = replay(folder, None)
    assert "stops before the run's end\n1 frames were seen whose commit was not recorded" in said
    assert said.endswith("equal")
    segment.write_bytes(segment.read_bytes()[:-7])
    said = replay(folder)
    assert "torn at byte" in said
    assert "stops before the run's end" in said


def test_a_header_that_is_cut_off_leaves_nothing_to_replay(folder: Path) -> None:
    line = RecordedLine(folder)
    line.frame(0)
    line.end()
    (segment,) = segment_paths(folder / "recording")
    segment.write_bytes(segment.read_bytes()[:200])
    with pytest.raises(ConfigError, match=r"segment-00000001.rec: torn at byte"):
        replay(folder)
    segment.unlink()
    with pytest.raises(ConfigError, match="no recording"):
        replay(folder)


def change_words(folder: Path, then: bytes, now: bytes) -> None:
    """Change a recording, checksums and all, as if the live run had been another one."""
    (path,) = segment_paths(folder / "recording")
    with path.open("rb") as stream:
        raws = list(read_records(stream, path.stat().st_size))
    data = TITLE
    for raw in raws:
        body = json.dumps(raw.words, separators=(",", ":")).encode().replace(then, now)
        data += head(body, memoryview(raw.pixels)) + body + raw.pixels
    path.write_bytes(data)


def test_the_first_difference_is_shown_side_by_side(folder: Path) -> None:
    line = RecordedLine(folder)
    for k in range(5):
        line.frame(k, took_s=0.04)
    line.end()
    change_words(folder, b'"deadline_s":0.05', b'"deadline_s":0.03')
    with pytest.raises(
        ReplayError, match=r"(?s)the first difference.*live .*replay .*late"
    ) as caught:
        replay(folder)
    assert caught.value.exit_code == 8


def test_a_bundle_that_moved_is_asked_for_and_found(folder: Path) -> None:
    line = RecordedLine(folder)
    line.frame(0)
    line.end()
    (folder / "bundle").rename(folder / "moved")
    write_line_bundle(folder / "bundle", version="other")
    with pytest.raises(ConfigError, match="give its folder by --bundle"):
        replay(folder, None)
    assert replay(folder, None, None, folder / "moved").endswith("equal")


def test_another_machine_is_named(folder: Path) -> None:
    line = RecordedLine(folder)
    line.frame(0)
    line.end()
    change_words(folder, b'"backend":"openvino","threads"', b'"backend":"cuda","threads"')
    said = replay(folder)
    assert "backend was cuda, here it is openvino: the same bits are not promised" in said
    assert "on a GPU: probabilities may be" in said


def test_the_replay_writes_in_no_folder_that_is_in_use(folder: Path) -> None:
    line = RecordedLine(folder)
    line.frame(0)
    line.end()
    with pytest.raises(ConfigError, match="not empty"):
        replay(folder, "ledger")
    assert len(find_runs(folder / "recording")[0]) == 1


def test_a_tolerance_holds_for_probabilities_alone() -> None:
    comparison = Comparison()
    live = number(defect("d"), SOURCE, 1)
    near = live.model_copy(update={"data": live.data | {"probability": 0.876}})
    with pytest.raises(ReplayError, match=r"probability: live 0.875, replay 0.876"):
        comparison.whole([live], [near])
    comparison.tolerance = 0.01
    comparison.whole([live], [near])
    other = live.model_copy(update={"data": live.data | {"tiles": 4}})
    with pytest.raises(ReplayError, match="tiles: live 3, replay 4"):
        comparison.whole([live], [other])
    with pytest.raises(ReplayError, match="nothing"):
        comparison.whole([live], [live, number(action("a"), SOURCE, 2)])
