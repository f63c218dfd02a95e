"""An encoder's count out of a frame's chunks, from a stand-in for the vendor's node map."""

import pytest

from edge.acquire.chunks import LINE, read_counts
from edge.acquire.pylon_nodes import PylonNodes
from edge.types import Counts


class IntegerParameter:
    """Named as the vendor's class, since that is how `nodes` tells kinds apart."""

    def __init__(self, chunks: "Chunks", name: str) -> None:
        self.chunks, self.name = chunks, name

    def IsValid(self) -> bool:  # noqa: N802 - the vendor's name
        return self.name in self.chunks.values

    def SetValue(self, value: int) -> None:  # noqa: N802 - the vendor's name
        self.chunks.line = value

    def GetMin(self) -> int:  # noqa: N802 - the vendor's name
        return 0

    def ToString(self) -> str:  # noqa: N802 - the vendor's name
        value = self.chunks.values[self.name]
        if value is None:
            raise RuntimeError("not readable")
        return str(value + 3 * self.chunks.line)


class Chunks:
    """A counter that rises by three a line."""

    def __init__(self, **values: int | None) -> None:
        self.values, self.line = values, 0

    def GetNode(self, name: str) -> IntegerParameter:  # noqa: N802 - the vendor's name
        return IntegerParameter(self, name)


@pytest.mark.parametrize(
    ("chunks", "counts"),
    [
        (Chunks(), None),
        (Chunks(ChunkCounterValue=7), Counts(None, 7)),
        (Chunks(ChunkCounterValue=7, **{LINE: 0}), Counts(7, 7 + 3 * 99)),
        (Chunks(ChunkCounterValue=None), None),
    ],
)
def test_counts_of_a_frame(chunks: Chunks, counts: Counts | None) -> None:
    assert read_counts(PylonNodes(chunks, RuntimeError), "ChunkCounterValue", 100) == counts
