"""A PLC that is an OPC UA server itself, as its programmer would make it: words of fixed types, few
sessions, and a program that takes defects from the block and acknowledges them.

`python -m tests.line.plc_server SETTINGS.json`, as `tests.line.plc` starts it. The server is
asyncua's, made as strict as those in real PLCs:

    sessions   at most `sessions`, then BadTooManySessions; one that was not activated gives way
               (OPC UA Part 4, 5.7.2); a session outlives its connection until its timeout
    writes     values with a time stamp are refused (BadWriteNotSupported); the program runs between
               any two values of one request

What the program takes goes to `taken.jsonl`, one line per slot, and its last `Seq` is the PLC's
retentive memory: what `Acknowledge` begins with after a restart.
"""

import asyncio
import gc
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from asyncua import Server, ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.address_space import AttributeService
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_session import InternalSession, SessionState
from asyncua.server.uaprocessor import UaProcessor
from asyncua.server.user_managers import UserManager
from cryptography import x509

from edge.deliver.plc_words import ACKNOWLEDGE, RING, slot_path, tags
from tests.line.plc import HALT, SESSIONS, TAKEN, lines

SCAN_S = 0.01
NOBODY = User(role=UserRole.Anonymous)


class _Settings(NamedTuple):
    port: int
    folder: str
    ring: int = 16
    sessions: int = 2
    takes: bool = True
    """The program runs; else nothing is acknowledged."""
    types: dict[str, str] = {}  # noqa: RUF012 - read only
    """Words that its programmer gave another type."""
    missing: tuple[str, ...] = ()
    user: tuple[str, str] | None = None
    certificates: tuple[str, str, str] | None = None
    """Its own certificate, its key, and the client's that it trusts: Basic256Sha256 alone."""


class _Sessions(InternalServer):
    """Counts sessions, as a PLC does."""

    def __init__(self, settings: _Settings) -> None:
        super().__init__(_Users(settings))
        self.limit, self.log = settings.sessions, Path(settings.folder) / SESSIONS

    def create_session(
        self,
        name: str,
        user: User = NOBODY,
        external: bool = False,  # noqa: FBT001, FBT002 - the vendor's signature
    ) -> InternalSession:
        mine = list(self._external_sessions.values())
        if len(mine) >= self.limit:
            idle = next((s for s in mine if s.state == SessionState.Created), None)
            if idle is None:
                self._note("refused")
                raise ua.uaerrors.BadTooManySessions
            idle.state = SessionState.Closed
            self.unregister_external_session(idle)
        self._note(f"created, {len(self._external_sessions) + 1} in use")
        return super().create_session(name, user, external)

    def unregister_external_session(self, session: InternalSession) -> None:
        super().unregister_external_session(session)
        self._note("ended")

    def _note(self, what: str) -> None:
        with self.log.open("a") as log:
            log.write(what + "\n")


class _Users(UserManager):
    def __init__(self, settings: _Settings) -> None:
        self._user = settings.user

    def get_user(
        self,
        iserver: InternalServer,  # noqa: ARG002 - the vendor's signature
        username: str | None = None,
        password: str | None = None,
        certificate: object = None,  # noqa: ARG002
    ) -> User | None:
        known = self._user is None or (username, password) == tuple(self._user)
        return User(role=UserRole.User) if known else None


class _Program:
    """The PLC's user program; docs/plc-client.md has it in Structured Text. The block may change
    between any two of its instructions, and in the middle of a copy.
    """

    def __init__(self, server: Server, nodes: dict[str, ua.NodeId], settings: _Settings) -> None:
        self._server, self._nodes, self._ring = server.iserver, nodes, settings.ring
        self._log, self._halt = Path(settings.folder) / TAKEN, Path(settings.folder) / HALT
        self._acknowledged = max((line["Seq"] for line in lines(self._log)), default=0)

    async def run(self) -> None:
        await self._acknowledge(self._acknowledged)
        while True:
            if not self._halt.exists():
                await self._scan()
            await asyncio.sleep(SCAN_S)

    async def _scan(self) -> None:
        last = self._value("LastSeq")
        found = []
        for slot in range(1, self._ring + 1):
            await asyncio.sleep(0)
            if self._acknowledged < self._value(slot_path(slot, "Seq")) <= last:
                copy = await self._copy(slot)
                if not copy["Seq"] == copy["SeqCheck"] == self._value(slot_path(slot, "Seq")):
                    return
                found.append(copy)
        await asyncio.sleep(0)
        if self._value("LastSeq") != last or last <= self._acknowledged:
            return
        text = "".join(json.dumps(s) + "\n" for s in sorted(found, key=lambda slot: slot["Seq"]))
        with self._log.open("a") as log:
            log.write(text)
        self._acknowledged = last
        await self._acknowledge(last)

    async def _copy(self, slot: int) -> dict[str, Any]:
        copy = {}
        for word in RING:
            copy[word.name] = self._value(slot_path(slot, word.name))
            await asyncio.sleep(0)
        return copy

    def _value(self, path: str) -> Any:  # noqa: ANN401 - of the word's type
        node = self._nodes.get(path)
        found = None if node is None else self._server.read_attribute_value(node).Value
        return 0 if found is None else found.Value

    async def _acknowledge(self, seq: int) -> None:
        value = ua.DataValue(ua.Variant(seq, ua.VariantType.UInt32))
        await self._server.write_attribute_value(self._nodes["Acknowledge"], value)


async def _serve(settings: _Settings) -> None:
    UaProcessor._should_close_session_on_transport_loss = (  # type: ignore[method-assign]
        lambda self: self.session is not None and not self.session.is_activated()
    )
    gc.disable()  # it would take as long again as building the standard's 6000 nodes
    server = Server(iserver=_Sessions(settings))
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{settings.port}")
    await _secure(server, settings)
    nodes = await _declare(server, settings)
    server.iserver.attribute_service = _BareWrites(server.iserver.aspace)
    async with server:
        if settings.takes:
            await _Program(server, nodes, settings).run()
        await asyncio.Event().wait()


async def _declare(server: Server, settings: _Settings) -> dict[str, ua.NodeId]:
    await server.register_namespace("urn:works:plc")
    block = await server.nodes.objects.add_object(2, "StripSight")
    nodes = {}
    words = {tag.path: tag.word for tag in tags(settings.ring)} | {"Acknowledge": ACKNOWLEDGE}
    for path, word in words.items():
        if path in settings.missing:
            continue
        kind = ua.VariantType[settings.types.get(path, word.type)]
        zero = {ua.VariantType.String: "", ua.VariantType.Boolean: False}.get(kind, 0)
        node = ua.NodeId.from_string(f"ns=2;s=StripSight.{path}")
        variable = await block.add_variable(node, path, ua.Variant(zero, kind))
        await variable.set_writable()
        nodes[path] = node
    return nodes


async def _secure(server: Server, settings: _Settings) -> None:
    anonymous = settings.user is None
    server.set_identity_tokens(
        [ua.AnonymousIdentityToken] if anonymous else [ua.UserNameIdentityToken]
    )
    if settings.certificates is None:
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        return
    own, key, trusted = (Path(path) for path in settings.certificates)
    await server.load_certificate(own.read_bytes(), "pem")
    await server.load_private_key(key.read_bytes(), format="pem")
    server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
    known = x509.load_pem_x509_certificate(trusted.read_bytes())

    async def only_known(shown: x509.Certificate, _who: ua.ApplicationDescription) -> None:
        if shown != known:
            raise ServiceError(ua.StatusCodes.BadCertificateUntrusted)

    server.set_certificate_validator(only_known)


class _BareWrites(AttributeService):
    async def write(self, params: ua.WriteParameters, user: User = NOBODY) -> list[ua.StatusCode]:
        for asked in params.NodesToWrite if user.role != UserRole.Admin else ():
            given = asked.Value
            if given.SourceTimestamp or given.ServerTimestamp:
                refused = ua.StatusCode(ua.UInt32(ua.StatusCodes.BadWriteNotSupported))
                return [refused] * len(params.NodesToWrite)
        answers = []
        for asked in params.NodesToWrite:
            answers += await super().write(ua.WriteParameters([asked]), user)
            await asyncio.sleep(0)
        return answers


if __name__ == "__main__":
    told = json.loads(Path(sys.argv[1]).read_text())
    asyncio.run(_serve(_Settings(**told)))
