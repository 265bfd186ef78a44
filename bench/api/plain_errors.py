"""Errors of public functions: the message is enough, internals are left out of the traceback."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from bench.errors import BenchError

Parameters = ParamSpec("Parameters")
Returned = TypeVar("Returned")


class RunsInterrupted(KeyboardInterrupt):
    """Ctrl-C, or Kernel > Interrupt in Jupyter. The message says how to continue."""

    _render_traceback_ = BenchError._render_traceback_


def plain_errors(function: Callable[Parameters, Returned]) -> Callable[Parameters, Returned]:
    """Let a public function raise these errors without the traceback of internals."""

    @functools.wraps(function)
    def call(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Returned:
        try:
            return function(*args, **kwargs)
        except (BenchError, RunsInterrupted) as error:
            raise error.with_traceback(None) from None

    return call
