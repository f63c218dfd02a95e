"""Commands for the desk: they need no running line, but for `tail`, which reads its event log."""

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contract.words import command_line
from edge.config import load_config
from edge.errors import ConfigError
from edge.process import stop_on_signals

if TYPE_CHECKING:
    from edge.simulator.score import Score

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="The line's YAML.", show_default=False)
]
app = typer.Typer()


@app.command("calibrate-light")
def calibrate_light(
    config: ConfigOption,
    frames: Annotated[int, typer.Option(min=5, help="Frames of moving strip to measure on.")] = 50,
    out: Annotated[Path, typer.Option(help="File; a .png beside it.")] = Path("light.json"),
    source: Annotated[Path | None, typer.Option("--from", help="Folder of frames instead.")] = None,
) -> None:
    """Measure how evenly the strip is lit, to be evened out (optics.flat_field): docs/light.md."""
    from edge.calibrate import calibrate, draw, frames_of
    from edge.clock import SystemClock

    settings, clock = load_config(config), SystemClock()
    found = calibrate(settings, frames_of(settings, source, clock), frames, clock)
    _write(out, found.file.model_dump_json(indent=1))
    draw(found, out.with_suffix(".png"))
    print(f"{out}: {found.summary}")
    for warning in found.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print(f"to use it: `flat_field: {out.resolve()}` under optics: in {config}")


@app.command()
def classify(
    folder: Annotated[Path, typer.Argument(help="Pictures; sub-folders name the true class.")],
    bundle: Annotated[Path, typer.Option(help="Directory of the bundle.")],
    json: Annotated[Path | None, typer.Option(help="Write everything here as JSON.")] = None,
    backend: Annotated[
        list[str] | None,
        typer.Option(help="openvino, onnxruntime, cuda, tensorrt; repeat to prefer."),
    ] = None,
) -> None:
    """Classify a folder of pictures exactly as the line would classify a tile.

    Prints figures where sub-folders name the classes, else each picture's most probable class.
    Whether the line would report it is decided by the thresholds in the bundle's MODEL_CARD.md.
    """
    from contract.bundle import open_bundle
    from edge.classify import as_json, as_lines, classify_folder, metrics
    from runtime.engine import load_engine

    engine = load_engine(open_bundle(bundle), backend or ["openvino", "onnxruntime"], 0)
    result = classify_folder(engine, folder)
    if json is not None:
        _write(json, as_json(result))
    print(f"{len(result.files)} pictures classified by {engine.card.label} on {engine.backend}")
    figures = metrics(result)
    if figures is not None:
        _print_figures(figures)
    elif json is None and result.files:
        print(as_lines(result))
    for file, why in result.failed.items():
        print(f"not classified: {file}: {why}", file=sys.stderr)
    if result.failed:
        raise ConfigError(f"{len(result.failed)} pictures could not be read; they are named above")


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="Folder to make; frames/ and tiles/ below it.")],
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same strip.")] = 1,
    frames: Annotated[int, typer.Option(min=0, help="Frames to draw; 0 for none.")] = 40,
    width_px: Annotated[int, typer.Option(min=256, max=16384)] = 2048,
    rows: Annotated[int, typer.Option(min=128, max=8192)] = 1024,
    tiles: Annotated[int, typer.Option(min=0, help="Labelled tiles per class; 0 for none.")] = 50,
    tile_px: Annotated[int, typer.Option(min=16, max=1024)] = 128,
    mm_per_px: Annotated[float, typer.Option(min=0.01, max=10)] = 0.5,
    strip_mm: Annotated[
        float | None, typer.Option(min=1, help="Width of the strip; without it, the view's.")
    ] = None,
    coil_m: Annotated[float, typer.Option(min=0.1, help="Length of each coil.")] = 12.0,
    per_m: Annotated[
        float, typer.Option(min=0, max=20, help="Defects of each class per metre of strip.")
    ] = 0.5,
) -> None:
    """Draw a simulated strip with ground truth, and labelled tiles to train on."""
    from edge.simulator.dataset import write_frames, write_tiles
    from edge.simulator.defects import DEFECTS
    from edge.simulator.mill import MillConfig

    if frames:
        mill = MillConfig(
            seed=seed,
            width_px=width_px,
            rows=rows,
            mm_per_px=mm_per_px,
            strip_mm=None if strip_mm is None else (strip_mm, strip_mm),
            coil_m=coil_m,
            per_m=dict.fromkeys(DEFECTS, per_m),
        )
        write_frames(out, mill, frames)
        print(f"{frames} frames in {out / 'frames'}, their truth in {out / 'truth.json'}")
    if tiles:
        typed = command_line("stripsight-edge")
        write_tiles(out / "tiles", tiles, seed, tile_px, mm_per_px, typed)
        print(f"{tiles} tiles per class in {out / 'tiles'}")


@app.command()
def score(
    bundle: Annotated[Path, typer.Option(help="Directory of the bundle.")],
    coils: Annotated[int, typer.Option(min=1, help="Simulated coils to judge by.")] = 12,
    frames: Annotated[int, typer.Option(min=1, help="Frames of each.")] = 12,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    real_frames: Annotated[
        Path | None, typer.Option(help="Real frames with a boxes.csv: false alarms on clean strip.")
    ] = None,
) -> None:
    """Judge a bundle on simulated strips its training never saw, and on real clean strip."""
    from edge.score import judge_of, score_real_strip, score_simulated

    judge, card = judge_of(bundle)
    print(f"{card.label}: {coils} coils of unseen seeds, textures, contrasts and grid offsets")
    _print_tables(score_simulated(judge, card, coils, frames, seed))
    if real_frames is not None:
        print(f"\nReal strip without a box in {real_frames} (the bundle never saw any):")
        _print_tables(score_real_strip(judge, card, real_frames))


@app.command()
def tail(
    config: ConfigOption,
    after: Annotated[int | None, typer.Option(min=0, help="Start after this seq.")] = None,
    for_s: Annotated[float | None, typer.Option("--for", help="End after so many seconds.")] = None,
) -> None:
    """Print events as they are recorded, and any gap in their seq. Ctrl-C ends it."""
    from edge.ledger.reader import EventReader
    from edge.ledger.tail import follow, format_line

    settings = load_config(config)
    stop = stop_on_signals()
    if for_s is not None:
        timer = threading.Timer(for_s, stop.set)
        timer.daemon = True
        timer.start()
    reader = EventReader(settings.ledger.path)
    start = reader.last_seq() if after is None else after
    for item in follow(reader, start, stop, stop.wait):
        print(format_line(item), flush=True)


@app.command()
def replay(
    recording: Annotated[Path, typer.Option("--from", help="Folder of `record.path`.")],
    run: Annotated[
        int | None, typer.Option(help="Which run of it; without it, the newest.")
    ] = None,
    bundle: Annotated[
        list[Path] | None, typer.Option(help="A bundle that lies elsewhere now; repeat for more.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="New folder to keep the event log in.")] = None,
) -> None:
    """Run a recording again and compare its events with the live ones; exit code 8 where they
    differ.
    """
    from edge.clock import SystemClock
    from edge.record.session import run_replay

    run_replay(recording, run, bundle or [], out, _say, SystemClock())


@app.command()
def pictures(
    recording: Annotated[Path, typer.Option("--from", help="Folder of `record.path`.")],
    out: Annotated[Path, typer.Option(help="New folder for the pictures.")],
    run: Annotated[
        int | None, typer.Option(help="Which run of it; without it, the newest.")
    ] = None,
) -> None:
    """Write a recording's frames as PNG, with a table to mark defects in: for
    `stripsight-export screen` and `stripsight-train clean`.
    """
    from edge.clock import SystemClock
    from edge.record.pictures import write_pictures

    write_pictures(recording, run, out, _say, SystemClock())


@app.command()
def digest(
    ledger: Annotated[Path, typer.Argument(help="Folder of `ledger.path`, or a replay's --out.")],
    after: Annotated[int, typer.Option(min=0, help="Start after this seq.")] = 0,
    last: Annotated[int | None, typer.Option(min=1, help="End with this seq.")] = None,
) -> None:
    """Print one line that is the same for two event logs with the same events."""
    from edge.ledger.digest import digest_of

    print(digest_of(ledger, after, last))


def _say(line: str) -> None:
    print(line, flush=True)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text + "\n", "utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error})") from error


def _print_figures(figures: dict[str, object]) -> None:
    for name, value in figures.items():
        if isinstance(value, float):
            print(f"  {name:10} {value:.4f}")
        elif isinstance(value, dict):
            print("  recall")
            for class_name, recall in value.items():
                print(f"    {class_name:36} {recall:.4f}")


def _print_tables(result: "Score") -> None:
    from edge.simulator.score_table import tables

    for table in tables(result):
        print(f"\n{table.title}")
        rows = (table.head, *table.rows)
        widths = [max(len(row[i]) for row in rows) for i in range(len(table.head))]
        for row in rows:
            cells = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
            print(f"  {row[0].ljust(widths[0])}  {'  '.join(cells)}")
