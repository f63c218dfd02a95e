from pathlib import Path

import pytest

from contract.bundle import open_bundle
from contract.card import Precision
from contract.errors import BundleError
from export import check
from runtime.engine_cache import EngineCache
from runtime.factory import Backend, open_backend
from tests.unit.runtime.small_bundle import write_small_bundle


def test_a_backend_that_refuses_the_graph_is_a_row_and_the_others_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(
        name: str, model: bytes, precision: Precision, threads: int, cache: EngineCache
    ) -> Backend:
        if name == "openvino":
            raise BundleError("openvino: cannot compile it")
        return open_backend(name, model, precision, threads, cache)

    monkeypatch.setattr(check, "open_backend", opened)
    write_small_bundle(tmp_path / "bundle")
    lines, failed = check.check_bundle(open_bundle(tmp_path / "bundle"))
    assert failed == ["openvino"]
    assert "openvino: cannot compile it" in lines[1]
    assert any(line.startswith("onnxruntime") and line.endswith("passed") for line in lines)
