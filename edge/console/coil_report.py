"""A coil's report on the operator's page: `/coil?id=COIL`, the file that `coil report` writes.

The id stands in the query, since in a path a coil called `..` would be another address.
"""

import threading
from collections.abc import Callable
from urllib.parse import quote

from fastapi import FastAPI, HTTPException
from fastapi.responses import HTMLResponse

from edge.clock import SystemClock
from edge.config import Config
from edge.errors import ConfigError, LedgerError
from edge.ledger.inspections import find, inspections
from edge.ledger.reader import EventReader
from edge.report.compose import compose
from edge.report.write import render_page

PATH = "/coil"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:;"
    " frame-ancestors 'none'",
}


def add_coil_report(app: FastAPI, config: Config) -> None:
    """Serve the reports."""
    app.add_api_route(PATH, _reports(config), methods=["GET"])


def link_to(coil_id: str, text: str) -> str:
    """An HTML link to a coil's report; `text` is HTML."""
    href = f"{PATH}?id={quote(coil_id, safe='', errors='replace')}"
    return f'<a class="report" href="{href}" target="_blank" rel="noopener">{text}</a>'


def _reports(config: Config) -> Callable[[str], HTMLResponse]:
    one_at_a_time = threading.Lock()

    def report(id: str) -> HTMLResponse:  # noqa: A002 - the query's own name
        try:
            with one_at_a_time:
                return HTMLResponse(_page(config, id), headers=_HEADERS)
        except ConfigError as error:
            raise HTTPException(404, str(error)) from error
        except LedgerError as error:
            raise HTTPException(503, str(error)) from error

    return report


def _page(config: Config, coil_id: str) -> str:
    reader = EventReader(config.ledger.path)
    try:
        inspection = find(inspections(reader), coil_id)
        return render_page(compose(reader, inspection, config, SystemClock()), config)
    finally:
        reader.close()
