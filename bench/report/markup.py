"""Text from records inside Markdown: shown as it is, never read as markup."""

from __future__ import annotations

import re
from collections.abc import Sequence

SPECIAL = re.compile(r"[\\`*_{}\[\]<>()#+!|~&$@]")
IN_HTML_TOO = "<>&|"  # a backslash does not stop these everywhere


def text(value: object) -> str:
    """Escape a value for running text, on one line."""

    def escaped(match: re.Match[str]) -> str:
        character = match[0]
        return f"&#{ord(character)};" if character in IN_HTML_TOO else f"\\{character}"

    return SPECIAL.sub(escaped, " ".join(str(value).split()))


def code(value: object) -> str:
    """Show a value as code, on one line, whatever backticks it holds."""
    line = " ".join(str(value).split()).replace("|", "\\|")
    longest = max((len(run) for run in re.findall(r"`+", line)), default=0)
    fence = "`" * (longest + 1)
    padding = " " if longest else ""
    return f"{fence}{padding}{line}{padding}{fence}"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], n_words: int = 1) -> str:
    """Lay out a table; the first `n_words` columns are words, the others numbers.

    Cells are markup already.
    """
    marks = ["---"] * n_words + ["---:"] * (len(headings) - n_words)
    lines = [headings, marks, *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
