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
    assert "line.yaml" in str(caught.value)


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
