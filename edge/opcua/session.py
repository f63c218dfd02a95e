"""One session with somebody's OPC UA server, for whoever writes there or listens there.

    connect   socket, secure channel, session; after a loss the same session is taken up again by
              ActivateSession on the new channel (OPC UA Part 4, 5.7.3), so that a server which
              allows few sessions never meets a second one of ours
    close     CloseSession, then the channel, then the socket

A session that cannot be taken up again (its answer was lost, the server does not know how) ends on
the server after `session_timeout_s` without a word from us.

The vendor's own reconnect is not used: it runs in the background, without jitter, and holds every
request back meanwhile.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from asyncua import Client, ua
from asyncua.crypto import security_policies

from edge.config.opcua import OpcUaConnection
from edge.errors import ReceiverError
from edge.opcua.identity import identity, password
from edge.opcua.refusals import cause

NODES_AT_ONCE = 100
"""In one request; small PLCs take no more."""
CONNECT_PATIENCE = 3
"""Answers that connecting may take the time of: a server that hangs must not hold up the stop."""
RENEW_AT = 0.75
"""Of the secure channel's lifetime (Part 4, 5.5.2)."""
_ALIVE = ua.NodeId(ua.Int32(ua.ObjectIds.Server_ServerStatus_State))
T = TypeVar("T")
_log = logging.getLogger(__name__)
logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)  # what it has to tell is raised as well


class OpcUaSession:
    """Belongs to one event loop, which need only run while a method is awaited.

    Args:
        where: The config's section, for errors.
        config: The server.
        name: Of this client, as the server's sessions are listed.

    Raises:
        ConfigError: a file that the config names cannot be used.
    """

    def __init__(self, where: str, config: OpcUaConnection, name: str) -> None:
        self._where = f"{where}: {config.endpoint}"
        self._config = config
        self._identity = identity(where, config)
        client = self._client = Client(config.endpoint, timeout=config.timeout_s)
        client.name = client.description = name
        client.product_uri = "urn:stripsight"
        client.application_uri = self._identity.uri if self._identity else f"urn:stripsight:{name}"
        self._password = password(where, config.password_file) if config.password_file else None
        self._secured = False
        self._renew_at_s = 0.0
        self._in_vain = False
        self.connected = False
        """Whether a session stands, as far as is known."""

    @property
    def client(self) -> Client:
        """The vendor's, for services that are not here (subscriptions)."""
        return self._client

    async def connect(self) -> bool:
        """Connect if need be; whether that was needed.

        Raises:
            ReceiverError: nobody there, or refused; the text says what to check.
        """
        if self.connected:
            await self._renew()
            return False
        try:  # whatever is raised: the vendor's parser of a stranger's answers may raise anything
            async with asyncio.timeout(CONNECT_PATIENCE * self._config.timeout_s):
                await self._secure()
                await self._client.connect_socket()
                await self._client.send_hello()
                await self._open_channel(renew=False)
                await self._session()
        except Exception as error:
            self._in_vain = True
            await self._give_up(error)
            raise self._explained(error) from error
        self.connected, self._in_vain = True, False
        return True

    async def read(
        self, nodes: Sequence[ua.NodeId], attribute: ua.AttributeIds = ua.AttributeIds.Value
    ) -> list[ua.DataValue]:
        """Read an attribute of nodes, `NODES_AT_ONCE` a request.

        Raises:
            ReceiverError: the connection is gone.
        """
        ask = self._client.uaclient.read_attributes
        found: list[ua.DataValue] = []
        for start in range(0, len(nodes), NODES_AT_ONCE):
            some = list(nodes[start : start + NODES_AT_ONCE])
            found += await self._answered(ask(some, attribute), len(some))
        return found

    async def write(self, values: Sequence[tuple[ua.NodeId, ua.Variant]]) -> list[ua.StatusCode]:
        """Write values in order, `NODES_AT_ONCE` a request; a status each. Bare values: many PLCs
        take none with a time stamp (BadWriteNotSupported).

        Raises:
            ReceiverError: the connection is gone.
        """
        ask = self._client.uaclient.write_attributes
        found: list[ua.StatusCode] = []
        for start in range(0, len(values), NODES_AT_ONCE):
            some = values[start : start + NODES_AT_ONCE]
            nodes = [node for node, _ in some]
            bare = [ua.DataValue(value, StatusCode=None) for _, value in some]
            found += await self._answered(ask(nodes, bare), len(some))
        return found

    async def check(self) -> None:
        """Ask the server whether it is there.

        Raises:
            ReceiverError: it is not.
        """
        await self.connect()
        await self.read([_ALIVE])

    async def close(self) -> None:
        """End the session in order, where the server can be reached for it. One that could not be
        at the last try is not tried again: the stop must not wait twice.
        """
        with contextlib.suppress(ReceiverError):
            if self.connected:
                await self.check()  # it may have gone unnoticed
        with contextlib.suppress(ReceiverError):
            if not (self.connected or self._in_vain) and self._client.uaclient.has_session:
                await self.connect()
        if self.connected:
            self.connected = False
            with contextlib.suppress(Exception):
                await self._client.close_session()
            with contextlib.suppress(Exception):
                await self._client.close_secure_channel()
        await self._hang_up()

    async def drop(self) -> None:
        """Let go of the connection without a word; the session is taken up again by `connect`."""
        self.connected = False
        await self._hang_up()

    async def _answered(self, asked: Awaitable[Sequence[T]], count: int) -> Sequence[T]:
        try:  # likewise
            found = await asked or ()  # the vendor's of an array that is null is None
        except Exception as error:
            await self.drop()
            raise self._explained(error) from error
        if len(found) != count:
            await self.drop()
            raise ReceiverError(f"{self._where}: {len(found)} answers to {count} questions")
        return found

    async def _secure(self) -> None:
        """Give the client its certificates, once."""
        if self._identity is None or self._secured:
            return
        config = self._config
        await self._client.set_security(
            getattr(security_policies, f"SecurityPolicy{config.security_policy.replace('_', '')}"),
            self._identity.certificate,
            self._identity.key,
            server_certificate=self._identity.server,
            mode=ua.MessageSecurityMode[config.security_mode],
        )
        self._secured = True

    async def _open_channel(self, *, renew: bool) -> None:
        await self._client.open_secure_channel(renew=renew)
        lifetime_s = self._client.secure_channel_timeout / 1000
        self._renew_at_s = asyncio.get_running_loop().time() + RENEW_AT * lifetime_s

    async def _renew(self) -> None:
        if asyncio.get_running_loop().time() >= self._renew_at_s:
            await self._answered(self._renewed(), 0)

    async def _renewed(self) -> Sequence[None]:
        await self._open_channel(renew=True)
        self._client.uaclient.revolve_security_token()
        return ()

    async def _session(self) -> None:
        """Take up the session that was, or make one."""
        client = self._client
        if client.uaclient.has_session and await self._taken_up():
            return
        client.uaclient.session.reset_authentication_token()
        asked_s = self._config.session_timeout_s
        client.session_timeout = round(asked_s * 1000)
        await client.create_session()
        if client.session_timeout > asked_s * 1000:
            given_s = client.session_timeout / 1000
            _log.info("%s: the server keeps a lost session for %g s", self._where, given_s)
        await self._activate()

    async def _taken_up(self) -> bool:
        self._client.uaclient.session.rebind_authentication_token()
        try:
            await self._activate()
        except ua.UaStatusCodeError as error:
            _log.info("%s: the session cannot be taken up again (%s)", self._where, error)
        else:
            return True
        await self._end_session()
        return False

    async def _activate(self) -> None:
        await self._client.activate_session(self._config.username, self._password)

    async def _end_session(self) -> None:
        with contextlib.suppress(Exception):
            await self._client.uaclient.close_session(True)  # noqa: FBT003 - the vendor's signature

    async def _give_up(self, error: Exception) -> None:
        """After a `connect` that failed. Who was refused leaves no session behind."""
        if self._client.uaclient.has_session and not isinstance(error, OSError):
            await self._end_session()
        await self._hang_up()

    async def _hang_up(self) -> None:
        self._client.disconnect_socket()
        await asyncio.sleep(0)  # asyncio closes a socket at the loop's next turn

    def _explained(self, error: Exception) -> ReceiverError:
        return ReceiverError(f"{self._where}: {cause(error, self._config)}")
