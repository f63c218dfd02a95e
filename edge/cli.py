"""`stripsight-edge`: the line's command."""

import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from edge.coil_desk import app as coil_app
from edge.coil_desk import last_seq, save_newest
from edge.config import Config, load_config
from edge.control import Request, ask, this_user
from edge.desk import ConfigOption
from edge.desk import app as desk_app
from edge.errors import BundleError, ConfigError, SourceError, StripSightError
from edge.opcua_cli import app as opcua_app
from edge.process import (
    die_with_parent,
    give_way,
    log_to_stderr,
    stop_on_signals,
    write_output_whole,
)
from edge.systemd import Notifier

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Inspect a moving steel strip: grab, tile, classify, record, deliver.\n\n"
    "Start with `stripsight-edge run --config FILE`; deploy/config/ has examples.\n\n"
    "Exit codes: 0 fine, 1 a fault of this program, 2 usage or config, 3 bundle, 4 camera,"
    " 5 ledger, 6 receiver, 7 the network's backend, 8 a replay that differs.",
)
model_app = typer.Typer(no_args_is_help=True, help="The bundle that inspects.")
app.add_typer(model_app, name="model")
app.add_typer(coil_app, name="coil")
app.add_typer(opcua_app, name="opcua")
app.add_typer(desk_app)

_log = logging.getLogger(__name__)
Supervised = Annotated[int, typer.Option("--supervised", hidden=True)]
"""Process id of the supervisor; 0 without one."""


@app.command()
def run(
    config: ConfigOption,
    for_s: Annotated[
        float | None, typer.Option("--for", min=0.1, help="Stop by itself after so many seconds.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Write a report here at the end, as HTML: of this run's newest coil that finished,"
            " else of its newest interrupted one."
        ),
    ] = None,
) -> None:
    """Run the whole line: inspect, courier and console under one supervisor."""
    from edge.supervisor import Supervisor

    settings = load_config(config)
    log_to_stderr("run")
    stop = stop_on_signals()
    if for_s is not None:
        timer = threading.Timer(for_s, stop.set)
        timer.daemon = True
        timer.start()
    before = last_seq(settings) if report else 0
    Supervisor(settings, config).run(stop, ready=lambda: _say_where_to_look(settings, config))
    if report is not None:
        save_newest(settings, report, before)


@app.command()
def inspect(config: ConfigOption, supervised: Supervised = 0) -> None:
    """Run the inspecting process alone (its own unit in production)."""
    from edge.build import run_inspect

    settings, stop, notifier = _begin("inspect", config, supervised)
    run_inspect(settings, stop, notifier.ready, notifier.alive)


@app.command()
def courier(config: ConfigOption, supervised: Supervised = 0) -> None:
    """Run the delivering process alone."""
    from edge.deliver.courier import run_courier

    settings, stop, notifier = _begin("courier", config, supervised)
    run_courier(settings, notifier.ready, stop)


@app.command()
def console(config: ConfigOption, supervised: Supervised = 0) -> None:
    """Run the operator's page alone."""
    from edge.console.server import run_console

    settings, stop, notifier = _begin("console", config, supervised)
    run_console(settings, notifier.ready, stop)


@app.command(hidden=True)
def broker(config: ConfigOption, supervised: Supervised = 0) -> None:
    """Run the demonstration's MQTT broker (for receivers whose host is `embedded`)."""
    from edge.deliver.broker import run_embedded_broker

    settings, stop, _ = _begin("broker", config, supervised)
    embedded = next((r for r in settings.deliver.mqtt if r.host == "embedded"), None)
    if embedded is None:
        raise ConfigError(f"{config}: no receiver has host: embedded, so there is no broker to run")
    run_embedded_broker("127.0.0.1", embedded.port, stop)


@app.command("check-config")
def check_config(file: Path) -> None:
    """Check a config as `run` would: keys, values, bundle, scale, rules, and the files and node ids
    of whoever is told; it connects to nobody.
    """
    from edge.deliver.peers import check_peers
    from edge.doubts import doubts
    from edge.grading.rules_file import grading_of
    from edge.inspect.light import Light
    from edge.lifecycle.model import load_model

    settings = load_config(file)
    model = load_model(settings.bundle, settings)
    Light(settings)
    card = model.bundle.card
    rules = grading_of(settings, card.classes.defects)
    check_peers(settings)
    print(f"{file}: fine")
    print(f"  line     {settings.event_source}, source {settings.source.kind}")
    print(f"  bundle   {card.label}, {len(card.classes)} classes, on {model.engine.backend}")
    print(
        f"  tile     {model.size.rows} x {model.size.columns} px ="
        f" {model.size.cell_m * 1000:.1f} x {model.size.cell_mm:.1f} mm"
    )
    if model.screen:
        print(
            f"  screen   misses at most {model.screen.wanted:g} of a class's defects, with"
            f" {model.screen.confidence:.0%} confidence"
        )
    if rules:
        print(f"  grading  {rules.summary}")
    for searched in settings.rolls.searched:
        print(f"  marks    {searched}")
    if model.engine.degraded:
        print(f"  degraded {model.engine.degraded}")
    for doubt in doubts(settings, card.classes.defects, rules):
        print(f"  doubtful {doubt}")


@app.command()
def status(config: ConfigOption) -> None:
    """Say what the running daemon is doing; exit code 4 without frames, 6 when nobody answers."""
    settings = load_config(config)
    reply = ask(settings.run_path, Request(action="status", by=this_user()))
    for key, value in reply.result.items():
        print(f"{key:18} {value}")
    if not reply.result.get("source_up"):
        raise SourceError("the source delivers no frames; see the log of inspect")


@model_app.command()
def activate(
    bundle: Path,
    config: ConfigOption,
    now: Annotated[
        bool, typer.Option("--now", help="Within the running coil, which is recorded.")
    ] = False,
) -> None:
    """Let a bundle take over between two frames, by default at the next coil's start.

    A restart inspects with the config's bundle again: set it there too once it has proved itself.
    """
    settings = load_config(config)
    arguments = {"bundle": str(bundle.resolve()), "when": "now" if now else "coil_start"}
    request = Request(action="activate", by=this_user(), arguments=arguments)
    reply = ask(settings.run_path, request, timeout_s=120.0)
    if not reply.ok:
        raise BundleError(reply.error or "refused")
    print(f"{bundle}: verified and warm; takes over {'now' if now else 'with the next coil'}")
    print(f"to keep it over a restart: `bundle: {bundle.resolve()}` in {config}")


def main() -> None:
    """Entry point: a user's mistake is one line and its exit code, never a stack trace."""
    write_output_whole()
    ended = _exit_code(app)
    flushed = _exit_code(sys.stdout.flush) if sys.stdout else 0
    sys.exit(ended or flushed)


def _exit_code(work: Callable[[], object]) -> str | int | None:
    try:
        work()
    except SystemExit as end:
        return end.code
    except BrokenPipeError:  # as where a command itself meets it
        return 1
    except StripSightError as error:
        print(f"stripsight-edge: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _begin(name: str, config: Path, supervised: int) -> tuple[Config, threading.Event, Notifier]:
    log_to_stderr(name)
    stop = stop_on_signals()
    if supervised:
        die_with_parent(supervised)
        if name != "inspect":
            give_way()
    address = os.environ.get("NOTIFY_SOCKET")  # noqa: TID251 - systemd's protocol
    return load_config(config), stop, Notifier(None if supervised else address)


def _say_where_to_look(settings: Config, config: Path) -> None:
    """A line that inspects must not end because its output has no room."""
    try:
        print(_where_to_look(settings, config))
    except ConfigError as error:
        _log.warning("%s; the line goes on", error)


def _where_to_look(settings: Config, config: Path) -> str:
    listen = settings.metrics
    lines = ["", "StripSight is inspecting. Look here:"]
    if settings.console.enabled:
        lines.append(f"  operator's page   http://{settings.console.host}:{settings.console.port}/")
    for receiver in settings.deliver.mqtt:
        host = "127.0.0.1" if receiver.host == "embedded" else receiver.host
        lines.append(f"  MQTT              {host}:{receiver.port}  topic {settings.topic}/events")
    if (opcua := settings.deliver.opcua_server) is not None:
        lines.append(f"  OPC UA            opc.tcp://{opcua.host}:{opcua.port}/  (docs/opcua.md)")
    lines += [
        f"  metrics           http://{listen.host}:{listen.inspect_port}/metrics (inspect)",
        f"                    http://{listen.host}:{listen.courier_port}/metrics (courier)",
        f"  coils             {sys.argv[0]} coil list --config {config}",
        f"  a coil's report   {sys.argv[0]} coil report --config {config}",
        f"  events            {sys.argv[0]} tail --config {config}",
        f"  state             {sys.argv[0]} status --config {config}",
        f"  ledger            {settings.ledger.path}",
        "Ctrl-C stops it and loses nothing.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
