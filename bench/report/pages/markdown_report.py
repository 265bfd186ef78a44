"""report.md: the document in Markdown, short enough for a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from bench import markdown
from bench.console import counted
from bench.report.contents.blocks import (
    Block,
    Bullets,
    Cell,
    Column,
    Figure,
    Folded,
    Lines,
    Row,
    Table,
    Text,
)
from bench.report.contents.document import Document

MAX_CHARACTERS = 65_000  # of report.md; the text of a pull request may have 65,536
MAX_ROWS = 100  # of a table, if the page is short enough
MIN_BULLETS, MAX_BULLETS = 5, 40
MAX_BLOCKS, MAX_BLOCK = 7, 5_000  # in a folded part; characters of a block of lines


def page(document: Document) -> str:
    """Return report.md, with as many rows in its tables as fit."""
    content, max_rows = "", 2 * MAX_ROWS
    while max_rows and (not content or len(content) >= MAX_CHARACTERS):
        max_rows //= 2
        content = re.sub(r"\n{3,}", "\n\n", "\n\n".join(_page(document, max_rows))) + "\n"
    if len(content) < MAX_CHARACTERS:
        return content
    ending = "\n\n**Cut here** to fit into a pull request. index.html contains everything.\n"
    return content[: MAX_CHARACTERS - len(ending) - 1].rpartition("\n")[0] + ending


def _page(document: Document, max_rows: int) -> Iterator[str]:
    yield f"# {markdown.text(document.title)}"
    if document.warning:
        yield f"> **{markdown.text(document.warning)}**"
    yield markdown.text(document.subtitle)
    yield document.headline
    yield from _blocks([Bullets(document.sentences)], max_rows)
    for section in document.sections:
        yield f"## {section.title}"
        yield from _blocks(section.blocks, max_rows)
    yield document.sources


def _blocks(blocks: Iterable[Block], max_rows: int) -> Iterator[str]:
    for block in blocks:
        match block:
            case Text(words):
                yield words
            case Bullets(sentences):
                shown = sentences[: min(MAX_BULLETS, max(MIN_BULLETS, max_rows))]
                n_left = len(sentences) - len(shown)
                more = [f"and {n_left} more"] if n_left else []
                yield "\n".join(f"- {sentence}" for sentence in [*shown, *more])
            case Lines(lines, end_matters):
                yield _lines(lines, max_rows, end_matters)
            case Figure():
                caption = " ".join(filter(None, [block.caption, block.drawn_of]))
                yield f"![{markdown.text(block.title)}]({block.file})"
                yield f"*{markdown.text(f'{block.title}. {caption}')}*"
            case Table():
                yield from _table(block, max_rows)
            case Folded(summary, inner):
                yield f"<details><summary>{markdown.text(summary)}</summary>"
                yield from _blocks(inner[:MAX_BLOCKS], max_rows)
                if len(inner) > MAX_BLOCKS:
                    yield "index.html contains more."
                yield "</details>"


def _lines(lines: Sequence[str], max_rows: int, end_matters: bool) -> str:
    if end_matters:
        return markdown.block("\n".join(lines), MAX_BLOCK)
    shown = lines[: max(max_rows // 2, 1)]
    more = (
        "" if len(shown) == len(lines) else f"\n\n{len(lines) - len(shown)} more are in index.html."
    )
    return markdown.block("\n".join(shown), MAX_CHARACTERS) + more


def _table(table: Table, max_rows: int) -> Iterator[str]:
    """Yield the caption and the table; then, on demand, the columns that are shown on demand."""
    extra = [column.is_extra for column in table.columns]
    yield f"{table.caption}."
    yield _columns(table, [not one for one in extra], max_rows)
    if any(extra):
        yield "<details><summary>More columns</summary>"
        yield _columns(table, [place == 0 or one for place, one in enumerate(extra)], max_rows)
        yield "</details>"


def _columns(table: Table, shown: Sequence[bool], max_rows: int) -> str:
    """Return some columns of a table, with the labels of its groups as its first column."""
    is_grouped = len(table.groups) > 1
    columns = [column for column, is_shown in zip(table.columns, shown, strict=True) if is_shown]
    columns = [Column("condition", is_number=False), *columns] if is_grouped else columns
    rows = [
        ([markdown.text(label)] if is_grouped else []) + _cells(row, shown)
        for label, group in table.first(max_rows).groups
        for row in group
    ]
    marks = ["---:" if column.is_number else "---" for column in columns]
    headings = [markdown.text(column.heading) for column in columns]
    lines = [headings, marks, *rows]
    content = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    n_left = table.n_rows - max_rows
    return content if n_left <= 0 else f"{content}\n\n{counted(n_left, 'more row')}: see runs.csv."


def _cells(row: Row, shown: Sequence[bool]) -> list[str]:
    cells = [*row.cells, *([row.note] if row.note else [])]
    cells += ["-"] * (len(shown) - len(cells))
    return [_cell(cell) for cell, is_shown in zip(cells, shown, strict=True) if is_shown]


def _cell(cell: Cell | str) -> str:
    """Return a cell; a badge that asks for attention is bold."""
    if isinstance(cell, str):
        return markdown.text(cell)
    words = markdown.code(cell.text) if cell.is_code else markdown.text(cell.text)
    return f"**{words}**" if cell.level in ("attention", "bad") else words
