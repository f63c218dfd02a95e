import pytest

from contract.errors import ConfigError
from contract.words import command_line


def test_it_is_what_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/bin/x", "--data", "Bänder"])
    assert command_line("stripsight-train") == ("stripsight-train", "--data", "Bänder")


def test_a_word_that_no_file_can_keep_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/bin/x", "--out", "run-\udcff"])
    with pytest.raises(ConfigError, match=r"'run-\\udcff': is no UTF-8; rename"):
        command_line("stripsight-train")
