"""Reports behind the page, by the server's own threads."""

import asyncio
import threading
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from edge.console import coil_report as served
from tests.unit.edge.console.strip_events import coil_report, coil_started
from tests.unit.edge.report.ledger_of import COIL, config_of, record

WAITING = 60
"""More than the server has threads."""


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    record(tmp_path, [coil_started(COIL), coil_report(COIL)])
    app = FastAPI()
    app.add_api_route("/other", lambda: "there", methods=["GET"])
    served.add_coil_report(app, config_of(tmp_path))
    return app


def test_reports_that_wait_hold_up_nothing_else(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, pages = threading.Event(), threading.Event(), list[str]()

    def slow(*words: object) -> str:
        begun.set()
        assert go_on.wait(60)
        pages.append(str(words))
        return "page"

    async def ask() -> list[int]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://line") as client:
            asked = [
                asyncio.create_task(client.get("/coil", params={"id": COIL}))
                for _ in range(WAITING)
            ]
            try:
                assert await asyncio.to_thread(begun.wait, 60)
                other = await asyncio.wait_for(client.get("/other"), 20)
                assert other.json() == "there"
                assert not pages
            finally:
                go_on.set()
            return [reply.status_code for reply in await asyncio.gather(*asked)]

    monkeypatch.setattr(served, "_page", slow)
    assert asyncio.run(ask()) == [200] * WAITING
    assert len(pages) == WAITING


def test_who_has_gone_while_others_were_served_gets_no_report(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, pages = threading.Event(), threading.Event(), list[str]()

    def slow(_: object, coil_id: str, __: str) -> str:
        begun.set()
        assert go_on.wait(60)
        pages.append(coil_id)
        return "page"

    async def ask(coil_id: str, *said: str) -> int:
        """The status that the server answers a client that says no more than that."""
        left, answers = (
            [{"type": f"http.{word}"} for word in said],
            list[MutableMapping[str, Any]](),
        )

        async def receive() -> MutableMapping[str, Any]:
            return left.pop(0) if left else await asyncio.Future()

        async def send(message: MutableMapping[str, Any]) -> None:
            answers.append(message)

        query = f"id={coil_id}".encode()
        scope = {"type": "http", "method": "GET", "path": "/coil", "query_string": query}
        await app(scope | {"headers": []}, receive, send)
        return int(answers[0]["status"])

    async def both() -> list[int]:
        first = asyncio.create_task(ask("stays", "request"))
        assert await asyncio.to_thread(begun.wait, 60)
        second = asyncio.create_task(ask("goes", "disconnect"))
        go_on.set()
        return list(await asyncio.gather(first, second))

    monkeypatch.setattr(served, "_page", slow)
    assert asyncio.run(both()) == [200, 499]
    assert pages == ["stays"]


def test_a_coil_is_asked_for_by_its_id_or_its_subject(app: FastAPI) -> None:
    async def statuses(*queries: str) -> list[int]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://line") as client:
            return [(await client.get(f"/coil{query}")).status_code for query in queries]

    asked = (f"?id={COIL}", f"?subject={COIL}", "", f"?id={COIL}&subject={COIL}", "?subject=no")
    assert asyncio.run(statuses(*asked)) == [200, 200, 422, 422, 404]
