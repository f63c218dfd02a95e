"""A user's YAML is read strictly, and never ends in a stack trace."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contract.errors import ConfigError
from contract.settings_file import read_settings


def test_a_mapping_comes_back_and_an_empty_file_is_an_empty_one(tmp_path: Path) -> None:
    file = tmp_path / "line.yaml"
    file.write_text("a: {b: [1, x]}\n'2': yes\n")
    assert read_settings(file, "") == {"a": {"b": [1, "x"]}, "2": True}
    file.write_text("# nothing yet\n")
    assert read_settings(file, "") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", r"'a' is here twice; remove one[\s\S]*line 3"),
        ("outer:\n  b: 2\n  b: 3\n", "'b' is here twice"),
        ("- 1", "must be a YAML mapping; see there"),
        ("a: [", "cannot be read as YAML"),
        ("? [1, 2]\n: 3", "cannot be read as YAML"),
        ("!!python/object/apply:os.system [ls]", "cannot be read as YAML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "line.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_settings(file, "see there")


def test_a_file_that_is_not_there_or_a_folder_is_called_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.yaml: no such rules file; see there"):
        read_settings(tmp_path / "none.yaml", "see there", "rules")
    with pytest.raises(ConfigError, match=f"{tmp_path}: a folder; name the config file in it"):
        read_settings(tmp_path, "see there")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"below: cannot be read \(Not a directory\)"):
        read_settings(tmp_path / "file" / "below", "see there")


@settings(max_examples=60)
@example(content=b"? {a: 1}\n: 2")
@given(content=st.binary(max_size=200))
def test_hostile_bytes_are_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "hostile.yaml"
    file.write_bytes(content)
    with contextlib.suppress(ConfigError):
        assert isinstance(read_settings(file, ""), dict)
