"""Run a command whatever happens to its output: closed, full, or unable to show a character."""

from __future__ import annotations

import importlib
import io
import os
import sys
from typing import Any, TextIO

import bench

MODULES = {
    "bench": "bench.sweep.command",
    "bench-compare": "bench.regression.command",
    "bench-doctor": "bench.doctor",
    "bench-export": "bench.export",
    "bench-parity": "bench.parity.command",
    "bench-report": "bench.report.command",
}


class OutputFile(io.FileIO):
    """A standard stream that never raises on writing: from its first failure on, it discards.

    Attributes:
        failure: the first error that is worth reporting. A closed pipe is none: whoever closed it,
            such as `head`, has read enough.
    """

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write `data`, or discard it once the descriptor can't be written to."""
        try:
            return super().write(data)
        except BrokenPipeError:
            pass
        except OSError as error:
            self.failure = error
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self.fileno())  # child processes inherit it, too
        os.close(null)
        return len(data)


def run(command: str) -> int:
    """Run a command with standard streams that never make it fail.

    Returns:
        The exit status. It is 2 where the command succeeded and standard output could not be
        written.
    """
    output = protect_streams()
    if "--version" in sys.argv[1:]:
        print(f"mlp-bench {bench.__version__}")
        status = 0
    else:
        # A report's figures are files; a notebook's backend would have to be importable.
        os.environ["MPLBACKEND"] = "Agg"
        status = _exit_status(command)
    sys.stdout.flush()
    if output.failure is not None:
        print(f"{command}: standard output: {output.failure.strerror}", file=sys.stderr)
        status = status or 2
    return status


def _exit_status(command: str) -> int:
    try:
        status = importlib.import_module(MODULES[command]).main()
    except SystemExit as error:
        status = error.code
    if isinstance(status, str):
        print(status, file=sys.stderr)
        return 1
    return status or 0


def protect_streams() -> OutputFile:
    """Replace stdout and stderr by streams that never raise, in the same encodings.

    Returns:
        The file under stdout.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:  # closed, and the next file that is opened would get its number
            os.open(os.devnull, os.O_RDWR)
    output = OutputFile(1, "w", closefd=False)
    sys.stdout = _text_stream(output, sys.stdout)
    sys.stderr = _text_stream(OutputFile(2, "w", closefd=False), sys.stderr)
    return output


def _text_stream(file: OutputFile, like: TextIO | None) -> TextIO:
    buffered = not isinstance(like, io.TextIOWrapper) or not like.write_through
    return io.TextIOWrapper(
        io.BufferedWriter(file),
        encoding="utf-8" if like is None else like.encoding,
        errors="backslashreplace",
        line_buffering=not buffered or file.fileno() == 2 or file.isatty(),
    )
