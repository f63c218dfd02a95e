"""The commands `clean` and `check-clean`."""

from pathlib import Path
from typing import Annotated

import typer

from contract.errors import ConfigError
from contract.words import command_line


def clean(
    frames: Annotated[Path, typer.Option("--frames", help="Folder that the table's files lie in.")],
    boxes: Annotated[
        Path, typer.Option("--boxes", help="CSV with file, xmin, ymin, xmax, ymax of each defect.")
    ],
    out: Annotated[Path, typer.Option("--out", help="New image folder with the class `clean`.")],
    tile_px: Annotated[
        int | None,
        typer.Option(
            "--tile-px", min=8, max=4096,
            help="Side of the tiles that are written: that of --match's images, or 128.",
        ),
    ] = None,
    mm_per_px: Annotated[
        float | None, typer.Option("--mm-per-px", min=0.001, max=100, help="Scale of the frames.")
    ] = None,
    tile_mm_per_px: Annotated[
        float | None,
        typer.Option(
            "--tile-mm-per-px", min=0.001, max=100,
            help="Scale of the tiles: that of the defects' images. Without it, the frames' own.",
        ),
    ] = None,
    margin_px: Annotated[
        int, typer.Option("--margin-px", min=0, help="Frame pixels to keep from every box.")
    ] = 16,
    edge_margin_px: Annotated[
        int, typer.Option("--edge-margin-px", min=0, help="Frame pixels to keep from a strip edge.")
    ] = 6,
    per_frame: Annotated[
        int | None, typer.Option("--per-frame", min=1, help="At most so many tiles of one frame.")
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", help="A frame to leave out, as in --boxes; may be repeated."),
    ] = None,
    match: Annotated[
        Path | None,
        typer.Option("--match", help="Image folder whose grey levels the tiles shall have."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the choices by chance.")] = 0,
) -> None:  # fmt: skip
    """Cut defect-free tiles from real frames whose defects are marked.

        stripsight-train clean --frames FRAMES --boxes FRAMES/boxes.csv --out clean --match DEFECTS

    Frames that --boxes does not name are not used; a row with a file and empty corners names a
    frame without defects.
    """
    from runtime.scale import read_gray
    from training.clean.cut import Cut, cut_clean
    from training.clean.grey import image_files, statistics_of
    from training.pictures import typical_side

    files = image_files(match) if match else []
    if match and not files:
        raise ConfigError(f"{match}: no image there to match; give --match an image folder")
    pictures = [read_gray(file) for file in files]
    side = tile_px or (typical_side([picture.shape for picture in pictures]) if pictures else 128)
    targets = tuple(map(statistics_of, pictures))
    print(
        cut_clean(
            Cut(
                frames, boxes, out, side, mm_per_px, tile_mm_per_px, margin_px, edge_margin_px,
                per_frame, tuple(exclude or ()), targets, seed, command_line("stripsight-train"),
            )
        )
    )  # fmt: skip


def check_clean(
    run: Annotated[Path, typer.Option("--run", help="A finished run with a clean class.")],
    data: Annotated[
        Path,
        typer.Option(
            "--data", help="The folder it was trained on; with --part all any of its classes."
        ),
    ],
    part: Annotated[
        str, typer.Option("--part", help="train, validation, test, or all (for another folder).")
    ] = "test",
    margins: Annotated[
        Path | None,
        typer.Option(
            "--margins",
            help="Folder of clean tiles from the margins of defects' own pictures (`clean --frames"
            " PICTURES`): how many of them are reported.",
        ),
    ] = None,
) -> None:
    """Find out whether a run tells defects from clean strip, or one data set from another.

        stripsight-train check-clean --run runs/student --data images

    Says how far grey, contrast and sharpness alone tell clean tiles from defective ones (50 % is
    chance), how many clean tiles are reported once they have the defects' grey levels, and how many
    defects are lost once they have the clean tiles'. Near 100 %, or far from none: the figures on
    such clean tiles mean little.
    """
    from training.clean.shortcut import check_clean as measure

    print(measure(run, data, part, margins))
