"""Prometheus's own checks of its config, rules and the rules' tests."""

import subprocess

import pytest
import yaml

from edge.config import load_config
from tests.conftest import ROOT, require_program

FOLDER = ROOT / "deploy" / "prometheus"

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "rules.yml"),
        ("test", "rules", "rules.test.yml"),
    ],
    ids=" ".join,
)
def test_promtool_agrees(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [require_program("promtool"), *arguments],
        cwd=FOLDER, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_scrapes_the_ports_of_the_example_config() -> None:
    config = load_config(ROOT / "deploy" / "config" / "line.yaml")
    scraped = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))
    targets = [t for job in scraped["scrape_configs"] for t in job["static_configs"]]
    wanted = {
        f"127.0.0.1:{config.metrics.inspect_port}": "inspect",
        f"127.0.0.1:{config.metrics.courier_port}": "courier",
    }
    assert {t["targets"][0]: t["labels"]["process"] for t in targets} == wanted
    camera = config.event_source.removeprefix("/")
    assert {t["labels"]["camera"] for t in targets} == {camera}


def test_every_alert_has_a_test() -> None:
    rules = yaml.safe_load((FOLDER / "rules.yml").read_text("utf-8"))["groups"][0]["rules"]
    tests = (FOLDER / "rules.test.yml").read_text("utf-8")
    assert [rule["alert"] for rule in rules if rule["alert"] not in tests] == []
