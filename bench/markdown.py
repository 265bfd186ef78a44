"""Text from records in Markdown: displayed literally, never interpreted as markup."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from bench.console import shorten

SPECIAL = re.compile(r"[\\`*_{}\[\]<>()#+!|~&$@]")
AS_ENTITY = "<>&|"  # a backslash does not escape these everywhere
# GitHub turns bare addresses into links; it recognises them by these characters.
ADDRESS = re.compile(r"(:)(?=//)|(?<=www)(\.)", re.IGNORECASE)
MAX_CHARACTERS = 600

ISOLATES = {"LRI", "RLI", "FSI", "PDI"}
DIRECTIONAL = {"R", "AL", "LRE", "RLE", "LRO", "RLO", "PDF", *ISOLATES}
FIRST_STRONG_ISOLATE, POP_ISOLATE = "\u2068", "\u2069"


def text(value: object) -> str:
    """Escape a value for running text, on one line.

    Args:
        value: converted with `str`.
    """

    def escape(match: re.Match[str]) -> str:
        character = match[0]
        return f"&#{ord(character)};" if character in AS_ENTITY else f"\\{character}"

    words = SPECIAL.sub(escape, line(value))
    return isolated(ADDRESS.sub(lambda match: f"&#{ord(match[0])};", words))


def code(value: object) -> str:
    """Return a value as code, on one line, with a fence longer than any run of backticks in it.

    Args:
        value: converted with `str`.
    """
    words = isolated(line(value).replace("|", "\\|"))
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
    lines = "\n".join(map(visible, value.splitlines()))
    kept = lines if len(lines) <= max_characters else f"...{lines[-max_characters:]}"
    fence = "`" * max(3, _longest_backticks(kept) + 1)
    return f"{fence}text\n{kept}\n{fence}"


def _longest_backticks(words: str) -> int:
    return max(map(len, re.findall(r"`+", words)), default=0)


def line(value: object) -> str:
    """Put a value on one line of at most 600 characters."""
    return shorten(visible(" ".join(str(value).split())), MAX_CHARACTERS)


def visible(words: str) -> str:
    """Replace control characters and lone surrogates by printable escapes."""
    if words.isprintable():
        return words
    return "".join(
        ascii(character)[1:-1] if unicodedata.category(character) in ("Cc", "Cs") else character
        for character in words
    )


def isolated(words: str) -> str:
    """Isolate text of another writing direction from the text around it.

    Source: Unicode Standard Annex 9, 2.4, explicit directional isolates.

    Args:
        words: one line of text.
    """
    if words.isascii() or DIRECTIONAL.isdisjoint(map(unicodedata.bidirectional, words)):
        return words
    inner = "".join(
        ascii(character)[1:-1] if unicodedata.bidirectional(character) in ISOLATES else character
        for character in words
    )
    return f"{FIRST_STRONG_ISOLATE}{inner}{POP_ISOLATE}"


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
