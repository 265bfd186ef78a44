"""Make text from files and users safe and short enough for a terminal."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]  # has a Makefile; else this is site-packages


def printable(value: object) -> str:
    """Escape control and bidirectional characters; a newline becomes a backslash and an n.

    Args:
        value: is converted with `str`.
    """
    text = str(value)
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )


def printable_lines(value: object) -> str:
    """Escape control and bidirectional characters, but keep newlines.

    Args:
        value: is converted with `str`.
    """
    return "\n".join(printable(line) for line in str(value).split("\n"))


def shorten(text: str, max_characters: int) -> str:
    """Replace the end of a text by "..." if the text is longer than `max_characters`."""
    return text if len(text) <= max_characters else f"{text[: max_characters - 3]}..."


def as_typed(value: object) -> str:
    """Return a value as it is typed on the command line: `null`, `true`, `1e-07`, `[128,64]`."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return f"[{','.join(map(as_typed, value))}]"
    return str(value)


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """Return a number with its noun, such as `1 pair` and `2 pairs`."""
    return f"{number} {singular}" if number == 1 else f"{number} {plural or singular + 's'}"


def first_line(text: str) -> str:
    """Return the first line of a message, at most 300 characters, without control characters."""
    return shorten(printable((text.splitlines() or [""])[0]), 300)


def text_argument(value: str) -> str:
    """Return the value of a command's argument.

    Raises:
        argparse.ArgumentTypeError: it is empty, for example a variable that is not set.
    """
    if not value.strip():
        raise argparse.ArgumentTypeError(f"{value!r}: is empty; is a variable not set?")
    return value


def path_argument(value: str) -> Path:
    """Return the value of a command's argument as a path, as `text_argument` does."""
    return Path(text_argument(value))


def print_error(command: str, error: object) -> None:
    """Print an error on stderr.

    Args:
        command: the name of the command, printed first.
        error: a message or an exception; it may have several lines.
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
