"""Writes the documents that come from the code: `python docs/generate.py`.

    metrics.md           from edge/metrics.py
    events.schema.json   from contract/events.py, bodies.py
    asyncapi.yaml        from edge/deliver/asyncapi.py
    coil-report.schema.json
                         from edge/report/document.py
    mill.schema.json     from edge/mill/signals.py
    benchmarks.md        what stands between `<!-- study NAME -->` and `<!-- end -->` comes from
                         study/NAME/study.csv and the predictions beside it, and between
                         `<!-- bench -->` and `<!-- end -->` from bench/*/bench.json
    study/NAME/report.md the same
    opcua.md             the tables between its marks come from edge/deliver/plc_words.py
    positions.md         the table between its marks comes from tests/bench/position_error.py

A test keeps them equal to the code and to the figures.
"""

import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))

import yaml  # noqa: E402 - after the path
from prometheus_client import CollectorRegistry  # noqa: E402

from contract.events import json_schema  # noqa: E402
from edge.deliver import asyncapi  # noqa: E402
from edge.deliver.plc_words import ACKNOWLEDGE, HEAD, RING, Word  # noqa: E402
from edge.metrics import CourierMetrics, Described, InspectMetrics, describe  # noqa: E402
from edge.mill import signals  # noqa: E402
from edge.report.document import document_schema  # noqa: E402
from tests.bench.position_error import table  # noqa: E402
from tests.bench.report import published  # noqa: E402
from training.study_report import read_finished  # noqa: E402

_BENCH = re.compile(r"<!-- bench -->\n.*?<!-- end -->", re.DOTALL)
_STUDY = re.compile(r"<!-- study (?P<name>[\w+-]+) -->\n.*?<!-- end -->", re.DOTALL)

_BLOCK = re.compile(r"<!-- plc block -->\n.*?<!-- end -->", re.DOTALL)
_ERRORS = re.compile(r"<!-- position errors -->\n.*?<!-- end -->", re.DOTALL)

_HEAD = """# Metrics

Generated from `edge/metrics.py` by `python docs/generate.py`.

Each process answers at `/metrics` on its own port of the config's `metrics` section. Histograms are
in seconds and have the usual `_bucket`, `_sum` and `_count` series. No label holds a coil, frame or
event id, so the number of series stays bounded.

Beside the series of the tables each process has those of Prometheus' client for itself
(`process_resident_memory_bytes`, `process_open_fds`, `process_cpu_seconds_total`, ...) and
`stripsight_threads`.
"""


def documents() -> dict[Path, str]:
    """Every generated document and its text."""
    named = _STUDY.finditer((DOCS / "benchmarks.md").read_text("utf-8"))
    reports = {DOCS / "study" / f["name"] / "report.md": _report(f["name"]) for f in named}
    return reports | {
        DOCS / "metrics.md": metrics_page(),
        DOCS / "events.schema.json": json.dumps(json_schema(), indent=2) + "\n",
        DOCS / "asyncapi.yaml": asyncapi_page(),
        DOCS / "coil-report.schema.json": json.dumps(document_schema(), indent=2) + "\n",
        DOCS / "mill.schema.json": json.dumps(signals.json_schema(), indent=2) + "\n",
        DOCS / "benchmarks.md": benchmarks_page(),
        DOCS / "opcua.md": opcua_page(),
        DOCS / "positions.md": positions_page(),
    }


def asyncapi_page() -> str:
    """AsyncAPI as YAML, in the order in which one reads it."""
    return yaml.safe_dump(asyncapi.document(), sort_keys=False, allow_unicode=True, width=100)


def benchmarks_page() -> str:
    """The page as it is, with the tables of its studies and of `make bench` made anew."""
    page = _STUDY.sub(_study, (DOCS / "benchmarks.md").read_text("utf-8"))
    return _BENCH.sub(lambda _: f"<!-- bench -->\n{published(DOCS / 'bench')}<!-- end -->", page)


def opcua_page() -> str:
    """The page as it is, with the block's words made anew."""
    parts = (
        "At the top:\n",
        *_words((*HEAD, ACKNOWLEDGE)),
        "\nEach slot, `Ring[1]` to `Ring[16]` (as many as `plc_block.ring`):\n",
        *_words(RING),
    )
    made = "<!-- plc block -->\n" + "\n".join(parts) + "\n<!-- end -->"
    return _BLOCK.sub(lambda _: made, (DOCS / "opcua.md").read_text("utf-8"))


def _words(words: tuple[Word, ...]) -> Iterator[str]:
    yield "| word | type | unit | meaning |"
    yield "|---|---|---|---|"
    for word in words:
        kind = f"{word.type}, {word.chars} characters" if word.chars else word.type
        yield f"| `{word.name}` | {kind} | {word.unit} | {word.text} |"


def positions_page() -> str:
    """The page as it is, with its table made anew."""
    made = f"<!-- position errors -->\n{table()}<!-- end -->"
    return _ERRORS.sub(made, (DOCS / "positions.md").read_text("utf-8"))


@cache
def _report(study: str) -> str:
    return read_finished(DOCS / "study" / study).text()


def _study(found: re.Match[str]) -> str:
    folder = DOCS / "study" / found["name"]
    pictures = [
        f"\n![{name}](study/{folder.name}/{name}.png)\n"
        for name in ("figures", "differences") if (folder / f"{name}.png").exists()
    ]  # fmt: skip
    text = _report(folder.name) + "".join(pictures)
    return f"<!-- study {found['name']} -->\n{text}<!-- end -->"


def metrics_page() -> str:
    """All metrics of both processes as Markdown."""
    inspect = describe(InspectMetrics(CollectorRegistry()))
    courier = describe(CourierMetrics(CollectorRegistry()))
    parts = (
        _HEAD,
        "## The inspecting process (`metrics.inspect_port`)\n",
        "\n".join(_table(inspect)),
        "\n## The courier (`metrics.courier_port`)\n",
        "\n".join(_table(courier)),
    )
    return "\n".join(parts) + "\n"


def _table(metrics: list[Described]) -> Iterator[str]:
    yield "| metric | type | labels | meaning |"
    yield "|---|---|---|---|"
    for metric in metrics:
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "-"
        yield f"| `{metric.name}` | {metric.kind} | {labels} | {metric.text} |"


if __name__ == "__main__":
    for path, text in documents().items():
        path.write_text(text, "utf-8")
