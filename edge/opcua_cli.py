"""`stripsight-edge opcua`: sets up the OPC UA server's certificate, users and trusted clients."""

import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from edge.config import Config, OpcUaServer, load_config
from edge.desk import ConfigOption
from edge.errors import ConfigError

app = typer.Typer(
    no_args_is_help=True,
    help="The OPC UA server's certificate, users and trusted clients (docs/opcua.md).",
)


@app.command()
def certificate(
    config: ConfigOption,
    host: Annotated[
        list[str] | None,
        typer.Option(help="A name or address that clients use; may be given again."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=36500, help="How long it is valid.")] = 7300,
) -> None:
    """Make the server's key and certificate where the config names them, and the folder of trusted
    clients.
    """
    from edge.clock import SystemClock
    from edge.opcua.certificates import make_certificate, thumbprint

    settings, section = _section(config)
    if not (section.certificate and section.key and section.trusted):
        raise ConfigError(f"{config}: deliver.opcua_server names no certificate, key and trusted")
    name = socket.gethostname()
    hosts = list(dict.fromkeys([*(host or []), name]))
    uri = f"urn:{name}:stripsight:{settings.site}:{settings.line}:{settings.camera}"
    made = make_certificate(section.certificate, section.key, uri, hosts, days, SystemClock())
    section.trusted.mkdir(parents=True, exist_ok=True)
    print(f"{section.certificate}: made for {', '.join(hosts)}, valid for {days} days")
    print(f"  application URI  {uri}")
    print(f"  SHA-1            {thumbprint(made)}")
    print(f"{section.key}: its key; keep it to yourself")
    print(f"{section.trusted}: put clients' certificates here (`stripsight-edge opcua trust`)")


@app.command()
def trust(file: Path, config: ConfigOption) -> None:
    """Let the client with this certificate (DER or PEM) connect."""
    from cryptography.hazmat.primitives.serialization import Encoding

    from edge.opcua.certificates import read_certificate, thumbprint

    _, section = _section(config)
    if section.trusted is None:
        raise ConfigError(f"{config}: deliver.opcua_server names no folder `trusted`")
    found = read_certificate(file)
    kept = section.trusted / f"{thumbprint(found)}.der"
    try:
        section.trusted.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(found.public_bytes(Encoding.DER))
    except OSError as error:
        raise ConfigError(f"{kept}: cannot be written ({error})") from error
    print(
        f"trusted: {found.subject.rfc4514_string()}, valid to {found.not_valid_after_utc:%Y-%m-%d}"
    )
    print(f"remove {kept} to end that")


@app.command()
def user(
    name: str,
    config: ConfigOption,
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Read the password from standard input.")
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take the user away.")] = False,
) -> None:
    """Give a user a password, asking for it twice; or take the user away."""
    from edge.deliver.opcua.users import add_user, remove_user

    _, section = _section(config)
    if section.users is None:
        raise ConfigError(f"{config}: deliver.opcua_server names no file `users`")
    if remove:
        remove_user(section.users, name)
        print(f"{section.users}: {name} removed; a session of that user lasts until it ends")
        return
    if stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = typer.prompt("password", hide_input=True, confirmation_prompt=True)
    new = add_user(section.users, name, password)
    print(f"{section.users}: {name} {'added' if new else 'has a new password'}")


def _section(config: Path) -> tuple[Config, OpcUaServer]:
    settings = load_config(config)
    if settings.deliver.opcua_server is None:
        raise ConfigError(f"{config}: has no section deliver.opcua_server; docs/opcua.md shows one")
    return settings, settings.deliver.opcua_server
