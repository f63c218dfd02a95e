"""A coil's report on the operator's page, the file that `coil report` writes: `/coil?id=COIL`, or
`/coil?subject=` and the id that its events carry, which the mill does not correct.

Both stand in the query, since in a path a coil called `..` would be another address.
"""

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from fastapi import FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse

from edge.clock import SystemClock
from edge.config import Config
from edge.errors import ConfigError, LedgerError
from edge.ledger.inspections import Inspection, find, inspections, inspections_of, shown
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


def link_to(subject: str, text: str) -> str:
    """An HTML link to a coil's report; `text` is HTML."""
    href = f"{PATH}?subject={quote(subject, safe='', errors='replace')}"
    return f'<a class="report" href="{href}" target="_blank" rel="noopener">{text}</a>'


def _reports(config: Config) -> Callable[..., Awaitable[HTMLResponse]]:
    """One report at a time, since a large one takes a processor for seconds. Those that wait hold
    no thread, of which the server has forty for everything; who has gone meanwhile gets none.
    """
    one_at_a_time = asyncio.Lock()

    async def report(
        request: Request,
        id: str = "",  # noqa: A002 - the query's name
        subject: str = "",
    ) -> HTMLResponse:
        if bool(id) == bool(subject):
            raise HTTPException(422, "name a coil by id=, or by subject=")
        try:
            async with one_at_a_time:
                if await request.is_disconnected():
                    raise HTTPException(499, "nobody waits for it any more")
                page = await run_in_threadpool(_page, config, id, subject)
        except ConfigError as error:
            raise HTTPException(404, str(error)) from error
        except LedgerError as error:
            raise HTTPException(503, str(error)) from error
        return HTMLResponse(page, headers=_HEADERS)

    return report


def _page(config: Config, coil_id: str, subject: str) -> str:
    reader = EventReader(config.ledger.path)
    try:
        inspection = _of_subject(reader, subject) if subject else find(inspections(reader), coil_id)
        return render_page(compose(reader, inspection, config, SystemClock()), config)
    finally:
        reader.close()


def _of_subject(reader: EventReader, subject: str) -> Inspection:
    known = inspections_of(reader, subject)
    if not known:
        raise ConfigError(f"no coil of the subject {shown(subject)} in the ledger")
    return known[-1]
