"""What `check-config` finds beside keys and values: who is told, and what was hardly meant."""

from pathlib import Path
from typing import Any

import pytest

from edge.config import Config
from edge.deliver.peers import check_peers
from edge.doubts import doubts
from edge.errors import ConfigError
from tests.unit.edge.grading.making import rules_of
from tests.unit.edge.report.ledger_of import config_of

SPEED = {"speed": "ns=2;s=Line.Speed"}
PLC = {"endpoint": "opc.tcp://plc:4840", "security_policy": "None"}
MILL = {"name": "level2", "endpoint": "opc.tcp://plc:4840", "security_policy": "None"}


def changed(folder: Path, **sections: Any) -> Config:  # noqa: ANN401 - whatever a file may hold
    return Config.model_validate({**config_of(folder).model_dump(mode="json"), **sections})


@pytest.mark.parametrize(
    ("sections", "text"),
    [
        ({"deliver": {"opcua_client": [PLC | {"nodes": {"Heartbeet": None}}]}}, "'Heartbeet'"),
        (
            {"deliver": {"opcua_client": [PLC | {"nodes": {"Heartbeat": "beat"}}]}},
            "'beat' is no node id",
        ),
        ({"deliver": {"mqtt": [{"name": "a", "host": "b", "ca_file": "none.pem"}]}}, "none.pem"),
        (
            {"deliver": {"opcua_server": {"policies": ["None"], "users": "nobody"}}},
            "nobody cannot be read",
        ),
        ({"mill": {"opcua": [MILL | {"nodes": {"speed": "Line.Speed"}}]}}, "'Line.Speed'"),
    ],
)
def test_what_the_courier_would_refuse_is_refused(
    sections: dict[str, Any], text: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as refused:
        check_peers(changed(tmp_path, **sections))
    assert text in str(refused.value)


def test_whoever_is_not_there_yet_is_no_mistake(tmp_path: Path) -> None:
    deliver = {"mqtt": [{"name": "a", "host": "nobody.invalid"}], "opcua_client": [PLC]}
    check_peers(changed(tmp_path, deliver=deliver, mill={"opcua": [MILL | {"nodes": SPEED}]}))


def test_codes_for_what_is_never_told_and_none_for_what_is(tmp_path: Path) -> None:
    block = {"class_codes": {"scrach": 1, "pit": 2}, "severity_codes": {"minor": 1, "majr": 2}}
    config = changed(tmp_path, deliver={"plc_block": block})
    severities = "deliver.plc_block.severity_codes"
    assert list(doubts(config, ["scratch", "pit"], rules_of())) == [
        "deliver.plc_block.class_codes: the bundle has no class 'scrach', did you mean 'scratch'?",
        "deliver.plc_block.class_codes: the PLC sees 0 for scratch",
        f"{severities}: the rules have no severity 'majr', did you mean 'major'?",
        f"{severities}: the PLC sees 0 for major, critical",
    ]


def test_a_folder_of_trusted_certificates_that_is_not_there(tmp_path: Path) -> None:
    files = {name: str(tmp_path / name) for name in ("certificate", "key", "trusted")}
    config = changed(tmp_path, deliver={"opcua_server": files | {"anonymous": True}})
    assert ["there is no folder" in doubt for doubt in doubts(config, [], None)] == [True]
    (tmp_path / "trusted").mkdir()
    assert not list(doubts(config, [], None))


def test_zones_that_leave_nothing_between_them(tmp_path: Path) -> None:
    rules = rules_of(zones={"operator_edge_mm": 700, "drive_edge_mm": 600, "first_m": 150})
    coils = {"width_mm": 1200, "length_m": 120}
    told = list(doubts(changed(tmp_path, coils=coils), ["scratch"], rules))
    assert [doubt.split(":")[1] for doubt in told] == [" no middle", " no body"]


def test_a_plain_config_gives_no_doubt(tmp_path: Path) -> None:
    assert not list(doubts(config_of(tmp_path), ["scratch"], rules_of()))
