from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.config import load_config
from edge.errors import ConfigError
from tests.conftest import ROOT

GOOD = {
    "site": "s",
    "line": "l",
    "camera": "c",
    "bundle": "bundles/one",
    "source": {"kind": "folder", "path": "frames"},
    "optics": {"mm_per_px_along": 0.5, "mm_per_px_across": 0.5},
    "position": {"kind": "lines"},
    "coils": {"width_mm": 900},
    "ledger": {"path": "ledger"},
    "run_path": "run",
}
F7 = {"name": "F7", "diameter_mm": [630, 710]}


def write(folder: Path, **changes: object) -> Path:
    path = folder / "line.yaml"
    path.write_text(yaml.safe_dump(GOOD | changes))
    return path


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    found = load_config(write(tmp_path, bundle="../b"))
    assert found.bundle == tmp_path.parent / "b"
    assert found.ledger.path == tmp_path / "ledger"
    assert found.event_source == "/s/l/c"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cosole": {}}, "unknown key 'cosole', did you mean 'console'?"),
        ({"inspect": {"dedline_s": 1}}, "did you mean 'deadline_s'?"),
        ({"source": {"kind": "folder", "pth": "x"}}, "did you mean 'path'?"),
        ({"source": {"kind": "webcam"}}, "source"),
        ({"deliver": {"mqtt": [{"hst": "x"}]}}, "did you mean 'host'?"),
        ({"coils": {"width_mm": -1}}, "coils.width_mm"),
        ({"coils": {"width_mm": "wide"}}, "coils.width_mm"),
        ({"coils": {"width_mm": float("nan")}}, "coils.width_mm"),
        ({"site": "a/b"}, "site"),
        ({"metrics": {"inspect_port": 70000}}, "inspect_port"),
        ({"position": {"kind": "encoder", "counts_per_m": 1}}, "this source gives no counts"),
        ({"position": {"kind": "speed_signal", "pitch_at_m_per_s": 1}}, "nobody tells a speed"),
        ({"position": {"kind": "encoder", "counts_per_m": 1, "bit": 9}}, "did you mean 'bits'?"),
        ({"mounting": {"miror": True}}, "did you mean 'mirrored'?"),
        ({"deliver": {"mqtt": [{"host": "a"}, {"host": "b"}]}}, "two receivers are named 'mqtt'"),
        (
            {"rolls": {"table": [{"name": "F7", "diametr_mm": [1, 2]}]}},
            "did you mean 'diameter_mm'?",
        ),
        ({"rolls": {"table": [{"name": "F7", "diameter_mm": [700, 650]}]}}, "diameter_mm falls"),
        ({"rolls": {"table": [{"name": "F7", "diameter_mm": [1e9, 1e9]}]}}, "diameter_mm"),
        ({"rolls": {"table": [F7, F7]}}, "two rolls are named 'F7'"),
        ({"rolls": {"table": [F7 | {"reduction_percent": [0, 100]}]}}, "reduction_percent"),
        ({"rolls": {"any_period_m": [3, 1]}}, "write the shorter period first"),
        ({"rolls": {"turns": 1}}, "rolls.turns"),
        ({"rolls": {"confidence": 1}}, "at most 0.999999, found 1: at 1 no roll is ever told"),
    ],
)
def test_a_wrong_key_or_value_is_named(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, **changes))
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'line.yaml'}: ")


MILL = {"name": "level2", "host": "h", "topics": ["mill/#"]}
NODES = {"security_policy": "None", "nodes": {"coil": "ns=2;s=x"}}
LISTS = {"F7": {"diameter_mm": [630, 710]}}
NAME_WORDS = "letters, digits, `_`, `.` and `-`, 63 at most, the first a letter or a digit"
TOPIC_WORDS = "`+` and `#` stand for whole levels of a topic, and `#` is the last of them"
ENDPOINT_WORDS = "write opc.tcp://host:4840, without a user, with a path where the server has one"
POLICIES = "'Basic256Sha256', 'Aes128_Sha256_RsaOaep', 'Aes256_Sha256_RsaPss' or 'None'"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"mill": {"mqtt": [MILL | {"topics": ["mill/#/x"]}]}},
            f"mill.mqtt.0.topics.0: {TOPIC_WORDS} (found 'mill/#/x')",
        ),
        (
            {"mill": {"mqtt": [MILL | {"topics": []}]}},
            "mill.mqtt.0.topics: write at least 1, found 0",
        ),
        (
            {"mill": {"mqtt": [MILL | {"topics": "mill/#"}]}},
            "mill.mqtt.0.topics: write a list: [mill/#]",
        ),
        (
            {"mill": {"mqtt": [MILL]}, "coils": {"width_mm": 900, "length_m": 5}},
            "coils.length_m: the mill tells where coils begin; leave one out",
        ),
        (
            {"mill": {"opcua": [NODES | {"endpoint": "http://x"}]}},
            f"mill.opcua.0.endpoint: {ENDPOINT_WORDS} (found 'http://x')",
        ),
        (
            {"deliver": {"opcua_server": {"policies": ["none"]}}},
            f"deliver.opcua_server.policies.0: Input should be {POLICIES} (found 'none')",
        ),
        ({"deliver": {"mqtt": 5}}, "deliver.mqtt: write a list: [5]"),
        ({"deliver": {"mqtt": None}}, "deliver.mqtt: write a list (found None)"),
        (
            {"rolls": {"table": LISTS}},
            "rolls.table: write a list: a line for each, beginning with `- `",
        ),
        (
            {"rolls": {"any_period_m": 3}},
            "rolls.any_period_m: write a list of two numbers, as [1, 2] (found 3)",
        ),
        (
            {"rolls": {"table": [F7 | {"diameter_mm": [700]}]}},
            "rolls.table.0.diameter_mm: write a list of two numbers, as [1, 2] (found [700])",
        ),
        (
            {"source": {"kind": "simulated", "speed": [5]}},
            "source.simulated.speed.0: write a list of two numbers, as [1, 2] (found 5)",
        ),
        ({"rolls": {"table": [F7, F7]}}, "rolls: two rolls are named 'F7'; give each its own name"),
        ({"rolls": 3}, "rolls: write keys with values (found 3)"),
        ({"site": 1.0}, "site: YAML reads 1.0 here; put the word in quotes"),
        (
            {"site": "a b"},
            f"site: {NAME_WORDS} (found 'a b')",
        ),
    ],
)
def test_what_is_wrong_is_said_once_and_in_words_of_yaml(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    path = write(tmp_path, **changes)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value) == f"{path}: {words}"


def test_a_number_too_long_to_be_written_is_shown_in_part(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_text(f"{path.read_text()}console: {{port: 0x{'f' * 5000}}}\n")
    with pytest.raises(ConfigError, match=r"console.port: .* \(found 0xffff"):
        load_config(path)


def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    path = tmp_path / "line.yaml"
    path.write_text("# nothing yet\n")
    with pytest.raises(ConfigError, match=r"line.yaml: empty; deploy/config/ has examples"):
        load_config(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"- 1\n", b"a: [", b"\xff\xfe\x00", b"&a [*a]", b"!!python/object:os.system {}", b"\0"],
)
def test_what_is_no_config_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "line.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"line\.yaml"):
        load_config(path)


def test_a_missing_file_and_a_huge_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such config file"):
        load_config(tmp_path / "none.yaml")
    huge = tmp_path / "huge.yaml"
    huge.write_bytes(b"#" * (2 << 20))
    with pytest.raises(ConfigError, match="larger than 1 MiB"):
        load_config(huge)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "line.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError):
        load_config(path)


OTHERS = {"grading.yaml"}
"""What configs name, beside them."""


@pytest.mark.parametrize(
    "path",
    sorted(p for p in (ROOT / "deploy" / "config").glob("*.yaml") if p.name not in OTHERS),
)
def test_the_examples_are_right(path: Path) -> None:
    assert load_config(path).site
