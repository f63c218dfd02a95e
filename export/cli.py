"""`stripsight-export`: from a trained student to a bundle for the line."""

import errno
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from contract.bundle import open_bundle
from contract.card import Precision
from contract.errors import ConfigError, ParityError, StripSightError
from contract.words import command_line
from export.screen.cli import screen

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Turn a trained student into a bundle that the line can run:\n\n"
    "    stripsight-export bundle --run runs/student --data images --out bundles/mine\n\n"
    "Exit codes: 0 fine, 1 a fault of this program, 2 usage, 3 a bundle is broken or its numbers"
    " are off.",
)


ViewsOption = Annotated[
    Literal[1, 2, 4] | None,
    typer.Option(
        help="Average so many mirror images of a tile, at as many times the line's cost; the run's"
        " own number if not given.",
        show_default=False,
    ),
]


@app.command()
def bundle(
    run: Annotated[Path, typer.Option(help="What stripsight-train student wrote.")],
    data: Annotated[Path, typer.Option(help="The image folder that the run was trained on.")],
    out: Annotated[Path, typer.Option(help="The bundle's folder; must not exist yet.")],
    precision: Annotated[
        Precision, typer.Option(help="int8 for processors, fp16 for GPUs, fp32 to compare.")
    ] = "int8",
    int8: Annotated[
        Literal["cpu", "gpu"],
        typer.Option(help="gpu: signed activations, as TensorRT wants them; cpu is finer."),
    ] = "cpu",
    name: Annotated[
        str | None, typer.Option(help="Name in the card; the run's folder name if not given.")
    ] = None,
    version: Annotated[str, typer.Option(help="Version in the card.")] = "1",
    mm_per_px: Annotated[
        float | None, typer.Option(help="Scale of the training pictures, instead of the run's.")
    ] = None,
    scale_tolerance: Annotated[
        float,
        typer.Option(min=0, max=1, help="How far the camera's mm per px may be off, as a share."),
    ] = 0.25,
    clean: Annotated[
        list[str] | None, typer.Option(help="A class that means no defect; may be repeated.")
    ] = None,
    views: ViewsOption = None,
) -> None:
    """Export a run: ONNX, int8 or fp16, parity, figures, golden tiles."""
    _keep_quiet()
    print("loading the tools ...")
    from export.make import Order, default_name, make_bundle
    from training.run import open_run

    opened = open_run(run)
    order = Order(
        run=opened,
        data=data,
        out=out,
        precision=precision,
        name=name or default_name(opened),
        version=version,
        mm_per_px=mm_per_px,
        clean=tuple(clean) if clean else None,
        scale_tolerance=scale_tolerance,
        command=command_line("stripsight-export"),
        views=views,
        int8=int8,
    )
    made = make_bundle(order, print)
    accuracy = made.card.metrics["accuracy"]
    print(f"{made.path}: {made.card.label}, {precision}, {_mebibytes(made.path):.1f} MiB")
    print(f"accuracy {accuracy.value:.2%} on {made.card.metrics_on}")
    print(f"MODEL_CARD.md tells the rest; try: stripsight-edge classify --bundle {made.path} DIR")


@app.command()
def study(
    folder: Annotated[
        Path, typer.Argument(metavar="STUDY", help="The --out of stripsight-train study.")
    ],
    data: Annotated[Path, typer.Option(help="The image folder of the study.")],
    variant: Annotated[list[str], typer.Option(help="Whose runs; may be repeated.")],
    precision: Annotated[Precision, typer.Option(help="Of the bundles.")] = "int8",
    corrupt: Annotated[
        list[str] | None, typer.Option(help="NAME or NAME:SEVERITY, as in evaluate; repeatable.")
    ] = None,
    views: ViewsOption = None,
) -> None:
    """Export a study's runs and judge them as deployed: rows VARIANT-int8 in its table.

    With --views N they are VARIANT-int8-views-N.
    """
    _keep_quiet()
    from export.study import Deployment, judge_deployed
    from training.corruptions import read_conditions

    conditions = read_conditions(corrupt or [])
    command = command_line("stripsight-export")
    order = Deployment(folder, data, variant, precision, conditions, command, views)
    judge_deployed(order, print)
    print(f"compare: stripsight-train report {folder}")


@app.command()
def parity(
    path: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle's folder.")],
) -> None:
    """Verify a bundle and run its golden tiles on every backend of this machine."""
    _keep_quiet()
    from export.check import check_bundle

    opened = open_bundle(path)
    print(
        f"{opened.card.label}, {opened.card.precision}, {len(opened.golden().pixels)} golden tiles"
    )
    lines, failed = check_bundle(opened)
    print("\n".join(lines))
    if failed:
        raise ParityError(f"{path}: {', '.join(failed)} broke its limits; do not use it there")


@app.command()
def engine(
    path: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle's folder.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="The cache's folder, inspect.engines of the line's config; `engines` beside the"
            " bundle if not given.",
            show_default=False,
        ),
    ] = None,
    here: Annotated[bool, typer.Option("--here", hidden=True)] = False,
) -> None:
    """Build a bundle's TensorRT engine for the GPU of this machine: some minutes, once.

    The line never builds one: without it, or after a change of GPU, driver, TensorRT or
    ONNX Runtime, it takes the next backend of its list.
    """
    try:
        from export.engine import build_apart, build_engine
    except ImportError as error:
        raise ConfigError(f'{error}; pip install "stripsight[gpu]"') from error
    if here:
        print(f"engine in {build_engine(open_bundle(path), out)}")
    elif code := build_apart(path, out, print):
        raise SystemExit(code)


app.command()(screen)


def _mebibytes(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.iterdir()) / 2**20


def _keep_quiet() -> None:
    """NNCF reports its use over the network unless told that nobody is there."""
    os.environ.setdefault("NNCF_CI", "1")  # noqa: TID251 - a vendor's switch, set before its import


def main() -> None:
    """Run the command; a user's mistake gives one line and its exit code."""
    try:
        app()
    except ModuleNotFoundError as error:
        print(f'stripsight-export: {error}; pip install "stripsight[export]"', file=sys.stderr)
        raise SystemExit(2) from None
    except StripSightError as error:
        print(f"stripsight-export: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EROFS}:
            raise
        print(f"stripsight-export: {error}; make room, then give it again", file=sys.stderr)
        raise SystemExit(ConfigError.exit_code) from None


if __name__ == "__main__":
    main()
