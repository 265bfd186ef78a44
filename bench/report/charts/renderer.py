"""The process that draws the charts of a report, as its parent sees it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from bench.files import FileError


class Renderer(contextlib.AbstractContextManager["Renderer"]):
    """Draws charts in another process, while this one computes the rest of the report."""

    def __init__(self, folder: Path) -> None:
        """Start the process.

        Args:
            folder: where to write the files; it must exist when `draw` is called.
        """
        command = [sys.executable, "-P", "-m", "bench.report.charts.rendering", str(folder)]
        self._process = subprocess.Popen(  # noqa: S603  # this project's module
            command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None  # noqa: S101
        assert self._process.stderr is not None  # noqa: S101
        self._input, self._errors = self._process.stdin, self._process.stderr
        self._folder = folder

    def draw(self, specifications: Mapping[str, str]) -> None:
        """Draw charts; return before they are drawn. To be called once.

        Args:
            specifications: Vega-Lite as JSON, by the name of the files.
        """
        lines = "".join(f"{name}\t{drawn}\n" for name, drawn in specifications.items())
        with contextlib.suppress(BrokenPipeError), self._input as file:  # see `wait`
            file.write(lines)

    def wait(self) -> None:
        """Return when all charts are drawn.

        Raises:
            FileError: a file can't be written, or the process was killed.
        """
        error = self._errors.read().strip()
        if self._process.wait():
            killed = f"{self._folder}: the process that draws was killed; is there enough memory?"
            raise FileError(error or killed)

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._process.__exit__(None, None, None)
