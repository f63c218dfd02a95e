"""A session's inputs and outputs bound to memory once, for one number of tiles.

Without it ONNX Runtime allocates the outputs at every call, and on a GPU copies from and to memory
that the driver must first copy itself.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from runtime.graph import EMBEDDING, PIXELS, PROBABILITIES

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
Prepare = Callable[[npt.NDArray[np.generic]], object]


class BoundRun:
    """One shape of input; owned by one thread.

    Tiles go into host memory of our own, from there to the device in one copy. The outputs come
    back into host memory, too. On a GPU both are page-locked.
    """

    def __init__(
        self, session: ort.InferenceSession, shape: tuple[int, ...], device: str, prepare: Prepare
    ) -> None:
        """Bind a session.

        Args:
            session: left as it is but for its runs.
            shape: of the tiles, `N x H x W`.
            device: where the input lies: `cpu` or `cuda`.
            prepare: called with each piece of host memory, before its first use.
        """
        widths = {out.name: out.shape[1] for out in session.get_outputs()}
        self._tiles: U8 = np.zeros(shape, np.uint8)
        self._outputs: dict[str, F32] = {
            name: np.zeros((shape[0], widths[name]), np.float32)
            for name in (PROBABILITIES, EMBEDDING)
        }
        prepare(self._tiles)
        for output in self._outputs.values():
            prepare(output)
        self._input = ort.OrtValue.ortvalue_from_shape_and_type(shape, np.uint8, device, 0)
        self._session, self._binding = session, session.io_binding()
        self._binding.bind_ortvalue_input(PIXELS, self._input)
        for name, memory in self._outputs.items():
            value = ort.OrtValue.ortvalue_from_numpy(memory, "cpu", 0)
            self._binding.bind_ortvalue_output(name, value)

    def __call__(self, pixels: U8) -> tuple[F32, F32]:
        """Probabilities and embedding; the arrays are valid until the next call."""
        np.copyto(self._tiles, pixels)
        self._input.update_inplace(self._tiles)
        self._session.run_with_iobinding(self._binding)
        self._binding.synchronize_outputs()
        return self._outputs[PROBABILITIES], self._outputs[EMBEDDING]
