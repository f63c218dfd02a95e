"""The operator's page in a real browser, on a real event log and control socket."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest

from edge.types import Picture
from tests.conftest import ROOT, require_program
from tests.integration.console.browser import Browser, started
from tests.integration.console.line import Line, console_of, line_in, start_console
from tests.unit.edge.console.strip_events import coil_started, defect, missed

pytestmark = pytest.mark.integration

COIL = "coil-0007"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    chromedriver, chromium = require_program("chromedriver"), require_program("chromium")
    with started(chromedriver, chromium, tmp_path_factory.mktemp("browser")) as window:
        window.view(1280, 800)
        yield window


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    with line_in(tmp_path) as ready:
        yield ready


def _picture(name: str) -> Picture:
    grey = np.tile(np.arange(96, dtype=np.uint8), (64, 1))
    done, jpeg = cv2.imencode(".jpg", grey)
    assert done
    return Picture(name, jpeg.tobytes())


def test_the_page_shows_the_coil_follows_it_and_admits_when_it_cannot(
    line: Line, browser: Browser
) -> None:
    line.record(
        [
            coil_started(COIL),
            defect(COIL, "d1", at_m=10.0, evidence="d1.jpg"),
            defect(COIL, "d2", at_m=44.0, class_name="oxide_scale"),
            missed(COIL, 20.0, 40.0),
        ],
        [_picture("d1.jpg")],
    )
    line.status["coil_m"] = 50.0
    with console_of(line) as process:
        assert "ready" in (line.folder / "console.log").read_text()
        browser.open(line.url)
        browser.wait("document.querySelectorAll('#defects tbody tr').length == 2")
        assert browser.text("#cell-state .value") == "▶Running"
        assert browser.text("#cell-valid .value") == "✓Valid"
        assert browser.text("#cell-position .value") == "50.0 m"
        assert "oxide scale" in browser.text("#defects tbody tr")
        assert "lost (restart)" in browser.text("#missed")
        assert browser.script("return document.querySelectorAll('path.defects').length") == 2
        browser.wait("document.querySelector('#defects img')?.naturalWidth == 96")
        assert browser.script("return document.documentElement.scrollWidth") == 1280

        line.record([defect(COIL, "d3", at_m=51.0, class_name="roll_mark")])
        line.status["coil_m"] = 52.5
        browser.wait("document.querySelectorAll('#defects tbody tr').length == 3")
        browser.wait("document.querySelector('.newest-name').textContent == '52.5 m'")

        line.status |= {"state": "degraded", "degraded": ["fallback"], "inspection_valid": False}
        browser.wait("document.querySelector('#cell-valid.alarm')")
        assert browser.text("#cell-state .value") == "▲Degraded"
        assert browser.text("#cell-valid .value") == "✕Not valid"

        line.status = {"state": "no answer that anybody knows"}
        browser.wait("document.querySelector('.strip.stale')")
        assert browser.text("#cell-state .value").startswith("?No news for ")
        assert browser.text("#cell-valid .value") == "?Unknown"

        process.send_signal(signal.SIGSTOP)
        try:
            browser.wait("document.body.classList.contains('lost')")
            assert "What it shows is old" in browser.text("#lost")
        finally:
            process.send_signal(signal.SIGCONT)
        browser.wait("!document.body.classList.contains('lost')")


def test_everything_comes_from_the_console_itself(line: Line, browser: Browser) -> None:
    line.record([coil_started(COIL)])
    with console_of(line):
        browser.open(line.url)
        browser.wait("document.querySelector('#strip-map')")
        asked = browser.script("return performance.getEntriesByType('resource').map(e => e.name)")
    assert asked
    assert {name for name in asked if not name.startswith((line.url, "data:"))} == set()


def test_ten_thousand_defects_are_shown_at_once(line: Line, browser: Browser) -> None:
    drafts = [
        defect(COIL, f"d{i}", at_m=i * 0.1, class_name=f"class{i % 7}") for i in range(10_000)
    ]
    line.record([coil_started(COIL), *drafts])
    with console_of(line):
        browser.open(line.url)
        browser.wait("document.querySelectorAll('path.defects').length == 7")
        assert browser.script("return document.querySelectorAll('*').length") < 1000
        line.record([defect(COIL, "d10000", at_m=1000.5)])
        browser.wait("document.querySelector('#defects tbody')?.innerText.includes('1000.50')")


def test_pictures_are_served_by_valid_names_only(line: Line) -> None:
    line.record([coil_started(COIL), defect(COIL, "d1", evidence="d1.jpg")], [_picture("d1.jpg")])
    (line.folder / "secret.jpg").write_text("secret")
    (line.folder / "ledger" / "secret.jpg").write_text("secret")
    with console_of(line), httpx.Client(base_url=line.url, trust_env=False) as http:
        good = http.get("/evidence/d1.jpg")
        assert (good.status_code, good.headers["content-type"]) == (200, "image/jpeg")
        assert good.headers["x-content-type-options"] == "nosniff"
        for bad in (
            "../secret.jpg", "..%2Fsecret.jpg", "..%2f..%2fsecret.jpg", "%2e%2e/secret.jpg",
            "/etc/passwd", "%2Fetc%2Fpasswd", "d1.jpg/", "d1.jpg%00", "absent.jpg", "a" * 300,
            ".hidden", "..%5Csecret.jpg",
        ):  # fmt: skip
            answer = http.get(httpx.URL(f"{line.url}/evidence/").copy_with(
                raw_path=f"/evidence/{bad}".encode()
            ))  # fmt: skip
            assert answer.status_code == 404, bad
            assert "secret" not in answer.text


def test_the_page_comes_up_before_the_line_and_says_so(tmp_path: Path, browser: Browser) -> None:
    line = Line(tmp_path)
    with console_of(line):
        browser.open(line.url)
        browser.wait("document.querySelector('.trouble')")
        assert "the event log cannot be read" in browser.text(".trouble")
        assert "has not answered yet" in browser.text("#cell-state")
        line.log.open()
        line.record([coil_started(COIL), defect(COIL, "d1")])
        browser.wait("document.querySelectorAll('#defects tbody tr').length == 1")
        assert browser.text(".trouble") == ""
    line.log.close()


def test_a_port_in_use_names_its_key(line: Line) -> None:
    with console_of(line):
        shutil.move(line.folder / "console.log", line.folder / "first.log")
        second = start_console(line)
        assert second.wait(30) == 2
        said = (line.folder / "console.log").read_text()
    assert f"console.port: cannot listen on 127.0.0.1:{line.port}" in said
    assert "Traceback" not in said


def test_a_fault_in_following_ends_the_process_and_is_not_hidden(line: Line) -> None:
    broken = (
        "import sys, edge.console.watcher as w\n"
        "def fault(self): raise RuntimeError('a fault')\n"
        "w.Watcher.round = fault\n"
        "from tests.integration.console.serve import main\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", broken, str(line.config)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "a fault" in done.stderr
    assert "following the ledger failed" in done.stderr


def test_an_open_page_comes_back_with_its_console(line: Line, browser: Browser) -> None:
    line.record([coil_started(COIL)])
    with console_of(line):
        browser.open(line.url)
        browser.wait("document.querySelector('#strip-map')")
    browser.wait("document.body.classList.contains('lost')")
    line.record([defect(COIL, "d1")])
    with console_of(line):
        browser.wait("!document.body.classList.contains('lost')")
        browser.wait("document.querySelectorAll('#defects tbody tr').length == 1")
