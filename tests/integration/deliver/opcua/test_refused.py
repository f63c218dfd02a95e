"""Who does not get in: each is told so, counted and logged, and honest clients are served."""

import asyncio
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from asyncua import ua
from asyncua.ua.uaerrors import UaError

from edge.opcua.certificates import make_certificate
from tests.line.daemon import Daemon
from tests.line.opcua import CLIENT_URI, PASSWORD, OpcUaLine
from tests.unit.edge.ledger.making import SetClock, commit, defect
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
NODES = "ns=2;s="
Refused = (UaError, ConnectionError, TimeoutError)


class Guarded:
    """A server that lasts for all the tests here."""

    def __init__(self, line: OpcUaLine, courier: Daemon) -> None:
        self.line = line
        self.courier = courier

    def refused(self, reason: str) -> float:
        name = f'stripsight_opcua_refused_total{{reason="{reason}",receiver="opcua"}}'
        return self.courier.metrics("courier_port")[name]

    def sessions(self) -> float:
        return self.courier.metrics("courier_port")['stripsight_opcua_sessions{receiver="opcua"}']

    def logged(self, words: str) -> bool:
        return re.search(words, self.courier.log.read_text()) is not None


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    line = OpcUaLine(tmp_path_factory.mktemp("line"))
    with closing(line.ledger()) as log, Daemon(line.config, "courier") as courier:
        log.commit(commit(defect("c-1/1")))
        wait_for(lambda: "listens on" in courier.log.read_text(), "the server listens", 120)
        yield Guarded(line, courier)


async def enter(line: OpcUaLine, how: Mapping[str, Any] = MappingProxyType({})) -> None:
    async with await line.client(**how) as client:
        await client.get_node(NODES + "Heartbeat").read_value()


def expired(line: OpcUaLine) -> Path:
    made = line.folder / "expired.der"
    long_ago = SetClock(int(datetime(2020, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000_000)
    make_certificate(made, made.with_suffix(".pem"), CLIENT_URI, ["localhost"], 30, long_ago)
    line.trust(made)
    return made


def stolen(line: OpcUaLine) -> Path:
    """The trusted client's certificate with a key of one's own."""
    line.make_client("thief", trusted=False)
    made = line.folder / "stolen.der"
    made.write_bytes(line.client_certificate.read_bytes())
    made.with_suffix(".pem").write_bytes((line.folder / "thief.pem").read_bytes())
    return made


def test_a_user_is_added_and_removed_while_the_server_runs(guarded: Guarded) -> None:
    """Before the others, whose wrong passwords have every new one refused for a minute."""

    def command(*words: str, said: str = "") -> None:
        base = [sys.executable, "-m", "edge.cli", "opcua", "user", "fitter"]
        config = ["--config", str(guarded.line.config)]
        subprocess.run([*base, *words, *config], input=said, text=True, check=True, timeout=100)

    how = {"user": "fitter", "password": "for one shift"}
    command("--stdin", said="for one shift\n")
    asyncio.run(enter(guarded.line, how))
    command("--remove")
    with pytest.raises(Refused):
        asyncio.run(enter(guarded.line, how))


WRITES = {
    "a word of ours": ("Heartbeat", ua.Variant(7, ua.VariantType.UInt16), "BadNotWritable"),
    "a slot": ("Ring[1].Seq", ua.Variant(7, ua.VariantType.UInt32), "BadNotWritable"),
    "no node": ("Nothing", ua.Variant(7, ua.VariantType.UInt32), "BadNodeIdUnknown"),
    "of another type": ("Acknowledge", ua.Variant(1, ua.VariantType.Int64), "BadTypeMismatch"),
    "an array": ("Acknowledge", ua.Variant([1], ua.VariantType.UInt32), "BadTypeMismatch"),
    "what never was": ("Acknowledge", ua.Variant(99, ua.VariantType.UInt32), "BadOutOfRange"),
}


@pytest.mark.parametrize(
    ("who", "reason", "words"),
    [
        ("stranger", "certificate", r"certificate 'CN=StripSight', SHA-1 \w{40} is not in"),
        ("expired", "certificate", "is valid from 2019-12-31 to 2020-01-31"),
        ("stolen", "certificate", "it has not the key of the certificate that it shows"),
        ("password", "user", "wrong name or password"),
        ("name", "user", "wrong name or password"),
        ("anonymous", "user", "no name and password, and anonymous is off"),
        ("unsecured", "no_security", "it wants a session without security"),
    ],
)
def test_stranger(guarded: Guarded, who: str, reason: str, words: str) -> None:
    line = guarded.line
    makes: dict[str, Callable[[], dict[str, Any]]] = {
        "stranger": lambda: {"certificate": line.make_client("stranger", trusted=False)},
        "expired": lambda: {"certificate": expired(line)},
        "stolen": lambda: {"certificate": stolen(line)},
        "password": lambda: {"password": PASSWORD + "!"},
        "name": lambda: {"user": "operator"},
        "anonymous": lambda: {"user": None},
        "unsecured": lambda: {"policy": "None"},
    }
    how = makes[who]()
    before = guarded.refused(reason)
    with pytest.raises(Refused):
        asyncio.run(enter(line, how))
    assert guarded.refused(reason) > before
    assert guarded.logged(words) or before > 0  # a reason is logged once in ten seconds
    asyncio.run(enter(line))
    wait_for(lambda: guarded.sessions() == 0, "no session is left")


def test_a_client_that_insists_without_security(guarded: Guarded) -> None:
    """It skips the check of endpoints, at which an honest client gives up by itself."""

    async def work() -> None:
        client = await guarded.line.client(policy="None")
        await client.connect_socket()
        await client.send_hello()
        await client.open_secure_channel()
        with pytest.raises(UaError, match="BadSecurityPolicyRejected"):
            await client.create_session()
        token = ua.UserNameIdentityToken(UserName="plc", Password=PASSWORD.encode())
        params = ua.ActivateSessionParameters(UserIdentityToken=token)
        with pytest.raises(UaError, match="BadSecurityPolicyRejected"):
            await client.uaclient.activate_session(params)
        client.disconnect_socket()
        await client.disconnect()

    asyncio.run(work())


def test_node_opcua_is_refused_too(guarded: Guarded) -> None:
    line = guarded.line
    stranger = line.make_client("node-stranger", trusted=False)
    for how in ({"certificate": stranger}, {"password": "wrong password"}, {"user": None}):
        with line.node(**how) as client, pytest.raises(RuntimeError):
            client.connect()
    with line.node(policy="None") as client, pytest.raises(RuntimeError):
        client.connect()
    with line.node() as client:
        client.connect()


def test_wrong_passwords_do_not_lock_out_who_was_right_before(guarded: Guarded) -> None:
    asyncio.run(enter(guarded.line))

    async def guess(number: int) -> None:
        with pytest.raises(Refused):
            await enter(guarded.line, {"password": f"guess number {number}"})

    async def guesses() -> None:
        await asyncio.gather(*(guess(n) for n in range(12)))

    asyncio.run(guesses())
    asyncio.run(enter(guarded.line))


@pytest.mark.parametrize("case", WRITES)
def test_write(guarded: Guarded, case: str) -> None:
    node, value, status = WRITES[case]

    async def work() -> None:
        async with await guarded.line.client() as client:
            word = client.get_node(NODES + "Acknowledge")
            await word.write_value(ua.Variant(1, ua.VariantType.UInt32))
            with pytest.raises(UaError, match=status):
                await client.get_node(NODES + node).write_value(value)
            assert await word.read_value() == 1

    reason = "acknowledge" if status == "BadOutOfRange" else "write"
    before = guarded.refused(reason)
    asyncio.run(work())
    assert guarded.refused(reason) == before + 1


def test_the_address_space_cannot_be_changed(guarded: Guarded) -> None:
    async def work() -> None:
        async with await guarded.line.client() as client:
            with pytest.raises(UaError, match="BadUserAccessDenied"):
                await client.nodes.objects.add_variable(2, "Mine", 1)
            heartbeat = client.get_node(NODES + "Heartbeat")
            with pytest.raises(UaError, match="BadUserAccessDenied"):
                await client.delete_nodes([heartbeat])
            with pytest.raises(UaError, match="BadNotWritable"):
                await heartbeat.write_attribute(
                    ua.AttributeIds.AccessLevel, ua.DataValue(ua.Variant(3, ua.VariantType.Byte))
                )

    asyncio.run(work())


def test_another_clients_session_cannot_be_taken_over(guarded: Guarded) -> None:
    line = guarded.line
    other = line.make_client("other")

    async def work() -> None:
        async with await line.client() as owner:
            thief = await line.client(certificate=other)
            await thief.connect_socket()
            try:
                await thief.send_hello()
                await thief.open_secure_channel()
                mine, theirs = thief.uaclient.protocol, owner.uaclient.protocol
                assert mine is not None
                assert theirs is not None
                mine.authentication_token = theirs.authentication_token
                with pytest.raises(UaError, match="BadSecurityChecksFailed"):
                    await thief.activate_session("plc", PASSWORD)
            finally:
                thief.disconnect_socket()
            await owner.get_node(NODES + "Heartbeat").read_value()

    asyncio.run(work())


HELLO = b"HELF\x20\0\0\0\0\0\0\0\xff\xff\0\0\xff\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0"


def speak(line: OpcUaLine, said: bytes) -> None:
    """Send it, and wait until the server hangs up."""
    with socket.create_connection(("127.0.0.1", line.port), 10) as stranger:
        try:
            stranger.sendall(said)
            while stranger.recv(4096):
                pass
        except ConnectionError:
            pass


def test_a_stranger_writes_no_line_of_the_log(guarded: Guarded) -> None:
    policy = b"x\n12:00:00 courier  WARNING all is well"
    said = bytes(4) + len(policy).to_bytes(4, "little") + policy + b"\xff" * 8 + bytes(64)
    speak(guarded.line, HELLO + b"OPNF" + (8 + len(said)).to_bytes(4, "little") + said)
    wait_for(lambda: guarded.logged("all is well"), "it is told")
    assert guarded.logged(r"WARNING .*x\\n12:00:00 courier  WARNING all is well")


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0" * 100_000,
        b"HELF" + b"\xff" * 4 + b"x" * 200_000,
        HELLO + b"MSGF\x20\0\0\0" + b"\0" * 24,
        HELLO + b"OPNF\xff\0\0\0" + b"\xff" * 247,
    ],
    ids=["http", "zeros", "endless", "no channel", "broken open"],
)
def test_what_is_no_opc_ua(guarded: Guarded, said: bytes) -> None:
    before = guarded.refused("malformed")
    speak(guarded.line, said)
    wait_for(lambda: guarded.refused("malformed") > before, "it is counted")
    asyncio.run(enter(guarded.line))
