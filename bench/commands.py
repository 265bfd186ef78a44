"""Run the commands. Called by mlp_bench.py.

Writing to a closed, full or limited standard output must never end a command, because a sweep
would lose its runs. Therefore both output streams are replaced.
"""

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
    "bench-doctor": "bench.doctor.command",
    "bench-export": "bench.export.command",
    "bench-parity": "bench.parity.command",
    "bench-report": "bench.report.command",
}
SUBCOMMANDS: dict[tuple[str, ...], str] = {
    ("bench", "new-implementation"): "bench.new_implementation.command"
}


class OutputFile(io.FileIO):
    """A standard stream that never raises when written to: after the first error it discards.

    Attributes:
        failure: the error, to be reported. A closed pipe is not an error: the reader, such as
            `head`, has read enough.
    """

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write `data`, or discard it if the descriptor can't be written to."""
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
    """Run a command with standard streams that never raise.

    Args:
        command: a key of `MODULES`.

    Returns:
        The exit status: 2 if the command succeeded but standard output could not be written.
    """
    output = replace_standard_streams()
    if "--version" in sys.argv[1:]:
        print(f"mlp-bench {bench.__version__}")
        status = 0
    else:
        # Figures are written to files. A notebook's backend might not be importable here.
        os.environ["MPLBACKEND"] = "Agg"
        status = _exit_status(command)
    sys.stdout.flush()
    if output.failure is not None:
        print(f"{command}: standard output: {output.failure.strerror}", file=sys.stderr)
        status = status or 2
    return status


def _exit_status(command: str) -> int:
    module = SUBCOMMANDS.get((command, *sys.argv[1:2]), MODULES[command])
    try:
        status = importlib.import_module(module).main()
    except SystemExit as error:
        status = error.code
    if isinstance(status, str):
        print(status, file=sys.stderr)
        return 1
    return status or 0


def replace_standard_streams() -> OutputFile:
    """Replace stdout and stderr by streams that never raise, with the same encodings.

    Returns:
        The file that the new stdout writes to.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:  # closed; the next opened file would get this number
            os.open(os.devnull, os.O_RDWR)
    output = OutputFile(1, "w", closefd=False)
    sys.stdout = _text_stream(output, sys.stdout)
    sys.stderr = _text_stream(OutputFile(2, "w", closefd=False), sys.stderr)
    return output


def _text_stream(file: OutputFile, original: TextIO | None) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(file),
        encoding="utf-8" if original is None else original.encoding,
        errors="backslashreplace",
        line_buffering=True,  # a reader, such as `tail -f`, gets each line at once
    )
