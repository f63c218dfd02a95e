"""The compose file, the units and the example config as their own programs read them."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from edge.cli import app
from edge.config import load_config
from edge.errors import BundleError, ConfigError
from tests.conftest import ROOT, require_program

DEPLOY = ROOT / "deploy"
UNITS = DEPLOY / "systemd"
SERVICES = ("inspect", "courier", "console")
EXECUTABLE = "/opt/stripsight/bin/stripsight-edge"


def test_images_are_pinned_to_a_release() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]
    assert set(services) == {"mosquitto", "prometheus", "grafana"}
    for name, service in services.items():
        assert re.fullmatch(r"[a-z.]+/[a-z/-]+:v?\d+\.\d+\.\d+", service["image"]), name
        assert service["restart"] == "unless-stopped", name


def test_files_mounted_by_compose_exist() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    for service in compose["services"].values():
        for mount in service["volumes"]:
            source = mount.partition(":")[0]
            known = source in compose["volumes"]
            assert known or (DEPLOY / source).exists(), mount


def test_grafana_finds_dashboard_and_data() -> None:
    folder = DEPLOY / "grafana" / "provisioning"
    provider = yaml.safe_load((folder / "dashboards" / "stripsight.yaml").read_text("utf-8"))
    source = yaml.safe_load((folder / "datasources" / "prometheus.yaml").read_text("utf-8"))
    prometheus = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text("utf-8"))
    mounts = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]["grafana"]
    path = provider["providers"][0]["options"]["path"]
    assert f"./grafana/dashboards:{path}:ro" in mounts["volumes"]
    interval = source["datasources"][0]["jsonData"]["timeInterval"]
    assert interval == prometheus["global"]["scrape_interval"]


@pytest.mark.parametrize("name", SERVICES)
def test_units_start_a_command_that_exists(name: str) -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.read(UNITS / f"stripsight-{name}.service")
    service = unit["Service"]
    command = f"{EXECUTABLE} {name} --config /etc/stripsight/line.yaml"
    assert service["ExecStart"] == command
    assert name in {c.name or c.callback.__name__ for c in app.registered_commands if c.callback}
    assert service["Type"] == "notify"
    assert service["User"] == "stripsight"
    assert service["Restart"] == "on-failure"
    assert service["RestartPreventExitStatus"].split() == [
        str(ConfigError.exit_code),
        str(BundleError.exit_code),
    ]
    assert ("WatchdogSec" in service) == (name == "inspect")
    assert (int(service["Nice"]) > 0) == (name != "inspect")
    assert unit["Unit"]["PartOf"] == "stripsight.target"


@pytest.mark.integration
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    analyze = require_program("systemd-analyze")
    for unit in UNITS.iterdir():
        text = unit.read_text("utf-8").replace(EXECUTABLE, shutil.which("true") or "/bin/true")
        (tmp_path / unit.name).write_text(text.replace("User=stripsight", "User=root"))
    done = subprocess.run(
        [analyze, "verify", "--man=no", *sorted(str(p) for p in tmp_path.iterdir())],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = [line for line in done.stderr.splitlines() if "stripsight" in line]
    assert (done.returncode, said) == (0, []), done.stderr


@pytest.mark.parametrize(("name", "kind"), [("line", "pylon"), ("line-aravis", "aravis")])
def test_the_example_configs_are_accepted_and_fit_the_units(name: str, kind: str) -> None:
    config = load_config(DEPLOY / "config" / f"{name}.yaml")
    assert config.source.kind == kind
    assert config.run_path == Path("/run/stripsight")
    assert config.ledger.path.is_relative_to("/var/lib/stripsight")
