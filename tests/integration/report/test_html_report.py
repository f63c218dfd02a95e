"""The HTML report in a real browser: on screen, on A4 paper, and behind the operator's page."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import cv2
import httpx
import numpy as np
import pytest
import yaml

from contract.bodies import CoilReport
from contract.events import Draft
from edge.clock import SystemClock
from edge.ledger.inspections import find, inspections
from edge.report.compose import compose
from edge.report.write import render_page
from edge.types import Picture
from tests.conftest import ROOT, require_program
from tests.integration.console.browser import Browser, started
from tests.integration.console.line import Line, console_of, line_in
from tests.integration.line.test_commands import edge
from tests.line.daemon import Daemon, write_config
from tests.unit.edge.console.strip_events import (
    START,
    coil_report,
    coil_started,
    corrected,
    defect,
    missed,
)
from tests.unit.edge.report.ledger_of import MEASURE, config_of, dense, record, repeat
from tests.waiting import free_port, wait_for

pytestmark = pytest.mark.integration
HOSTILE = '26/4711 <img src=x onerror="document.title=1">&amp;"\'</style><script>alert(1)</script>'
DEMO_COIL_M = 5.12
A4_TEXT_PX = 688
"""182 mm at 96 px an inch."""
CHECKS = (Path(__file__).parent / "accessible.js").read_text("utf-8")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    chromedriver, chromium = require_program("chromedriver"), require_program("chromium")
    with started(chromedriver, chromium, tmp_path_factory.mktemp("browser")) as window:
        yield window


def _drafts(coil: str, defects: int = 60) -> list[Draft]:
    body = coil_report(coil, 180.0, valid=False).body
    assert isinstance(body, CoilReport)
    report = body.model_copy(
        update={"cells": {"on_time": 9, "lost": 1}, "reasons": {"lost(restart)": 1},
                "coverage": 0.9}
    )  # fmt: skip
    classes = ("scratch", "oxide_scale_of_the_temperature_system", "roll_mark", "inclusion")
    return [
        coil_started(coil),
        *(
            defect(
                coil, f"{coil}/{n}", n * 170 / defects, class_name=classes[n % 4],
                severity=("minor", "major")[n % 2], measure=MEASURE if n % 3 else None,
                evidence="d1.jpg" if n == 0 else None,
            )
            for n in range(defects)
        ),
        missed(coil, 20.0, 35.0), dense(coil, 60.0, 70.0), repeat(coil),
        Draft(report, coil, "report", START),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    reader = record(folder, _drafts(HOSTILE))
    (folder / "ledger" / "evidence").mkdir(exist_ok=True)
    grey = np.tile(np.arange(96, dtype=np.uint8), (64, 1))
    (folder / "ledger" / "evidence" / "d1.jpg").write_bytes(cv2.imencode(".jpg", grey)[1].tobytes())
    config = config_of(folder)
    document = compose(reader, find(inspections(reader), HOSTILE), config, SystemClock())
    path = folder / "report.html"
    path.write_text(render_page(document, config), "utf-8")
    return path


def test_it_shows_the_coil_and_asks_nobody_for_anything(page: Path, browser: Browser) -> None:
    browser.view(1000, 800)
    browser.open(page.as_uri())
    assert browser.script("return document.title").startswith("Coil report 26/4711 <img")
    assert HOSTILE in browser.text("h1")
    assert browser.script("return document.querySelectorAll('script, h1 *:not(small)').length") == 0
    assert browser.script("return document.querySelector('#gallery img').naturalWidth") == 96
    box = browser.script(
        "const b = document.querySelector('#map').getBoundingClientRect();"
        " return [b.width, b.height]"
    )
    assert box[0] > 600
    assert box[1] > 400
    assert browser.script("return document.querySelectorAll('#map .dots').length") >= 4
    assert browser.script("return document.querySelectorAll('#map .letter').length") > 10
    asked = browser.script("return performance.getEntriesByType('resource').map(e => e.name)")
    assert [name for name in asked if not name.startswith("data:")] == []
    assert browser.complaints() == []


def test_nothing_is_wider_than_the_paper(page: Path, browser: Browser) -> None:
    browser.view(A4_TEXT_PX, 1000, media="print")
    browser.open(page.as_uri())
    assert browser.script("return document.documentElement.scrollWidth") <= A4_TEXT_PX
    wide = browser.script(
        f"return [...document.querySelectorAll('main *')].filter(e => !e.closest('svg') &&"
        f" e.getBoundingClientRect().right > {A4_TEXT_PX} + 1).map(e => e.outerHTML.slice(0, 90))"
    )
    assert wide == []
    browser.view(400, 800)
    assert browser.script("return document.documentElement.scrollWidth") <= 400


def test_it_prints_on_a4_with_the_coil_and_the_page_s_number(page: Path, browser: Browser) -> None:
    browser.view(1000, 800)
    browser.open(page.as_uri())
    pdf = browser.pdf()
    boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)\s*\]", pdf)
    assert 3 <= len(boxes) <= 8
    assert {(round(float(w)), round(float(h))) for w, h in boxes} == {(595, 842)}
    margins = browser.script(
        "return [...document.styleSheets[0].cssRules].filter(r => r instanceof CSSPageRule)"
        ".map(r => r.cssText).join()"
    )
    assert "counter(pages)" in margins
    assert "26/4711" in margins


def test_it_can_be_read_by_everybody(page: Path, browser: Browser) -> None:
    browser.view(1000, 800)
    browser.open(page.as_uri())
    assert browser.script(CHECKS) == []


def test_two_hundred_thousand_defects_can_be_opened(tmp_path: Path, browser: Browser) -> None:
    reader = record(tmp_path, _drafts("big", 3000))
    config = config_of(tmp_path)
    document = compose(reader, find(inspections(reader), "big"), config, SystemClock())
    many = document.model_copy(update={"defects": [*document.defects] * 67})
    page = tmp_path / "big.html"
    page.write_text(render_page(many, config), "utf-8")
    assert page.stat().st_size < 1_000_000
    browser.view(1000, 800)
    browser.open(page.as_uri())
    assert "201,000" in browser.text("#verdicts")
    assert browser.script("return document.querySelectorAll('*').length") < 6000


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    with line_in(tmp_path) as ready:
        yield ready


def test_the_operator_s_page_leads_to_the_reports(line: Line, browser: Browser) -> None:
    jpeg = cv2.imencode(".jpg", np.zeros((8, 8), np.uint8))[1].tobytes()
    line.record(_drafts(HOSTILE, 5), [Picture("d1.jpg", jpeg)])
    line.record([coil_started(".."), defect("..", "d9", 3.0)])
    line.record([corrected(HOSTILE, "B-1"), corrected("..", HOSTILE)])
    browser.view(1280, 800)
    with console_of(line):
        browser.open(line.url)
        browser.wait("document.querySelectorAll('a.report').length == 2")
        assert "B-1: 180.0 m" in browser.text("#coil-panel")
        links = browser.script("return [...document.querySelectorAll('a.report')].map(a => a.href)")
        for link, wanted in zip(links, (HOSTILE, "B-1"), strict=True):
            browser.open(link)
            assert wanted in browser.text("h1")
            assert browser.script("return !!document.querySelector('#map')")
        assert browser.complaints() == []
        with httpx.Client(base_url=line.url, trust_env=False) as http:
            served = http.get(f"/coil?id={quote(HOSTILE, safe='')}")
            assert served.headers["content-security-policy"].startswith("default-src 'none'")
            assert served.headers["x-content-type-options"] == "nosniff"
            absent = http.get("/coil?id=absent")
            assert absent.status_code == 404
            assert "no coil absent in the ledger" in absent.json()["detail"]
            assert http.get("/coil?subject=absent").status_code == 404
            assert http.get("/coil").status_code == 422


def _demo(folder: Path) -> Path:
    """The demo's own config over a strip of ten frames, with ports and files of its own."""
    draw = ("simulate", "--out", folder, "--tiles", 0, "--strip-mm", 940, "--frames", 10)
    drawn = edge(*draw, "--coil-m", DEMO_COIL_M)
    assert drawn.returncode == 0, drawn.stderr
    demo = ROOT / "deploy" / "config"
    whole = yaml.safe_load((demo / "demo.yaml").read_text())
    whole["source"]["emulation"] = str(folder / "frames")
    whole["coils"]["length_m"] = DEMO_COIL_M
    whole["deliver"]["mqtt"][0]["port"] = free_port()
    files = {"bundle": str(demo / whole["bundle"]), "grading": str(demo / whole["grading"])}
    ports = {name: free_port() for name in ("inspect_port", "courier_port")}
    ours = {"ledger": {"path": "ledger"}, "run_path": "run", "metrics": ports}
    return write_config(folder, whole | files | ours | {"console": {"port": free_port()}})


def test_make_run_shows_the_map_of_its_coil_and_leaves_its_report(
    tmp_path: Path, browser: Browser
) -> None:
    config, out = _demo(tmp_path), tmp_path / "report.html"
    browser.view(1280, 800)
    with Daemon(config, "run", "--report", str(out)) as daemon:
        daemon.wait_until_inspecting()
        wait_for(lambda: bool(daemon.reader().latest(["coil_report"], 1)), "a coil", 120)
        browser.open(f"http://127.0.0.1:{daemon.settings['console']['port']}")
        browser.wait("document.querySelector('#strip-map .steel')")
        browser.wait("document.querySelectorAll('a.report').length == 2")
        browser.open(browser.script("return document.querySelector('a.report').href"))
        assert browser.text("h1").startswith("demo-0")
    told = daemon.log.read_text()
    (named,) = re.findall(r"The report of coil (demo-\d+) \(5\.12 m, \d+ defects\): (.+)", told)
    assert named[1] == str(out)
    assert "coil report --config" in told
    browser.open(out.as_uri())
    assert browser.text("h1") == named[0]
    assert "Finished" in browser.text("#verdicts")
    assert "Grade" in browser.text("#verdicts")
    assert browser.script("return document.querySelector('#map .steel').getBBox().width") > 1000
