"""The file of the light: refused when anything of it is wrong; exact when it is applied."""

import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from contract.bodies import Defect
from contract.tiles import Span, TileGrid
from edge.acquire.coils import ConstantCoils
from edge.clock import Stamp
from edge.errors import ConfigError
from edge.inspect.light import LEAST_GAIN, MOST_GAIN, UNIT, Light, LightFile, read_light
from edge.inspect.loop import Inspector
from edge.metrics import InspectMetrics
from edge.types import F32, U8, Frame, RowMap
from runtime.scale import cut_and_scale, fit_tile
from tests.unit.edge.acquire.fakes import make_config
from tests.unit.edge.inspect.test_loop import CLEAN, COLUMNS, ROW_M, Line
from tests.unit.runtime.small_bundle import SIDE

CONFIG = make_config({"kind": "folder", "path": Path("/nowhere")})
GAIN = [128, 255, 64, 100]


def light(gain: list[int] = GAIN, camera: str = CONFIG.event_source) -> LightFile:
    made = datetime(2026, 11, 23, tzinfo=UTC)
    return LightFile(
        camera=camera, serial=None, mirrored=False, made=made, frames=9, gain=gain
    ).sealed()


def using(path: Path, gain: list[int]) -> Light:
    path.write_text(light(gain).model_dump_json())
    optics = CONFIG.optics.model_copy(update={"flat_field": path})
    return Light(CONFIG.model_copy(update={"optics": optics}))


def frame(pixels: U8) -> Frame:
    return Frame(0, pixels, RowMap(0.0, 0.001, len(pixels)), None, Stamp(0, 0))


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "light.json"
    path.write_text(light().model_dump_json(indent=1))
    assert read_light(path, CONFIG) == light()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"gain": [128, 254, 64, 100]}, "changed since"),
        ({"gain": [128, 256]}, "gain.1"),
        ({"gain": []}, "gain"),
        ({"gain": ["128"]}, "gain.0"),
        ({"frames": 8}, "changed since"),
        ({"serial": "1"}, "changed since"),
        ({"more": 1}, "more"),
        ({"schema_version": "2"}, "schema_version"),
        ({"digest": ""}, "changed since"),
    ],
)
def test_a_changed_file_is_refused(tmp_path: Path, change: dict[str, object], says: str) -> None:
    path = tmp_path / "light.json"
    path.write_text(json.dumps({**light().model_dump(mode="json"), **change}))
    with pytest.raises(ConfigError, match=f"{path}: .*{says}.*calibrate-light"):
        read_light(path, CONFIG)


def test_another_cameras_light_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "light.json"
    path.write_text(light(camera="/s/l/other").model_dump_json())
    with pytest.raises(ConfigError, match="measured with /s/l/other"):
        read_light(path, CONFIG)
    camera = make_config({"kind": "pylon", "serial": "2"})
    mine = light().model_copy(update={"serial": "1", "camera": camera.event_source})
    path.write_text(mine.sealed().model_dump_json())
    with pytest.raises(ConfigError, match=r"serial 1, this is .* serial 2"):
        read_light(path, camera)


def test_light_measured_the_other_way_round_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "light.json"
    path.write_text(light().model_dump_json())
    mounting = CONFIG.mounting.model_copy(update={"mirrored": True})
    with pytest.raises(ConfigError, match=r"mirrored was False then.*calibrate-light"):
        read_light(path, CONFIG.model_copy(update={"mounting": mounting}))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_light(tmp_path / "none.json", CONFIG)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_light(tmp_path, CONFIG)


@settings(max_examples=300)
@given(data=st.data())
def test_damage_of_any_kind_is_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Bytes cut off, changed or put in; what is left is the same file or no file."""
    whole = light().model_dump_json().encode()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    damaged = whole[:start] + data.draw(st.binary(max_size=8)) + whole[end:]
    path = tmp_path_factory.getbasetemp() / "damaged.json"
    path.write_bytes(damaged)
    with contextlib.suppress(ConfigError):
        assert read_light(path, CONFIG) == light()


@given(data=st.binary(max_size=200))
def test_any_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(data)
    with pytest.raises(ConfigError):
        read_light(path, CONFIG)


@given(
    gain=st.lists(st.integers(LEAST_GAIN, MOST_GAIN), min_size=1, max_size=40),
    rows=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    seed=st.integers(0, 99),
)
def test_each_column_is_multiplied_and_rounded_exactly(
    tmp_path_factory: pytest.TempPathFactory, gain: list[int], rows: list[int], seed: int
) -> None:
    """Also frames of changing height, in views that are not contiguous."""
    even = using(tmp_path_factory.getbasetemp() / "gain.json", gain)
    for height in rows:
        wide = np.random.default_rng(seed).integers(0, 256, (height, len(gain) + 3), np.uint8)
        pixels = wide[:, : len(gain)]
        exact = pixels.astype(np.float64) * np.array(gain) / UNIT
        expected = np.minimum(np.rint(exact), 255)  # half to even, as the exact product rounds
        got = even.even(frame(pixels)).pixels
        assert np.array_equal(got, expected)
        assert not got.flags.writeable


def test_tiles_are_what_training_makes_of_the_corrected_picture(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    gain = rng.integers(LEAST_GAIN, MOST_GAIN + 1, 96).tolist()
    pixels = rng.integers(0, 256, (64, 96), np.uint8)
    corrected = using(tmp_path / "light.json", gain).even(frame(pixels)).pixels
    for side in (8, 16, 24):
        grid = TileGrid(Span(0, 64), Span(0, 96), 32, 32)
        tiles = cut_and_scale(corrected, grid, side)
        for tile, (top, left, bottom, right) in zip(tiles, grid.boxes(), strict=True):
            assert np.array_equal(tile, fit_tile(corrected[top:bottom, left:right], side))


def test_without_a_file_the_frame_is_the_cameras_own() -> None:
    shown = frame(np.zeros((2, 2), np.uint8))
    assert Light(CONFIG).even(shown) is shown


def test_a_picture_of_another_width_is_refused(tmp_path: Path) -> None:
    even = using(tmp_path / "light.json", GAIN)
    with pytest.raises(ConfigError, match="of 4 columns, these have 5"):
        even.even(frame(np.zeros((2, 5), np.uint8)))


def test_the_network_and_the_evidence_see_the_corrected_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lamp that is twice as bright on every tile's right half makes each a defect."""
    line = Line(tmp_path)
    gain = np.tile(np.repeat([128, 64], SIDE // 2), COLUMNS).tolist()
    (tmp_path / "light.json").write_text(light(gain, line.config.event_source).model_dump_json())
    optics = line.config.optics.model_copy(update={"flat_field": tmp_path / "light.json"})
    lit = (CLEAN.astype(np.float32) * 128 / np.array(gain)).clip(0, 255).astype(np.uint8)
    inspector = Inspector(
        line.config.model_copy(update={"optics": optics}),
        line.slot,
        ConstantCoils(line.config.coils),
        InspectMetrics(CollectorRegistry()),
        line.clock,
    )
    shown: list[U8] = []
    engine = line.slot.active.engine
    classify = engine.classify

    def watched(tiles: U8) -> tuple[F32, F32]:
        shown.append(tiles.copy())
        return classify(tiles)

    monkeypatch.setattr(engine, "classify", watched)
    rows = RowMap(0.0, ROW_M, len(lit))
    commit = inspector.inspect(Frame(0, lit, rows, None, line.clock.now()))
    assert not any(isinstance(draft.body, Defect) for draft in commit.drafts)
    assert np.abs(shown[0][0].astype(int) - CLEAN[:SIDE, :SIDE]).max() <= 1
    assert any(isinstance(d.body, Defect) for d in line.frame(0, lit).drafts)
