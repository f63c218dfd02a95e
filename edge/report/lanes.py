"""How many defects of each class lie where along the coil: a lane per class, all to one length."""

from collections import defaultdict
from html import escape

from edge.report.compose import reach_m
from edge.report.document import CoilDocument
from edge.report.glyphs import Glyphs
from edge.report.scale import LEFT, PLOT, WIDTH

BAR = 10
"""Width of a bar in tenths of a millimetre."""
_BARS = PLOT // BAR
_LANE, _GAP, _AXIS = 46, 14, 56
_LANES_MOST = 24


def draw_lanes(document: CoilDocument, glyphs: Glyphs) -> str:
    """A bar per millimetre of paper and class, as high as its count; the lane's highest is named.

    Returns an empty text where there is no defect.
    """
    length_m = max(reach_m(document), 0.1)
    counts = _counts(document, length_m)
    shown = sorted(counts, key=lambda name: (-sum(counts[name].values()), name))[:_LANES_MOST]
    if not shown:
        return ""
    height = len(shown) * (_LANE + _GAP) + _AXIS
    lanes = "".join(
        _lane(number * (_LANE + _GAP) + _GAP, name, counts[name], glyphs)
        for number, name in enumerate(shown)
    )
    return (
        f'<svg id="lanes" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Defects along the'
        f' coil, by class">{_unseen(document, length_m, height)}{lanes}'
        f"{_axis(length_m, height - _AXIS)}</svg>"
    )


def _counts(document: CoilDocument, length_m: float) -> dict[str, dict[int, int]]:
    counts: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    per_m = _BARS / length_m
    for defect in document.defects:
        bar = min(max(int(defect.extent.from_m * per_m), 0), _BARS - 1)
        counts[defect.class_name][bar] += 1
    return counts


def _lane(top: int, name: str, bars: dict[int, int], glyphs: Glyphs) -> str:
    swatch, most = glyphs[name], max(bars.values())
    path = "".join(
        f"M{LEFT + bar * BAR} {top + _LANE}v-{max(count / most * _LANE, 4):.0f}h{BAR - 1}"
        f"V{top + _LANE}z"
        for bar, count in sorted(bars.items())
    )
    return (
        f'<path class="lane" d="M{LEFT} {top + _LANE}h{PLOT}"/>'
        f'<path class="bar" fill="{swatch.colour}" d="{path}"><title>{escape(name)}</title></path>'
        f"{glyphs.lettered(name, LEFT - 34, top + _LANE - 20)}"
        f'<text class="tick across" x="{LEFT - 62}" y="{top + _LANE - 11}">{most}</text>'
    )


def _unseen(document: CoilDocument, length_m: float, height: int) -> str:
    """Behind the lanes: where the strip was not looked at, over however little of its width."""
    bars: set[int] = set()
    for stretch in document.certificate.missing:
        if stretch.cells or stretch.extent.to_m <= stretch.extent.from_m:
            first, last = (
                min(max(int(m / length_m * _BARS), 0), _BARS - 1)
                for m in (stretch.extent.from_m, stretch.extent.to_m - 1e-6)
            )
            bars.update(range(first, max(first, last) + 1))
    path = "".join(f"M{LEFT + b * BAR} 0h{BAR}v{height - _AXIS}h-{BAR}z" for b in sorted(bars))
    return f'<path class="lane-missed" fill="url(#missed)" d="{path}"/>' if path else ""


def _axis(length_m: float, top: int) -> str:
    return "".join(
        f'<path class="axis" d="M{x} {top}v8"/>'
        f'<text class="tick" text-anchor="{anchor}" x="{x}" y="{top + 36}">{text}</text>'
        for x, anchor, text in (
            (LEFT, "start", "head"),
            (LEFT + PLOT // 2, "middle", f"{length_m / 2:.1f} m"),
            (LEFT + PLOT, "end", f"{length_m:.1f} m"),
        )
    )
