"""asyncua's server with the door before it."""

import asyncio
import logging
import socket
import time
from collections.abc import Collection
from typing import Any, cast
from weakref import WeakKeyDictionary

from asyncua import Server, ua
from asyncua.common.connection import TransportLimits
from asyncua.common.utils import Buffer, ServiceError
from asyncua.crypto import security_policies, uacrypto
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.crypto.security_policies import SecurityPolicy, SecurityPolicyFactory
from asyncua.server.binary_server_asyncio import BinaryServer, OPCUAProtocol
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_session import InternalSession, SessionState
from asyncua.server.uaprocessor import UaProcessor
from asyncua.ua.ua_binary import uatcp_to_binary
from cryptography.exceptions import InvalidSignature

from edge.deliver.opcua.door import Door, Reason
from edge.deliver.opcua.owned import OwnSubscriptions
from edge.opcua.certificates import UntrustedError

LIMITS = TransportLimits(
    max_recv_buffer=65_535, max_send_buffer=65_535, max_chunk_count=64, max_message_size=4_000_000
)
_LOGGERS = "asyncua.server.monitored_item_service."
logging.getLogger(_LOGGERS[:-1])  # else logging keeps a placeholder there, with all that are below
_MESSAGES = frozenset((b"HEL", b"OPN", b"MSG", b"CLO"))
NOBODY = User(role=UserRole.Anonymous)
UNREAD_BYTES = 4_000_000
"""A client that leaves so much unread is hung up on."""
WITHOUT_SESSION_S = 10.0
FAILED_LOGIN_S = 1.0
LIFETIME_COUNT = 3000
"""Publishing intervals after which a subscription ends that nobody asks for news of."""


def _ids(*names: str) -> frozenset[ua.NodeId]:
    return frozenset(
        ua.NodeId(getattr(ua.ObjectIds, f"{name}Request_Encoding_DefaultBinary")) for name in names
    )


_ENDPOINTS = _ids("GetEndpoints", "FindServers", "CloseSecureChannel")
_REGISTER = _ids("RegisterServer", "RegisterServer2")
_CREATE, _ACTIVATE = _ids("CreateSession"), _ids("ActivateSession")


class Sessions(InternalServer):
    """asyncua's address space and sessions, with limits that fit a line PC."""

    def __init__(self, door: Door) -> None:
        super().__init__(user_manager=door)
        config = door.config
        self.door = door
        self.max_session_timeout_ms = config.session_timeout_s * 1000
        self.max_connections = door.connections
        self.max_pending_activation_seconds = WITHOUT_SESSION_S
        self.max_lifetime_count = LIFETIME_COUNT
        self.max_subscriptions = 10 * config.max_sessions
        self.max_unacked_messages_per_subscription = 100
        self.max_monitored_item_queue_size = 1000
        self.allow_remote_admin = False
        tokens: list[type] = [ua.UserNameIdentityToken]
        if config.anonymous:
            tokens.append(ua.AnonymousIdentityToken)
        self.supported_tokens = cast("Any", tuple(tokens))
        self.certificates: WeakKeyDictionary[InternalSession, bytes | None] = WeakKeyDictionary()
        """Which certificate began a session."""
        self.clients: list[OPCUAProtocol] = []
        """The connections."""

    @property
    def sessions(self) -> tuple[InternalSession, ...]:
        """Those of clients."""
        return tuple(self._external_sessions.values())

    def create_session(
        self,
        name: str,
        user: User = NOBODY,
        external: bool = False,  # noqa: FBT001, FBT002 - asyncua's signature
    ) -> InternalSession:
        """A session that finds its own subscriptions alone."""
        session = super().create_session(name, user, external)
        session.subscription_service = OwnSubscriptions(
            self.subscription_service,
            session,
            lambda number: self.door.refuse(
                "subscription", f"{_address(name)}: subscription {number} is another session's"
            ),
        )
        return session

    async def make_room(self) -> bool:
        """Whether there is room for a session: where not, the oldest one that has lost its
        connection gives way, so that a client who comes back is not kept out by its own past.
        """
        if len(self.sessions) < self.door.config.max_sessions:
            return True
        held = {client.processor.session for client in self.clients if client.processor}
        lost = next((session for session in self.sessions if session not in held), None)
        if lost is not None:
            await lost.close_session()
        return lost is not None

    async def end_orphans(self) -> None:
        """End subscriptions whose session is gone: a client may close it without them."""
        known = {session.session_id for session in self.sessions}
        known.add(self.isession.session_id)
        subscriptions = self.subscription_service.subscriptions
        orphans = [number for number, s in subscriptions.items() if s.session_id not in known]
        await self.subscription_service.delete_subscriptions(orphans)
        _forget_loggers(subscriptions.keys())


class _Processor(UaProcessor):
    """One connection's requests."""

    iserver: Sessions

    async def _process_message(
        self,
        typeid: ua.NodeId,
        requesthdr: ua.RequestHeader,
        seqhdr: ua.SequenceHeader,
        body: Buffer,
    ) -> bool | None:
        door = self.iserver.door
        await self._check(typeid, requesthdr)
        try:
            done: bool | None = await super()._process_message(typeid, requesthdr, seqhdr, body)
        except (ServiceError, ua.uaerrors.UaStatusCodeError) as error:
            if typeid in _ACTIVATE:
                door.refuse("user", f"{_address(self.name)}: {_named(error)}")
                await asyncio.sleep(FAILED_LOGIN_S)
            raise
        if typeid in _CREATE and self.session is not None:
            self.iserver.certificates[self.session] = self._certificate
        return done

    @property
    def _certificate(self) -> bytes | None:
        found: bytes | None = self._connection.security_policy.peer_certificate
        return found

    async def _check(self, typeid: ua.NodeId, requesthdr: ua.RequestHeader) -> None:
        door, policy = self.iserver.door, self._connection.security_policy
        open_door = "None" in door.config.policies
        if (
            policy.Mode == ua.MessageSecurityMode.None_
            and not open_door
            and typeid not in _ENDPOINTS
        ):
            door.refuse(
                "no_security", f"{_address(self.name)}: it wants a session without security"
            )
            raise ServiceError(ua.StatusCodes.BadSecurityPolicyRejected)
        if typeid in _REGISTER:
            door.refuse("service", f"{_address(self.name)}: this is no discovery server")
            raise ServiceError(ua.StatusCodes.BadServiceUnsupported)
        if typeid in _CREATE:
            held = self.session is not None and self.session.state is not SessionState.Closed
            if held or not await self.iserver.make_room():
                door.refuse("too_many", f"{_address(self.name)}: one more session")
                raise ServiceError(ua.StatusCodes.BadTooManySessions)
        if typeid in _ACTIVATE and self.session is None:
            taken = self.iserver.lookup_external_session(requesthdr.AuthenticationToken)
            if taken is not None and self.iserver.certificates.get(taken) != self._certificate:
                door.refuse(
                    "certificate", f"{_address(self.name)}: the session is another client's"
                )
                raise ServiceError(ua.StatusCodes.BadSecurityChecksFailed)


class _Connection(OPCUAProtocol):
    """One TCP connection."""

    iserver: Sessions

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.address = str((transport.get_extra_info("peername") or "?")[0])
        self._idle_since = time.monotonic()
        same = sum(getattr(client, "address", None) == self.address for client in self.clients)
        if not self.iserver.door.lets_connect(self.address, same, len(self.clients)):
            transport.close()
            return
        peer = transport.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 30_000)
        super().connection_made(transport)
        self.processor = _Processor(self.iserver, transport, self.limits)
        self.processor.set_policies(self.policies)

    def data_received(self, data: bytes) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        super().data_received(data)
        # asyncua waits for the rest of whatever was begun, and keeps what it cannot read.
        rest = bytes(self._buffer[:8])
        if len(rest) == 8 and (
            rest[:3] not in _MESSAGES
            or int.from_bytes(rest[4:], "little") > self.limits.max_recv_buffer
            or len(self._buffer) > self.limits.max_recv_buffer
        ):
            self._hang_up("malformed", "it sends no OPC UA")

    async def _process_one_msg(self, header: ua.Header, buf: Buffer) -> bool:
        try:
            return await super()._process_one_msg(header, buf)
        except UntrustedError as error:
            self._hang_up("certificate", str(error))
        except (InvalidSignature, uacrypto.InvalidSignature):
            self._hang_up("certificate", "it has not the key of the certificate that it shows")
        except Exception as error:  # noqa: BLE001 - a stranger's bytes break asyncua in many ways
            self._hang_up("malformed", f"{type(error).__name__}: {str(error)[:120]}")
        return False

    def sweep(self, now_s: float) -> None:
        """Hang up on a client that has no session any more, or does not read what it asked for."""
        if self.transport is None or self.processor is None:
            return
        session = self.processor.session
        if session is not None and session.state is not SessionState.Closed:
            self._idle_since = now_s
        if self.transport.get_write_buffer_size() > UNREAD_BYTES:
            self._hang_up("malformed", "it does not read its answers")
        elif now_s - self._idle_since > WITHOUT_SESSION_S:
            self.transport.abort()

    def _hang_up(self, reason: Reason, text: str) -> None:
        self.iserver.door.refuse(reason, f"{_address(self.peer_name)}: {text}")
        if self.transport is not None:
            code = ua.StatusCode(ua.UInt32(ua.StatusCodes.BadSecurityChecksFailed))
            error = ua.ErrorMessage(code, ua.String("refused; see the server's log"))
            kind = cast("ua.MessageType", ua.MessageType.Error)
            self.transport.write(uatcp_to_binary(kind, error))
            self.transport.close()


class _Listener(BinaryServer):
    internal_server: Sessions

    def _make_protocol(self) -> OPCUAProtocol:
        return _Connection(
            self.iserver, self._policies, self.clients, self.closing_tasks, self.limits
        )

    def sweep(self) -> None:
        """Look after the connections; each second."""
        now_s = time.monotonic()
        for client in tuple(self.clients):
            if isinstance(client, _Connection):
                client.sweep(now_s)


class _Checked(SecurityPolicyFactory):
    """Makes a secure channel's policy, for clients that are trusted."""

    def __init__(self, made: SecurityPolicyFactory, door: Door) -> None:
        super().__init__(
            made.cls, made.mode, made.certificate, made.private_key, made.permission_ruleset
        )
        self._door = door

    def create(self, peer_certificate: bytes | None) -> SecurityPolicy:
        if self.cls is not security_policies.SecurityPolicyNone:
            self._door.check_certificate(peer_certificate)
        made: SecurityPolicy = super().create(peer_certificate)
        return made


class GuardedServer(Server):
    """asyncua's server, whose connections all go through a door."""

    iserver: Sessions
    bserver: _Listener | None

    def __init__(self, door: Door) -> None:
        super().__init__(iserver=Sessions(door))
        self._door = door
        self.limits = LIMITS

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the address or port cannot be used.
        """
        await self._setup_server_nodes()
        checked = [_Checked(policy, self._door) for policy in self._policies]
        await self.iserver.start()
        host, port = self._door.config.host, self._door.config.port
        self.bserver = _Listener(self.iserver, host, port, self.limits)
        self.bserver.set_policies(checked)
        self.iserver.clients = self.bserver.clients
        try:
            await self.bserver.start()
        except OSError:
            self.bserver = None
            await self.iserver.stop()
            raise

    async def sweep(self) -> None:
        """Look after connections and subscriptions; each second."""
        if self.bserver is not None:
            self.bserver.sweep()
        await self.iserver.end_orphans()

    @property
    def connections(self) -> int:
        """How many stand."""
        return 0 if self.bserver is None else len(self.bserver.clients)


def _named(error: ServiceError | ua.uaerrors.UaStatusCodeError) -> str:
    name, _ = ua.status_codes.get_name_and_doc(error.code)
    words = {
        "BadUserAccessDenied": "wrong name or password",
        "BadIdentityTokenRejected": "no name and password, and anonymous is off",
        "BadIdentityTokenInvalid": "a password that cannot be decrypted",
    }
    return words.get(name, name)


def _forget_loggers(living: Collection[int]) -> None:
    """Drop asyncua's loggers of ended subscriptions: it has one for each, which logging keeps."""
    loggers = logging.Logger.manager.loggerDict
    for name in [n for n in loggers if n.startswith(_LOGGERS)]:
        if name.removeprefix(_LOGGERS) not in map(str, living):
            del loggers[name]


def _address(peer: object) -> str:
    return f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else str(peer)
