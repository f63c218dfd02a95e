"""`stripsight-edge` on a real GPU, where a kernel that writes to address 0 runs as soon as a file
appears. The driver then refuses every further call of this process's context (CUDA_ERROR_ILLEGAL_
ADDRESS), as after a fault of the card itself; other processes do not notice.
"""

import ctypes
import sys
import threading
from pathlib import Path

from edge import cli

WRITES_TO_0 = b"""
.version 7.0
.target sm_75
.address_size 64
.visible .entry fault()
{
    .reg .b32 %r<2>;
    .reg .b64 %rd<2>;
    mov.u32 %r1, 1;
    mov.u64 %rd1, 0;
    st.global.u32 [%rd1], %r1;
    ret;
}
"""
ILLEGAL_ADDRESS = 700
LOOK_S = 0.01


def fault() -> int:
    """Run the kernel in the context that ONNX Runtime uses, too; the driver's code."""
    driver = ctypes.CDLL("libcuda.so.1")
    device, context = ctypes.c_int(), ctypes.c_void_p()
    module, kernel = ctypes.c_void_p(), ctypes.c_void_p()
    nothing = ctypes.c_void_p()
    code = (
        driver.cuDeviceGet(ctypes.byref(device), 0)
        or driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), device)
        or driver.cuCtxSetCurrent(context)
        or driver.cuModuleLoadData(ctypes.byref(module), WRITES_TO_0)
        or driver.cuModuleGetFunction(ctypes.byref(kernel), module, b"fault")
        or driver.cuLaunchKernel(kernel, 1, 1, 1, 1, 1, 1, 0, nothing, nothing, nothing)
        or driver.cuCtxSynchronize()
    )
    return int(code)


def main() -> None:
    """Arguments: the file, then the command's own."""
    trigger, look = Path(sys.argv.pop(1)), threading.Event()

    def watch() -> None:
        while not trigger.exists():
            look.wait(LOOK_S)
        code = fault()
        assert code == ILLEGAL_ADDRESS, f"the driver answers {code}"

    threading.Thread(target=watch, daemon=True).start()
    cli.main()
