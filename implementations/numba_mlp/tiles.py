"""Products of matrices in panels, one tile at a time, and other work on whole vectors of 16.

A tile of C = A B is up to eight rows of one panel. Its sums stay in registers: one vector per row.
For every k, one vector of B is loaded, and each row adds its number of A times this vector. Without
AVX-512, a vector needs two registers of sixteen, so eight rows are computed in two halves. Numba
has no way to keep an array in registers, so these functions generate LLVM's instructions.

Source: Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication (2008), section 4.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic

from implementations.numba_mlp.memory import CACHE_LINE_BYTES, PANEL

FLOAT_BYTES = 4
ROW_BYTES = FLOAT_BYTES * PANEL  # from one row of a panel to the next

INTEGER, FLOAT, INDEX = ir.IntType(64), ir.FloatType(), ir.IntType(32)
VECTOR = ir.VectorType(FLOAT, PANEL)

# What Numba compiles for: its variable NUMBA_CPU_FEATURES, or this processor.
FEATURES = config.CPU_FEATURES
if FEATURES is None:
    FEATURES = binding.get_host_cpu_features().flatten()
ROWS_IN_REGISTERS = 8 if "+avx512f" in FEATURES else 4


def tile(n_rows: int, *, transposed: bool = False, accumulate: bool = False) -> Any:
    """Return a function for compiled code: it computes `n_rows` rows of one panel of C = A B.

    Its arguments are integers and, at the end, a float32:

        a: address of the first number of A's rows.
        a_step: bytes from one block of A to the next.
        b: address of the first row of B's panel.
        n_blocks: blocks to sum over, at least 1. A block is a panel of A, which is 16 values of k;
            with `transposed`, it is a row of A's panel, which is one value of k.
        c: address of the first row of C.
        scale: used with `accumulate` only.

    Args:
        n_rows: rows of C, 1 to 8.
        transposed: multiply the transpose of A: columns of its panel are rows of C.
        accumulate: compute C += scale A B instead of C = A B.
    """

    @intrinsic
    def multiply(
        context: Any, a: Any, a_step: Any, b: Any, n_blocks: Any, c: Any, scale: Any
    ) -> Any:
        signature = types.void(*[types.intp] * 5, types.float32)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            a, a_step, b, n_blocks, c, scale = arguments
            for first in range(0, n_rows, ROWS_IN_REGISTERS):
                rows = range(first, min(first + ROWS_IN_REGISTERS, n_rows))
                totals = _sum_blocks(
                    builder, a, a_step, b, n_blocks, rows=rows, transposed=transposed
                )
                for row, total in zip(rows, totals, strict=True):
                    result = total
                    if accumulate:
                        old = _load(builder, c, row * ROW_BYTES, VECTOR)
                        result = _multiply_add(builder, _repeat(builder, scale), total, old)
                    _store(builder, result, c, row * ROW_BYTES)
            return context.get_dummy_value()

        return signature, generate

    return multiply


def _sum_blocks(
    builder: Any, a: Any, a_step: Any, b: Any, n_blocks: Any, *, rows: range, transposed: bool
) -> list[Any]:
    """Generate the loop over k for some rows of a tile; return a vector of sums for each row."""
    row_bytes, k_bytes = (FLOAT_BYTES, ROW_BYTES) if transposed else (ROW_BYTES, FLOAT_BYTES)
    n_values = 1 if transposed else PANEL  # of k, in a block
    # An addition waits for the previous sum of its row. With few rows, two or four sums per row,
    # added at the end, keep the processor busy.
    n_sums = 1 if transposed else max(1, 4 // len(rows))
    start, loop, end = builder.block, *map(builder.append_basic_block, ("loop", "end"))
    builder.branch(loop)

    builder.position_at_end(loop)
    block, a_block, b_block = (builder.phi(INTEGER) for _ in range(3))
    carried = [builder.phi(VECTOR) for _ in range(len(rows) * n_sums)]
    sums = list(carried)
    for k in range(n_values):
        vector = _load(builder, b_block, k * ROW_BYTES, VECTOR)
        for place, row in enumerate(rows):
            number = _load(builder, a_block, row * row_bytes + k * k_bytes, FLOAT)
            at = place * n_sums + k % n_sums
            sums[at] = _multiply_add(builder, _repeat(builder, number), vector, sums[at])
    next_block = builder.add(block, INTEGER(1))
    next_a = builder.add(a_block, a_step)
    next_b = builder.add(b_block, INTEGER(n_values * ROW_BYTES))
    builder.cbranch(builder.icmp_signed("<", next_block, n_blocks), loop, end)
    variables = [block, a_block, b_block, *carried]
    first = [INTEGER(0), a, b, *[ir.Constant(VECTOR, None)] * len(sums)]
    following = [next_block, next_a, next_b, *sums]
    for variable, initial, updated in zip(variables, first, following, strict=True):
        variable.add_incoming(initial, start)
        variable.add_incoming(updated, loop)

    builder.position_at_end(end)
    return [
        functools.reduce(builder.fadd, sums[place * n_sums : (place + 1) * n_sums])
        for place in range(len(rows))
    ]


def convert(source_type: np.dtype[Any]) -> Any:
    """Return a function for compiled code: it copies a row to panels, as float32 times a scale.

    Its arguments are the row's address, the number of panels, the scale (float32), the address of
    the row in the first panel, and the bytes from one panel to the next.

    Args:
        source_type: uint8 or float32.
    """
    number = FLOAT if source_type == np.float32 else ir.IntType(8)
    numbers = ir.VectorType(number, PANEL)

    @intrinsic
    def copy(context: Any, row: Any, n_panels: Any, scale: Any, panel: Any, step: Any) -> Any:
        signature = types.void(types.intp, types.intp, types.float32, types.intp, types.intp)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            row, n_panels, scale, panel, step = arguments
            with cgutils.for_range(builder, n_panels) as loop:
                offset = builder.mul(loop.index, INTEGER(PANEL * source_type.itemsize))
                source = builder.inttoptr(builder.add(row, offset), numbers.as_pointer())
                values = builder.load(source, align=1)
                if number is not FLOAT:
                    values = builder.uitofp(values, VECTOR)
                values = builder.fmul(values, _repeat(builder, scale))
                _store(builder, values, builder.add(panel, builder.mul(loop.index, step)), 0)
            return context.get_dummy_value()

        return signature, generate

    return copy


@intrinsic
def prefetch(context: Any, address: Any, n_bytes: Any) -> Any:
    """Prefetch `n_bytes` of memory that will be read soon, from an address on."""
    signature = types.void(types.intp, types.intp)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, n_bytes = arguments
        byte = ir.IntType(8).as_pointer()
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [byte, INDEX, INDEX, INDEX]),
            "llvm.prefetch.p0",
        )
        n_lines = builder.udiv(n_bytes, INTEGER(CACHE_LINE_BYTES))
        with cgutils.for_range(builder, builder.add(n_lines, INTEGER(1))) as loop:
            offset = builder.mul(loop.index, INTEGER(CACHE_LINE_BYTES))
            line = builder.inttoptr(builder.add(address, offset), byte)
            builder.call(function, [line, INDEX(0), INDEX(3), INDEX(1)])  # to read; data; keep
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def transpose(context: Any, source: Any, target: Any) -> Any:
    """Copy 16 x 16 numbers transposed, from one address to another.

    Four times, halves of all pairs of rows are exchanged: first with row + 8, then 4, 2 and 1.
    """
    signature = types.void(types.intp, types.intp)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, target = arguments
        rows = [_load(builder, source, row * ROW_BYTES, VECTOR) for row in range(PANEL)]
        for distance in (8, 4, 2, 1):
            columns = range(PANEL)
            upper = [k if not k & distance else PANEL + k - distance for k in columns]
            lower = [k + distance if not k & distance else PANEL + k for k in columns]
            for row in (row for row in range(PANEL) if not row & distance):
                pair = rows[row], rows[row + distance]
                rows[row] = _shuffle(builder, *pair, upper)
                rows[row + distance] = _shuffle(builder, *pair, lower)
        for row in range(PANEL):
            _store(builder, rows[row], target, row * ROW_BYTES)
        return context.get_dummy_value()

    return signature, generate


def _pointer(builder: Any, address: Any, offset: int, kind: Any) -> Any:
    return builder.inttoptr(builder.add(address, INTEGER(offset)), kind.as_pointer())


def _load(builder: Any, address: Any, offset: int, kind: Any) -> Any:
    alignment = ROW_BYTES if kind is VECTOR else FLOAT_BYTES
    return builder.load(_pointer(builder, address, offset, kind), align=alignment)


def _store(builder: Any, vector: Any, address: Any, offset: int) -> None:
    builder.store(vector, _pointer(builder, address, offset, VECTOR), align=ROW_BYTES)


def _shuffle(builder: Any, first: Any, second: Any, places: Sequence[int]) -> Any:
    """Return the numbers at these places of two vectors, the second one's counted from 16."""
    return builder.shuffle_vector(
        first, second, ir.Constant(ir.VectorType(INDEX, PANEL), list(places))
    )


def _repeat(builder: Any, number: Any) -> Any:
    """Return a vector of 16 copies of a number."""
    undefined = ir.Constant(VECTOR, ir.Undefined)
    first = builder.insert_element(undefined, number, INDEX(0))
    return _shuffle(builder, first, undefined, [0] * PANEL)


def _multiply_add(builder: Any, x: Any, y: Any, z: Any) -> Any:
    """Return x y + z, rounded once."""
    name, module = f"llvm.fma.v{PANEL}f32", builder.module
    function = module.globals.get(name) or ir.Function(
        module, ir.FunctionType(VECTOR, [VECTOR] * 3), name
    )
    return builder.call(function, [x, y, z])
