"""The page itself: NiceGUI elements that show what the watcher has drawn."""

from collections.abc import Callable
from functools import partial
from importlib import resources
from pathlib import Path

from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse
from nicegui import ui

from edge.config import Config
from edge.console.coil_report import add_coil_report
from edge.console.watcher import PERIOD_S, Drawn
from edge.errors import LedgerError
from edge.ledger.evidence import evidence_path

_HERE = resources.files("edge.console")
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16"'
    ' rx="3" fill="#6b7280"/><path d="M2 6h12v4H2z" fill="#e5e7eb"/></svg>'
)


def add_page(app: FastAPI, config: Config, drawn: Callable[[], Drawn]) -> None:
    """Put the page at `/`, the pictures at `/evidence/<name>`, coils' reports at `/coil`."""
    app.add_api_route("/evidence/{name:path}", _evidence(config.ledger.path), methods=["GET"])
    add_coil_report(app, config)
    title = f"{config.site} · {config.line} · {config.camera}"
    ui.page("/")(partial(_page, title, drawn))
    ui.run_with(
        app,
        title=f"StripSight {title}",
        favicon=_ICON,
        dark=None,
        tailwind=False,
        show_welcome_message=False,
    )


def _evidence(ledger: Path) -> Callable[[str], FileResponse]:
    def picture(name: str) -> FileResponse:
        try:
            path = evidence_path(ledger, name)
        except LedgerError as error:
            raise HTTPException(404, "no such picture") from error
        if not path.is_file():
            raise HTTPException(404, "no such picture")
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "max-age=3600"}
        return FileResponse(path, media_type="image/jpeg", headers=headers)

    return picture


def _page(title: str, drawn: Callable[[], Drawn]) -> None:
    ui.add_head_html(f"<style>{_text('page.css')}</style>")
    ui.add_body_html(f"<script>{_text('page.js')}</script>")
    html = _part
    with ui.element("main").classes("page"):
        with ui.element("header"):
            ui.label("StripSight").classes("brand")
            ui.label(title).classes("where")
            beat = ui.label().props("id=beat").classes("beat")
        state = html("state")
        strip = html("strip")
        with ui.element("div").classes("below"):
            defects, coil = html("defects-panel"), html("coil-panel")
        foot = html("foot")

    def show() -> None:
        now = drawn()
        beat.set_text(str(now.beat))
        strip.classes(**{"add" if now.stale else "remove": "stale"})
        for part, content in (
            (state, now.state), (strip, now.strip), (defects, now.defects),
            (coil, now.coil), (foot, now.foot),
        ):  # fmt: skip
            part.set_content(content)

    show()
    ui.timer(PERIOD_S, show)


def _part(name: str) -> ui.html:
    """A part of the page; its HTML is ours and escapes what it quotes, so it is not sanitised
    again.
    """
    return ui.html(sanitize=False).props(f"id={name}").classes(name)


def _text(name: str) -> str:
    return (_HERE / name).read_text("utf-8")
