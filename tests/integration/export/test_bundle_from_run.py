"""From a run to a bundle to a class, with the real exporter, quantiser and runtimes."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
import yaml
from onnx import TensorProto
from typer.testing import CliRunner

from contract.bundle import Bundle, open_bundle
from contract.card import Precision
from contract.errors import BundleError, ConfigError, ParityError
from export import make
from export.cli import app
from export.images import load_images
from export.make import Order, default_name, make_bundle
from export.views import with_views
from runtime.engine import load_engine
from runtime.graph import check_graph
from tests.conftest import ROOT
from training.run import CONFIG, Run, open_run

pytestmark = pytest.mark.integration


def order(run: Run, data: Path, out: Path, precision: Precision = "int8") -> Order:
    return Order(
        run=run, data=data, out=out, precision=precision, name=default_name(run), version="7",
        mm_per_px=None, clean=None, scale_tolerance=0.25,
        command=("stripsight-export", "bundle", "--precision", precision),
    )  # fmt: skip


@pytest.fixture(scope="session")
def int8(trained_run: Run, images: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    out = tmp_path_factory.mktemp("bundles") / "int8"
    said: list[str] = []
    bundle = make_bundle(order(trained_run, images, out), said.append)
    assert len(said) == 5
    return bundle


def test_a_mirrored_student_is_mirrored_on_the_line(
    trained_run: Run, images: Path, tmp_path: Path
) -> None:
    wanted = replace(order(trained_run, images, tmp_path / "b"), views=2)
    bundle = make_bundle(wanted, lambda _: None)
    tiles = load_images(trained_run, images).pixels[:20]
    mirrored = np.ascontiguousarray(tiles[:, :, ::-1])
    engine = load_engine(bundle, ["openvino"], threads=1, sizes=(8,))
    assert engine.classify(tiles)[0] == pytest.approx(engine.classify(mirrored)[0], abs=1e-5)
    plain = open_run(trained_run.path).load_deployed()
    two = with_views(trained_run, load_images(trained_run, images), 2)
    with torch.inference_mode():
        one, other = (plain(torch.from_numpy(t))[1].numpy() for t in (tiles, mirrored))
        both = two.load_deployed()(torch.from_numpy(tiles))[1].numpy()
    assert both == pytest.approx((one + other) / 2, abs=1e-4)
    assert abs(one - other).max() > 1e-2
    assert bundle.card.thresholds == two.thresholds


def test_views_of_mirror_images_that_training_never_showed_are_refused(
    trained_run: Run, images: Path, tmp_path: Path
) -> None:
    path = tmp_path / "run"
    shutil.copytree(trained_run.path, path)
    settings = yaml.safe_load((path / CONFIG).read_text())
    settings["augment"]["flip_along"] = False
    (path / CONFIG).write_text(yaml.safe_dump(settings))
    loaded = load_images(trained_run, images)
    assert with_views(open_run(path), loaded, 2).record.views == 2
    with pytest.raises(ConfigError, match=r"--views 4: .* without such mirror images"):
        with_views(open_run(path), loaded, 4)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_an_untrained_student_becomes_a_bundle_that_classifies(
    untrained_run: Run, images: Path, tmp_path: Path, precision: Precision
) -> None:
    bundle = make_bundle(order(untrained_run, images, tmp_path / "b", precision), print)
    tiles = load_images(untrained_run, images).pixels[:20]
    engine = load_engine(bundle, ["openvino"], threads=1, sizes=(8,))
    probabilities, embedding = engine.classify(tiles)
    with torch.inference_mode():
        expected, vectors = untrained_run.load_deployed()(torch.from_numpy(tiles))
    allowed = 1e-4 if precision == "fp32" else 0.05
    np.testing.assert_allclose(probabilities, expected.numpy(), atol=allowed)
    np.testing.assert_allclose(embedding, vectors.numpy(), atol=allowed * vectors.max().item())


def test_the_int8_bundle_knows_the_classes_on_every_backend(
    int8: Bundle, trained_run: Run, images: Path
) -> None:
    test = load_images(trained_run, images).part("test")
    for backend in ("openvino", "onnxruntime"):
        probabilities, _ = load_engine(int8, [backend], 1, (8,)).classify(test.pixels)
        assert (probabilities.argmax(axis=1) == test.truth).mean() > 0.9
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-3)


def test_the_int8_file_is_a_quarter_and_self_contained(int8: Bundle) -> None:
    content = int8.model.read_bytes()
    assert len(content) < 25 * 2**20
    graph = onnx.load_model_from_string(content)
    convolutions = sum(node.op_type == "Conv" for node in graph.graph.node)
    quantised = sum(node.op_type == "QuantizeLinear" for node in graph.graph.node)
    assert convolutions == 36
    assert quantised >= 36
    check_graph(content, int8.card)


def test_the_graph_tells_nothing_of_the_machine_that_made_it(int8: Bundle) -> None:
    content = int8.model.read_bytes()
    assert b"site-packages" not in content
    assert str(ROOT).encode() not in content


def test_the_card_measures_the_artefact_itself(
    int8: Bundle, trained_run: Run, images: Path
) -> None:
    card = int8.card
    test = load_images(trained_run, images).part("test")
    probabilities, _ = load_engine(int8, ["openvino"], 1, (8,)).classify(test.pixels)
    right = (probabilities.argmax(axis=1) == test.truth).mean()
    assert card.metrics["accuracy"].value == pytest.approx(right)
    assert card.metrics["accuracy"].images == len(test) == 24
    assert set(card.recall) == {"blotch", "clean", "scratch"}
    assert card.class_digest == trained_run.classes.digest
    assert card.name == "easy-three"
    assert card.training_data_digest == trained_run.data_digest
    assert "24 images" in card.metrics_on
    assert all(result.passed for result in card.parity)
    assert {result.backend for result in card.parity} >= {"openvino", "onnxruntime"}
    assert {result.reference for result in card.parity} == {
        "torch fp32, fp32 graph", "torch fp32, int8 graph", "int8 on openvino, golden tiles",
    }  # fmt: skip


def test_golden_tiles_show_every_class_and_are_decided(int8: Bundle) -> None:
    golden = int8.golden()
    assert set(golden.probabilities.argmax(axis=1)) == {0, 1, 2}
    assert int8.card.golden_limits.min_label_agreement == 1.0
    assert len(golden.pixels) == 12


def test_people_read_figures_parity_and_commands(int8: Bundle) -> None:
    text = (int8.path / "MODEL_CARD.md").read_text("utf-8")
    for words in (
        "# easy-three-7", "| accuracy |", "| recall of scratch |", "95 % interval",
        "stripsight-train student --no-distill", "stripsight-export bundle --precision int8",
        int8.card.training_data_digest, "72 train, 24 validation, 24 test images", "0.5 mm",
    ):  # fmt: skip
        assert words in text, words


def test_the_parity_command_prints_a_table(int8: Bundle) -> None:
    result = CliRunner().invoke(app, ["parity", str(int8.path)])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert [line.split()[-1] for line in lines if line.startswith(("openvino", "onnxruntime"))] == [
        "passed", "passed",
    ]  # fmt: skip
    assert any(line.startswith("cuda") for line in lines)


def test_swapped_class_order_fails_parity_at_load(int8: Bundle, tmp_path: Path) -> None:
    """The same network with two outputs exchanged, its manifest made right again."""
    copy = shutil.copytree(int8.path, tmp_path / "b")
    graph = onnx.load(copy / "model.onnx")
    head = next(node for node in graph.graph.node if node.op_type == "Gemm")
    for tensor in graph.graph.initializer:
        if tensor.name in head.input[1:]:
            values = onnx.numpy_helper.to_array(tensor)[[1, 0, 2]]
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    reseal(copy, "model.onnx", graph.SerializeToString())
    with pytest.raises(ParityError, match="golden tiles differ by"):
        load_engine(open_bundle(copy), ["openvino", "onnxruntime"], 1, (8,))
    result = command("parity", str(copy))
    assert result.returncode == 3
    assert "FAILED" in result.stdout
    assert "openvino, onnxruntime broke its limits" in result.stderr


def test_a_graph_that_breaks_a_limit_is_not_written(
    trained_run: Run, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong_scale(model: onnx.ModelProto, *_: object) -> onnx.ModelProto:
        for tensor in model.graph.initializer:
            if tensor.name == "network.fc.weight":
                values = onnx.numpy_helper.to_array(tensor) * 0.2
                tensor.CopyFrom(
                    onnx.numpy_helper.from_array(values.astype(np.float32), tensor.name)
                )
        return model

    monkeypatch.setattr(make, "_reduce", wrong_scale)
    out = tmp_path / "b"
    with pytest.raises(ParityError, match=r"openvino: .*differ by 0\.\d+ \(limit .*fp32"):
        make_bundle(order(trained_run, images, out, "fp16"), print)
    assert not out.exists()
    assert not list(tmp_path.iterdir())


def reseal(bundle: Path, name: str, content: bytes) -> None:
    """Replace a file and make the manifest agree, as somebody would who forges a bundle."""
    (bundle / name).write_bytes(content)
    manifest = json.loads((bundle / "manifest.json").read_text("utf-8"))
    manifest["files"][name] = hashlib.sha256(content).hexdigest()
    (bundle / "manifest.json").write_text(json.dumps(manifest), "utf-8")


def test_forged_graphs_are_refused_by_name(int8: Bundle, tmp_path: Path) -> None:
    def forge(name: str, change: Callable[[onnx.ModelProto], None]) -> BundleError:
        copy = shutil.copytree(int8.path, tmp_path / name)
        graph = onnx.load(copy / "model.onnx")
        change(graph)
        reseal(copy, "model.onnx", graph.SerializeToString())
        with pytest.raises(BundleError) as caught:
            load_engine(open_bundle(copy), ["openvino"], 1)
        return caught.value

    def external(graph: onnx.ModelProto) -> None:
        tensor = graph.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="../secret")

    def float_input(graph: onnx.ModelProto) -> None:
        graph.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT

    def other_classes(graph: onnx.ModelProto) -> None:
        for entry in graph.metadata_props:
            entry.value = "somebody else"

    assert "external data" in str(forge("external", external))
    assert "pixels is FLOAT" in str(forge("float", float_input))
    assert "exported for another class list" in str(forge("classes", other_classes))


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a user runs it."""
    return subprocess.run(
        [sys.executable, "-m", "export.cli", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip


def test_mistakes_give_one_line_and_their_exit_code(
    trained_run: Run, images: Path, tmp_path: Path
) -> None:
    out = str(tmp_path / "b")
    cases = [
        (["parity", str(tmp_path / "none")], 3, "no bundle there"),
        (["bundle", "--run", str(tmp_path), "--data", str(images), "--out", out], 2, "no finished"),
        (
            ["bundle", "--run", str(trained_run.path), "--data", str(images), "--out",
             str(tmp_path)], 2, "never overwritten",
        ),
        (
            ["bundle", "--run", str(trained_run.path), "--data", str(images), "--out", out,
             "--clean", "rust"], 2, "--clean rust: no such class; the run has blotch",
        ),
        (
            ["bundle", "--run", str(trained_run.path), "--data", str(images), "--out", out,
             "--name", "Bad Name"], 2, "--name Bad Name: String should match pattern",
        ),
    ]  # fmt: skip
    for arguments, code, words in cases:
        done = command(*arguments)
        assert done.returncode == code, done.stderr
        assert words in done.stderr
        assert "Traceback" not in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": "1 2"}, "--version 1 2: "),
        ({"mm_per_px": -1.0}, "--mm-per-px -1.0: "),
        ({"scale_tolerance": float("nan")}, "--scale-tolerance nan: "),
        ({"clean": ("blotch", "clean", "scratch")}, "--clean names every class"),
        ({"out": Path("/proc/nowhere/b")}, "/proc/nowhere/b: cannot be used as --out"),
    ],
)
def test_wrong_options_are_found_before_the_work(
    trained_run: Run, images: Path, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    said: list[str] = []
    with pytest.raises(ConfigError, match=words):
        make_bundle(replace(order(trained_run, images, tmp_path / "b"), **change), said.append)
    assert said == []


def test_other_data_is_refused(trained_run: Run, images: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(images, tmp_path / "images")
    (copy / "clean" / "000.png").unlink()
    with pytest.raises(ConfigError, match=r"is not the data that .* was trained on"):
        make_bundle(order(trained_run, copy, tmp_path / "b"), print)


def test_a_teacher_is_refused(trained_run: Run, images: Path, tmp_path: Path) -> None:
    record = trained_run.record.model_copy(update={"role": "teacher"})
    teacher = Run(trained_run.path, record)
    with pytest.raises(ConfigError, match="is a teacher; give a student's run"):
        make_bundle(order(teacher, images, tmp_path / "b"), print)
