"""Values in nested mappings, such as the configuration in a record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.records import RunRecord


def setting(record: RunRecord, *path: str) -> str | int | float | None:
    """Look up a plain value in a record's configuration.

    Args:
        record: its configuration may be of any shape, as it comes from a file.
        path: the keys that lead to the value, such as `"implementation", "name"`.

    Returns:
        The value, or None if it is missing, a list, a mapping or null.
    """
    value = lookup(record.config, *path)
    return value if isinstance(value, str | int | float) else None


def lookup(content: object, *path: str) -> Any:
    """Return the value that keys lead to in nested mappings; None if it is missing."""
    for key in path:
        content = content.get(key) if isinstance(content, Mapping) else None
    return content


def flatten(content: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of nested mappings under its keys, joined by dots.

    Args:
        content: the mapping; an empty mapping yields nothing.
        prefix: the start of each key.

    Yields:
        Key and value, such as `"architecture.name", "one_hidden"`.
    """
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
