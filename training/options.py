"""The options that `stripsight-train teacher` and `student` share."""

from pathlib import Path
from typing import Annotated

import typer

DataOption = Annotated[
    Path, typer.Option("--data", help="Folder with one sub-folder of images per class.")
]
OutOption = Annotated[Path, typer.Option("--out", help="New folder for everything that is made.")]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="YAML with the settings that differ from those of training/defaults.yaml, such as a"
        " copy of deploy/training/own.yaml.",
    ),
]
SplitOption = Annotated[
    Path | None,
    typer.Option(
        "--split",
        help="Use the split.csv of another run, so that both are tested on the same images;"
        " without --fold then.",
    ),
]
InitOption = Annotated[
    Path | None,
    typer.Option(
        "--init",
        help="Start from weights of the same network: the weights.pt of another run or, for a"
        " student, a ResNet34's as torchvision keeps them, such as ImageNet's.",
    ),
]
ResumeOption = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on where the training in --out was broken off; give only --data and --out"
        " beside it.",
    ),
]
EpochsOption = Annotated[
    int | None,
    typer.Option(
        "--epochs",
        help="Passes over the train part (teacher 80, student 180).",
    ),
]
InputOption = Annotated[
    int | None,
    typer.Option(
        "--input-px",
        help="Side of the network's input (128).",
    ),
]
SeedOption = Annotated[
    int | None,
    typer.Option(
        "--seed",
        help="Of everything drawn by chance (0).",
    ),
]
FoldOption = Annotated[
    int | None,
    typer.Option(
        "--fold",
        help="Which fold is the test part, from 0 (0).",
    ),
]
FoldsOption = Annotated[
    int | None,
    typer.Option(
        "--folds",
        help="How many folds there are (5); of more folds more is learned from.",
    ),
]
CleanOption = Annotated[
    list[str] | None,
    typer.Option("--clean", help="A class that is no defect; may be given more than once."),
]
ScaleOption = Annotated[
    float | None,
    typer.Option("--mm-per-px", help="Scale of the images, instead of dataset.json's."),
]
ShotsOption = Annotated[
    int | None,
    typer.Option(
        "--shots",
        help="Learn from at most so many images per class; validation and test keep theirs. Give"
        " more --epochs with it.",
    ),
]
ExtraOption = Annotated[
    list[Path] | None,
    typer.Option("--extra", help="Learn also from OUT/migrated of `migrate`; may be repeated."),
]
ThreadsOption = Annotated[
    int | None,
    typer.Option(
        "--threads",
        help="CPU threads; 0 leaves it to torch (0).",
    ),
]
