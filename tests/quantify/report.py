"""The study's tables, from its figures."""

from typing import Any

Row = dict[str, Any]


def tables(study: dict[str, Any]) -> list[str]:
    """Markdown: what measuring costs; pixels against their truth; events against theirs."""
    return [
        _cost(study["cost"]),
        *(f"### {title}\n\n{_pixels(rows)}" for title, rows in study["pixels"].items()),
        *(f"### {title}\n\n{_events(rows)}" for title, rows in study["events"].items()),
    ]


def choices(chosen: dict[str, Any]) -> str:
    """Markdown: the mean IoU over classes under other settings."""
    rows = [[name, *(f"{iou:.3f}" for iou in ious)] for name, ious in chosen["rows"].items()]
    return _table(["settings", *chosen["kinds"]], rows)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [" | ".join(row) for row in (head, *rows)]
    return "\n".join(f"| {line} |" for line in lines).replace("\n", f"\n|{'---|' * len(head)}\n", 1)


def _cost(rows: list[Row]) -> str:
    head = ["tiles", "patches", "pixels a patch", "ms a patch", "ns a pixel"]
    return _table(head, [[
        f"{row['tile_px']} px",
        f"{row['patches']}",
        f"{row['pixels'] / row['patches']:,.0f}",
        f"{row['seconds'] / row['patches'] * 1e3:.2f}",
        f"{row['seconds'] / row['pixels'] * 1e9:.1f}",
    ] for row in rows])  # fmt: skip


def _pixels(rows: list[Row]) -> str:
    head = ["class", "n", "IoU", "Otsu's", "tiles'", "area error, median", "its size, median"]
    return _table([*head, "Otsu's"], [[
        row["class"],
        f"{row['n']}",
        _cell(row["iou"], "{:.2f}"),
        _cell(row["otsu_iou"], "{:.2f}"),
        f"{row['tiles_iou']:.2f}",
        _cell(row["area_error"], "{:+.0%}"),
        _cell(row["area_error_size"], "{:.0%}"),
        _cell(row["otsu_area_error_size"], "{:.0%}"),
    ] for row in rows])  # fmt: skip


def _events(rows: list[Row]) -> str:
    head = ["class", "events", "measured whole", "in part", "area", "length"]
    return _table([*head, "width", "direction off by"], [[
        row["class"],
        f"{row['events']}",
        f"{row['whole']}",
        f"{row['in_part']}",
        *(_cell(row[key], "{:+.0%}") for key in ("area", "length", "width")),
        _cell(row["direction_deg"], "{:.1f}°"),
    ] for row in rows])  # fmt: skip


def _cell(figure: list[float] | None, form: str) -> str:
    if figure is None:
        return "too few"
    value, low, high = (form.format(f) for f in figure)
    return f"{value} ({low} to {high})"
