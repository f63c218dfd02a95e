"""`stripsight-edge coil`: what the ledger knows of a coil, and its grade."""

import gc
import sys
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.config import Config, load_config
from edge.control import Request, ask, this_user
from edge.desk import ConfigOption
from edge.errors import BundleError, ConfigError, LedgerError, ReceiverError, StripSightError
from edge.process import write_output

if TYPE_CHECKING:
    from edge.grading.regrade import Regraded
    from edge.grading.rules_file import RulesFile
    from edge.ledger.inspections import Inspection
    from edge.report.document import CoilDocument

app = typer.Typer(
    no_args_is_help=True, help="Coils in the ledger: list, report, certificate, grade."
)


_TERMINAL = Path("-")


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
    from edge.ledger.inspections import inspections
    from edge.ledger.reader import EventReader
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
        str | None,
        typer.Argument(
            help="Its id; without one, the newest that finished, else the newest interrupted one."
        ),
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="What to write.")] = Form.html,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File, or - for the terminal; without it JSON and CSV go there, HTML to a file"
            " of its own."
        ),
    ] = None,
    from_seq: Annotated[
        int | None, typer.Option(min=1, help="Which one, where an id was inspected twice.")
    ] = None,
) -> None:
    """Write the report of a coil and its coverage certificate: docs/coil-report.md."""
    from edge.report.write import file_name, save

    # Looking through 200,000 defects for cycles, of which there are none, is a quarter of the time.
    gc.disable()
    document, written = write_report(load_config(config), coil, form, from_seq)
    if out == _TERMINAL or (out is None and form is not Form.html):
        write_output(written)
        return
    path = out or Path(file_name(document.coil.id, form.value))
    save(written, path)
    if path.is_file():  # else a device or a FIFO, which may be this terminal
        print(f"{path.resolve()}")


@app.command()
def verify(
    report: Annotated[Path, typer.Argument(help="A report in JSON.")], config: ConfigOption
) -> None:
    """Hold a JSON report against the ledger; exit code 5 where the events, or what the report says
    of them, are not the same.
    """
    from edge.ledger.reader import EventReader
    from edge.report.verify import verify as verify_report

    settings = load_config(config)
    try:
        held, not_compared = verify_report(EventReader(settings.ledger.path), report, settings)
    except ValueError as error:
        raise LedgerError(str(error)) from error
    print(f"{report}: says what the {held.events} events say that the ledger holds, {held.sha256}")
    if not_compared:
        print(f"not compared, since the events do not tell it: {', '.join(not_compared)}")


@app.command()
def grade(
    coils: Annotated[list[str], typer.Argument(help="Their ids.")],
    config: ConfigOption,
    rules: Annotated[
        Path | None, typer.Option(help="A rules file; without it the config's.")
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Have the daemon record the grades.")
    ] = False,
    over_inspector: Annotated[
        bool, typer.Option("--over-inspector", help="Also where a person has set the grade.")
    ] = False,
    by_hand: Annotated[
        str | None, typer.Option("--as", help="An inspector's grade, recorded; needs --comment.")
    ] = None,
    comment: Annotated[str, typer.Option(help="Why; it stands in the event.")] = "",
    from_seq: Annotated[
        int | None, typer.Option(min=1, help="Which one, where an id was inspected twice.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="A JSON object per line.")] = False,
) -> None:
    """Grade coils again by changed rules, or by hand: docs/grading.md.

    Prints the old and the new grade with reasons, and writes nothing without --record or --as.
    """
    from edge.grading.regrade import as_table

    settings = load_config(config)
    if from_seq is not None and len(coils) > 1:
        raise ConfigError("--from-seq is of one coil; grade the others without it")
    if by_hand is not None:
        if record or json or over_inspector:
            raise ConfigError("--as records by itself, and prints no table; leave the others away")
        told = _by_hand(by_hand, comment, rules)
        troubles = [_record(settings, _each(settings, coils, from_seq, told))]
    else:
        found, path = _regrade(settings, coils, from_seq, rules)
        print("\n".join(dumps(r.as_json()) for r in found) if json else as_table(found))
        wanted = {
            row.coil: row.arguments(path, comment, over_inspector=over_inspector)
            for row in found
            if record and row.changed
        }
        problems = sum(row.problem is not None for row in found)
        cannot = f"{problems} of {len(found)} coils cannot be graded" if problems else ""
        troubles = [_record(settings, wanted), cannot]
    if said := "; ".join(filter(None, troubles)):
        raise ConfigError(f"{said}, as said above")


def last_seq(settings: Config) -> int:
    """The number of the ledger's newest event; 0 where there is no ledger yet."""
    from edge.ledger.reader import EventReader

    try:
        return EventReader(settings.ledger.path).last_seq()
    except LedgerError:
        return 0


def save_newest(settings: Config, path: Path, after: int) -> None:
    """Write the report of the newest coil that finished of those that began after an event, else of
    the newest interrupted one, as HTML, and say where it is; without a coil say that.
    """
    from edge.ledger.inspections import shown
    from edge.report.write import save

    try:
        document, written = write_report(settings, None, Form.html, after=after)
        save(written, path)
    except StripSightError as error:
        print(f"no coil report: {error}", file=sys.stderr)
    else:
        coil = document.coil
        print(
            f"\nThe report of coil {shown(coil.id)} ({coil.length_m:.2f} m,"
            f" {len(document.defects)} defects): {path.resolve()}"
        )


def write_report(
    settings: Config, coil: str | None, form: Form, from_seq: int | None = None, after: int = 0
) -> tuple["CoilDocument", bytes]:
    """The report of a coil, of those that began after an event, and its file; says on stderr where
    there are more of the same id.
    """
    from edge.clock import SystemClock
    from edge.ledger.inspections import find, inspections, others
    from edge.ledger.reader import EventReader
    from edge.report.compose import compose
    from edge.report.write import render

    reader = EventReader(settings.ledger.path)
    known = [i for i in inspections(reader) if i.first_seq > after]
    if after and not known:
        raise ConfigError("no coil has begun in this run")
    inspection = find(known, coil, from_seq)
    if from_seq is None:
        _say_others(inspection.coil_id, others(known, inspection))
    document = compose(reader, inspection, settings, SystemClock())
    return document, render(document, form.value, settings)


def _say_others(coil: str, inspections: Iterable["Inspection"]) -> None:
    from edge.ledger.inspections import shown

    if starts := ", ".join(f"--from-seq {i.first_seq}" for i in inspections):
        print(f"{shown(coil)} was inspected more than once; the others: {starts}", file=sys.stderr)


def _regrade(
    settings: Config, coils: list[str], from_seq: int | None, rules: Path | None
) -> tuple[list["Regraded"], Path]:
    from edge.grading.regrade import regrade
    from edge.grading.rules_file import load_rules
    from edge.ledger.inspections import inspections
    from edge.ledger.reader import EventReader

    path = rules or settings.grading
    if path is None:
        raise ConfigError("no rules: name a file by --rules, or set grading: in the config")
    reader = EventReader(settings.ledger.path)
    known = inspections(reader)
    loaded = load_rules(path, _classes(settings, known))
    own = _own_rules(settings)
    found = [regrade(reader, known, coil, loaded, from_seq, own) for coil in coils]
    for row in found if from_seq is None else ():
        _say_others(row.coil, row.others)
    return found, path


def _own_rules(settings: Config) -> "RulesFile | None":
    """The config's rules; None where they cannot be read now."""
    from edge.grading.rules_file import load_rules

    try:
        return None if settings.grading is None else load_rules(settings.grading)
    except ConfigError:
        return None


def _classes(settings: Config, known: list["Inspection"]) -> list[str] | None:
    """The classes that rules may name: of the config's bundle, and of the ledger's coils."""
    from contract.bundle import CARD
    from contract.card import read_card

    try:
        names = set(read_card(settings.bundle / CARD).classes.defects)
    except BundleError as error:
        print(f"{error}: the classes in the rules are not checked", file=sys.stderr)
        return None
    for report in (coil.report for coil in known):
        names.update(report.defects if report else ())
    return sorted(names)


def _by_hand(grade: str, comment: str, rules: Path | None) -> dict[str, str]:
    """What the daemon is asked for each coil."""
    told = {"origin": "inspector", "grade": grade, "comment": comment}
    return told if rules is None else told | {"rules": str(rules.resolve())}


def _each(
    settings: Config, coils: list[str], from_seq: int | None, told: dict[str, str]
) -> dict[str, dict[str, str]]:
    """The same asked of several coils, each under its subject."""
    from edge.ledger.inspections import find, inspections, others
    from edge.ledger.reader import EventReader

    known = inspections(EventReader(settings.ledger.path))
    found = {coil: find(known, coil, from_seq) for coil in coils}
    for coil, one in found.items() if from_seq is None else ():
        _say_others(coil, others(known, one))
    return {
        coil: told | {"subject": one.subject, "from_seq": f"{one.first_seq}", "digest": one.digest}
        for coil, one in found.items()
    }


def _record(settings: Config, wanted: dict[str, dict[str, str]]) -> str:
    """Have the daemon record grades, by coil; one that it refuses holds up no other. Returns what
    is to be said of those.
    """
    from edge.grading.recording import NOT_KNOWN

    failed: Counter[str] = Counter()
    for done, (coil, arguments) in enumerate(wanted.items()):
        request = Request(action="grade", by=this_user(), arguments=arguments)
        try:
            reply = ask(settings.run_path, request)
        except ReceiverError as error:
            left = f"{len(wanted) - done} of {len(wanted)} grades may not be recorded"
            raise ReceiverError(f"{left}, that of {coil} first: {error}") from error
        said = f"recorded as {arguments['grade']}" if reply.ok else reply.error or "refused"
        print(f"{coil}: {said}", file=sys.stderr)
        unknown = said.startswith(NOT_KNOWN)
        failed["are not known to be recorded" if unknown else "were not recorded"] += not reply.ok
    return "; ".join(f"{n} of {len(wanted)} grades {what}" for what, n in failed.items() if n)
