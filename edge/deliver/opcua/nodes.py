"""The flat PLC block as nodes, and the one of them that may be written.

    Objects / StripSight / Heartbeat, InspectionValid, ..., Acknowledge
    Objects / StripSight / Ring / Ring[1] / Seq, Defect, ...

A node's id is its path as a string: `ns=<n>;s=Heartbeat`, `ns=<n>;s=Ring[1].Seq`.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from asyncua import Node, Server, ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.address_space import AttributeService

from edge.deliver.opcua.door import Door
from edge.deliver.plc_words import ACKNOWLEDGE, HEAD, RING, Value, Word, slot_path

_TYPES = {name: ua.VariantType[name] for name in (
    "Boolean", "UInt16", "UInt32", "Float", "Double", "String",
)}  # fmt: skip


class BlockNodes:
    """The block's nodes. Owned by the server's thread."""

    def __init__(self, server: Server, index: int, ring: int) -> None:
        self._server = server
        self._index = index
        self._ring = ring
        self._types: dict[str, ua.VariantType] = {}

    async def add(self) -> None:
        """Add the nodes to the address space."""
        objects = self._server.nodes.objects
        root = await objects.add_object(self._id("StripSight"), self._name("StripSight"))
        for word in HEAD:
            await self._variable(root, word.name, word)
        acknowledge = await self._variable(root, ACKNOWLEDGE.name, ACKNOWLEDGE)
        await acknowledge.set_writable()
        folder = await root.add_folder(self._id("Ring"), self._name("Ring"))
        for number in range(1, self._ring + 1):
            path = f"Ring[{number}]"
            slot = await folder.add_object(self._id(path), self._name(path))
            for word in RING:
                await self._variable(slot, slot_path(number, word.name), word)

    async def write(self, values: Mapping[str, Value], time: datetime) -> None:
        """Show values, in their order. Nothing of it waits, so that a client's request is answered
        from before or from after all of them.
        """
        at = ua.DateTime.fromtimestamp(time.timestamp(), UTC)
        for path, value in values.items():
            shown = ua.DataValue(
                ua.Variant(value, self._types[path]), SourceTimestamp=at, ServerTimestamp=at
            )
            await self._server.iserver.write_attribute_value(self._id(path), shown)

    @property
    def acknowledge(self) -> ua.NodeId:
        """The word that clients write."""
        return self._id(ACKNOWLEDGE.name)

    async def _variable(self, parent: Node, path: str, word: Word) -> Node:
        kind = self._types[path] = _TYPES[word.type]
        node = await parent.add_variable(
            self._id(path), self._name(word.name), word.zero, kind, ua.NodeId(ua.Int32(kind.value))
        )
        unit = "" if word.unit == "-" else f" [{word.unit}]"
        text = ua.LocalizedText(word.text + unit, "en")
        await node.write_attribute(ua.AttributeIds.Description, ua.DataValue(ua.Variant(text)))
        return node

    def _id(self, path: str) -> ua.NodeId:
        return ua.NodeId(ua.String(path), ua.Int16(self._index))

    def _name(self, name: str) -> ua.QualifiedName:
        return ua.QualifiedName(name, self._index)


class Writes(AttributeService):
    """Lets clients write the acknowledge word and nothing else.

    Args:
        server: Whose address space it is.
        door: Counts and logs what is refused.
        acknowledge: The word's node.
        take: Takes over what was written; False when it was never shown.
    """

    def __init__(
        self, server: Server, door: Door, acknowledge: ua.NodeId, take: Callable[[int], bool]
    ) -> None:
        super().__init__(server.iserver.aspace)
        self._door = door
        self._acknowledge = acknowledge
        self._take = take

    async def write(
        self,
        params: ua.WriteParameters,
        user: User = User(role=UserRole.Admin),  # noqa: B008
    ) -> list[ua.StatusCode]:
        """Write what may be written; a result for each value."""
        if user.role is UserRole.Admin:
            return await super().write(params, user)
        return [await self._one(item, user) for item in params.NodesToWrite]

    async def _one(self, item: ua.WriteValue, user: User) -> ua.StatusCode:
        name = user.name or "anonymous"
        refused = self._why_not(item, user)
        if refused is not None:
            what = item.NodeId.to_string()[:80]
            self._door.refuse("write", f"{name}: writing {what} ({refused})")
            return _status(refused)
        seq = item.Value.Value.Value
        if not self._take(seq):
            self._door.refuse("acknowledge", f"{name}: acknowledging {seq}, which was never shown")
            return _status("BadOutOfRange")
        item.Value.SourceTimestamp = datetime.now(UTC)
        (result,) = await super().write(ua.WriteParameters(NodesToWrite=[item]), user)
        return result

    def _why_not(self, item: ua.WriteValue, user: User) -> str | None:
        if item.NodeId not in self._aspace:
            return "BadNodeIdUnknown"
        if item.NodeId != self._acknowledge or item.AttributeId != ua.AttributeIds.Value:
            return "BadNotWritable"
        if user.name is None:
            return "BadUserAccessDenied"
        value = item.Value.Value if item.Value is not None else None
        if value is None or value.VariantType != ua.VariantType.UInt32 or value.is_array:
            return "BadTypeMismatch"
        if item.Value.StatusCode is not None and not item.Value.StatusCode.is_good():
            return "BadWriteNotSupported"
        return None


def _status(name: str) -> ua.StatusCode:
    return ua.StatusCode(ua.UInt32(getattr(ua.StatusCodes, name)))
