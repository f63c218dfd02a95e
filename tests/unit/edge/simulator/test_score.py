from pathlib import Path

import numpy as np
import pytest

from contract.classes import ClassList
from contract.tiles import Span
from edge.errors import ConfigError
from edge.simulator.defects import CLASSES, CLEAN, DEFECTS
from edge.simulator.mill import MillConfig
from edge.simulator.score import (
    Judge,
    Score,
    read_boxes,
    score_clean,
    score_mills,
    unseen_mills,
)
from edge.simulator.score_table import tables
from edge.types import F32, U8

NAMES = ClassList(names=CLASSES, clean=(CLEAN,))
SMALL = MillConfig(
    seed=2, width_px=512, rows=256, strip_mm=(225.0, 240.0), wander_mm=2.0, coil_m=0.6,
    per_m=dict.fromkeys(DEFECTS, 1.0),
)  # fmt: skip


def _always(name: str, probability: float = 0.9) -> Judge:
    def classify(tiles: U8) -> F32:
        answer = np.full((len(tiles), len(CLASSES)), 0.01, np.float32)
        answer[:, CLASSES.index(name)] = probability
        return answer

    return Judge(classify, NAMES, dict.fromkeys(DEFECTS, 0.5))


def test_all_clean_finds_nothing_and_alarms_never() -> None:
    score = score_mills(_always(CLEAN), [SMALL], frames=6, tile_px=96)
    assert score.tiles[CLEAN] > 10
    assert sum(score.tiles[name] for name in DEFECTS) > 3
    assert score.false_alarms_per_1000 == 0
    assert all(score.recall(name) == 0 for name in DEFECTS if score.tiles[name])
    assert len(score.alarms_per_coil) > 1


def test_all_red_iron_finds_red_iron_and_alarms_always() -> None:
    score = score_mills(_always("red_iron"), [SMALL], frames=12, tile_px=96)
    assert score.false_alarms_per_1000 == 1000
    assert score.recall("red_iron") == 1
    others = [name for name in DEFECTS if score.tiles[name] and name != "red_iron"]
    assert others
    assert all(score.recall(n) == 0 and score.noticed[n] == score.tiles[n] for n in others)
    assert sum(score.alarms_per_coil.values()) == score.tiles[CLEAN]


def test_below_its_threshold_a_defect_is_not_reported() -> None:
    score = score_mills(_always("red_iron", 0.49), [SMALL], frames=2, tile_px=96)
    assert score.false_alarms_per_1000 == 0


def test_counting_by_width() -> None:
    score = Score()
    score.add("red_iron", "red_iron", 0.5, "c")
    score.add("red_iron", CLEAN, 1.0, "c")
    score.add("red_iron", "iron_sheet_ash", 40.0, "c")
    assert score.recall("red_iron") == pytest.approx(1 / 3)
    assert score.noticed["red_iron"] == 2
    assert score.by_width["red_iron"] == {0: 1, 1: 1, 5: 1}
    recall, width, alarms = tables(score)
    assert recall.rows == (("red_iron", "3", "0.333", "0.667"),)
    assert width.rows == (("red_iron", "1/1", "0/1", "-", "-", "-", "0/1"),)
    assert len(width.head) == len(width.rows[0])
    assert alarms.rows[0] == ("clean tiles", "0")


def test_marked_boxes_and_the_pit_are_left_out() -> None:
    pixels = np.full((256, 512), 100, np.uint8)
    frames = [("a.jpg", pixels, Span(128, 512))]
    score = score_clean(_always("red_iron"), frames, {"a.jpg": [(0, 200, 10, 210)]}, 128)
    assert score.tiles[CLEAN] == 2 * 3 - 1
    assert score.alarms_per_coil == {"a.jpg": 5}


def test_boxes_are_read_and_bad_tables_refused(tmp_path: Path) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text("file,xmin,ymin,xmax,ymax\na.jpg,1,2,3,4\na.jpg,5,6,7,8\n", "utf-8")
    assert read_boxes(path) == {"a.jpg": [(2, 1, 4, 3), (6, 5, 8, 7)]}
    for text in (
        "file,xmin\na,1\n",
        "file,xmin,ymin,xmax,ymax\na,1,x,3,4\n",
        "file,xmin,ymin,xmax,ymax\na\n",
    ):
        path.write_text(text, "utf-8")
        with pytest.raises(ConfigError, match=r"boxes\.csv"):
            read_boxes(path)
    with pytest.raises(ConfigError, match="absent"):
        read_boxes(tmp_path / "absent.csv")


def test_a_network_without_a_simulated_class_is_refused() -> None:
    foreign = ClassList(names=("crazing", "ok"), clean=("ok",))
    with pytest.raises(ConfigError, match="crazing"):
        Judge(lambda tiles: np.zeros((len(tiles), 2), np.float32), foreign, {"crazing": 0.5})


def test_judging_mills_have_seeds_of_their_own() -> None:
    mills = unseen_mills(0, 3, 0.5) + unseen_mills(1, 3, 0.25)
    assert len({mill.seed for mill in mills}) == 6
    assert min(mill.seed for mill in mills) >= 1 << 32
    assert len({mill.grey for mill in mills}) == 6
