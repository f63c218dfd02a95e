"""The line as OPC 40100-1 (machine vision) names it, over types from the published NodeSet.

    Objects / Vision : VisionSystemType
      VisionStateMachine            Halted, Preoperational, Error or Operational
        AutomaticModeStateMachine   Ready, or ContinuousExecution while a coil is inspected
      RecipeManagement / Recipes    the bundle that inspects, as the one recipe
      ResultManagement / Results    the newest coils' reports; ResultReady events come from Vision

It mirrors and takes no orders: methods are there, as their types demand, and do nothing.
"""

from collections.abc import Mapping
from pathlib import Path

from asyncua import Node, Server, ua
from asyncua.common.instantiate_util import instantiate
from asyncua.server.event_generator import EventGenerator
from pydantic import JsonValue

from contract.bodies import CoilReport, Defect
from edge.deliver.plc_block import line_state
from edge.errors import ConfigError
from edge.types import Recorded

URI = "http://opcfoundation.org/UA/MachineVision"
RESULTS = 8
LONGEST = 256
"""Of OPC 40100's strings."""
COMPLETED, PROCESSING, ABORTED = 1, 2, 3
PHASES = {
    "opened": (PROCESSING, True),
    "closed": (COMPLETED, False),
    "interrupted": (ABORTED, False),
}
"""Result state of a defect, and whether more of it follows; in between it is no news."""
STATES = {0: "Halted", 1: "Operational", 2: "Operational", 3: "Error", 4: "Halted"}
"""By `State` of the PLC block."""
_KINDS = {
    "ResultId": ua.VariantType.ExtensionObject,
    "JobId": ua.VariantType.ExtensionObject,
    "PartId": ua.VariantType.ExtensionObject,
    "InternalRecipeId": ua.VariantType.ExtensionObject,
    "InternalConfigurationId": ua.VariantType.ExtensionObject,
    "IsPartial": ua.VariantType.Boolean,
    "IsSimulated": ua.VariantType.Boolean,
    "ResultState": ua.VariantType.Int32,
    "CreationTime": ua.VariantType.DateTime,
    "ResultContent": ua.VariantType.Variant,
}


class Vision:
    """The vision system's nodes. Owned by the server's thread.

    Args:
        server: Where they are added.
        index: Our namespace.
        simulated: Whether the pictures come from a simulation or a folder: said of every result.
    """

    def __init__(self, server: Server, index: int, *, simulated: bool) -> None:
        self._server = server
        self._index = index
        self._simulated = simulated
        self._mv = 0
        self._types: dict[str, Node] = {}
        self._states: dict[str, ua.NodeId] = {}
        self._results: list[Node] = []
        self._kept: dict[int, tuple[str | None, Mapping[str, object]]] = {}
        """The subject and what is shown of it, by the result's number."""
        self._next = 0
        self._shown: tuple[str, str | None] | None = None
        self._recipe: Mapping[str, JsonValue] = {}
        self._ready: EventGenerator | None = None

    async def add(self, nodeset: Path) -> None:
        """Import the types and add the nodes.

        Raises:
            ConfigError: the file is not there or no NodeSet of OPC 40100-1.
        """
        try:
            await self._import(nodeset)
        except (OSError, SyntaxError, ValueError, KeyError, ua.UaError) as error:
            raise ConfigError(
                f"deliver.opcua_server.nodeset: {nodeset} cannot be used"
                f" ({type(error).__name__}: {error}); install it with deploy/setup/nodeset.sh"
            ) from error
        vision = await self._object(
            self._server.nodes.objects, "Vision", "VisionSystemType", "Vision"
        )
        await self._add_states(vision)
        await self._add_recipe(vision)
        await self._add_results(vision)
        kind = self._types["ResultReadyEventType"]
        self._ready = await self._server.get_event_generator(kind, emitting_node=vision.nodeid)

    async def _import(self, nodeset: Path) -> None:
        added = await self._server.import_xml(str(nodeset))
        await self._server.load_data_type_definitions()
        self._mv = await self._server.get_namespace_index(URI)
        for node in map(self._server.get_node, added):
            if await node.read_node_class() in {ua.NodeClass.ObjectType, ua.NodeClass.VariableType}:
                self._types[(await node.read_browse_name()).Name] = node
        for name in ("VisionSystemType", "ResultType", "ResultReadyEventType"):
            self._types[name]  # the others came with these

    async def tell(self, status: Mapping[str, JsonValue] | None) -> None:
        """Show the state and the recipe, where they have changed."""
        line = line_state(status)
        state = STATES[line.state]
        if status is not None and state == "Error" and status.get("source_opened") is False:
            state = "Preoperational"  # the camera was never there yet
        mode = "ContinuousExecution" if line.coil else "Ready"
        shown = state, mode if state == "Operational" else None
        if shown != self._shown:
            self._shown = shown
            await self._enter("VisionStateMachine", shown[0])
            await self._enter("AutomaticModeStateMachine", shown[1])
        model = status.get("model") if status is not None else None
        if isinstance(model, dict) and model != self._recipe:
            self._recipe = model
            await self._show_recipe()

    async def result(self, recorded: Recorded, coil: str, *, again: bool = False) -> None:
        """Show a coil's report, and tell of it and of each defect's begin and end; a correction
        renames the reports that are shown.

        Args:
            recorded: The event.
            coil: The mill's id of its coil.
            again: It was told before a restart and is only shown.
        """
        event = recorded.event
        if event.kind == "coil_corrected":
            await self._rename(event.subject, coil)
        if event.kind not in {"defect", "coil_report"}:
            return
        body = event.body()
        if isinstance(body, CoilReport):
            state, partial = (ABORTED if body.interrupted else COMPLETED), False
            model = body.models[-1] if body.models else None
        elif isinstance(body, Defect) and body.phase in PHASES:
            state, partial = PHASES[body.phase]
            model = body.model
        else:
            return
        recipe = model.model_dump() if model else {}
        fields = self._fields(recorded, state, recipe, partial=partial) | _ids(coil)
        if event.kind == "coil_report":
            await self._show_result(self._next % RESULTS, event.subject, fields)
            self._next += 1
        if self._ready is not None and not again:
            for name, value in fields.items():
                self._ready.event.add_property(name, value, _KINDS[name])
            await self._ready.trigger(message=f"{event.kind} of coil {coil}"[:LONGEST])

    def _fields(
        self, recorded: Recorded, state: int, recipe: Mapping[str, JsonValue], *, partial: bool
    ) -> dict[str, object]:
        event = recorded.event
        return {
            "ResultId": _made("ResultIdDataType", Id=event.id),
            "InternalRecipeId": _recipe_id(recipe),
            "InternalConfigurationId": _made("ConfigurationIdDataType", Id=event.source[:LONGEST]),
            "IsPartial": partial,
            "IsSimulated": self._simulated,
            "ResultState": state,
            "CreationTime": event.time,
            "ResultContent": [ua.Variant(recorded.body.decode(), ua.VariantType.String)],
        }

    async def _object(self, parent: Node, name: str, kind: str, path: str) -> Node:
        return await parent.add_object(
            ua.NodeId(ua.String(path), ua.Int16(self._index)),
            ua.QualifiedName(name, self._index if name == "Vision" else self._mv),
            objecttype=self._types[kind].nodeid,
            instantiate_optional=False,
        )

    async def _add_states(self, vision: Node) -> None:
        machine = await vision.get_child(f"{self._mv}:VisionStateMachine")
        inner = await self._object(
            machine, "AutomaticModeStateMachine", "VisionAutomaticModeStateMachineType",
            "Vision.VisionStateMachine.AutomaticModeStateMachine",
        )  # fmt: skip
        self._machines = {"VisionStateMachine": machine, "AutomaticModeStateMachine": inner}
        for kind in ("VisionStateMachineType", "VisionAutomaticModeStateMachineType"):
            for state in await self._types[kind].get_children(nodeclassmask=ua.NodeClass.Object):
                self._states[(await state.read_browse_name()).Name] = state.nodeid

    async def _enter(self, machine: str, state: str | None) -> None:
        current = await self._machines[machine].get_child("0:CurrentState")
        number = await current.get_child("0:Id")
        if state is None:
            inactive = ua.StatusCode(ua.UInt32(ua.StatusCodes.BadStateNotActive))
            await current.write_value(ua.DataValue(StatusCode=inactive))
            await number.write_value(ua.DataValue(StatusCode=inactive))
            return
        await current.write_value(ua.LocalizedText(state, "en"))
        await number.write_value(self._states[state])

    async def _add_recipe(self, vision: Node) -> None:
        management = await self._object(
            vision, "RecipeManagement", "RecipeManagementType", "Vision.RecipeManagement"
        )
        folder = await self._object(
            management, "Recipes", "RecipeFolderType", "Vision.RecipeManagement.Recipes"
        )
        self._recipe_node = await self._object(
            folder, "Active", "RecipeType", "Vision.RecipeManagement.Recipes.Active"
        )

    async def _show_recipe(self) -> None:
        node = self._recipe_node
        for name, value, kind in (
            ("InternalId", _recipe_id(self._recipe), ua.VariantType.ExtensionObject),
            ("IsPrepared", True, ua.VariantType.Boolean),
            ("LastModified", ua.DateTime.now(), ua.VariantType.DateTime),
        ):
            child = await node.get_child(f"{self._mv}:{name}")
            await child.write_value(ua.Variant(value, kind))

    async def _add_results(self, vision: Node) -> None:
        management = await self._object(
            vision, "ResultManagement", "ResultManagementType", "Vision.ResultManagement"
        )
        folder = await self._object(
            management, "Results", "ResultFolderType", "Vision.ResultManagement.Results"
        )
        for number in range(1, RESULTS + 1):
            path = f"Vision.ResultManagement.Results.Result[{number}]"
            (node, *_) = await instantiate(
                folder, self._types["ResultType"],
                nodeid=ua.NodeId(ua.String(path), ua.Int16(self._index)),
                bname=ua.QualifiedName(f"Result[{number}]", self._mv),
                instantiate_optional=False,
            )  # fmt: skip
            self._results.append(node)

    async def _rename(self, subject: str | None, coil: str) -> None:
        for number, (kept, fields) in tuple(self._kept.items()):
            if kept == subject:
                await self._show_result(number, subject, {**fields, **_ids(coil)})

    async def _show_result(
        self, number: int, subject: str | None, fields: Mapping[str, object]
    ) -> None:
        node = self._results[number]
        self._kept[number] = subject, fields
        whole = _made("ResultDataType", **fields)
        await node.write_value(ua.Variant(whole, ua.VariantType.ExtensionObject))
        for child in await node.get_children():
            name = (await child.read_browse_name()).Name
            if name in fields:
                await child.write_value(ua.Variant(fields[name], _KINDS[name]))


def _made(structure: str, **fields: object) -> object:
    """A structure of the NodeSet; asyncua knows it once the NodeSet is loaded."""
    return getattr(ua, structure)(**fields)


def _ids(coil: str) -> dict[str, object]:
    name = coil[:LONGEST]
    return {
        "JobId": _made("JobIdDataType", Id=name), "PartId": _made("PartIdDataType", Id=name)
    }  # fmt: skip


def _recipe_id(model: Mapping[str, JsonValue]) -> object:
    try:
        digest = bytes.fromhex(str(model.get("digest", "")))
    except ValueError:
        digest = b""
    return _made(
        "RecipeIdInternalDataType",
        Id=str(model.get("name", ""))[:LONGEST],
        Version=str(model.get("version", ""))[:LONGEST],
        Hash=digest,
        HashAlgorithm="SHA-256",
    )
