"""What a teacher's thresholds do: how much each stage shrinks, class by class."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from contract.errors import ConfigError
from training.folder import scan
from training.networks.sarsn import STAGES, Sarsn, ShrinkGate
from training.pictures import decode
from training.run import Run, SarsnShape, open_run

F32 = npt.NDArray[np.float32]

PER_CLASS = 24
"""Images of each class that are shown to the network."""


class Shrinkage(NamedTuple):
    """One block's gate: `relative` is the mean threshold as a share of the mean magnitude, of class
    by channel `C x K`, or by cell `C x H x W`; `zeroed` is `C`, the share of features set to zero.
    """

    stage: int
    block: int
    relative: F32
    zeroed: F32


def plot_thresholds(run_path: Path, data: Path, out: Path) -> None:
    """Write the picture of a teacher's thresholds on images of a folder of its classes.

    Raises:
        ConfigError: the run is no teacher with thresholds, or the folder is not of its classes.
    """
    run = open_run(run_path)
    shape = run.record.network
    if not isinstance(shape, SarsnShape) or shape.gate == "none":
        raise ConfigError(f"{run_path}: has no thresholds; give the run of a SARSN teacher")
    if out.suffix not in {".png", ".svg", ".pdf"}:
        raise ConfigError(f"{out}: name the picture .png, .svg or .pdf")
    found = look(run, data)
    out.parent.mkdir(parents=True, exist_ok=True)
    _draw(found, run.classes.names, f"thresholds by {shape.thresholds}", out)


def look(run: Run, data: Path) -> list[Shrinkage]:
    """Thresholds of each block on a few images of each class, in the order of the network."""
    folder, names = scan(data), run.classes.names
    if set(folder.names) != set(names):
        raise ConfigError(f"{data}: its classes are not those of the run ({', '.join(names)})")
    network, record = run.load_network(), run.record
    if not isinstance(network, Sarsn) or not isinstance(record.network, SarsnShape):
        raise TypeError("a SARSN's run holds another network")
    by_class: list[list[tuple[Tensor, Tensor]]] = []
    for name in names:
        files = [f for f in folder.files if f.startswith(f"{name}/")][:PER_CLASS]
        pixels = decode([data / f for f in files], (run.input_px,)).pixels[run.input_px]
        grey = torch.from_numpy(pixels)[:, None].float()
        with _Watch(network) as watch, torch.inference_mode():
            network((grey - record.mean) / record.std)
        by_class.append(watch.seen)
    stages = STAGES[record.network.depth]
    places = [(stage, block) for stage, count in enumerate(stages) for block in range(count)]
    return [
        Shrinkage(
            stage + 1, block + 1, torch.stack([relative for relative, _ in rows]).numpy(),
            torch.stack([zeroed for _, zeroed in rows]).numpy(),
        )
        for (stage, block), rows in zip(places, zip(*by_class, strict=True), strict=True)
    ]  # fmt: skip


class _Watch:
    """Notes of each gate, in the order in which they run: thresholds relative to the mean magnitude
    (`K`, or `H x W` by cell), and the share of features that they set to zero.
    """

    def __init__(self, network: nn.Module) -> None:
        gates = [m for m in network.modules() if isinstance(m, ShrinkGate)]
        self._hooks = [gate.register_forward_pre_hook(self._note) for gate in gates]
        self.seen: list[tuple[Tensor, Tensor]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def _note(self, gate: ShrinkGate, inputs: tuple[Tensor, ...]) -> None:
        (x,) = inputs
        tau, magnitude = gate.tau(x), x.abs()
        over = (2, 3) if gate.thresholds == "channel" else (1,)
        share = tau / magnitude.mean(dim=over, keepdim=True).clamp(min=1e-12)
        mean = share.mean(dim=(0, *(axis for axis in over if axis > 1)))
        relative = mean if gate.thresholds == "channel" else mean[0]
        self.seen.append((relative, (magnitude <= tau).float().mean()))


def _draw(found: Sequence[Shrinkage], names: Sequence[str], title: str, out: Path) -> None:
    """Above: share of zeroed features, block by block. Below: each stage's last block, class by
    channel, channels in the order of their mean; or by cell, one map below the other.
    """
    last = list({shrinkage.stage: shrinkage for shrinkage in found}.values())
    figure = Figure(figsize=(13, 3.4 + 0.34 * len(names)), layout="constrained")
    figure.suptitle(title)
    heights = 2.6, 0.9 + 0.34 * len(names)
    top, bottom = figure.subfigures(2, 1, squeeze=False, height_ratios=heights)[:, 0]
    axes = top.subplots()
    positions = range(len(found))
    for index, name in enumerate(names):
        shares = [100 * float(f.zeroed[index]) for f in found]
        axes.plot(positions, shares, marker=".", label=name.replace("_", " "))
    axes.set_xticks(positions, [f"{f.stage}.{f.block}" for f in found])
    axes.set(xlabel="stage.block", ylabel="features set to zero, %")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, ncols=2)
    for axes, shrinkage in zip(bottom.subplots(1, 4, sharey=True), last, strict=True):
        by_channel = shrinkage.relative.ndim == 2
        image = axes.imshow(
            _by_mean(shrinkage.relative) if by_channel else _stacked(shrinkage.relative),
            aspect="auto", cmap="viridis", vmin=0, vmax=1, interpolation="nearest",
            extent=(0, shrinkage.relative.shape[-1], len(names), 0),
        )  # fmt: skip
        what = "channel, by mean threshold" if by_channel else "cells of the features"
        axes.set(title=f"stage {shrinkage.stage}", xlabel=what)
        centres = [place + 0.5 for place in range(len(names))]
        axes.set_yticks(centres, [name.replace("_", " ") for name in names])
    bottom.colorbar(image, ax=bottom.axes, label="threshold / mean magnitude")
    figure.savefig(out, dpi=110)


def _by_mean(relative: F32) -> F32:
    return relative[:, relative.mean(axis=0).argsort()]


def _stacked(maps: F32) -> F32:
    """`C x H x W` as `C (H + 1) x W`, with an empty row below each map."""
    apart: F32 = np.pad(maps, ((0, 0), (0, 1), (0, 0)), constant_values=np.nan)
    return apart.reshape(-1, maps.shape[-1])
