"""The error of a configuration that can't be run, and the values in its message."""

from __future__ import annotations

from bench.console import as_typed, printable, shorten
from bench.errors import BenchError

MAX_MESSAGE_CHARACTERS = 800
MAX_VALUE_CHARACTERS = 60


class ConfigError(BenchError):
    """A configuration can't be run. The message is one printable line of bounded length."""

    def __init__(self, message: str) -> None:
        """Make `message` printable and shorten it."""
        super().__init__(shorten(printable(message), MAX_MESSAGE_CHARACTERS))


def short_value(value: object) -> str:
    """Return a value as it is typed on the command line, at most `MAX_VALUE_CHARACTERS`."""
    return shorten(as_typed(value), MAX_VALUE_CHARACTERS)


def one_line(error: Exception) -> str:
    """Return the message of a library's error without line breaks."""
    return " ".join(str(error).split())
