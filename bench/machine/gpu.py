"""The GPUs of this machine according to their driver; no framework is imported."""

from __future__ import annotations

import ctypes
import functools
import subprocess

QUERY = ("--query-gpu=name,driver_version", "--format=csv,noheader")
DRIVER = "libcuda.so.1"
CLOCK_KILOHERTZ, MULTIPROCESSORS, CAPABILITY_MAJOR, CAPABILITY_MINOR = 13, 16, 75, 76
# Float32 operations per cycle of a multiprocessor, without tensor cores, by compute capability: two
# for each multiply-add, of which NVIDIA's CUDA programming guide gives the number.
FLOPS_PER_CYCLE = {
    (6, 0): 128, (6, 1): 256, (7, 0): 128, (7, 2): 128, (7, 5): 128, (8, 0): 128, (8, 6): 256,
    (8, 7): 256, (8, 9): 256, (9, 0): 256, (10, 0): 256, (10, 3): 256, (12, 0): 256,
}  # fmt: skip
TIMEOUT_SECONDS = 30.0  # a driver that is not loaded yet takes seconds


@functools.cache
def describe() -> dict[str, str]:
    """Return the names of all GPUs as `gpu`, and the driver's version as `gpu driver`.

    Both are "unknown" if nvidia-smi is missing or fails.
    """
    try:
        printed = subprocess.run(  # noqa: S603
            ["nvidia-smi", *QUERY],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
            timeout=TIMEOUT_SECONDS,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        printed = ""
    rows = [line.rpartition(", ") for line in printed.splitlines()]
    names, drivers = [row[0] for row in rows], {row[2] for row in rows}
    return {
        "gpu": ", ".join(names) or "unknown",
        "gpu driver": ", ".join(sorted(drivers)) or "unknown",
    }


def peak_flops_per_second() -> float | None:
    """Return the float32 peak of the first visible GPU at its highest clock, without tensor cores.

    Returns:
        Operations per second; None without a driver, or for a GPU that is not in `FLOPS_PER_CYCLE`.
    """
    try:
        driver = ctypes.CDLL(DRIVER)
    except OSError:
        return None
    device = ctypes.c_int()
    if driver.cuInit(0) != 0 or driver.cuDeviceGet(ctypes.byref(device), 0) != 0:
        return None

    def attribute(number: int) -> int:
        value = ctypes.c_int()
        failed = driver.cuDeviceGetAttribute(ctypes.byref(value), number, device)
        return 0 if failed else value.value

    capability = attribute(CAPABILITY_MAJOR), attribute(CAPABILITY_MINOR)
    per_cycle = FLOPS_PER_CYCLE.get(capability, 0)
    peak = 1000.0 * attribute(CLOCK_KILOHERTZ) * attribute(MULTIPROCESSORS) * per_cycle
    return peak or None
