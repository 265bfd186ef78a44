"""Text from records in Markdown: displayed literally, never interpreted as markup."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from bench.console import printable, shorten

SPECIAL = re.compile(r"[\\`*_{}\[\]<>()#+!|~&$@]")
AS_ENTITY = "<>&|"  # a backslash does not escape these everywhere
# GitHub turns bare addresses into links; it recognises them by these characters.
ADDRESS = re.compile(r"(:)(?=//)|(?<=www)(\.)", re.IGNORECASE)
MAX_CHARACTERS = 600


def text(value: object) -> str:
    """Escape a value for running text, on one line.

    Args:
        value: converted with `str`.
    """

    def escape(match: re.Match[str]) -> str:
        character = match[0]
        return f"&#{ord(character)};" if character in AS_ENTITY else f"\\{character}"

    words = SPECIAL.sub(escape, line(value))
    return ADDRESS.sub(lambda match: f"&#{ord(match[0])};", words)


def plain(sentence: str) -> str:
    """Return a sentence of escaped text and bold words without its marks, for the terminal."""
    without = re.sub(r"\\([\W_])|\*\*", r"\1", sentence)
    return html.unescape(without)


def code(value: object) -> str:
    """Return a value as code, on one line, with a fence longer than any run of backticks in it.

    Args:
        value: converted with `str`.
    """
    words = line(value).replace("|", "\\|")
    longest = _longest_backticks(words)
    fence = "`" * (longest + 1)
    padding = " " if longest else ""
    return f"{fence}{padding}{words}{padding}{fence}"


def block(value: str, max_characters: int) -> str:
    """Return the end of a text of several lines as a block of code.

    Args:
        value: the text.
        max_characters: the length of the end that is kept.
    """
    lines = "\n".join(map(printable, value.splitlines()))
    kept = lines if len(lines) <= max_characters else f"...{lines[-max_characters:]}"
    fence = "`" * max(3, _longest_backticks(kept) + 1)
    return f"{fence}text\n{kept}\n{fence}"


def _longest_backticks(words: str) -> int:
    return max(map(len, re.findall(r"`+", words)), default=0)


def line(value: object) -> str:
    """Put a value on one line of at most 600 characters."""
    return shorten(printable(" ".join(str(value).split())), MAX_CHARACTERS)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], n_words: int = 1) -> str:
    """Return a table in Markdown.

    Args:
        headings: the headings, in Markdown.
        rows: the cells of each row, in Markdown; one cell per heading.
        n_words: the number of columns with words, which come first and are aligned left.
    """
    marks = ["---"] * n_words + ["---:"] * (len(headings) - n_words)
    lines = [headings, marks, *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
