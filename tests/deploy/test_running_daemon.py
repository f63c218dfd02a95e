"""Dashboard and operator's page on the running daemon: all its processes, a real broker, a real
Prometheus and a real browser.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import require_program
from tests.deploy import dashboard
from tests.deploy.scraping import prometheus_scraping
from tests.integration.console.browser import started
from tests.line.broker import Broker
from tests.line.consumer import Consumer
from tests.line.daemon import Daemon, write_config
from tests.line.strip import sections, write_line_bundle, write_strip
from tests.waiting import answers, free_port, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.alone]

CAMERA = "mill/line-1/top"
WITHOUT_NUMBERS = {"Exposed → grabbed", "Camera clock against UTC", "Camera clock's drift"}
"""A folder of pictures does not know when they were exposed, and has no clock."""
OF_A_MILL = "Mill: "
"""Nor does a mill tell this line its coils."""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    write_line_bundle(tmp_path / "bundle")
    write_strip(tmp_path / "frames", 10, [(0, 0, 3), (2, 7, 5), (3, 0, 5)])
    broker = Broker(tmp_path / "broker")
    broker.start()
    changes = sections(
        tmp_path,
        tmp_path / "frames",
        deliver={"mqtt": [{"host": "127.0.0.1", "port": broker.port}]},
        console={"enabled": True, "port": free_port()},
    )
    try:
        mill = contextlib.closing(Consumer(broker.port, f"stripsight/{CAMERA}/events"))
        with mill, Daemon(write_config(tmp_path, changes)) as running:
            running.wait_until_inspecting()
            yield running
    finally:
        broker.stop()


def test_every_panel_shows_the_running_daemon(daemon: Daemon, tmp_path: Path) -> None:
    ports = daemon.settings["metrics"]
    targets = {
        f"127.0.0.1:{ports['inspect_port']}": {"camera": CAMERA, "process": "inspect"},
        f"127.0.0.1:{ports['courier_port']}": {"camera": CAMERA, "process": "courier"},
    }
    program = require_program("prometheus")
    with prometheus_scraping(program, tmp_path, targets) as prometheus:

        def empty() -> set[str]:
            found = {query.panel for query in dashboard.unanswered(prometheus.query)}
            told = {panel for panel in found if not panel.startswith(OF_A_MILL)}
            return told - WITHOUT_NUMBERS

        with contextlib.suppress(AssertionError):
            wait_for(lambda: not empty(), "data in every panel", 40)
        assert empty() == set()


def test_the_operators_page_shows_the_running_daemon(daemon: Daemon, tmp_path: Path) -> None:
    chromedriver, chromium = require_program("chromedriver"), require_program("chromium")
    url = f"http://127.0.0.1:{daemon.settings['console']['port']}/"
    wait_for(lambda: answers(url), "the page is there", 40)
    with started(chromedriver, chromium, tmp_path) as browser:
        browser.view(1280, 800)
        browser.open(url)
        browser.wait("document.querySelectorAll('#defects tbody tr').length > 3", 40)
        browser.wait("document.querySelector('#cell-valid.normal')")
        assert browser.text("#cell-state .value") == "▶Running"
        assert browser.text("#cell-coil .value").startswith("coil-")
        assert browser.text("#cell-model .detail").startswith("on ")
        browser.wait("document.querySelector('#defects img')?.naturalWidth > 0")
        before = browser.text("#cell-coil .value")
        browser.wait(f"document.querySelector('#cell-coil .value').innerText != {before!r}")
        browser.screenshot(tmp_path / "page.png")
