"""The report as one HTML file that needs nothing else, on screen and on A4 paper."""

from collections.abc import Sequence
from html import escape
from importlib import resources
from pathlib import Path

from edge.ledger.inspections import shown
from edge.palette import Palette
from edge.report.document import CoilDocument
from edge.report.glyphs import LEVELS, Glyphs
from edge.report.graded import given_by, grade_in_words
from edge.report.lanes import draw_lanes
from edge.report.marks import ALL_TO, BIN, BOXES_TO
from edge.report.pictures import pictures_of
from edge.report.scale import Scale
from edge.report.sections import (
    TO,
    classes_table,
    coil_facts,
    defects_table,
    density_table,
    gallery,
    is_unknown,
    missing_table,
    outcomes_table,
    part_of,
    provenance,
    repeats_table,
)
from edge.report.strip import draw_strip, is_doubt, scale_for
from edge.report.worst import Worst
from edge.text import percent

Verdict = tuple[str, str, str, str]
"""Sign, value, detail and how good that is."""
WORST_SHOWN = 120
_WORST_LETTERED = 2000
_BANDS_ON_FIRST = 2
"""A larger map takes the second page, so that the first one is filled with what is smaller."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_GONE = "part of its events is gone"
_STATES = {
    "finished": ("✓", "Finished", "tail seen", "good"),
    "interrupted": ("▲", "Interrupted", "end not seen", "warning"),
    "not_finished": ("▲", "Preliminary", "not finished yet", "warning"),
    "unreadable": ("▲", "Not readable", "of another version", "warning"),
}


def draw_page(
    document: CoilDocument, palette: Palette, severities: Sequence[str], ledger: Path
) -> str:
    """The page.

    Args:
        document: What it shows.
        palette: Colours and letters of the classes.
        severities: Of the grading rules, from the mildest to the worst; may be empty.
        ledger: Folder in which the evidence pictures lie.
    """
    glyphs, worst = Glyphs(palette), Worst(severities)
    for counted in document.classes:
        glyphs.index(counted.class_name)  # one that the bundle does not know has its place by name
    ranked = worst.of(document.defects, _WORST_LETTERED)
    scale, listed = scale_for(document), ranked[:WORST_SHOWN]
    by_severity = worst.order(list(document.severities))
    pictures = [
        "<h2>Map of the coil</h2>"
        + draw_strip(document, ranked, scale, glyphs)
        + _legend(document, scale, glyphs),
        _along(document, glyphs),
    ]
    if scale.bands > _BANDS_ON_FIRST:
        pictures.reverse()
    body = (
        _head(document), _verdicts(document), _remarks(document), coil_facts(document),
        "<h2>What was found</h2>", classes_table(document, glyphs, by_severity),
        grade_in_words(document), repeats_table(document, glyphs),
        density_table(document, glyphs), *pictures,
        '<section id="certificate"><h2>Coverage certificate</h2>', _coverage(document),
        '<div class="two">', outcomes_table(document), provenance(document), "</div></section>",
        missing_table(document),
        _defects(document, len(listed)), gallery(pictures_of(ledger, ranked), glyphs),
        defects_table(listed, glyphs) if listed else "",
    )  # fmt: skip
    return _frame(document, "".join(body))


def _frame(document: CoilDocument, body: str) -> str:
    name = escape(shown(document.coil.id))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Coil report {name}</title><style>{_style(document)}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


def _style(document: CoilDocument) -> str:
    """The style sheet, with the running head and foot that CSS writes into the paper's margins."""
    css = (resources.files("edge.report") / "page.css").read_text("utf-8")
    preliminary = " (preliminary)" if document.coil.state == "not_finished" else ""
    return (
        css
        + f"@page{{@top-left{{content:{css_string('StripSight coil report' + preliminary)}}}"
        + f"@top-right{{content:{css_string('Coil ' + shown(document.coil.id))}}}"
        + f"@bottom-left{{content:{css_string(document.coil.source)}}}"
        + '@bottom-right{content:"page " counter(page) " of " counter(pages)}}'
    )


def css_string(text: str) -> str:
    """A text as a CSS string that ends neither the string nor the style element."""
    plain = "".join(c if c.isalnum() and c.isascii() else f"\\{ord(c):x} " for c in text)
    return f'"{plain}"'


def _head(document: CoilDocument) -> str:
    coil = document.coil
    name = shown(coil.id, 200)
    note = " <small>provisional id</small>" if coil.provisional else ""
    return (
        f'<header><p class="kicker">Coil report · {escape(coil.source)}</p>'
        f"<h1>{escape(name)}{note}</h1></header>"
    )


def _verdicts(document: CoilDocument) -> str:
    grade = document.grade
    cells = [
        ("Inspection", *_validity(document)),
        ("Coil", *_seen(document)),
        ("Coverage", *_covered(document)),
        ("Defects", *_found(document)),
    ]
    if grade is not None:
        cells.append(("Grade", "", grade.name, given_by(document), "good"))
    return f'<div id="verdicts">{"".join(_verdict(*cell) for cell in cells)}</div>'


def _seen(document: CoilDocument) -> Verdict:
    coil = document.coil
    if coil.state != "finished":
        return _STATES[coil.state]
    if coil.head_seen is False:
        return "▲", "Rest of a coil", "head not seen", "warning"
    if coil.late_m:
        return "▲", "Rest of a coil", f"its first {coil.late_m:.2f} m not here", "warning"
    if document.events_missing:
        return "▲", "Finished", _GONE, "warning"
    return _STATES["finished"]


def _validity(document: CoilDocument) -> Verdict:
    if is_unknown(document):
        return "?", "Unknown", _why_unknown(document), "alarm"
    nothing = document.certificate.nothing_seen
    if nothing or not document.certificate.inspection_valid:
        return "✕", "Nothing" if nothing else "Not valid", "clean is not proven", "alarm"
    if document.events_missing:
        return "▲", "Not proven", _GONE, "warning"
    if part := part_of(document.coil):
        return "▲", "Valid", f"for {part}", "warning"
    if document.certificate.coverage < 1:
        return "▲", "Valid", "as far as inspected", "warning"
    return "✓", "Valid", "nothing in doubt", "good"


def _why_unknown(document: CoilDocument) -> str:
    return "report of another version" if document.coil.state == "unreadable" else _GONE


def _covered(document: CoilDocument) -> Verdict:
    certificate = document.certificate
    if is_unknown(document):
        return "?", "unknown", _why_unknown(document), "alarm"
    if not certificate.expected_cells:
        return "✕", "none", "no cell is accounted for", "alarm"
    share, cells = percent(certificate.coverage), f"of {certificate.expected_cells:,} cells"
    if certificate.nothing_seen:
        return "✕", share, cells, "alarm"
    if document.events_missing:
        return "▲", share, "by the coil's own report", "warning"
    if part := part_of(document.coil):
        return "▲", share, f"of {part}", "warning"
    whole = certificate.coverage == 1
    return "✓" if whole else "▲", share, cells, "good" if whole else "warning"


def _found(document: CoilDocument) -> Verdict:
    found = f"{len(document.defects):,}"
    if not document.events_missing:
        return "", found, _dense(document), "good"
    if document.counted is None:
        return "▲", f"{found} left", "how many there were is gone", "warning"
    counted = sum(document.counted.values())
    return "▲", f"{found} left", f"its own report counted {counted:,}", "warning"


def _dense(document: CoilDocument) -> str:
    dense = sum(c.in_density for c in document.classes)
    classes = len(document.classes)
    return (
        f"{dense:,} in dense stretches" if dense else f"in {classes} class{'es' * (classes != 1)}"
    )


def _verdict(label: str, symbol: str, value: str, detail: str, level: str) -> str:
    sign = f'<span class="sign">{symbol}</span> ' if symbol else ""
    return (
        f'<div class="verdict {level}"><div class="label">{label}</div><div class="value">{sign}'
        f'{escape(value[:40])}</div><div class="detail">{escape(detail[:60])}</div></div>'
    )


def _remarks(document: CoilDocument) -> str:
    if not document.remarks:
        return ""
    items = "".join(f"<li>{escape(remark)}</li>" for remark in document.remarks)
    return f'<ul id="remarks">{items}</ul>'


def _legend(document: CoilDocument, scale: Scale, glyphs: Glyphs) -> str:
    classes = "".join(
        f"<li>{glyphs.named(c.class_name)}</li>"
        for c in sorted(document.classes, key=lambda c: -c.defects)
    )
    sizes = "".join(
        f'<svg class="size" viewBox="-12 -12 24 24" aria-hidden="true"><circle class="small"'
        f' r="{radius}"/></svg>{text} '
        for radius, text in zip(LEVELS, ("1,", f"2{TO}9,", "10 or more"), strict=True)
    )
    near_m = BIN / 10 * scale.m_per_mm
    boxes = f"; {_boxes(document)}" if len(document.defects) <= BOXES_TO else ""
    return (
        f'<ul id="legend">{classes}{_keys(document)}</ul>'
        f'<p class="more">Marks without a letter: {sizes} defects of a class within'
        f" {near_m:.2g} m{boxes}.{_shared(document)} Letters go to the worst first. Along, 1 mm is"
        f" {scale.m_per_mm:.2g} m; across is drawn {scale.stretch:.3g} times larger than"
        " along.</p>"
    )


def _boxes(document: CoilDocument) -> str:
    """What the boxes on the map are."""
    if all(d.measured_whole for d in document.defects):
        return "boxes are what was measured of them"
    return "boxes are what was measured of them, or the tiles of one that was not measured whole"


def _keys(document: CoilDocument) -> str:
    """What hatching and shading mean, where there is any."""
    doubts = [is_doubt(stretch) for stretch in document.certificate.missing]
    used = {
        "missed": ("not inspected in time", not all(doubts)),
        "doubt": ("place or width in doubt", any(doubts)),
        "dense": ("dense", bool(document.densities)),
    }
    return "".join(
        f'<li><span class="key {name}-key"></span>{text}</li>'
        for name, (text, shown_there) in used.items()
        if shown_there
    )


def _shared(document: CoilDocument) -> str:
    if len(document.defects) <= ALL_TO:
        return ""
    return (
        f" Where classes of more than {ALL_TO} marks share a place the most frequent one is drawn."
    )


def _along(document: CoilDocument, glyphs: Glyphs) -> str:
    drawing = draw_lanes(document, glyphs)
    if not drawing:
        return ""
    return (
        f"<h2>Along the coil, class by class</h2>{drawing}"
        '<p class="more">Each bar is one millimetre of paper, as high as its defects; the number is'
        " the lane's highest bar. Hatched: not inspected in time, over part of the width at"
        " least.</p>"
    )


def _coverage(document: CoilDocument) -> str:
    """A bar of what was seen, and the sentence that a quality engineer signs."""
    certificate = document.certificate
    share = certificate.coverage if certificate.expected_cells else 0.0
    seen = share * 1816
    return (
        f'<p class="certified">{_sentence(document)}</p><svg id="coverage" viewBox="0 0 1820 44"'
        f' role="img" aria-label="{percent(share)} inspected"><path class="left-out"'
        f' fill="url(#missed)" d="M2 2h1816v40h-1816z"/><path class="seen" d="M2 2h{seen:.1f}v40'
        f'h-{seen:.1f}z"/></svg>'
    )


def _sentence(document: CoilDocument) -> str:
    certificate, coil = document.certificate, document.coil
    if is_unknown(document):
        why = "report cannot be read" if coil.state == "unreadable" else "beginning is gone"
        return f"What was inspected is <b>not known</b>: the coil's {why}."
    if not certificate.expected_cells:
        return "<b>Nothing was inspected</b>: no cell of this coil is accounted for."
    if certificate.nothing_seen:
        cells = certificate.expected_cells
        return f"<b>Nothing was inspected</b>: not one of {cells:,} cells was looked at in time."
    if document.events_missing:
        return _hearsay(document)
    part, rest, which = "", "", ""
    if seen := part_of(coil):
        part, which = f" of {seen}", " of that part"
        late = coil.head_seen and coil.late_m and coil.state == "finished"
        where = "is in the report of the coil before" if late else "was not seen"
        rest = f"; <b>the rest {where}</b>"
    return (
        f"{percent(certificate.coverage)} of {certificate.expected_cells:,} expected cells{part}"
        f" were inspected{rest}. The inspection{which} is"
        f" <b>{'' if certificate.inspection_valid else 'not '}valid</b>."
    )


def _hearsay(document: CoilDocument) -> str:
    """What the coil's own report said, of whose events a part is gone."""
    certificate, coil = document.certificate, document.coil
    part = part_of(coil)
    return (
        f"By the coil's own report {percent(certificate.coverage)} of"
        f" {certificate.expected_cells:,} expected cells{f' of {part}' if part else ''} were"
        f" inspected, and the inspection was"
        f" {'' if certificate.inspection_valid else 'not '}valid. Part of the events behind it is"
        " gone: <b>this report does not prove it</b>."
    )


def _defects(document: CoilDocument, listed: int) -> str:
    total = len(document.defects)
    if not total:
        return ""
    every = f"The {total:,} that are left" if document.events_missing else f"All {total:,}"
    which = f"The {listed} worst of {total:,}" if listed < total else every
    where = " The others are in the CSV and JSON." if listed < total else ""
    return f'<h2 class="new-page">Defects one by one</h2><p class="more">{which}.{where}</p>'
