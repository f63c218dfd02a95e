"""A run as Markdown: every row of the design's performance contract, and what stands behind it."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.bench.contract_rows import Row, rows
from tests.bench.figures import Spread, short, spread
from tests.bench.result import (
    NAME,
    SERIES,
    Camera,
    Conditions,
    Cost,
    Latency,
    Ratio,
    Result,
    read_result,
)

QUICK_NOTE = "**Quick run: too few frames for a figure, it only shows that the bench works.**"
BUSY_NOTE = "**The machine was not idle: no rate and no latency holds.**"
CAP_NOTE = (
    "Under a cap OpenVINO and oneDNN keep to the instructions of a lesser processor, the daemon as"
    " well as the bare engine. ONNX Runtime's kernels cannot be capped, so the straightforward"
    " loops are there without a cap only."
)

STAGES = (
    "strip", "light", "screen", "cut", "classify", "join", "quantify", "decide", "frame", "commit",
)  # fmt: skip


def published(folder: Path) -> str:
    """All runs kept in sub-folders, each with its pictures; for a page beside the folder."""
    return "".join(
        f"\n### {found.parent.name}\n\n{markdown(read_result(found.parent))}"
        + "".join(
            f"\n![{picture.stem}]({folder.name}/{found.parent.name}/{picture.name})\n"
            for picture in sorted(found.parent.glob("*.png"))
        )
        for found in sorted(folder.glob(f"*/{NAME}"))
    )


def markdown(result: Result) -> str:
    """The whole text; parts that were not measured are not in it."""
    parts = [_heading(result.conditions), _table(_CONTRACT_HEAD, map(_contract_row, rows(result)))]
    if result.ratios:
        parts += [
            "Tiles per second, min / median / max over the turns of all rounds:",
            _rates(result.ratios),
        ]
        parts += [CAP_NOTE] if any(ratio.isa != "all" for ratio in result.ratios) else []
    if result.camera:
        for scenario in sorted({one.scenario for one in result.camera}):
            rounds = [one for one in result.camera if one.scenario == scenario]
            parts += [_camera_words(rounds), _latencies(rounds)]
            parts += ["Stages of a frame, all rounds without a cap, ms:", _stages(rounds)]
    for series in dict.fromkeys(cost.series for cost in result.growth):
        costs = [cost for cost in result.growth if cost.series == series]
        parts += [f"Cost over {series} ({SERIES[series]}):", _growth(series, costs)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _heading(found: Conditions) -> str:
    libraries = ", ".join(f"{name} {version}" for name, version in found.versions.items())
    lines = [f"{found.machine}; {found.begun:%Y-%m-%d}; {libraries}."]
    load = f"Load average before {found.load_before[0]:.2f}"
    if found.load_after is not None and found.stolen_share is not None:
        load += f", after {found.load_after[0]:.2f}; {found.stolen_share:.1%} of the time stolen"
    lines.append(f"{load}.")
    lines += [QUICK_NOTE] if found.quick else []
    lines += [BUSY_NOTE] if found.anyway else []
    return "\n".join(lines)


def _table(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    lines = [list(row) for row in body]
    if not lines:
        return ""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *lines))


_CONTRACT_HEAD = ("what", "measured", "target", "")


def _contract_row(row: Row) -> tuple[str, ...]:
    return row.what, row.measured, row.target, row.verdict


def _rates(ratios: Sequence[Ratio]) -> str:
    head = (
        "network", "instructions", "bare engine", "graph as it is", "offered", "daemon",
        "strip m/s", "loop fp32", "loop int8",
    )  # fmt: skip
    groups: dict[tuple[str, str], list[Ratio]] = {}
    for ratio in ratios:
        groups.setdefault((ratio.shape, ratio.isa), []).append(ratio)
    return _table(head, [(*names, *_rate_cells(group)) for names, group in groups.items()])


def _rate_cells(group: Sequence[Ratio]) -> Iterator[str]:
    for name in ("bare", "plain", "offered", "daemon", "strip_m_per_s", "loop_fp32", "loop_int8"):
        found = [value for r in group if (value := getattr(r, name)) is not None]
        yield _three(spread(found), 2 if name == "strip_m_per_s" else 0) if found else "-"


def _three(found: Spread, digits: int) -> str:
    return " / ".join(f"{value:.{digits}f}" for value in found)


def _camera_words(rounds: Sequence[Camera]) -> str:
    first = rounds[0]
    network = "all classified" if first.scenario == "a" else "a tenth past the screen"
    return (
        f"({first.scenario}) A full GigE camera: frames of {first.frame_bytes / 1e6:.2g} MB,"
        f" {first.tiles_per_frame} tiles each, {network}, offered open loop at"
        f" {first.offered_per_s:.1f} frames/s; mosquitto, a consumer, both processes scraped"
        " each second, a defect a frame on average. Latencies of"
        " each round in ms, exact, not from buckets:"
    )


def _latencies(rounds: Sequence[Camera]) -> str:
    head = (
        "instructions", "frames", "inspected/s", "lost", "late cells", "events", "gaps",
        "committed p50", "p99", "max", "acknowledged p50", "p99", "max", "network alone",
    )  # fmt: skip
    return _table(head, [
        (
            one.isa, str(one.frames), f"{one.inspected_per_s:.1f}", str(sum(one.lost.values())),
            str(one.cells.get("late", 0)), str(one.events), str(one.gaps),
            *_milliseconds(one.committed), *_milliseconds(one.acknowledged),
            f"{1000 * one.batch:.1f}",
        )
        for one in rounds
    ])  # fmt: skip


def _milliseconds(found: Latency) -> Iterator[str]:
    for seconds in (found.p50, found.p99, found.max):
        yield f"{1000 * seconds:.1f}"


def _stages(rounds: Sequence[Camera]) -> str:
    free = [one for one in rounds if one.isa == "all"]
    named = {
        name: found
        for name in STAGES
        if (found := [one.stages[name] for one in free if name in one.stages])
    }
    named["outside the network"] = [one.outside for one in free]
    return _table(("stage", "p50", "p99", "max"), [
        (
            name,
            f"{1000 * spread([f.p50 for f in found]).median:.2f}",
            f"{1000 * spread([f.p99 for f in found]).median:.2f}",
            f"{1000 * max(f.max for f in found):.2f}",
        )
        for name, found in named.items() if found
    ])  # fmt: skip


def _growth(series: str, costs: Sequence[Cost]) -> str:
    head = (series, *costs[0].figures)
    body = [(short(c.value), *map(short, c.figures.values())) for c in costs]
    return _table(head, body)
