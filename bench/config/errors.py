"""The error of a configuration that can't be run, and how values are shown in its message."""

from __future__ import annotations

from bench.console import printable

MAX_MESSAGE_CHARACTERS = 800
MAX_VALUE_CHARACTERS = 60


class ConfigError(Exception):
    """A configuration can't be run. The message is one printable line of bounded length."""

    def __init__(self, message: str) -> None:
        """Make `message` printable, and cut it to `MAX_MESSAGE_CHARACTERS`."""
        super().__init__(shortened(printable(message), MAX_MESSAGE_CHARACTERS))


def shown(value: object) -> str:
    """Return a value as it is typed on the command line, cut to `MAX_VALUE_CHARACTERS`."""
    return shortened("null" if value is None else str(value), MAX_VALUE_CHARACTERS)


def shortened(text: str, max_characters: int) -> str:
    """Return `text`, its end replaced by "..." if it is longer than `max_characters`."""
    return text if len(text) <= max_characters else f"{text[: max_characters - 3]}..."
