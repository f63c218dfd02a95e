"""`stripsight-edge coil`: what the ledger knows of a coil."""

import gc
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.config import Config, load_config
from edge.desk import ConfigOption
from edge.errors import LedgerError, StripSightError

if TYPE_CHECKING:
    from edge.report.document import CoilDocument
    from edge.report.inspections import Inspection

app = typer.Typer(no_args_is_help=True, help="Coils in the ledger: list, report, certificate.")


class Form(StrEnum):
    """Formats of a report."""

    json = "json"
    csv = "csv"
    html = "html"


@app.command("list")
def list_coils(
    config: ConfigOption,
    last: Annotated[int, typer.Option(min=1, help="So many of the newest.")] = 20,
    json: Annotated[bool, typer.Option("--json", help="A JSON object per line.")] = False,
) -> None:
    """List the coils of the ledger, the newest first."""
    from edge.ledger.reader import EventReader
    from edge.report.inspections import inspections
    from edge.report.listing import as_table, listed

    settings = load_config(config)
    known = inspections(EventReader(settings.ledger.path))
    coils = [listed(inspection) for inspection in known[: -last - 1 : -1]]
    if json:
        for coil in coils:
            print(coil.model_dump_json())
    elif coils:
        print(as_table(coils))
        if len(known) > last:
            print(f"{len(known) - last} older ones: --last {len(known)}")
    else:
        print(f"no coil in {settings.ledger.path} yet")


@app.command()
def report(
    config: ConfigOption,
    coil: Annotated[
        str | None, typer.Argument(help="Its id; without one, the newest that has ended.")
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="What to write.")] = Form.html,
    out: Annotated[
        Path | None,
        typer.Option(help="File; else JSON and CSV go to the terminal, HTML to a file of its own."),
    ] = None,
    from_seq: Annotated[
        int | None, typer.Option(min=1, help="Which one, where an id was inspected twice.")
    ] = None,
) -> None:
    """Write the report of a coil and its coverage certificate: docs/coil-report.md."""
    from edge.report.write import file_name, save

    # Looking through 200,000 defects for cycles, of which there are none, is a quarter of the time.
    gc.disable()
    document, text = report_text(load_config(config), coil, form, from_seq)
    if out is None and form is not Form.html:
        sys.stdout.reconfigure(newline="")  # type: ignore[union-attr]
        sys.stdout.write(text)
        return
    path = out or Path(file_name(document.coil.id, form.value))
    save(text, path)
    print(f"{path.resolve()}")


@app.command()
def verify(
    report: Annotated[Path, typer.Argument(help="A report in JSON.")], config: ConfigOption
) -> None:
    """Hold a JSON report against the ledger; exit code 5 where the events are not the same."""
    from edge.ledger.reader import EventReader
    from edge.report.write import verify as verify_report

    settings = load_config(config)
    try:
        held = verify_report(EventReader(settings.ledger.path), report)
    except ValueError as error:
        raise LedgerError(str(error)) from error
    print(f"{report}: made from the {held.events} events that the ledger holds, {held.sha256}")


def save_newest(settings: Config, path: Path) -> None:
    """Write the newest coil's report as HTML and say where it is; without a coil say that."""
    from edge.report.inspections import shown
    from edge.report.write import save

    try:
        document, text = report_text(settings, None, Form.html)
        save(text, path)
    except StripSightError as error:
        print(f"no coil report: {error}", file=sys.stderr)
    else:
        coil = document.coil
        print(
            f"\nThe report of coil {shown(coil.id)} ({coil.length_m:.2f} m,"
            f" {len(document.defects)} defects): {path.resolve()}"
        )


def report_text(
    settings: Config, coil: str | None, form: Form, from_seq: int | None = None
) -> tuple["CoilDocument", str]:
    """The report of a coil and its text; says on stderr where there are more of the same id."""
    from edge.clock import SystemClock
    from edge.ledger.reader import EventReader
    from edge.report.compose import compose
    from edge.report.inspections import find, inspections, others
    from edge.report.write import render

    reader = EventReader(settings.ledger.path)
    known = inspections(reader)
    inspection = find(known, coil, from_seq)
    if from_seq is None:
        _say_others(others(known, inspection))
    document = compose(reader, inspection, settings, SystemClock())
    return document, render(document, form.value, settings)


def _say_others(inspections: list["Inspection"]) -> None:
    if inspections:
        starts = ", ".join(f"--from-seq {i.first_seq}" for i in inspections)
        print(f"this coil was inspected more than once; the others: {starts}", file=sys.stderr)
