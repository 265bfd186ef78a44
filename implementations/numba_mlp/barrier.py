"""A barrier for threads that wait for each other every few microseconds.

Each thread counts its arrivals in its own cache line, and waits until the counts of all others are
as high. A waiting thread spins instead of sleeping: waking it would take longer than a small batch.
"""

from __future__ import annotations

import ctypes
import platform
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

LINE = 8  # numbers of 8 bytes in a cache line
RELEASED = 2**62  # arrivals of a thread that other threads must not wait for
MAX_SPINS = 2000  # after these the thread yields its core, which another process may need

INTEGER = ir.IntType(64)
_yield_core = ctypes.CDLL(None).sched_yield
_yield_core.argtypes, _yield_core.restype = [], ctypes.c_int


@intrinsic
def _read(context: Any, address: Any) -> Any:
    """Read an integer that another thread writes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], INTEGER.as_pointer())
        return builder.load_atomic(pointer, ordering="acquire", align=8)

    return types.int64(types.intp), generate


@intrinsic
def _write(context: Any, address: Any, value: Any) -> Any:
    """Write an integer that another thread reads, after all writes before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], INTEGER.as_pointer())
        builder.store_atomic(arguments[1], pointer, ordering="release", align=8)
        return context.get_dummy_value()

    return types.void(types.intp, types.int64), generate


@intrinsic
def _pause(context: Any) -> Any:
    """Give a waiting thread's share of an x86 core to the other thread of that core."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if platform.machine() in ("x86_64", "AMD64"):
            function_type = ir.FunctionType(ir.VoidType(), [])
            builder.call(
                builder.module.declare_intrinsic("llvm.x86.sse2.pause", (), function_type), []
            )
        return context.get_dummy_value()

    return types.void(), generate


@njit(nogil=True)
def wait(arrivals: Any, thread: int, n_threads: int) -> None:
    """Wait until all threads have arrived as often as this one.

    Args:
        arrivals: (n_threads, LINE) int64, zeros at first; the first column counts.
        thread: number of this thread, 0 to n_threads - 1.
        n_threads: number of threads.
    """
    if n_threads == 1:
        return
    first, line_bytes = arrivals.ctypes.data, arrivals.strides[0]
    n_arrivals = arrivals[thread, 0] + 1
    _write(first + thread * line_bytes, n_arrivals)
    for other in range(n_threads):
        spins = 0
        while _read(first + other * line_bytes) < n_arrivals:
            spins += 1
            _pause()
            if spins > MAX_SPINS:
                _yield_core()
