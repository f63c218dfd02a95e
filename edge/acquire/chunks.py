"""What a camera appends to a frame: the encoder's count.

GenICam's standard has `ChunkCounterValue` and `ChunkEncoderValue`; a camera that keeps one for each
line lets `ChunkScanLineSelector` choose. Written by the standard, tried on a stand-in for a node
map only: the camera emulation has no chunks.
"""

from edge.acquire.nodes import NodeMap
from edge.errors import SourceError
from edge.types import Counts

LINE = "ChunkScanLineSelector"


def read_counts(chunks: NodeMap, node: str, rows: int) -> Counts | None:
    """The counts at the frame's first and last line, or its only one; None where it has none."""
    if not chunks.has(node):
        return None
    try:
        if not chunks.has(LINE):
            return Counts(None, int(chunks.read(node)))
        chunks.write(LINE, 0)
        first = int(chunks.read(node))
        chunks.write(LINE, rows - 1)
        return Counts(first, int(chunks.read(node)))
    except SourceError:
        return None
