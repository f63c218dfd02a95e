"""The dashboard and the alert rules against a real Prometheus with every metric of the daemon."""

import contextlib
from collections.abc import Iterator, Mapping

import pytest
import yaml
from prometheus_client import CollectorRegistry

from edge.metrics import CourierMetrics, InspectMetrics
from tests.conftest import ROOT, require_program
from tests.deploy import dashboard
from tests.deploy.every_metric import CAMERA, two_processes
from tests.deploy.scraping import Prometheus, prometheus_scraping
from tests.waiting import wait_for

Targets = Mapping[str, Mapping[str, str]]
_SUFFIXES = {
    "counter": ("_total",), "gauge": ("",), "info": ("_info",),
    "histogram": ("_bucket", "_sum", "_count"),
}  # fmt: skip


@pytest.fixture(scope="module")
def targets() -> Iterator[Targets]:
    with two_processes() as ready:
        yield ready


@pytest.fixture(scope="module")
def prometheus(targets: Targets, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    program = require_program("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    with prometheus_scraping(program, folder, targets) as server:
        yield server


def _exported() -> set[str]:
    """Every series name that edge/metrics.py declares."""
    registry = CollectorRegistry()
    InspectMetrics(registry)
    CourierMetrics(registry)
    return {f.name + suffix for f in registry.collect() for suffix in _SUFFIXES[f.type]}


@pytest.mark.integration
def test_every_panel_shows_data(prometheus: Prometheus) -> None:
    with contextlib.suppress(AssertionError):
        wait_for(lambda: not dashboard.unanswered(prometheus.query), "data in every panel")
    assert dashboard.unanswered(prometheus.query) == set()


@pytest.mark.integration
def test_the_camera_can_be_chosen(prometheus: Prometheus) -> None:
    (variable,) = (v for v in dashboard.load()["templating"]["list"] if v["name"] == "camera")
    assert variable["query"]["query"] == "label_values(stripsight_source_up, camera)"
    wait_for(lambda: bool(prometheus.query("stripsight_source_up")), "the source's metric")
    cameras = prometheus.query("count by (camera) (stripsight_source_up)")
    assert [c["metric"]["camera"] for c in cameras] == [CAMERA]


def test_panels_name_only_metrics_that_exist() -> None:
    named = {name for q in dashboard.queries() for name in dashboard.METRIC.findall(q.expr)}
    assert named
    assert named - _exported() == set()


def test_every_metric_is_on_the_dashboard() -> None:
    named = {name for q in dashboard.queries() for name in dashboard.METRIC.findall(q.expr)}
    parts = ("_sum", "_count")
    assert {n for n in _exported() if not n.endswith(parts)} - named == set()


def test_rules_name_only_metrics_that_exist() -> None:
    rules = yaml.safe_load((ROOT / "deploy/prometheus/rules.yml").read_text("utf-8"))
    for rule in rules["groups"][0]["rules"]:
        assert set(dashboard.METRIC.findall(rule["expr"])) - _exported() == set(), rule["alert"]
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["runbook"]


def test_every_panel_explains_itself() -> None:
    rows = [p["title"] for p in dashboard.load()["panels"] if p["type"] == "row"]
    assert rows == ["Now", "Latency", "Accounting", "Defects", "Delivery", "Camera", "Mill"]
    titles = [panel["title"] for panel in dashboard.panels()]
    assert len(set(titles)) >= len(titles) - 2
    for panel in dashboard.panels():
        assert panel["description"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}", panel["title"]
        assert all(t["datasource"]["uid"] == "${datasource}" for t in panel["targets"])
        assert all("$camera" in target["expr"] for target in panel["targets"])


def test_panels_with_a_target_have_a_threshold() -> None:
    for panel in dashboard.panels():
        defaults = panel["fieldConfig"]["defaults"]
        if "Target: " in panel["description"] or "Target for p99" in panel["description"]:
            assert len(defaults["thresholds"]["steps"]) > 1, panel["title"]


def test_panels_do_not_overlap() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in dashboard.load()["panels"]:
        grid = panel["gridPos"]
        assert grid["x"] + grid["w"] <= 24
        for x in range(grid["x"], grid["x"] + grid["w"]):
            for y in range(grid["y"], grid["y"] + grid["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]
