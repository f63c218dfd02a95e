"""The command `screen`."""

from pathlib import Path
from typing import Annotated

import typer

from contract.bundle import open_bundle
from contract.words import command_line


def screen(
    bundle: Annotated[Path, typer.Option(help="The bundle that is to have a screen.")],
    frames: Annotated[
        list[Path],
        typer.Option(help="Folder with truth.json or boxes.csv; may be repeated."),
    ],
    out: Annotated[
        Path | None, typer.Option(help="The bundle with its screen; must not exist yet.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Folder for the trade: CSV, Markdown, plot.")
    ] = None,
    miss_rate: Annotated[
        float, typer.Option(min=0.0001, max=0.5, help="At most this share of a class is missed.")
    ] = 0.01,
    confidence: Annotated[
        float, typer.Option(min=0.5, max=0.9999, help="Of each class's bound.")
    ] = 0.95,
    held_out: Annotated[
        float, typer.Option(min=0.05, max=0.9, help="Share of the coils that only check.")
    ] = 0.3,
    mm_per_px: Annotated[
        float | None, typer.Option(help="Scale of frames with a boxes.csv.")
    ] = None,
    edge_margin_px: Annotated[int, typer.Option(min=0, help="The line's strip.margin_px.")] = 6,
    seed: Annotated[int, typer.Option(min=0, help="Of the choices by chance.")] = 0,
) -> None:
    """Calibrate a screen: tiles that need no network, with a bounded share of missed defects.

        stripsight-export screen --bundle bundles/mine --frames FRAMES --out bundles/mine-2

    FRAMES is what `stripsight-edge simulate` writes, or frames of your own with a boxes.csv (file,
    coil, class, xmin, ymin, xmax, ymax; in the order of the strip).
    """
    from export.screen.calibrate import Wish
    from export.screen.make import Order, make_screen
    from export.screen.speed import network_speed

    opened = open_bundle(bundle)
    order = Order(
        bundle=opened,
        frames=tuple(frames),
        mm_per_px=mm_per_px,
        edge_margin_px=edge_margin_px,
        wish=Wish(miss_rate, confidence, held_out, seed),
        out=out,
        report=report,
        speed=lambda: network_speed(opened),
        command=command_line("stripsight-export"),
    )
    make_screen(order, print)
