import re
from datetime import timedelta

import pytest

from contract.bodies import Extent, Measure
from edge.console.panels import coil_panel, last_defects, news_of_events, state_line
from edge.console.status import News, state_cells
from edge.console.view import LineView
from edge.palette import Palette
from tests.unit.edge.console.strip_events import (
    START,
    coil_report,
    coil_started,
    corrected,
    defect,
    heard,
    missed,
    roll_repeat,
)

SIZE = Measure(
    extent=Extent(from_m=10.0, to_m=10.1, from_mm=300.0, to_mm=304.0),
    area_mm2=30.0, length_mm=12.345, width_mm=4.56, orientation_deg=9.0, contrast=-0.2,
)  # fmt: skip
EVIL = '"><script>alert(1)</script>'


def test_a_row_says_what_where_and_how_sure() -> None:
    line = heard([coil_started("c1"), defect("c1", "d1", at_m=10.0, evidence="d1.jpg")])
    table = last_defects(line, Palette(["roll_mark", "scratch"]), START)
    for words in ("10.00 &ndash; 10.40", "300 &ndash; 420", "93 %", "scratch", ">B<"):
        assert words in table
    assert 'src="/evidence/d1.jpg"' in table
    assert "c1" not in table


@pytest.mark.parametrize(("complete", "size"), [(True, ">12.3 &times; 4.6<"), (False, ">≥ 12.3")])
def test_a_row_says_how_large_where_that_was_measured(*, complete: bool, size: str) -> None:
    measure = SIZE.model_copy(update={"complete": complete})
    line = heard([defect("c1", "d1", measure=measure), defect("c1", "d2", at_m=12)])
    table = last_defects(line, Palette(["scratch"]), START)
    assert size in table
    assert table.count("&times;") == 1


def test_a_row_of_another_coil_names_it_and_one_of_another_day_its_date() -> None:
    line = heard([coil_started("c1"), defect("c1", "d1"), coil_started("c2")])
    table = last_defects(line, Palette([]), START + timedelta(days=2))
    assert "c1" in table
    assert "01 Mar" in table
    assert "no picture" in table


def test_coils_have_the_id_that_the_mill_gave_them_and_links_lead_by_the_subject() -> None:
    line = heard([
        coil_started("A"), defect("A", "d1"), coil_report("A"), corrected("A", "<B>"),
        coil_started("A~2"), corrected("A~2", "A"),
    ])  # fmt: skip
    assert '<div class="sub">&lt;B&gt;</div>' in last_defects(line, Palette([]), START)
    panel = coil_panel(line, Palette([]))
    assert "&lt;B&gt;: 400.0 m" in panel
    running, before = re.findall(r'href="([^"]+)"', panel)
    assert (running, before) == ("/coil?subject=A~2", "/coil?subject=A")


def test_only_the_newest_defects_are_listed() -> None:
    line = heard([coil_started("c1"), *(defect("c1", f"d{i}", at_m=i) for i in range(40))])
    table = last_defects(line, Palette([]), START)
    assert table.count("<tr>") - 1 == 12
    assert table.index("39.00") < table.index("28.00")


def test_no_defect_is_said_so() -> None:
    assert "No defect" in last_defects(LineView(), Palette([]), START)


def test_the_legend_counts_each_class_and_every_metre_missed() -> None:
    line = heard([
        coil_started("c0"), coil_report("c0", valid=False), coil_started("c1"),
        defect("c1", "d1"), defect("c1", "d2"), missed("c1", 5.0, 7.5),
    ])  # fmt: skip
    panel = coil_panel(line, Palette(["scratch", "roll_mark"]))
    assert '<td class="n">2</td>' in panel
    assert '<td class="n">0</td>' in panel
    assert "lost (restart)" in panel
    assert "2.50 m" in panel
    assert "c0: 400.0 m, 100 % inspected, 3 defects, <b>✕ inspection not valid</b>" in panel


def test_a_roll_that_marks_the_strip_is_an_alarm_until_it_ceases() -> None:
    line = heard([
        coil_started("c1"), roll_repeat("c1", "r1"), roll_repeat("c1", "r2", rolls=()),
        roll_repeat("c1", "r1", 22.1, revision=2, phase="closed", repeats=4),
    ])  # fmt: skip
    panel = coil_panel(line, Palette(["roll_mark"]))
    on, over = panel.split('<div class="repeat ')[1:]
    assert on.startswith('alarm"><b>✕ no roll of the table</b>')
    assert "goes on" in on
    assert over.startswith('quiet"><b>F7 work roll</b>')
    assert "roll mark, 4 times every 2.100 m" in over
    assert "Roll marks" not in coil_panel(heard([coil_started("c1")]), Palette([]))


def test_a_rolls_name_is_escaped() -> None:
    line = heard([coil_started("c1"), roll_repeat("c1", "r1", rolls=(EVIL,))])
    assert EVIL not in coil_panel(line, Palette([]))


def test_coverage_is_never_rounded_up_to_all() -> None:
    line = heard([coil_started("c0"), coil_report("c0"), coil_started("c1")])
    assert line.previous is not None
    assert line.previous.report is not None
    line.previous.report = line.previous.report.model_copy(update={"coverage": 0.999999})
    assert "99.99 % inspected" in coil_panel(line, Palette([]))
    for nothing in ({"expected_cells": 0}, {"expected_cells": 10, "coverage": 0.0}):
        line.previous.report = line.previous.report.model_copy(update=nothing)
        assert "✕ nothing</b> inspected" in coil_panel(line, Palette([]))


def test_hostile_words_stay_words() -> None:
    line = heard([
        coil_started(EVIL), defect(EVIL, "d1", class_name=EVIL, evidence=EVIL),
        missed(EVIL, 0, 1, EVIL), coil_report(EVIL), coil_started("c2"),
    ])  # fmt: skip
    news = News(None, 1.0, EVIL)
    page = (
        last_defects(line, Palette([]), START)
        + coil_panel(line, Palette([EVIL]))
        + state_line(state_cells(news), news)
    )
    assert "<script" not in page
    assert "&lt;script" in page


def test_the_foot_tells_how_old_the_news_is() -> None:
    line = heard([coil_started("c1")])
    foot = news_of_events(line, News(None, 4.0), START + timedelta(seconds=12))
    assert foot == "newest event no. 1, 12 s ago · inspecting process never answered"
    assert news_of_events(LineView(), News(None, 4.0), START) == "no event recorded yet"
