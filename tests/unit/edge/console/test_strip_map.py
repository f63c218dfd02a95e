import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.bodies import Extent
from edge.console.strip_map import (
    LEFT,
    LETTERED,
    PLOT_HEIGHT,
    PLOT_WIDTH,
    TOP,
    Scale,
    StripMap,
    scale_of,
)
from edge.console.view import CoilView
from edge.palette import Palette
from tests.unit.edge.console.strip_events import coil_started, defect, heard, missed

_SVG = "{http://www.w3.org/2000/svg}"


def _drawn(coil: CoilView | None) -> ElementTree.Element:
    svg = StripMap(Palette(["scratch", "scale"])).draw(coil)
    return ElementTree.fromstring(svg)  # noqa: S314 - our own drawing


def _of_class(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [e for e in root.iter() if name in e.get("class", "").split()]


def test_a_defect_lies_where_its_metres_say() -> None:
    extent = Extent(from_m=10.0, to_m=20.0, from_mm=0.0, to_mm=600.0)
    coil = heard(
        [coil_started("c1"), defect("c1", "d1", extent=extent), missed("c1", 90, 100)]
    ).coil
    assert coil is not None
    assert scale_of(coil) == Scale(100.0, 1200.0)
    (path,) = _of_class(_drawn(coil), "defects")
    left, width = LEFT + PLOT_WIDTH // 10, PLOT_WIDTH // 10
    assert path.get("d") == (
        f"M{left} {TOP + PLOT_HEIGHT // 2}h{width}v{PLOT_HEIGHT // 2}h-{width}z"
    )


def test_ten_thousand_defects_are_one_path_per_class() -> None:
    names = ("scratch", "scale")
    drafts = [defect("c1", f"d{i}", at_m=i * 0.1, class_name=names[i % 2]) for i in range(10_000)]
    coil = heard([coil_started("c1"), *drafts]).coil
    root = _drawn(coil)
    assert [p.get("data-class") for p in _of_class(root, "defects")] == ["scratch", "scale"]
    assert len(list(root.iter())) < 60 + LETTERED
    assert len(ElementTree.tostring(root)) < 250_000


def test_axes_name_their_units_and_the_newest_position_is_marked() -> None:
    coil = heard([coil_started("c1"), missed("c1", 0.0, 123.0)]).coil
    texts = ["".join(e.itertext()) for e in _drawn(coil).iter("text")]
    assert "123.0 m" in texts
    assert any("metres" in t for t in texts)
    assert any("millimetres" in t for t in texts)
    assert {"0", "25", "150", "600", "1200"} <= set(texts)


def test_a_wide_missed_stretch_is_named_on_the_strip() -> None:
    coil = heard(
        [coil_started("c1"), missed("c1", 20.0, 60.0), missed("c1", 99, 100, "camera")]
    ).coil
    root = _drawn(coil)
    assert len(_of_class(root, "missed")) == 1
    assert ["".join(e.itertext()) for e in _of_class(root, "missed-name")] == ["lost (restart)"]


def test_a_map_follows_defects_scale_and_coil() -> None:
    drawing = StripMap(Palette(["scratch", "scale"]))
    line = heard([coil_started("c1"), defect("c1", "d1")])
    assert line.coil is not None
    before = drawing.draw(line.coil)
    assert drawing.draw(line.coil) == before
    for more in (
        [defect("c1", "d1", revision=2, at_m=4.0)],
        [defect("c1", "d2", at_m=800.0)],
        [coil_started("c2"), defect("c2", "d1", at_m=800.0)],
    ):
        heard(more, line)
        assert drawing.draw(line.coil) == StripMap(Palette(["scratch", "scale"])).draw(line.coil)
        assert drawing.draw(line.coil) != before


def test_no_coil_is_said_so() -> None:
    assert "no coil yet" in StripMap(Palette([])).draw(None)


def test_hostile_names_are_escaped() -> None:
    evil = '"><script>alert(1)</script>'
    coil = heard([
        coil_started("c1"), defect("c1", "d1", class_name=evil), missed("c1", 0, 50, evil),
    ]).coil  # fmt: skip
    assert "<script" not in StripMap(Palette([])).draw(coil)


@given(
    st.floats(0, 1e6), st.floats(0, 5e3), st.floats(-10, 4000), st.floats(0, 3000),
    st.floats(0.01, 1e5),
)  # fmt: skip
def test_every_box_is_visible_and_inside(
    from_m: float, length_m: float, from_mm: float, wide_mm: float, newest_m: float
) -> None:
    coil = CoilView("c1", 1200.0, newest_m=newest_m)
    extent = Extent(from_m=from_m, to_m=from_m + length_m, from_mm=from_mm, to_mm=from_mm + wide_mm)
    left, top, width, height = scale_of(coil).box(extent, 6)
    assert width >= 6
    assert height >= 6
    assert left >= LEFT
    assert left + width <= LEFT + PLOT_WIDTH
    assert top >= TOP
    assert top + height <= TOP + PLOT_HEIGHT


@pytest.mark.parametrize(
    "newest_m", [0.0, 0.4, 1.0, 1.01, 9.99, 10.0, 149.0, 7999.0, 1e6, 123456.7]
)
def test_the_scale_ends_soon_after_the_strip_at_a_round_number(newest_m: float) -> None:
    coil = CoilView("c1", 1000.0, newest_m=newest_m)
    end_m = scale_of(coil).end_m
    assert newest_m <= end_m <= max(1.51 * newest_m, 1.0)
    ticks = [t.text for t in _of_class(_drawn(coil), "tick")]
    assert all(re.fullmatch(r"[0-9.e+]{1,8}", str(t)) for t in ticks)


def test_classes_keep_colour_and_letter_by_order() -> None:
    palette = Palette(["scratch", "scale"])
    assert palette["roll_mark"].letter == "C"
    assert [s.letter for s in palette] == ["A", "B", "C"]
    many = Palette([f"class{i}" for i in range(30)])
    assert many["class27"].letter == "AB"
    assert len({s.letter for s in many}) == 30
