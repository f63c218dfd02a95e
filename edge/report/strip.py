"""The map of the whole coil for paper: what was found, and hatched what was not looked at."""

from collections.abc import Iterable, Iterator
from html import escape

from contract.bodies import DefectDensity, NotInspected, RollRepeat
from edge.report.compose import reach_m
from edge.report.document import CoilDocument, FoundDefect
from edge.report.glyphs import Glyphs
from edge.report.joining import label
from edge.report.marks import draw_marks, path_of
from edge.report.scale import LEFT, PLOT, WIDTH, Rect, Scale, scale_of

DOUBT = "off_strip_disagreement"
_LEAST_MISSED = 7.0
"""A stretch of one lost frame is still seen on paper: 0.7 mm."""
_NAMED_FROM = 230
_LETTER_WIDTH = 13.5
_REPEATS_MARKED = 400
_PATTERNS = (
    '<pattern id="missed" width="14" height="14" patternUnits="userSpaceOnUse"'
    ' patternTransform="rotate(45)"><path class="hatch-back" d="M0 0h14v14H0z"/>'
    '<path class="hatch-line" d="M0 0h4.5v14H0z"/></pattern>'
    '<pattern id="doubt" width="16" height="16" patternUnits="userSpaceOnUse">'
    '<circle class="hatch-line" cx="4" cy="4" r="1.9"/>'
    '<circle class="hatch-line" cx="12" cy="12" r="1.9"/></pattern>'
    '<pattern id="dense" width="10" height="10" patternUnits="userSpaceOnUse">'
    '<path class="dense-line" d="M0 4h10v1.6H0z"/></pattern>'
)


def scale_for(document: CoilDocument) -> Scale:
    """Bands and ticks for a coil."""
    widths = [d.extent.to_mm for d in document.defects[:1000]]
    told_mm = max(document.coil.width_mm, document.certificate.width_mm)
    width_mm = told_mm or max([1.0, *widths])
    return scale_of(reach_m(document), width_mm)


def draw_strip(
    document: CoilDocument, worst: Iterable[FoundDefect], scale: Scale, glyphs: Glyphs
) -> str:
    """The map as SVG; its classes are styled by `page.css`."""
    title = f"Map of coil {escape(document.coil.id[:60])}"
    hatched, plates = _missed(document.certificate.missing, scale)
    parts = (
        f"<defs>{_PATTERNS}</defs>",
        _steel(document, scale),
        *(_density(stretch, scale, glyphs) for stretch in document.densities),
        hatched,
        draw_marks(document.defects, worst, scale, glyphs),
        plates,
        *(_repeat(repeat, scale) for repeat in document.repeats),
        _axes(document, scale),
    )
    return (
        f'<svg id="map" viewBox="0 0 {WIDTH} {scale.height}" role="img" aria-label="{title}">'
        f"{''.join(parts)}</svg>"
    )


def _steel(document: CoilDocument, scale: Scale) -> str:
    """The strip as far as it is known; behind it the frame of the bands."""
    whole = (0.0, scale.width_mm)
    frames = scale.rects((0.0, scale.band_m * scale.bands), whole, 0)
    steel = [r for r in scale.rects((0.0, reach_m(document)), whole, 0) if r.w > 0]
    return f'<path class="beyond" d="{_paths(frames)}"/><path class="steel" d="{_paths(steel)}"/>'


def _missed(stretches: list[NotInspected], scale: Scale) -> tuple[str, str]:
    """The hatching, and the names of the larger stretches, which stand above the defects."""
    hatched: dict[str, set[Rect]] = {"missed": set(), "doubt": set()}
    names = []
    for stretch in stretches:
        at = stretch.extent
        for rect in scale.rects((at.from_m, at.to_m), (at.from_mm, at.to_mm), _LEAST_MISSED):
            hatched["doubt" if is_doubt(stretch) else "missed"].add(Rect(*(round(v) for v in rect)))
            if rect.w >= _NAMED_FROM and rect.h >= 40:
                names.append(_plate(rect, label(stretch)))
    paths = "".join(
        f'<path class="{name}" fill="url(#{name})" d="{_paths(sorted(rects))}"/>'
        for name, rects in hatched.items()
        if rects
    )
    return paths, "".join(names)


def is_doubt(stretch: NotInspected) -> bool:
    """Looked at, but the strip was not where or not as wide as it should be."""
    return stretch.outcome == DOUBT and not stretch.cells


def _plate(rect: Rect, text: str) -> str:
    """A label on a plate in the middle of a rectangle, shortened to its room."""
    room = max(int(rect.w / _LETTER_WIDTH) - 2, 3)
    short = text if len(text) <= room else text[: room - 1] + "…"
    width = len(short) * _LETTER_WIDTH + 18
    x, y = rect.x + rect.w / 2, rect.y + rect.h / 2
    return (
        f'<rect class="plate" x="{x - width / 2:.0f}" y="{y - 19:.0f}" width="{width:.0f}"'
        f' height="38"/><text class="plate-name" x="{x:.0f}" y="{y + 8:.0f}">{escape(short)}</text>'
    )


def _density(stretch: DefectDensity, scale: Scale, glyphs: Glyphs) -> str:
    """The stretch shaded over the whole width, and above it the class and its number."""
    rects = list(scale.rects((stretch.from_m, stretch.to_m), (0.0, scale.width_mm), 3))
    drawing = f'<path class="dense" fill="url(#dense)" d="{_paths(rects)}"/>'
    rect, text = rects[0], f"{glyphs[stretch.class_name].letter} {stretch.per_10_m:.0f}/10 m"
    if rect.w > len(text) * _LETTER_WIDTH:
        drawing += f'<text class="above" x="{rect.x + rect.w / 2:.0f}" y="{rect.y - 8:.0f}">'
        drawing += f"{text}</text>"
    return drawing


def _repeat(repeat: RollRepeat, scale: Scale) -> str:
    """The band that the marks lie in, a tick at each repeat, and the roll's name."""
    at = repeat.extent
    rects = list(scale.rects((at.from_m, at.to_m), (at.from_mm, at.to_mm), 24))
    turns = min(int((at.to_m - at.from_m) / repeat.period_m + 0.5), _REPEATS_MARKED)
    middle_mm = (at.from_mm + at.to_mm) / 2
    ticks = "".join(
        _tick(at.from_m + turn * repeat.period_m, middle_mm, scale) for turn in range(turns + 1)
    )
    name = f"{' / '.join(repeat.rolls) or 'unknown roll'}: every {repeat.period_m:.3f} m"
    x, y = rects[0].x + 6, max(rects[0].y - 12, scale.band_top(scale.band_of(at.from_m)) - 8)
    return (
        f'<path class="repeat" d="{_paths(rects)}"/><path class="repeat-tick" d="{ticks}"/>'
        f'<text class="repeat-name" x="{x:.0f}" y="{y:.0f}">↻ {escape(name[:60])}</text>'
    )


def _tick(along_m: float, across_mm: float, scale: Scale) -> str:
    band = scale.band_of(along_m)
    return f"M{scale.x(along_m, band):.0f} {scale.y(across_mm, band) - 16:.0f}v32"


def _axes(document: CoilDocument, scale: Scale) -> str:
    bands = "".join(_axis(band, scale) for band in range(scale.bands))
    return (
        bands
        + _ends(document, scale)
        + (
            f'<text class="axis-name" x="{LEFT}" y="24">drive side above, operator side below;'
            f' the strip runs from the left, head first</text><text class="axis-name unit"'
            f' x="{LEFT + PLOT}" y="{scale.height - 8}">metres from the head</text>'
        )
    )


def _axis(band: int, scale: Scale) -> str:
    bottom = scale.band_top(band) + scale.band_height
    along = "".join(
        f'<path class="axis" d="M{x:.0f} {bottom}v10"/>'
        f'<text class="tick" x="{x:.0f}" y="{bottom + 38}">{text}</text>'
        for x, text in _ticks(band, scale)
    )
    across = "".join(
        f'<path class="axis" d="M{LEFT - 10} {scale.y(mm, band):.0f}h10"/>'
        f'<text class="tick across" x="{LEFT - 16}" y="{scale.y(mm, band) + 9:.0f}">{mm:.0f}</text>'
        for mm in (0.0, scale.width_mm / 2, scale.width_mm)
    )
    middle = scale.band_top(band) + scale.band_height // 2
    return (
        f'{along}{across}<text class="axis-name turned" transform="translate(34 {middle})'
        ' rotate(-90)">mm</text>'
    )


def _ticks(band: int, scale: Scale) -> Iterator[tuple[float, str]]:
    first, count = band * scale.band_m, round(scale.band_m / scale.tick_m)
    decimals = 0 if scale.tick_m >= 1 else 1 if scale.tick_m >= 0.1 else 2
    for number in range(count + 1):
        along_m = first + number * scale.tick_m
        yield scale.x(along_m, band), f"{along_m:.{decimals}f}"


def _ends(document: CoilDocument, scale: Scale) -> str:
    """The coil's tail, or where its inspection broke off."""
    end_m, state = reach_m(document), document.coil.state
    band = scale.band_of(end_m - 1e-6)
    x, top = scale.x(end_m, band), scale.band_top(band)
    text = {"finished": "tail", "interrupted": "broken off here"}.get(state, "so far")
    anchor = "end" if x > LEFT + PLOT / 2 else "start"
    return (
        f'<path class="end {state}" d="M{x:.0f} {top - 6}v{scale.band_height + 12}"/>'
        f'<text class="end-name" text-anchor="{anchor}" x="{x:.0f}" y="{top - 12}">'
        f"{text}, {end_m:.2f} m</text>"
    )


def _paths(rects: Iterable[Rect]) -> str:
    return "".join(map(path_of, rects))
