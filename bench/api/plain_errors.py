"""Errors of public functions: the message is enough, internals are left out of the traceback."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from bench.errors import BenchError

Parameters = ParamSpec("Parameters")
Returned = TypeVar("Returned")


def plain_errors(function: Callable[Parameters, Returned]) -> Callable[Parameters, Returned]:
    """Let a public function raise `BenchError` without the traceback of internals."""

    @functools.wraps(function)
    def call(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Returned:
        try:
            return function(*args, **kwargs)
        except BenchError as error:
            raise error.with_traceback(None) from None

    return call
