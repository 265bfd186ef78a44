"""The report of a comparison: a table and remarks, on the terminal and in a folder."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench import files, terminal
from bench.machine import facts
from bench.markdown import table, text


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A table and remarks.

    Attributes:
        title: the line above the table.
        caption: what its numbers mean.
        words: headings of the first columns, which contain text.
        numbers: headings of the other columns.
        rows: all cells as text; rows with the same first cell belong together.
        remarks: lines below the table.
        heading: the first lines of report.md, in Markdown.
    """

    title: str
    caption: str
    words: Sequence[str]
    numbers: Sequence[str]
    rows: Sequence[Sequence[str]]
    remarks: Sequence[str]
    heading: str

    def show(self) -> None:
        """Print the table and the remarks."""
        shown = terminal.new_table(self.title, self.caption, self.words, self.numbers)
        for name, rows in itertools.groupby(self.rows, key=lambda row: row[0]):
            for number, row in enumerate(rows):
                shown.add_row("" if number else name, *row[1:])
            shown.add_section()
        terminal.console().print(shown)
        for remark in self.remarks:
            print(remark)

    def markdown(self) -> str:
        """Return the report as a comment for a pull request."""
        parts = [
            self.heading,
            table([*self.words, *self.numbers], [[*map(text, row)] for row in self.rows]),
            self.caption,
            "\n".join(f"- {text(remark)}" for remark in self.remarks),
        ]
        return "\n\n".join(filter(None, parts)) + "\n"

    def write(self, folder: Path, name: str, content: Mapping[str, object]) -> None:
        """Write report.md, and the measurements as JSON.

        Args:
            folder: exists.
            name: of the file of measurements.
            content: the measurements.
        """
        made_at = datetime.now(UTC).isoformat(timespec="seconds")
        about = {"made_at": made_at, "environment": facts.describe([])}
        files.write_json(folder / name, {**about, **content})
        (folder / "report.md").write_text(self.markdown(), encoding="utf-8")


def check_writable(folder: Path | None) -> None:
    """Create a folder, if one is given, and check that files can be written to it.

    Raises:
        OSError: it can't be created or written to.
    """
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
