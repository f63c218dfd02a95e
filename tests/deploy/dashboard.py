"""The Grafana dashboard as a test reads it."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tests.conftest import ROOT

PATH = ROOT / "deploy" / "grafana" / "dashboards" / "stripsight.json"
METRIC = re.compile(r"\bstripsight_[a-z0-9_]+")
# What Grafana puts in for its variables; five seconds are many scrapes of the test's Prometheus.
_VARIABLES = {"$__rate_interval": "5s", "$__range": "5s", "$camera": ".*"}


class Query(NamedTuple):
    """One expression of one panel."""

    panel: str
    expr: str

    def promql(self) -> str:
        """With Grafana's variables filled in."""
        text = self.expr
        for name, value in _VARIABLES.items():
            text = text.replace(name, value)
        return text


def load() -> dict[str, Any]:
    """The whole dashboard."""
    dashboard = json.loads(PATH.read_text("utf-8"))
    assert isinstance(dashboard, dict)
    return dashboard


def panels() -> list[dict[str, Any]]:
    """Every panel that is not a row."""
    return [panel for panel in load()["panels"] if panel["type"] != "row"]


def queries() -> Iterator[Query]:
    """Every expression on it."""
    for panel in panels():
        for target in panel["targets"]:
            yield Query(panel["title"], target["expr"])


def unanswered(ask: Callable[[str], list[dict[str, Any]]]) -> set[Query]:
    """The queries whose answer holds no number; `ask` takes PromQL and gives an instant vector.

    For any Prometheus: one that scrapes the running daemon serves as well.
    """
    return {query for query in queries() if not _numbers(ask(query.promql()))}


def _numbers(vector: list[dict[str, Any]]) -> list[str]:
    return [sample["value"][1] for sample in vector if sample["value"][1] != "NaN"]
