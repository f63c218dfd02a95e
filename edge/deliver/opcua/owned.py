"""Subscriptions of asyncua's server, as one session may use them.

asyncua numbers them from 78 on and does whatever anybody asks to any of them: delete, silence, read
again, take over. Here each session finds its own alone; another's is one that does not exist.
"""

from collections.abc import Callable, Iterator, MutableMapping
from typing import Any, cast

from asyncua import ua
from asyncua.server.internal_session import InternalSession
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.server.subscription_service import SubscriptionService


class OwnSubscriptions(SubscriptionService):
    """What a session has in the place of the server's service.

    A transfer to another session is refused with the rest: asyncua's sends no more news after it. A
    client that comes back in a new session subscribes anew.

    Args:
        everyones: The server's service.
        session: Whose subscriptions are found.
        refuse: Told the number of another session's.
    """

    def __init__(
        self,
        everyones: SubscriptionService,
        session: InternalSession,
        refuse: Callable[[int], None],
    ) -> None:
        super().__init__(everyones.aspace, everyones.iserver)
        self._everyones = everyones
        own = _Own(everyones.subscriptions, session.session_id, refuse)
        self.subscriptions = cast("dict[int, InternalSubscription]", own)

    async def create_subscription(
        self,
        params: ua.CreateSubscriptionParameters,
        callback: Callable[..., Any],
        session_id: ua.NodeId,
        request_callback: Callable[..., Any] | None = None,
    ) -> ua.CreateSubscriptionResult:
        """By the server's: it numbers and limits all of them."""
        return await self._everyones.create_subscription(
            params, callback, session_id, request_callback
        )

    def republish(self, params: ua.RepublishParameters) -> ua.NotificationMessage:
        """What was not acknowledged; asyncua answers with an empty one where there is no such
        subscription.
        """
        if params.SubscriptionId not in self.subscriptions:
            raise ua.uaerrors.BadSubscriptionIdInvalid
        return super().republish(params)


class _Own(MutableMapping[int, InternalSubscription]):
    def __init__(
        self,
        everyones: dict[int, InternalSubscription],
        session_id: ua.NodeId,
        refuse: Callable[[int], None],
    ) -> None:
        self._everyones, self._session_id, self._refuse = everyones, session_id, refuse

    def __getitem__(self, number: int) -> InternalSubscription:
        found = self._everyones[number]
        if found.session_id != self._session_id:
            self._refuse(number)
            raise KeyError(number)
        return found

    def __setitem__(self, number: int, made: InternalSubscription) -> None:
        self._everyones[number] = made

    def __delitem__(self, number: int) -> None:
        del self._everyones[number]

    def __iter__(self) -> Iterator[int]:
        mine = self._session_id
        return iter([n for n, one in self._everyones.items() if one.session_id == mine])

    def __len__(self) -> int:
        return sum(1 for _ in self)
