"""Holding the network to the instructions of a lesser processor.

OpenVINO's own kernels and those of oneDNN inside it ask two variables, once, when the library is
loaded; so they are set for a child process, never in this one. Seen with OpenVINO 2026.4 by the
names of the kernels that it reports for a convolution: `brgconv_avx512_amx_I8`,
`brgconv_avx512_I8`, `jit_avx2_I8`. Both or none: oneDNN alone held to AVX2 ends in a segmentation
fault, OpenVINO alone changes nothing for convolutions. ONNX Runtime asks neither.
"""

from typing import get_args

from tests.bench.result import Isa

CAPS: tuple[Isa, ...] = get_args(Isa)
VARIABLES = ("OV_CPU_MAX_ISA", "ONEDNN_MAX_CPU_ISA")


def capped(isa: Isa) -> list[str]:
    """The beginning of a command line that runs the rest under a cap."""
    if isa == "all":
        return []
    return ["env", *(f"{name}={isa}" for name in VARIABLES)]
