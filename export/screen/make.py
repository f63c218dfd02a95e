"""From marked frames to a bundle with a screen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path

from contract.bundle import PEOPLE, Bundle, write_bundle
from contract.card import ModelCard
from contract.errors import ConfigError
from export.people import with_screen
from export.screen.calibrate import Parts, Wish, calibrate, divide
from export.screen.marked import Marked, open_marked
from export.screen.report import Speed, write_report
from export.screen.watch import Watched, watch
from runtime.screen import TILE_STEP

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be calibrated; the new bundle's folder and the report's may be None."""

    bundle: Bundle
    frames: tuple[Path, ...]
    mm_per_px: float | None
    edge_margin_px: int
    wish: Wish
    out: Path | None
    report: Path | None
    speed: Callable[[], float]
    """Measures the network alone, in tiles a second."""
    command: tuple[str, ...]


def make_screen(order: Order, say: Say) -> None:
    """Watch the frames, choose the threshold, write what was asked for.

    Raises:
        ConfigError: frames that do not fit the bundle, or too few of them.
        BundleError: the bundle cannot be written.
    """
    card, folders = order.bundle.card, [open_marked(path) for path in order.frames]
    _check(card, folders, order)
    watched = watch_all(folders, card, order.edge_margin_px)
    classes = card.classes.defects
    say(f"{len(watched.met)} defects on {len(watched.clean)} coils met a screen that was at work")
    if other := {met.class_name for met in watched.met} - set(classes):
        say(f"not counted, since the bundle has no such class: {', '.join(sorted(other))}")
    parts = divide(watched, order.wish)
    if order.report:
        speed = Speed(order.speed(), watched.seconds / max(1, watched.tiles))
        write_report(order.report, parts, classes, order.wish, speed)
        say(f"{order.report}: the trade as screen.csv, screen.md and screen.png")
    if order.out:
        _write(order, order.out, parts, folders, say)


def watch_all(folders: Sequence[Marked], card: ModelCard, edge_margin_px: int) -> Watched:
    """Watch every folder, one after the other."""
    pieces = chain.from_iterable(folder.pieces() for folder in folders)
    return watch(pieces, card.tile_px, edge_margin_px)


def _check(card: ModelCard, folders: Sequence[Marked], order: Order) -> None:
    if card.tile_px % TILE_STEP:
        raise ConfigError(
            f"{card.label}: its tiles have {card.tile_px} px; a screen needs a multiple of"
            f" {TILE_STEP}"
        )
    if order.out is None and order.report is None:
        raise ConfigError("neither --out nor --report: nothing would be written")
    for folder in folders:
        scale = order.mm_per_px if folder.mm_per_px is None else folder.mm_per_px
        if scale != card.mm_per_px:
            raise ConfigError(
                f"{folder.folder}: has {scale} mm per px, {card.label} {card.mm_per_px}; a screen"
                " is calibrated at the bundle's own scale (--mm-per-px tells that of a boxes.csv)"
            )
    tables = [folder.table.read_bytes() for folder in folders]
    if len(set(tables)) < len(tables):
        raise ConfigError("--frames: two folders show the same coils; give each strip once")


def _write(order: Order, out: Path, parts: Parts, folders: Sequence[Marked], say: Say) -> None:
    bundle, frames = order.bundle, sum(len(folder.files) for folder in folders)
    data = f"{frames} frames of {', '.join(folder.folder.name for folder in folders)}"
    digest = sha256("".join(folder.digest() for folder in folders).encode()).hexdigest()
    screen = calibrate(parts, bundle.card.classes.defects, order.wish, data, digest)
    card = ModelCard.model_validate({**bundle.card.model_dump(), "screen": screen})
    people = (bundle.path / PEOPLE).read_text("utf-8")
    write_bundle(
        out,
        model=bundle.model.read_bytes(),
        card=card,
        golden=bundle.golden(),
        people=with_screen(people, screen, order.command),
    )
    clean = screen.clean_screened
    say(f"threshold {screen.threshold:.2f}: {clean.value:.1%} of clean tiles need no network")
    say(f"{out}: {card.label} with its screen; switch it on by inspect.screen: true")
