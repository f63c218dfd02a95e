"""`stripsight-edge`, where the backend `cuda` works on the processor until a file appears.

A pulled GPU cannot be staged; a call that fails can.
"""

import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from contract.errors import BundleError
from edge import cli
from runtime import factory
from runtime.backends.onnxruntime import OnnxRuntimeBackend

F32 = npt.NDArray[np.float32]


class LosableBackend(OnnxRuntimeBackend):
    """Fails at every call from the moment the file is there."""

    name = "cuda"
    lost: ClassVar[Path]

    def infer(self, pixels: npt.NDArray[np.uint8]) -> tuple[F32, F32]:
        if self.lost.exists():
            raise BundleError("cuda cannot run the graph (the device is gone)")
        return super().infer(pixels)


def main() -> None:
    """Arguments: the file, then the command's own."""
    LosableBackend.lost = Path(sys.argv.pop(1))
    entry = factory.BACKENDS["cuda"]._replace(place="tests.line.lost_gpu:LosableBackend")
    factory.BACKENDS = {**factory.BACKENDS, "cuda": entry}
    cli.main()
