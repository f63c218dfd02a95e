import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.bodies import Extent, NotInspected
from edge.palette import COLOURS, Palette
from edge.report.document import Box, FoundDefect, Measured
from edge.report.glyphs import Glyphs
from edge.report.lanes import draw_lanes
from edge.report.marks import draw_marks
from edge.report.scale import LEFT, MAX_BANDS, PLOT, TOP, scale_of
from edge.report.strip import draw_strip, scale_for
from tests.unit.edge.report.documents import document_of, found

_SVG = "{http://www.w3.org/2000/svg}"


def _root(svg: str) -> ElementTree.Element:
    named = svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return ElementTree.fromstring(named)  # noqa: S314 - our own drawing


def _of_class(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [e for e in root.iter() if name in e.get("class", "").split()]


def _glyphs() -> Glyphs:
    return Glyphs(Palette(["scratch", "scale"]))


@given(st.floats(0.0, 1e5), st.floats(1.0, 5000.0))
def test_bands_hold_the_coil_and_little_more(length_m: float, width_mm: float) -> None:
    scale = scale_of(length_m, width_mm)
    assert 1 <= scale.bands <= MAX_BANDS
    assert scale.bands * scale.band_m >= length_m * (1 - 1e-9)
    assert (scale.bands - 1) * scale.band_m < max(length_m, 0.1)
    ticks = scale.band_m / scale.tick_m
    assert ticks == pytest.approx(round(ticks))
    assert ticks <= 10


@given(st.floats(-5.0, 1005.0), st.floats(0.0, 300.0), st.floats(-10.0, 1300.0))
def test_a_rectangle_is_cut_at_the_bands_and_stays_on_the_paper(
    from_m: float, length_m: float, from_mm: float
) -> None:
    scale = scale_of(1000.0, 1200.0)
    rects = list(scale.rects((from_m, from_m + length_m), (from_mm, from_mm + 50), 4))
    assert rects
    inside = max(0.0, min(from_m + length_m, scale.bands * scale.band_m) - max(from_m, 0.0))
    drawn = sum(r.w for r in rects) / PLOT * scale.band_m
    assert drawn == pytest.approx(inside, abs=5 * 4 / PLOT * scale.band_m)
    for rect in rects:
        assert LEFT - 4 <= rect.x <= rect.x + rect.w <= LEFT + PLOT + 4
        assert TOP - 4 <= rect.y <= rect.y + rect.h <= scale.height


@given(
    st.floats(0.1, 1e5), st.lists(st.tuples(st.floats(-5.0, 2e5), st.floats(-10.0, 1300.0)))
)  # fmt: skip
def test_many_places_are_where_each_is(length_m: float, places: list[tuple[float, float]]) -> None:
    scale = scale_of(length_m, 1200.0)
    along_m, across_mm = np.array(places).reshape(-1, 2).T
    x, y, bands = scale.places(along_m, across_mm)
    for (m, mm), *place in zip(places, x, y, bands, strict=True):
        band = scale.band_of(m)
        assert place == pytest.approx([scale.x(m, band), scale.y(mm, band), band])


def test_a_defect_lies_where_its_metres_say() -> None:
    defect = found(0, extent=Box(75.0, 85.0, 0.0, 600.0))
    document = document_of([defect], length_m=100.0)
    scale = scale_for(document)
    assert (scale.bands, scale.band_m) == (3, 35.0)
    (path,) = _of_class(_root(draw_strip(document, [defect], scale, _glyphs())), "box")
    x = LEFT + (75.0 - 70.0) / 35.0 * PLOT
    top = scale.band_top(2) + scale.band_height / 2
    assert path.get("d") == (
        f"M{x:.4g} {top:.4g}h{10 / 35 * PLOT:.4g}v{scale.band_height / 2:.4g}"
        f"h-{10 / 35 * PLOT:.4g}z"
    )
    assert path.get("fill") == COLOURS[0]


def test_a_defect_measured_in_part_is_drawn_by_its_tiles() -> None:
    tiles, part = Box(10.0, 20.0, 0.0, 600.0), Box(10.0, 11.0, 100.0, 110.0)
    measures = [Measured(part, 1, 1, 1, 1, 0, complete=complete) for complete in (True, False)]
    defects = [found(0, extent=part), *(found(0, extent=tiles, measure=m) for m in measures)]
    scale, glyphs = scale_of(100.0, 1200.0), _glyphs()
    small, whole, partly = (draw_marks([each], [each], scale, glyphs) for each in defects)
    assert whole == small
    assert partly == draw_marks([found(0, extent=tiles)], [found(0, extent=tiles)], scale, glyphs)


def test_every_defect_has_its_class_s_mark_and_the_worst_its_letter() -> None:
    defects = [found(n, extent=Box(n * 4.0, n * 4.0 + 0.1, 500, 560)) for n in range(8)]
    defects += [found(9, class_name="scale", extent=Box(37.0, 37.1, 100, 160))]
    scale = scale_of(38.0, 1200.0)
    svg = draw_marks(defects, defects[-1:], scale, _glyphs())
    root = _root(f"<svg >{svg}</svg>")
    dots = _of_class(root, "dots")
    assert [len(e.get("points", "").split()) // 2 for e in dots] == [8, 1]
    assert [re.findall(r"m\d-\d", e.get("style", "")) for e in dots] == [["m0-0"], ["m1-0"]]
    letters = [e.text for e in _of_class(root, "letter")]
    assert set(letters) == {"A", "B"}
    assert letters[-1] == "B"


def test_two_hundred_thousand_defects_are_a_small_picture_that_hides_no_rare_class() -> None:
    defects = [found(n, extent=Box(n * 0.01, n * 0.01 + 0.1, n % 1100, n % 1100 + 9))
               for n in range(200_000)]  # fmt: skip
    rare = [found(n, class_name="scale", extent=Box(n, n + 0.1, 500, 509)) for n in (7, 900, 1900)]
    document = document_of([*defects, *rare], length_m=2000.0)
    svg = draw_strip(document, defects[:100], scale_for(document), _glyphs())
    assert len(svg) < 400_000
    marks = [e for e in _of_class(_root(svg), "dots") if "m1-" in e.get("style", "")]
    assert sum(len(e.get("points", "").split()) // 2 for e in marks) == 3
    lanes = _root(draw_lanes(document, _glyphs()))
    assert len(_of_class(lanes, "bar")) == 2


def test_what_was_not_inspected_is_hatched_and_named_and_doubt_is_dotted() -> None:
    missing = [_missing(10, 30, "unusable", "dark", 9), _missing(50, 50.01, "lost", "camera", 1),
               _missing(60, 80, "off_strip_disagreement", "wider", 0)]  # fmt: skip
    document = document_of([], length_m=100.0, missing=missing)
    root = _root(draw_strip(document, [], scale_for(document), _glyphs()))
    hatched, dotted = (_of_class(root, name)[0].get("d", "") for name in ("missed", "doubt"))
    assert hatched.count("M") == 2
    assert dotted.count("M") == 2  # over the end of a band
    names = [e.text for e in _of_class(root, "plate-name")]
    assert "unusable (dark)" in names
    narrow = re.findall(r"M[\d.]+ [\d.]+h([\d.]+)", hatched)
    assert min(float(w) for w in narrow) >= 7


def test_no_stretch_without_length_is_lost() -> None:
    document = document_of([], length_m=20.0, missing=[_missing(5, 5, "lost", "restart", 0)])
    root = _root(draw_strip(document, [], scale_for(document), _glyphs()))
    assert _of_class(root, "missed")


@pytest.mark.parametrize(
    ("state", "text"),
    [("finished", "tail, 20.00 m"), ("interrupted", "broken off here, 20.00 m"),
     ("not_finished", "so far, 20.00 m")],
)  # fmt: skip
def test_the_end_of_the_strip_says_what_it_is(state: str, text: str) -> None:
    document = document_of([], length_m=20.0, state=state)
    root = _root(draw_strip(document, [], scale_for(document), _glyphs()))
    assert [e.text for e in _of_class(root, "end-name")] == [text]


def test_an_empty_coil_is_drawn_too() -> None:
    document = document_of([], length_m=0.0)
    assert _root(draw_strip(document, [], scale_for(document), _glyphs())).tag == f"{_SVG}svg"
    assert draw_lanes(document, _glyphs()) == ""


def _missing(from_m: float, to_m: float, outcome: str, reason: str, cells: int) -> NotInspected:
    extent = Extent(from_m=from_m, to_m=to_m, from_mm=0, to_mm=1200)
    return NotInspected.model_validate(
        {"extent": extent, "outcome": outcome, "reason": reason, "cells": cells}
    )


def test_the_lane_s_highest_bar_is_named() -> None:
    defects: list[FoundDefect] = [found(n, extent=Box(5.0, 5.1, 0, 9)) for n in range(4)]
    defects += [found(9, extent=Box(15.0, 15.1, 0, 9))]
    lanes = _root(draw_lanes(document_of(defects, length_m=20.0), _glyphs()))
    assert "4" in [e.text for e in _of_class(lanes, "across")]
