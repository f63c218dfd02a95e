"""Who gets in at the OPC UA server, and what becomes of those who do not.

asyncua's own server is trusting: it speaks without security to whoever asks for that, whatever its
policies say; looks at a client's certificate only where the client chooses to name one in its
session; numbers sessions so that they can be guessed; and keeps what it cannot read. So every
connection goes through here first:

    connection   as many as may be, and not too fast from one address
    channel      secure, with a trusted certificate; without security only the list of endpoints
    session      one per connection, taken over only with the certificate that began it
    user         by name and password, or anonymous where the config says so
    subscription each session its own (`owned.py`)
    write        the acknowledge word alone, by a user with a name, and only what was shown

Each refusal is a metric, and a line in the log unless the same reason was logged just before.
"""

import logging
from typing import Literal, get_args

from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.internal_server import InternalServer
from asyncua.server.user_managers import UserManager

from edge.clock import Clock
from edge.config import OpcUaServer
from edge.deliver.opcua.users import Users
from edge.errors import ConfigError
from edge.metrics import CourierMetrics
from edge.opcua.certificates import Trusted, UntrustedError

Reason = Literal[
    "too_many", "too_fast", "malformed", "certificate", "no_security", "user", "service", "write",
    "acknowledge", "subscription",
]  # fmt: skip
QUIET_NS = 10_000_000_000
"""After a line in the log, others for the same reason are only counted for so long."""
BURST_S = 5
SPARE = 10
ADDRESSES = 256
_log = logging.getLogger(__name__)


class Door(UserManager):
    """Decides, counts and tells. Owned by the server's thread."""

    def __init__(
        self,
        config: OpcUaServer,
        trusted: Trusted | None,
        users: Users | None,
        metrics: CourierMetrics,
        clock: Clock,
    ) -> None:
        self.config = config
        self._trusted = trusted
        self._users = users
        self._clock = clock
        self._counters = {
            reason: metrics.opcua_refused.labels(config.name, reason) for reason in get_args(Reason)
        }
        self._logged: dict[Reason, int] = {}
        self._unlogged: dict[Reason, int] = {}
        self._budgets: dict[str, tuple[float, int]] = {}

    def refuse(self, reason: Reason, text: str) -> None:
        """Count a refusal, and log it."""
        self._counters[reason].inc()
        now_ns = self._clock.now().monotonic_ns
        if now_ns < self._logged.get(reason, -QUIET_NS) + QUIET_NS:
            self._unlogged[reason] = self._unlogged.get(reason, 0) + 1
            return
        self._logged[reason] = now_ns
        more = self._unlogged.pop(reason, 0)
        also = f" (and {more} times since the last such line)" if more else ""
        _log.warning("deliver.opcua_server %r: refused %s%s", self.config.name, text, also)

    @property
    def connections(self) -> int:
        """How many may stand: some more than sessions, half of them from one address."""
        return self.config.max_sessions + SPARE

    def lets_connect(self, address: str, same: int, all_: int) -> bool:
        """Whether one more connection may be had; asked once for each.

        Args:
            address: Where it comes from.
            same: Connections that stand from there.
            all_: Connections that stand.
        """
        if all_ >= self.connections or same >= max(1, self.connections // 2):
            self.refuse("too_many", f"a connection from {address}: {same} stand from there")
            return False
        per_s = self.config.connections_per_s
        now_ns = self._clock.now().monotonic_ns
        budget, then_ns = self._budgets.pop(address, (float(BURST_S * per_s), now_ns))
        budget = min(float(BURST_S * per_s), budget + (now_ns - then_ns) / 1e9 * per_s)
        self._budgets[address] = (max(0.0, budget - 1), now_ns)
        while len(self._budgets) > ADDRESSES:
            self._budgets.pop(next(iter(self._budgets)))
        if budget < 1:
            self.refuse("too_fast", f"{address}: more than {per_s} connections a second")
            return False
        return True

    def check_certificate(self, der: bytes | None) -> None:
        """Accept a client's certificate before anything that it says is answered.

        Raises:
            UntrustedError: it is not trusted.
        """
        if self._trusted is None:
            raise UntrustedError("no folder of trusted certificates is set up")
        self._trusted.check(der)

    def get_user(
        self,
        iserver: InternalServer,  # noqa: ARG002 - asyncua's signature
        username: str | None = None,
        password: str | None = None,
        certificate: object = None,  # noqa: ARG002
    ) -> User | None:
        """The user for a session; None refuses it."""
        if username is None:
            return User(role=UserRole.User) if self.config.anonymous else None
        try:
            right = self._users is not None and self._users.admits(username, password or "")
        except ConfigError as error:
            _log.warning("%s; nobody can log in", error)
            return None
        return User(role=UserRole.User, name=username) if right else None
