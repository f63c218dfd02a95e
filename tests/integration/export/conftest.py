"""Runs and bundles made once for all export tests: a student that was never trained, and one that
learned three easy classes in a few steps.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch

from contract.classes import ClassList
from training.config import dump_settings, load_settings
from training.folder import scan
from training.networks.deployed import Deployed
from training.networks.resnet import ResNet34
from training.run import (
    CONFIG,
    SPLIT,
    WEIGHTS,
    ResNet34Shape,
    Run,
    RunRecord,
    file_digest,
    open_run,
    write_record,
)
from training.split_file import Part, SplitRow, write_split

U8 = npt.NDArray[np.uint8]
NAMES = ("blotch", "clean", "scratch")
SIDE, TILE = 32, 48
PER_CLASS = 40


def draw(name: str, generator: np.random.Generator) -> U8:
    """A grey tile, with a dark blotch or a bright line unless it is clean."""
    tile = np.full((TILE, TILE), generator.integers(100, 150), np.uint8)
    x, y = (int(v) for v in generator.integers(14, TILE - 14, 2))
    if name == "blotch":
        cv2.circle(tile, (x, y), int(generator.integers(8, 13)), 30, -1)
    if name == "scratch":
        cv2.line(tile, (x, 0), (x + int(generator.integers(-4, 5)), TILE), 235, 3)
    noise = generator.normal(0, 6, tile.shape)
    return np.clip(tile + noise, 0, 255).astype(np.uint8)


def write_images(folder: Path) -> Path:
    generator = np.random.default_rng(11)
    for name in NAMES:
        (folder / name).mkdir(parents=True)
        for number in range(PER_CLASS):
            cv2.imwrite(str(folder / name / f"{number:03}.png"), draw(name, generator))
    return folder


def parts(files: Sequence[str]) -> list[Part]:
    """Of ten images of a class six train, two validate and two test."""
    held: dict[int, Part] = {6: "validation", 7: "validation", 8: "test", 9: "test"}
    return [held.get(number % 10, "train") for number in range(len(files))]


def write_run(path: Path, network: ResNet34, data: Path, mean: float, std: float) -> Run:
    """A run as stripsight-train leaves it behind, around a network made here."""
    path.mkdir()
    folder = scan(data)
    rows = [
        SplitRow(file, part, file)
        for file, part in zip(folder.files, parts(folder.files), strict=True)
    ]
    write_split(path / SPLIT, rows)
    torch.save(network.state_dict(), path / WEIGHTS)
    classes = ClassList(names=NAMES, clean=("clean",))
    record = RunRecord(
        schema_version="1", role="student", network=ResNet34Shape(), classes=classes,
        class_digest=classes.digest, input_px=SIDE, tile_px=TILE, mm_per_px=0.5, mean=mean, std=std,
        temperature=1.2, thresholds=dict.fromkeys(classes.defects, 0.5), metrics={},
        data_digest=folder.digest(), weights_digest=file_digest(path / WEIGHTS), seed=0,
        best_epoch=0, teacher=None, git_revision=None,
        command_line=("stripsight-train", "student", "--no-distill"), versions={},
    )  # fmt: skip
    (path / CONFIG).write_text(dump_settings(load_settings()))
    write_record(path, record)
    return open_run(path)


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("data") / "images")


@pytest.fixture(scope="session")
def untrained_run(tmp_path_factory: pytest.TempPathFactory, images: Path) -> Run:
    torch.manual_seed(0)
    return write_run(tmp_path_factory.mktemp("runs") / "untrained", ResNet34(3), images, 128, 50)


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory: pytest.TempPathFactory, images: Path) -> Run:
    return write_run(tmp_path_factory.mktemp("runs") / "Easy Three", fit(), images, 128, 50)


def fit() -> ResNet34:
    """Forty steps of Adam on freshly drawn tiles: enough for three classes that differ plainly."""
    torch.set_num_threads(1)  # more only get into each other's way on so small tiles
    torch.manual_seed(0)
    generator = np.random.default_rng(1)
    network = ResNet34(len(NAMES)).train()
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    deployed = Deployed(network, 128, 50, 1.0)
    for _ in range(40):
        labels = generator.integers(0, len(NAMES), 24)
        tiles = np.stack(
            [cv2.resize(draw(NAMES[n], generator), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
             for n in labels]
        )  # fmt: skip
        probabilities, _ = deployed(torch.from_numpy(tiles))
        loss = torch.nn.functional.nll_loss(probabilities.log(), torch.from_numpy(labels))
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
    return network.eval()
