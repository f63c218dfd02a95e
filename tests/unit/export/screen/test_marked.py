"""Marked frames read back: what the simulator writes, and a table of boxes."""

import json
from pathlib import Path

import numpy as np
import pytest

from contract.errors import ConfigError
from edge.simulator.dataset import write_frames
from edge.simulator.defects import DEFECTS
from edge.simulator.mill import Mill, MillConfig
from export.screen.marked import Mark, open_marked
from export.screen.watch import shown_by
from tests.unit.export.screen.strips import write_coils

MILL = MillConfig(seed=5, width_px=256, rows=256, coil_m=0.3, per_m=dict.fromkeys(DEFECTS, 2))


def test_simulated_frames_come_back_coil_by_coil_with_every_defect(tmp_path: Path) -> None:
    write_frames(tmp_path, MILL, 5)
    marked = open_marked(tmp_path)
    assert marked.mm_per_px == MILL.mm_per_px
    pieces = [*marked.pieces()]
    mill = Mill(MILL)
    frames = [mill.frame(number) for number in range(5)]
    coils = [(frame.seq, coil.id) for frame in frames for coil in frame.coils]
    assert [piece.coil for piece in pieces] == [f"{tmp_path}/{coil}" for _, coil in coils]
    assert [p.rows.length for p in pieces] == [256, 256, 88, 168, 256, 176, 80]
    found = [(mark.id, int(mark.mask.sum())) for piece in pieces for mark in piece.marks]
    assert sorted(found) == sorted((d.id, int(d.mask.sum())) for f in frames for d in f.defects)
    for piece, (seq, _) in zip(pieces, coils, strict=True):
        np.testing.assert_array_equal(piece.pixels, frames[seq].pixels)


def test_boxes_come_back_in_the_order_of_the_table(tmp_path: Path) -> None:
    folder = write_coils(tmp_path / "frames", 2, lambda _: 50)
    pieces = [*open_marked(folder).pieces()]
    assert [piece.coil.rpartition("/")[2] for piece in pieces] == ["coil-0"] * 3 + ["coil-1"] * 3
    assert [len(piece.marks) for piece in pieces] == [0, 1, 1, 0, 1, 1]
    assert {mark.class_name for piece in pieces for mark in piece.marks} == {"right"}
    assert len({mark.id for piece in pieces for mark in piece.marks}) == 4


def test_a_digest_follows_every_frame(tmp_path: Path) -> None:
    folder = write_coils(tmp_path / "frames", 1, lambda _: 50)
    before = open_marked(folder).digest()
    assert open_marked(folder).digest() == before
    (folder / "c000-1.png").write_bytes((folder / "c000-0.png").read_bytes())
    assert open_marked(folder).digest() != before


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("none.csv", "", "no truth.json .* and no boxes.csv"),
        ("truth.json", "{}", "not what stripsight-edge simulate writes"),
        ("truth.json", json.dumps({"mill": {"mm_per_px": 1}, "frames": [{}]}), "simulate writes"),
        ("boxes.csv", "file,coil\na,b\n", "needs the columns file, coil, class"),
        ("boxes.csv", "file,coil,class,xmin,ymin,xmax,ymax\n", "names no frame"),
        ("boxes.csv", "file,coil,class,xmin,ymin,xmax,ymax\na,b,c,5,5,5,9\n", "end is not behind"),
        ("boxes.csv", "file,coil,class,xmin,ymin,xmax,ymax\na,b,c,x,5,6,9\n", "not a table"),
    ],
)
def test_what_is_no_folder_of_marked_frames(tmp_path: Path, name: str, text: str, why: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=why):
        open_marked(tmp_path)


def test_how_many_pixels_of_a_mark_each_tile_shows() -> None:
    mask = np.zeros((6, 8), np.uint8)
    mask[1:5, 2:7] = 1
    boxes = np.array(
        [[0, 0, 16, 16], [0, 16, 16, 32], [16, 16, 32, 32], [12, 14, 20, 19]], np.int32
    )
    mark = Mark("m", "c", None, row=13, column=12, mask=mask)
    assert shown_by(boxes, mark).tolist() == [
        int(_inside(mask, 13, 12, box)) for box in boxes.tolist()
    ]


def _inside(mask: np.ndarray, row: int, column: int, box: list[int]) -> int:
    whole = np.zeros((64, 64), np.uint8)
    whole[row : row + mask.shape[0], column : column + mask.shape[1]] = mask
    return int(whole[box[0] : box[2], box[1] : box[3]].sum())
