"""The rows of the design's performance contract: what was measured against what was promised."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tests.bench.figures import Spread, spread
from tests.bench.result import Camera, Delivery, Memory, Ratio, Result, Scenario

SMALL = {"bare": 0.90, "loop_fp32": 7.0, "loop_int8": 1.8}
LARGE = {"bare": 0.95, "loop_fp32": 10.0, "loop_int8": 3.0}
"""Least ratio of the daemon to each on two cores with AMX; at an input of 64 px and of 128. The
stem of stride 4 makes the network of 128 px as small as that of 64."""
BASELINES = {"bare": "bare engine", "loop_fp32": "loop fp32", "loop_int8": "loop int8"}
COMMIT_S, ACKNOWLEDGED_S, OUTSIDE_S = 0.015, 0.05, 0.003
"""Beyond the network's own time; to the broker's acknowledgement; of our software a 4 MB frame."""
MB_PER_H = 1.0
BACKLOG_PER_S, LIVE_S = 5000.0, 0.1


class Row(NamedTuple):
    """As printed; `verdict` is `met`, `missed`, or `open` where the interval holds both."""

    what: str
    measured: str
    target: str
    verdict: str


def rows(result: Result) -> Iterator[Row]:
    """Of all that was measured."""
    for ratios in _groups(result.ratios):
        yield from _ratios(ratios)
    for key in dict.fromkeys((one.scenario, one.isa) for one in result.camera):
        yield from _camera([one for one in result.camera if (one.scenario, one.isa) == key])
    for delivery in result.delivery:
        yield from _delivery(delivery)
    for memory in result.memory:
        yield _memory(memory)


def _delivery(found: Delivery) -> Iterator[Row]:
    what = f"events/s to mosquitto from a backlog of {found.events}"
    met = found.per_s >= BACKLOG_PER_S and not found.gaps
    measured = f"{found.per_s:.0f}, {found.seconds:.0f} s in all, {found.gaps} gaps"
    yield Row(what, measured, f">= {BACKLOG_PER_S:.0f}, 0 gaps", _verdict(met))
    yield Row(
        f"committed -> received on `live` meanwhile, p99 of {found.live.samples}",
        f"{1000 * found.live.p99:.1f} ms, max {1000 * found.live.max:.0f}",
        f"<= {1000 * LIVE_S:.0f} ms",
        _verdict(found.live.p99 <= LIVE_S),
    )


def _groups(ratios: Sequence[Ratio]) -> list[list[Ratio]]:
    """Rounds of one network and one cap together; the caps last."""
    groups: dict[tuple[str, str], list[Ratio]] = {}
    for ratio in ratios:
        groups.setdefault((ratio.isa, ratio.shape), []).append(ratio)
    return [groups[key] for key in sorted(groups, key=lambda key: key[0] != "all")]


def _ratios(rounds: Sequence[Ratio]) -> Iterator[Row]:
    first = rounds[0]
    targets = SMALL if first.input_px <= 64 or first.wide_stem else LARGE
    for name, target in targets.items():
        found = [r.daemon / other for r in rounds if (other := getattr(r, name)) is not None]
        if found:
            what = f"daemon / {BASELINES[name]}, {first.shape}{_cap(first.isa)}"
            middle = spread(found)
            verdict = _verdict(middle.median >= target)
            yield Row(what, _shown(middle, "{:.2f}"), f">= {target:.2f}", verdict)


def _camera(rounds: Sequence[Camera]) -> Iterator[Row]:
    cap = _scenario(rounds[0].scenario) + _cap(rounds[0].isa)
    lost = sum(sum(one.lost.values()) for one in rounds)
    late = sum(one.cells.get("late", 0) for one in rounds)
    frames, cells = sum(one.frames for one in rounds), sum(sum(o.cells.values()) for o in rounds)
    yield Row(
        f"115 MB/s, {rounds[0].tiles_per_frame} tiles a frame{cap}",
        f"{lost} of {frames + lost} frames lost, {late} of {cells} cells late",
        "0 lost, 0 late", _verdict(lost == late == 0),
    )  # fmt: skip
    batch_s = spread([one.batch for one in rounds]).median
    limits = {
        "committed": (batch_s + COMMIT_S, f"<= {1000 * batch_s:.1f} + 15 ms"),
        "acknowledged": (ACKNOWLEDGED_S, "<= 50 ms"),
        "outside": (OUTSIDE_S, "<= 3 ms"),
    }
    names = {
        "committed": "grabbed -> committed, p99",
        "acknowledged": "grabbed -> acknowledged, p99",
        "outside": "software outside the network, p99 a frame",
    }
    for name, (limit_s, target) in limits.items():
        found = spread([getattr(one, name).p99 for one in rounds])
        shown = _shown(Spread(*(1000 * value for value in found)), "{:.1f}") + " ms"
        yield Row(names[name] + cap, shown, target, _verdict(found.median <= limit_s))


def _memory(found: Memory) -> Row:
    minutes = found.per_minute[-1][0] - found.discarded_minutes
    verdict = "open"
    if found.high <= MB_PER_H or found.low > MB_PER_H:
        verdict = _verdict(found.high <= MB_PER_H)
    return Row(
        f"resident memory of {found.process}, {minutes:.0f} minutes",
        f"{found.slope_mb_per_h:+.2f} ({found.low:+.2f} to {found.high:+.2f}) MB/h",
        "<= 1 MB/h", verdict,
    )  # fmt: skip


def _scenario(name: Scenario) -> str:
    return " (a)" if name == "a" else " (b), with the screen"


def _cap(isa: str) -> str:
    return "" if isa == "all" else f", capped at {isa}"


def _shown(found: Spread, form: str) -> str:
    """The median, and the others where there was more than one round."""
    middle = form.format(found.median)
    if found.low == found.high:
        return middle
    return f"{middle} ({form.format(found.low)} to {form.format(found.high)})"


def _verdict(met: bool) -> str:  # noqa: FBT001 - nothing else is asked
    return "met" if met else "missed"
