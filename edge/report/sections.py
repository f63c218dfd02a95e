"""The tables of the page. Every text that comes from an event or a config is escaped here."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape

from contract.bodies import ModelReference, NotInspected
from edge.inspect.outcomes import PRECEDENCE, SEEN
from edge.report.document import ClassCount, CoilDocument, CoilName, FoundDefect
from edge.report.glyphs import Glyphs, words
from edge.report.pictures import Shown
from edge.text import percent

TO = "–"  # noqa: RUF001 - between two numbers an en dash stands
_LEAST = "≥ "
"""Before what was not measured whole, as on the operator's page."""
MISSING_SHOWN = 40
_DIGEST = 16

Row = Sequence[str]


def table(name: str, caption: str, heads: Iterable[str], rows: Iterable[Row]) -> str:
    """An HTML table; a head that begins with `#` is of a column of numbers. Cells are HTML."""
    heads = list(heads)
    number = [' class="n"' if head.startswith("#") else "" for head in heads]
    top = "".join(
        f'<th scope="col"{kind}>{head.removeprefix("#")}</th>'
        for kind, head in zip(number, heads, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(number, row, strict=True))
        + "</tr>"
        for row in rows
    )
    return (
        f'<table id="{name}"><caption>{caption}</caption><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def coil_facts(document: CoilDocument) -> str:
    """What the mill says of the coil, as pairs."""
    coil, data = document.coil, document.coil.data
    facts = {
        "Length": "unknown" if is_unknown(document) else f"{coil.length_m:.2f} m{_behind(coil)}",
        "Width": f"{coil.width_mm:.0f} mm",
        "Inspected as": _other_width(document),
        "Thickness": f"{data.thickness_mm:g} mm" if data.thickness_mm else None,
        "Order": data.order,
        "Steel grade": data.steel_grade,
        "Side": data.side,
        "Head seen": _head_seen(coil),
        "Tail seen": _tail_seen(coil),
        "Wound": "the other way round than in the process before" if data.reversed else None,
        "Told as": coil.subject if coil.subject != coil.id else None,
    }
    pairs = "".join(f"<div><dt>{k}</dt><dd>{escape(v)}</dd></div>" for k, v in facts.items() if v)
    return f'<dl id="facts">{pairs}</dl>'


def _head_seen(coil: CoilName) -> str:
    if coil.head_seen is None:
        return "unknown"
    if not coil.head_seen:
        return f"not seen (inspection began {_time(coil.started)})"
    if coil.late_m:
        return f"told too late ({coil.late_m:.2f} m passed as the coil before)"
    return _time(coil.started)


def _behind(coil: CoilName) -> str:
    return f" behind its first {coil.late_m:.2f} m" if coil.late_m else ""


def is_unknown(document: CoilDocument) -> bool:
    """Whether nothing tells of length, cells and coverage: the coil's report cannot be read, or it
    has none and its start is gone.
    """
    coil = document.coil
    begun = coil.head_seen is not None or document.counted is not None
    return coil.state == "unreadable" or not begun


def _other_width(document: CoilDocument) -> str | None:
    width_mm = document.certificate.width_mm
    return f"{width_mm:.0f} mm wide" if width_mm and width_mm != document.coil.width_mm else None


def _time(time: datetime | None) -> str:
    return f"{time:%d %b %Y %H:%M:%S} UTC" if time else "unknown"


def _tail_seen(coil: CoilName) -> str:
    if coil.state == "interrupted":
        return f"not seen (told {_time(coil.ended)})"
    return {"finished": _time(coil.ended), "unreadable": "unknown"}.get(coil.state, "not yet")


def classes_table(document: CoilDocument, glyphs: Glyphs, severities: Sequence[str]) -> str:
    """Defects by class and severity, the worst severity first."""
    if not document.classes and not document.events_missing:
        which = part_of(document.coil) or "this coil"
        return f'<p class="none">No defect was reported on {which}.</p>'
    gone = _gone_defects(document) if document.events_missing else ""
    return gone + (_classes_table(document, glyphs, severities) if document.classes else "")


def _gone_defects(document: CoilDocument) -> str:
    """Why the defects here say nothing of those that are not."""
    counted = document.counted
    told = f" The coil's own report counted {sum(counted.values()):,}." if counted else ""
    if counted is not None and not counted:
        told = " The coil's own report counted none."
    return (
        '<p class="none">Part of this coil\'s events is gone: there may have been more defects than'
        f" the {len(document.defects):,} that are here.{told}</p>"
    )


def _classes_table(document: CoilDocument, glyphs: Glyphs, severities: Sequence[str]) -> str:
    heads = ["Class", "#Defects", *(f"#{escape(name)}" for name in severities)]
    heads += ["#Area, mm²", "#In dense stretches"]
    in_part = {d.class_name for d in document.defects if not d.measured_whole}
    rows = [
        [
            glyphs.named(c.class_name),
            f"{c.defects:,}",
            *(f"{c.by_severity.get(name, 0):,}" for name in severities),
            _area(c, whole=c.class_name not in in_part),
            f"{c.in_density:,}" if c.in_density else "",
        ]
        for c in sorted(document.classes, key=lambda c: -c.defects)
    ]
    by_severity = (f"<b>{document.severities.get(name, 0):,}</b>" for name in severities)
    name = "Left" if document.events_missing else "All"
    total = [f"<b>{name}</b>", f"<b>{len(document.defects):,}</b>", *by_severity, "", ""]
    caption = "Defects by class and severity" if severities else "Defects by class"
    return table("classes", caption, *_used(heads, [*rows, total]))


def _area(counted: ClassCount, *, whole: bool) -> str:
    """The sum of a class; at least so much where not all of its defects are in it with all."""
    if counted.area_mm2 is None:
        return ""
    least = "" if whole and not counted.in_density else _LEAST
    return f"{least}{counted.area_mm2:,.0f}"


def _used(heads: Sequence[str], rows: Sequence[Row]) -> tuple[list[str], list[Row]]:
    """Without the columns that are empty in every row."""
    used = [i for i in range(len(heads)) if any(row[i] for row in rows)]
    return [heads[i] for i in used], [[row[i] for i in used] for row in rows]


def repeats_table(document: CoilDocument, glyphs: Glyphs) -> str:
    """Roll repeats, or nothing."""
    if not document.repeats:
        return ""
    rows = [
        (
            glyphs.named(r.class_name),
            escape(", ".join(r.rolls)) or "none of the table",
            f"{r.period_m:.4f} ± {r.period_error_m:.4f}",
            f"{r.repeats}",
            f"{r.extent.from_m:.2f}{TO}{r.extent.to_m:.2f}",
            f"{r.extent.from_mm:.0f}{TO}{r.extent.to_mm:.0f}",
            percent(r.confidence),
        )
        for r in document.repeats
    ]
    heads = ("Class", "Roll", "#Period, m", "#Repeats", "#Along, m", "#Across, mm", "#Confidence")
    return table("repeats", "Roll repeats", heads, rows)


def density_table(document: CoilDocument, glyphs: Glyphs) -> str:
    """Stretches so dense that they are told as a number, or nothing."""
    if not document.densities:
        return ""
    shown = sorted(document.densities, key=lambda s: -s.per_10_m)[:MISSING_SHOWN]
    rows = [
        (
            glyphs.named(s.class_name),
            f"{s.from_m:.1f}{TO}{s.to_m:.1f}",
            f"{s.count}",
            f"{s.per_10_m:.1f}",
        )
        for s in sorted(shown, key=lambda s: s.from_m)
    ]
    heads = ("Class", "#Along, m", "#Defects", "#Per 10 m")
    return table("densities", "Dense stretches", heads, rows) + _more(len(document.densities))


def outcomes_table(document: CoilDocument) -> str:
    """What became of the cells: the sums that must agree."""
    certificate = document.certificate
    rows: list[Row] = []
    for outcome in PRECEDENCE:
        if count := certificate.cells.get(outcome, 0):
            rows.append(_cells(words(outcome), count, certificate.expected_cells))
            rows += [
                _cells(f'<span class="reason">{escape(label)}</span>', n, 0)
                for label, n in sorted(certificate.reasons.items())
                if label.startswith(f"{outcome}(")
            ]
    rows.append(_cells("<b>expected</b>", certificate.expected_cells, 0))
    return table("outcomes", "Cells by outcome", ("Outcome", "#Cells", "#Share"), rows)


def _cells(name: str, count: int, of: int) -> Row:
    return name, f"{count:,}", percent(count / of) if of else ""


def part_of(coil: CoilName) -> str:
    """Which part of a coil was under the camera, as far as is known; empty for a whole one."""
    if coil.head_seen is False:
        return f"the {coil.length_m:.2f} m from where inspection began"
    if coil.late_m:
        return f"the {coil.length_m:.2f} m behind its first {coil.late_m:.2f} m"
    return "" if coil.state == "finished" else f"the first {coil.length_m:.2f} m"


def missing_table(document: CoilDocument) -> str:
    """Where the strip was not inspected, the longest stretches."""
    missing = document.certificate.missing
    gone = _gone_stretches(document)
    if not missing and gone is None:
        which = part_of(document.coil) or "this coil"
        none = f'<p class="none">No stretch of {which} was left out.</p>'
        return none if document.certificate.expected_cells else ""
    return (gone or "") + (_missing_table(missing) if missing else "")


def _gone_stretches(document: CoilDocument) -> str | None:
    """What is known of strip whose stretches are not here; None where all are."""
    certificate, expected = document.certificate, document.certificate.expected_cells
    unseen = expected - sum(certificate.cells.get(outcome, 0) for outcome in SEEN)
    if not document.events_missing and (certificate.missing or not unseen):
        return None
    what = "all of where" if certificate.missing else "where"
    counted = (
        f" The coil's own report counted {unseen:,} of {expected:,} cells as not inspected in time."
        if expected
        else ""
    )
    return f'<p class="none">The ledger does not hold {what} strip was not inspected.{counted}</p>'


def _missing_table(missing: Sequence[NotInspected]) -> str:
    longest = sorted(missing, key=_length_m, reverse=True)[:MISSING_SHOWN]
    rows = [
        (
            f"{s.extent.from_m:.2f}{TO}{s.extent.to_m:.2f}",
            f"{s.extent.from_mm:.0f}{TO}{s.extent.to_mm:.0f}",
            words(s.outcome),
            escape(s.reason),
            f"{s.cells:,}",
        )
        for s in sorted(longest, key=lambda s: s.extent.from_m)
    ]
    heads = ("#Along, m", "#Across, mm", "Outcome", "Reason", "#Cells")
    return table("missing", "Not inspected, or in doubt", heads, rows) + _more(len(missing))


def _length_m(stretch: NotInspected) -> float:
    return stretch.extent.to_m - stretch.extent.from_m


def _more(count: int) -> str:
    left = count - MISSING_SHOWN
    return f'<p class="more">The {left:,} others are in the JSON.</p>' if left > 0 else ""


def provenance(document: CoilDocument) -> str:
    """Which models and rules judged, and which events this is made from."""
    certificate, ledger = document.certificate, document.certificate.ledger
    cell = (
        f"{certificate.cell_m * 1000:.1f} mm along, {certificate.cell_mm:.1f} mm across"
        if certificate.cell_m and certificate.cell_mm
        else "unknown"
    )
    facts = {
        "Models": "<br>".join(map(_model, certificate.models)) or "none",
        "Taken over": "<br>".join(
            f"{'unknown place' if t.at_m is None else f'{t.at_m:.2f} m'}: {_model(t.after)}"
            f" on {escape(t.backend)} ({escape(t.activation)})"
            for t in certificate.takeovers
        ),
        "Grading rules": _code(certificate.rules) if certificate.rules else "none",
        "Severities by": ""
        if certificate.severity_rules == certificate.rules
        else _code(certificate.severity_rules or "no rules"),
        "Cells": cell,
        "Deadline": f"{certificate.deadline_s * 1000:g} ms, by the config when this was made",
        "Ledger": f"{ledger.events:,} events of {_code(document.coil.source)}, no."
        f" {ledger.first_seq:,} to {ledger.last_seq:,}",
        "SHA-256": _code(ledger.sha256),
        "Made": f"{document.generated:%d %b %Y %H:%M:%S} UTC by {escape(document.generator)}",
    }
    pairs = "".join(f"<div><dt>{k}</dt><dd>{v}</dd></div>" for k, v in facts.items() if v)
    return f'<dl id="provenance">{pairs}</dl>'


def _model(model: ModelReference) -> str:
    name = f"{escape(model.name)} {escape(model.version)}"
    return f'{name} <code title="{escape(model.digest)}">{escape(model.digest[:_DIGEST])}</code>'


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def gallery(shown: Sequence[Shown], glyphs: Glyphs) -> str:
    """Pictures of the worst defects, or nothing."""
    if not shown:
        return ""
    figures = "".join(
        f'<figure><img src="{picture.url}" alt="{words(picture.defect.class_name)}">'
        f"<figcaption>{glyphs.named(picture.defect.class_name)}<span>"
        f"{picture.defect.extent.from_m:.2f} m, {picture.defect.extent.from_mm:.0f} mm</span>"
        "</figcaption></figure>"
        for picture in shown
    )
    return f'<div id="gallery">{figures}</div>'


def defects_table(shown: Sequence[FoundDefect], glyphs: Glyphs) -> str:
    """A line per defect, along the coil."""
    rows = [_defect(d, glyphs) for d in sorted(shown, key=lambda d: d.extent.from_m)]
    heads = (
        "Class", "Severity", "#Along, m", "#Across, mm", "#Area, mm²", "#Size, mm", "#Angle",
        "#Contrast", "#Prob.",
    )  # fmt: skip
    return table("defects", "Defects along the coil", *_used(heads, rows))


def _defect(defect: FoundDefect, glyphs: Glyphs) -> Row:
    at, found = defect.extent, defect.measure
    least = "" if defect.measured_whole else _LEAST
    note = " crowded" if defect.crowded else ""
    note += " end not seen" if defect.phase == "interrupted" else ""
    return (
        glyphs.named(defect.class_name) + (f'<span class="note">{note}</span>' if note else ""),
        escape(defect.severity or ""),
        f"{at.from_m:.2f}{TO}{at.to_m:.2f}",
        f"{at.from_mm:.0f}{TO}{at.to_mm:.0f}",
        f"{least}{found.area_mm2:,.1f}" if found else "",
        f"{least}{found.length_mm:.1f} × {found.width_mm:.1f}" if found else "",  # noqa: RUF001
        f"{found.orientation_deg:.0f}°" if found else "",
        f"{found.contrast:+.2f}" if found else "",
        f"{defect.probability * 100:.0f} %",
    )
