"""The way from a run to a bundle, step by step; a step that fails leaves nothing behind."""

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from onnx import ModelProto
from pydantic import TypeAdapter, ValidationError

from contract.bundle import Bundle, Golden, write_bundle
from contract.card import (
    CardName,
    CardVersion,
    Fraction,
    MmPerPx,
    ModelCard,
    ParityResult,
    Precision,
)
from contract.classes import ClassList
from contract.errors import ConfigError
from export.figures import embedding_statistics, figures
from export.golden import choose_golden
from export.graph import stamp, to_fp16, to_onnx
from export.images import Images, load_images
from export.parity import (
    BATCH,
    golden_limits,
    open_installed,
    outputs,
    require,
    require_exact,
    require_small_loss,
)
from export.people import model_card
from export.quantise import CALIBRATION_TILES, Target, stratified, to_int8
from export.views import with_views
from runtime.factory import Backend
from runtime.graph import check_graph
from training.job import PLAN, Plan, read_plan
from training.networks.deployed import Deployed, Views
from training.operating import Rule
from training.provenance import versions
from training.run import RUN, Run, open_run
from training.split_file import PARTS

F32 = npt.NDArray[np.float32]
Say = Callable[[str], None]

REFERENCE = ("openvino", "onnxruntime")
"""Whose outputs the golden tiles carry: the line's first choice where it is installed."""
PARITY_TILES = 512
SEED = 0
TOOLS = ("stripsight", "torch", "onnx", "onnxscript", "onnxruntime", "openvino", "nncf", "numpy")


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made; None takes the run's own value."""

    run: Run
    data: Path
    out: Path
    precision: Precision
    name: str
    version: str
    mm_per_px: float | None
    clean: tuple[str, ...] | None
    scale_tolerance: float
    command: tuple[str, ...]
    views: Views | None = None
    int8: Target = "cpu"


@dataclass(frozen=True, slots=True)
class _Parity:
    results: tuple[ParityResult, ...]
    golden: Golden
    reference: str
    backend: Backend
    """That of the reference, with the bundle's graph in it."""


def make_bundle(order: Order, say: Say) -> Bundle:
    """Export, quantise, compare, measure, write.

    Raises:
        ConfigError: run, data or options are wrong.
        ParityError: a runtime is too far from the trained network; nothing is written.
        BundleError: the bundle cannot be written.
    """
    _check_place(order.out)
    _check_words(order)
    if order.int8 == "gpu" and order.precision != "int8":
        raise ConfigError(f"--int8 gpu says how to quantise, and --precision is {order.precision}")
    if order.run.record.role != "student":
        raise ConfigError(f"{order.run.path}: is a {order.run.record.role}; give a student's run")
    classes = _classes(order)
    with _step(say, "images decoded"):
        images = load_images(order.run, order.data)
    if order.views and order.views != order.run.record.views:
        with _step(say, f"set to {order.views} views"):
            order = replace(order, run=with_views(order.run, images, order.views))
    network = order.run.load_deployed()
    with _step(say, "graph exported"):
        exported = to_onnx(network, order.run.input_px)
    with _step(say, f"{order.precision} graph made"):
        model = stamp(_reduce(exported, order, images), classes)
    with _step(say, "parity held"):
        parity = _check_parity(network, stamp(exported, classes), model, images, order.precision)
    with _step(say, "figures measured"):
        card = _card(order, classes, parity, images)
    check_graph(model, card)
    plan = read_plan(order.run.path) if (order.run.path / PLAN).exists() else None
    people = model_card(
        card,
        [*_data_command(order.data), *_training_commands(order.run, plan), order.command],
        {part: len(images.part(part)) for part in PARTS},
        extra=plan.extra if plan else (),
        temperature=order.run.record.temperature,
        views=order.run.record.views,
        point=order.run.record.operating,
    )
    return write_bundle(order.out, model=model, card=card, golden=parity.golden, people=people)


def _check_place(out: Path) -> None:
    """Found out now, not after minutes of work."""
    try:
        if out.exists():
            raise ConfigError(f"{out}: exists and is never overwritten; choose another --out")
        above = next(folder for folder in out.absolute().parents if folder.exists())
        with TemporaryFile(dir=above):
            pass
    except OSError as error:
        raise ConfigError(f"{out}: cannot be used as --out ({error.strerror})") from error


def _check_words(order: Order) -> None:
    rules: tuple[tuple[str, TypeAdapter[Any], object], ...] = (
        ("--name", TypeAdapter(CardName), order.name),
        ("--version", TypeAdapter(CardVersion), order.version),
        ("--mm-per-px", TypeAdapter(MmPerPx | None), order.mm_per_px),
        ("--scale-tolerance", TypeAdapter(Fraction), order.scale_tolerance),
    )
    for option, rule, value in rules:
        try:
            rule.validate_python(value)
        except ValidationError as error:
            raise ConfigError(f"{option} {value}: {error.errors()[0]['msg']}") from error


def _data_command(data: Path) -> list[list[str]]:
    """The command that made the images, where `dataset.json` beside them tells it."""
    try:
        about = json.loads((data / "dataset.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return []
    command = about.get("command") if isinstance(about, dict) else None
    return [[str(word) for word in command]] if isinstance(command, list) and command else []


def _training_commands(run: Run, plan: Plan | None) -> list[Sequence[str]]:
    """The teacher's, where it still lies where the student found it, and the run's own."""
    commands: list[Sequence[str]] = [run.record.command_line]
    if plan and plan.teacher and (Path(plan.teacher) / RUN).is_file():
        commands.insert(0, open_run(Path(plan.teacher)).record.command_line)
    return commands


def default_name(run: Run) -> str:
    """A card's name from the run's folder."""
    return re.sub(r"[^a-z0-9._-]+", "-", run.path.resolve().name.lower()).strip("-._")[:64] or "run"


def _classes(order: Order) -> ClassList:
    known = order.run.classes
    clean = known.clean if order.clean is None else order.clean
    if unknown := set(clean) - set(known.names):
        raise ConfigError(
            f"--clean {min(unknown)}: no such class; the run has {', '.join(known.names)}"
        )
    classes = ClassList(names=known.names, clean=clean)
    if not classes.defects:
        raise ConfigError("--clean names every class; leave one out, so that there is a defect")
    if order.run.record.operating and set(clean) != set(known.clean):
        raise ConfigError(
            "--clean: the run's operating point was made for other clean classes; train again with"
            " these"
        )
    if missing := set(classes.defects) - set(order.run.thresholds):
        raise ConfigError(
            f"class {min(missing)} was clean in training and so has no threshold; train again with"
            " it as a defect"
        )
    return classes


def _reduce(exported: ModelProto, order: Order, images: Images) -> ModelProto:
    if order.precision == "fp16":
        return to_fp16(exported)
    if order.precision == "int8":
        train = images.part("train")
        chosen = stratified(train.truth, CALIBRATION_TILES, SEED)
        return to_int8(exported, train.pixels[chosen], order.int8)
    return exported


def _check_parity(
    network: Deployed, exact: bytes, model: bytes, images: Images, precision: Precision
) -> _Parity:
    held_out = images.part("validation")
    tiles = held_out.pick(stratified(held_out.truth, PARITY_TILES, SEED))
    expected = _torch_outputs(network, tiles.pixels)
    results = [
        require_exact(name, outputs(backend, tiles.pixels)[0], expected)
        for name, backend in open_installed(exact, "fp32").items()
    ]
    backends = open_installed(model, precision)
    reference = _reference(backends)
    given = {name: outputs(backend, tiles.pixels) for name, backend in backends.items()}
    if precision != "fp32":
        results += [
            require_small_loss(name, given[name][0], expected, tiles.truth, precision)
            for name in given
        ]
    golden = choose_golden(tiles, *given[reference], precision)
    limits = golden_limits(precision, golden.probabilities)
    results += [
        require(
            name, outputs(backend, golden.pixels)[0], golden.probabilities, limits,
            f"{precision} on {reference}, golden tiles",
        )
        for name, backend in backends.items()
    ]  # fmt: skip
    return _Parity(tuple(results), golden, reference, backends[reference])


def _torch_outputs(network: Deployed, pixels: npt.NDArray[np.uint8]) -> F32:
    with torch.inference_mode():
        parts = [
            network(torch.from_numpy(pixels[start : start + BATCH]))[0].numpy()
            for start in range(0, len(pixels), BATCH)
        ]
    return np.concatenate(parts)


def _reference(backends: dict[str, Backend]) -> str:
    return next((name for name in REFERENCE if name in backends), next(iter(backends)))


def _card(order: Order, classes: ClassList, parity: _Parity, images: Images) -> ModelCard:
    judged = images.part("test")
    thresholds = {name: order.run.thresholds[name] for name in classes.defects}
    named = outputs(parity.backend, judged.pixels)[0]
    metrics, recall = figures(Rule(classes, thresholds), judged, named)
    _, embedding = outputs(parity.backend, images.part("train").pixels)
    return ModelCard(
        schema_version="2",
        name=order.name,
        version=order.version,
        created=datetime.now(UTC),
        classes=classes,
        class_digest=classes.digest,
        tile_px=order.run.tile_px,
        input_px=order.run.input_px,
        mm_per_px=order.run.mm_per_px if order.mm_per_px is None else order.mm_per_px,
        scale_tolerance=order.scale_tolerance,
        precision=order.precision,
        thresholds=thresholds,
        embedding=embedding_statistics(embedding),
        training_data_digest=order.run.data_digest,
        metrics=metrics,
        recall=recall,
        metrics_on=f"the test part of the run's split ({len(judged)} images in"
        f" {len(np.unique(judged.groups))} groups), with this {order.precision} graph on"
        f" {parity.reference}; intervals from a bootstrap over groups",
        golden_limits=golden_limits(order.precision, parity.golden.probabilities),
        parity=parity.results,
        tools=versions(TOOLS)
        | {f"{tool} (training)": version for tool, version in order.run.record.versions.items()},
        screen=None,
    )


@contextmanager
def _step(say: Say, done: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    say(f"{done:<24} {time.perf_counter() - start:6.1f} s")
