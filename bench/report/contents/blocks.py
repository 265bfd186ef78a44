"""What a report consists of: sections of text, tables, figures and folded parts.

report.md and index.html are both made from these; nothing in them depends on the format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

Level = Literal["", "neutral", "good", "attention", "bad"]  # a badge's colour; "": no badge


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table: plain text, as it is displayed.

    Attributes:
        text: the content.
        level: makes the text a badge.
        share: the length of the bar below the text, 0 to 1; None: no bar.
        sort: the number that the column is sorted by, if it is not that of the text.
        is_code: whether the text is an identifier.
    """

    text: str
    level: Level = ""
    share: float | None = None
    sort: float | None = None
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        heading: its heading.
        is_number: whether its cells are aligned right.
        is_extra: whether it is shown only on demand.
        definition: the meaning of the heading, unless it is obvious.
        keys: settings that all of its cells have, for the filters of the page.
    """

    heading: str
    is_number: bool = True
    is_extra: bool = False
    definition: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table.

    Attributes:
        cells: one per column, or fewer if the row has a note.
        keys: the settings that the filters of the page compare.
        note: stands in place of the other cells.
    """

    cells: Sequence[Cell | str]
    keys: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its rows in groups, such as one per condition; a group may have no label."""

    caption: str
    columns: Sequence[Column]
    groups: Sequence[tuple[str, Sequence[Row]]]

    @property
    def name(self) -> str:
        """The start of the caption, which names the table."""
        return self.caption.partition(":")[0]

    @property
    def n_rows(self) -> int:
        """The number of rows of all groups."""
        return sum(len(rows) for _, rows in self.groups)

    def first(self, max_rows: int) -> Table:
        """Return the table with its first rows only."""
        groups, n_left = list[tuple[str, Sequence[Row]]](), max_rows
        for label, rows in self.groups:
            if n_left > 0:
                groups.append((label, rows[:n_left]))
                n_left -= len(rows)
        return replace(self, groups=groups)


@dataclass(frozen=True, slots=True)
class Panel:
    """One condition of a chart: its number in the chart's table, its label, its rows in words."""

    number: int
    label: str
    description: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart or a picture, which is also a PNG and an SVG file.

    Attributes:
        name: its name, and that of its files.
        title: the heading.
        caption: the explanation.
        description: the text alternative.
        numbers: the numbers in it.
        panels: the panels of a chart in the page; none: the file is displayed.
        drawn_of: how many of the panels the file contains, unless it contains all.
    """

    name: str
    title: str
    caption: str
    description: str = ""
    numbers: Table | None = None
    panels: Sequence[Panel] = ()
    drawn_of: str = ""

    @property
    def file(self) -> str:
        """The path of the PNG in the folder of the report."""
        return f"{FIGURES}/{self.name}.png"


HISTORY = "speed_over_commits"  # the name of that chart
FIGURES = "figures"  # the folder of the files, in the folder of the report


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph in Markdown; "attention" for a warning."""

    markdown: str
    level: Level = ""


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of sentences in Markdown."""

    markdown: Sequence[str]


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of commands or a traceback, displayed as they are.

    Attributes:
        lines: the lines.
        end_matters: which part is kept where there is no room for all: the end or the start.
    """

    lines: Sequence[str]
    end_matters: bool = False


@dataclass(frozen=True, slots=True)
class Folded:
    """Blocks that are shown on demand."""

    summary: str
    blocks: Sequence[Block]
    is_printed: bool = False


Block = Text | Bullets | Lines | Table | Figure | Folded


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report that answers one question."""

    name: str
    title: str
    blocks: Sequence[Block]


def simple_table(
    caption: str, headings: Sequence[str], rows: Sequence[Row], n_words: int = 1
) -> Table:
    """Return a table without groups.

    Args:
        caption: its caption.
        headings: the headings of the columns.
        rows: the rows.
        n_words: the number of columns with words, which come first.
    """
    columns = [Column(name, is_number=place >= n_words) for place, name in enumerate(headings)]
    return Table(caption, columns, [("", rows)])
