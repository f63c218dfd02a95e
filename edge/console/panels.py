"""The other parts of the page as HTML: state line, last defects, and what there is of this coil.

Every text that comes from an event or a config is escaped here.
"""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from itertools import islice

from contract.bodies import CoilReport, Measure, RollRepeat
from edge.console.coil_report import link_to
from edge.console.status import Cell, News, age
from edge.console.view import CoilView, LineView, Mark
from edge.palette import Palette, Swatch
from edge.report.glyphs import words
from edge.text import percent

_TO = " &ndash; "
SHOWN_DEFECTS = 12


def state_line(cells: Sequence[Cell], news: News) -> str:
    """The fields from left to right; `stale` marks values that are not the present."""
    body = "".join(_cell(cell) for cell in cells)
    trouble = f'<div class="trouble alarm">✕ {escape(news.trouble)}</div>' if news.trouble else ""
    return f'<div class="cells {"stale" if news.stale else "live"}">{body}</div>{trouble}'


def _cell(cell: Cell) -> str:
    symbol = f'<span class="symbol">{cell.symbol}</span>' if cell.symbol else ""
    detail = escape(cell.detail) or "&nbsp;"
    return (
        f'<div class="cell {cell.level}" id="cell-{cell.key}"><div class="label">{cell.label}</div>'
        f'<div class="value">{symbol}{escape(cell.value)}</div>'
        f'<div class="detail" title="{escape(cell.detail)}">{detail}</div></div>'
    )


def last_defects(line: LineView, palette: Palette, now: datetime) -> str:
    """The table of the newest defects, newest first; those of another coil name it."""
    current = line.coil.id if line.coil else None
    rows = "".join(
        _row(
            mark,
            palette[mark.class_name],
            now,
            "" if mark.coil == current else line.name_of(mark.coil),
        )
        for mark in islice(line.recent, SHOWN_DEFECTS)
    )
    if not rows:
        return '<p class="none">No defect has been reported.</p>'
    return (
        '<table id="defects"><thead><tr><th>Picture</th><th>Class</th><th class="n">Along, m</th>'
        '<th class="n">Across, mm</th><th class="n">Size, mm</th><th class="n">Probability</th>'
        '<th class="n">Seen</th></tr>'
        f"</thead><tbody>{rows}</tbody></table>"
    )


def _row(mark: Mark, swatch: Swatch, now: datetime, coil: str) -> str:
    extent = mark.extent
    local = mark.seen.astimezone()
    seen = (
        f"{local:%H:%M:%S}" if local.date() == now.astimezone().date() else f"{local:%d %b %H:%M}"
    )
    other = f'<div class="sub">{escape(coil)}</div>' if coil else ""
    open_ended = "" if mark.phase in {"closed", "interrupted"} else ' <span class="open">…</span>'
    return (
        f"<tr><td>{_picture(mark)}</td>"
        f"<td>{_named(swatch)}{other}</td>"
        f'<td class="n">{extent.from_m:.2f}{_TO}{extent.to_m:.2f}{open_ended}</td>'
        f'<td class="n">{extent.from_mm:.0f}{_TO}{extent.to_mm:.0f}</td>'
        f'<td class="n">{_size(mark.measure)}</td>'
        f'<td class="n">{mark.probability * 100:.0f} %</td>'
        f'<td class="n">{seen}</td></tr>'
    )


def _size(measure: Measure | None) -> str:
    """Length by width, as they were measured; at least so much where not all of it was."""
    if measure is None:
        return ""
    least = "" if measure.complete else "≥ "
    return f"{least}{measure.length_mm:.1f} &times; {measure.width_mm:.1f}"


def _picture(mark: Mark) -> str:
    if mark.evidence is None:
        return '<div class="no-picture">no picture</div>'
    name = escape(mark.evidence)
    return (
        f'<a href="/evidence/{name}" target="_blank" rel="noopener">'
        f'<img src="/evidence/{name}" alt="{words(mark.class_name)}" loading="lazy"></a>'
    )


def _named(swatch: Swatch) -> str:
    letter = f'<span class="swatch" style="--class:{swatch.colour}">{swatch.letter}</span>'
    return f'<div class="class">{letter}{words(swatch.name)}</div>'


def coil_panel(line: LineView, palette: Palette) -> str:
    """The legend with its counts, what was not inspected, and the coil before."""
    coil = line.coil
    found = coil.found if coil else {}
    legend = "".join(
        f'<tr class="{"some" if found.get(s.name) else "zero"}">'
        f"<td>{_named(s)}</td>"
        f'<td class="n">{found.get(s.name, 0)}</td></tr>'
        for s in palette
    )
    if not legend:
        legend = '<tr><td class="quiet">none</td></tr>'
    parts = [
        _repeats(coil),
        f"<h3>Defects on this coil{_report_so_far(coil)}</h3>",
        f'<table id="legend"><tbody>{legend}</tbody></table>',
        _missed(coil),
    ]
    if coil and coil.left_out:
        parts.append(f'<p class="sub">the oldest {coil.left_out} are counted but not drawn</p>')
    if line.previous is not None:
        parts.append(_previous(line.previous, line.name_of(line.previous.id)))
    return "".join(parts)


def _repeats(coil: CoilView | None) -> str:
    """Rolls that mark this coil, those that still do first and as an alarm."""
    if coil is None or not coil.repeats:
        return ""
    newest_first = list(coil.repeats.values())[::-1]
    newest_first.sort(key=_is_over)
    return "<h3>Roll marks</h3>" + "".join(_repeat(body) for body in newest_first)


def _repeat(body: RollRepeat) -> str:
    over, extent = _is_over(body), body.extent
    rolls = " or ".join(body.rolls) or "no roll of the table"
    head = f"{'' if over else '✕ '}{escape(rolls)}"
    return (
        f'<div class="repeat {"quiet" if over else "alarm"}"><b>{head}</b><br>'
        f"{words(body.class_name)}, {body.repeats} times every {body.period_m:.3f} m<br>"
        f"{extent.from_m:.1f}{_TO}{extent.to_m:.1f} m, {extent.from_mm:.0f}{_TO}"
        f"{extent.to_mm:.0f} mm, {'over' if over else 'goes on'}</div>"
    )


def _is_over(body: RollRepeat) -> bool:
    return body.phase in {"closed", "interrupted"}


def _report_so_far(coil: CoilView | None) -> str:
    return f" · {link_to(coil.id, 'report so far')}" if coil else ""


def _missed(coil: CoilView | None) -> str:
    if coil is None or not coil.uninspected_m:
        return '<h3>Not inspected</h3><p class="quiet">nothing on this coil</p>'
    rows = "".join(
        f'<tr><td><span class="hatched"></span>{escape(why)}</td>'
        f'<td class="n">{metres:.2f} m</td></tr>'
        for why, metres in sorted(coil.uninspected_m.items(), key=lambda item: -item[1])
    )
    return f'<h3>Not inspected</h3><table id="missed"><tbody>{rows}</tbody></table>'


def _previous(coil: CoilView, name: str) -> str:
    report = coil.report
    text = _verdict(report) if report else "ended without a report"
    link = f" · {link_to(coil.id, 'report')}" if report else ""
    return f'<h3>Coil before{link}</h3><p class="quiet">{escape(name)}: {text}</p>'


def _verdict(report: CoilReport) -> str:
    valid = "" if report.inspection_valid else ", <b>✕ inspection not valid</b>"
    defects = sum(report.defects.values())
    seen = "<b>✕ nothing</b>" if report.nothing_seen else percent(report.coverage)
    return f"{report.length_m:.1f} m, {seen} inspected, {defects} defects{valid}"


def news_of_events(line: LineView, news: News, now: datetime) -> str:
    """The foot of the page: how new all this is."""
    if line.newest_event is None:
        return "no event recorded yet"
    since = max((now - line.newest_event).total_seconds(), 0.0)
    answered = "never answered" if news.status is None else f"answered {age(news.age_s)} ago"
    return f"newest event no. {line.seq}, {age(since)} ago · inspecting process {answered}"
