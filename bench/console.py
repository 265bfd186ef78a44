"""Text from anywhere, made safe to print on a terminal."""

from __future__ import annotations

import re
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]  # has a Makefile; else this is site-packages


def printable(value: object) -> str:
    """Write as escapes, on one line, what would control a terminal or reverse its text.

    Args:
        value: is converted with `str`.

    Returns:
        Printable characters only: a newline becomes a backslash and an n.
    """
    text = str(value)
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )


def printable_lines(value: object) -> str:
    """Make text printable that may have several lines; as `printable`, but newlines stay.

    Args:
        value: is converted with `str`.

    Returns:
        Printable characters and newlines only.
    """
    return "\n".join(printable(line) for line in str(value).split("\n"))


def shorten(text: str, max_characters: int) -> str:
    """Cut a long text and end it with three dots.

    Args:
        text: of one line.
        max_characters: of the result, dots included.

    Returns:
        `text` itself if it is short enough.
    """
    return text if len(text) <= max_characters else f"{text[: max_characters - 3]}..."


def first_line(text: str) -> str:
    """Return the first line of a message, at most 300 characters, without control characters."""
    return shorten(printable((text.splitlines() or [""])[0]), 300)


def print_error(command: str, error: object) -> None:
    """Print on stderr why a command can't do what it was asked.

    Args:
        command: the name of the command.
        error: the message, or an exception that has one; of one or several lines.
    """
    print(f"{command}: {printable_lines(error)}", file=sys.stderr)


def adapt_commands(text: str) -> str:
    """Replace `make` commands in a text if the project was installed with pip.

    Args:
        text: may contain commands for a checkout, such as ``make setup EXTRAS=torch``.

    Returns:
        The same text in a checkout; otherwise with ``pip install 'mlp-bench[torch]'``.
    """
    if (CHECKOUT / "Makefile").is_file():
        return text
    text = re.sub(r"make setup EXTRAS=(\w+(?:,\w+)*)", r"pip install 'mlp-bench[\1]'", text)
    return text.replace("make setup", "pip install mlp-bench")
