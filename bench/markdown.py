"""Text from records inside Markdown: shown as it is, never read as markup."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from bench.console import shorten

SPECIAL = re.compile(r"[\\`*_{}\[\]<>()#+!|~&$@]")
IN_HTML_TOO = "<>&|"  # a backslash does not stop these everywhere
# GitHub makes links of bare addresses; these are where it looks for them.
ADDRESS = re.compile(r"(:)(?=//)|(?<=www)(\.)", re.IGNORECASE)
MAX_CHARACTERS = 600

ISOLATES = {"LRI", "RLI", "FSI", "PDI"}
TURNS = {"R", "AL", "LRE", "RLE", "LRO", "RLO", "PDF", *ISOLATES}
FIRST_STRONG_ISOLATE, POP_ISOLATE = "\u2068", "\u2069"


def text(value: object) -> str:
    """Escape a value for running text, on one line."""

    def escaped(match: re.Match[str]) -> str:
        character = match[0]
        return f"&#{ord(character)};" if character in IN_HTML_TOO else f"\\{character}"

    words = SPECIAL.sub(escaped, line(value))
    return isolated(ADDRESS.sub(lambda match: f"&#{ord(match[0])};", words))


def code(value: object) -> str:
    """Show a value as code, on one line, whatever backticks it holds."""
    words = isolated(line(value).replace("|", "\\|"))
    longest = max((len(run) for run in re.findall(r"`+", words)), default=0)
    fence = "`" * (longest + 1)
    padding = " " if longest else ""
    return f"{fence}{padding}{words}{padding}{fence}"


def block(value: str, most: int) -> str:
    """Show the end of a text of several lines, at most so many characters, as a block of code."""
    lines = "\n".join(visible(one) for one in value.splitlines())
    kept = lines if len(lines) <= most else f"...{lines[-most:]}"
    longest = max((len(run) for run in re.findall(r"`+", kept)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{kept}\n{fence}"


def line(value: object) -> str:
    """Put a value on one line of a length that can be read."""
    return shorten(visible(" ".join(str(value).split())), MAX_CHARACTERS)


def visible(words: str) -> str:
    """Write as escapes what would steer a terminal, or can't be written to a file."""
    if words.isprintable():
        return words
    return "".join(
        ascii(one)[1:-1] if unicodedata.category(one) in ("Cc", "Cs") else one for one in words
    )


def isolated(words: str) -> str:
    """Keep what turns the direction of writing from turning what stands beside it.

    Source: Unicode Standard Annex 9, 2.4, explicit directional isolates.
    """
    if words.isascii() or not any(unicodedata.bidirectional(one) in TURNS for one in words):
        return words
    inner = "".join(
        ascii(one)[1:-1] if unicodedata.bidirectional(one) in ISOLATES else one for one in words
    )
    return f"{FIRST_STRONG_ISOLATE}{inner}{POP_ISOLATE}"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], n_words: int = 1) -> str:
    """Lay out a table; the first `n_words` columns are words, the others numbers.

    Cells are markup already.
    """
    marks = ["---"] * n_words + ["---:"] * (len(headings) - n_words)
    lines = [headings, marks, *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
