"""The NVIDIA driver and TensorRT's libraries, asked through ctypes: ONNX Runtime tells neither on
which device it runs nor which library it misses.
"""

import ctypes
import importlib.util
import logging
import re
import weakref
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

log = logging.getLogger(__name__)

_DRIVER = "libcuda.so.1"
_FIRST = 0
_MAJOR, _MINOR = 75, 76
"""CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_*."""
_PORTABLE = 1
"""CU_MEMHOSTREGISTER_PORTABLE: locked for every context."""


class Device(NamedTuple):
    """The first GPU."""

    name: str
    capability: str
    cuda: str


def device() -> Device | None:
    """The first GPU, None where there is no driver or no device."""
    driver = _driver()
    handle, version = ctypes.c_int(), ctypes.c_int()
    if driver is None or driver.cuDeviceGet(ctypes.byref(handle), _FIRST) != 0:
        return None
    name = ctypes.create_string_buffer(256)
    driver.cuDeviceGetName(name, len(name), handle)
    driver.cuDriverGetVersion(ctypes.byref(version))
    major, minor = (_attribute(driver, code, handle) for code in (_MAJOR, _MINOR))
    cuda = f"{version.value // 1000}.{version.value % 1000 // 10}"
    return Device(name.value.decode(errors="replace"), f"{major}.{minor}", cuda)


def page_lock(memory: npt.NDArray[np.generic]) -> bool:
    """Keep an array's pages where they are, so that the GPU copies to and from them by itself.

    Undone when the array is freed. Where the driver refuses, copies are only slower: False.
    """
    driver, handle, context = _driver(), ctypes.c_int(), ctypes.c_void_p()
    if driver is None or driver.cuDeviceGet(ctypes.byref(handle), _FIRST) != 0:
        return False
    address = ctypes.c_void_p(memory.ctypes.data)
    size = ctypes.c_size_t(memory.nbytes)
    code = (
        driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), handle)
        or driver.cuCtxSetCurrent(context)
        or driver.cuMemHostRegister_v2(address, size, _PORTABLE)
    )
    if code != 0:
        log.warning("memory cannot be page-locked (CUDA error %d): copies are slower", code)
        return False
    weakref.finalize(memory, _unlock, driver, context, address).atexit = False
    return True


def _unlock(driver: ctypes.CDLL, context: ctypes.c_void_p, address: ctypes.c_void_p) -> None:
    """In whatever thread frees the array; pages left locked would be copied from ever after."""
    driver.cuCtxSetCurrent(context)
    driver.cuMemHostUnregister(address)


def tensorrt_version(provider: Path) -> str:
    """Version of the TensorRT that a provider's shared library needs, loaded on the way.

    Raises:
        OSError: a library is missing; the text names it.
    """
    names = re.findall(rb"lib(?:nvinfer|nvonnxparser)\.so\.\d+", provider.read_bytes())
    loaded = {name: _load(name.decode()) for name in sorted(set(names))}
    if not loaded:
        raise OSError(f"{provider.name} names no TensorRT library")
    return str(next(iter(loaded.values())).getInferLibVersion())


def _load(name: str) -> ctypes.CDLL:
    """From where the loader looks, or from NVIDIA's Python package."""
    try:
        return ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
    except OSError:
        package = importlib.util.find_spec("tensorrt_libs")
        for folder in package.submodule_search_locations or () if package else ():
            if (Path(folder) / name).exists():
                return ctypes.CDLL(str(Path(folder) / name), mode=ctypes.RTLD_GLOBAL)
        raise


def _driver() -> ctypes.CDLL | None:
    try:
        driver = ctypes.CDLL(_DRIVER)
    except OSError:
        return None
    return driver if driver.cuInit(0) == 0 else None


def _attribute(driver: ctypes.CDLL, code: int, handle: ctypes.c_int) -> int:
    value = ctypes.c_int()
    driver.cuDeviceGetAttribute(ctypes.byref(value), code, handle)
    return value.value
