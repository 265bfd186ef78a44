"""JSON files that contain the SHA-256 of their content, so damage is detected."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from bench.files import FileError, read_plain_file

SCHEMA_VERSION = 1
CHECKSUM = "sha256"  # in every file: the key with the hash of all other keys
YOUNGER_KEY = "config_dir"  # early versions wrote no checksum; records with this key are younger

Contents = TypeVar("Contents")


class NewerError(FileError):
    """The file was written by a later version of mlp-bench and must not be changed."""


def encode(contents: Any) -> bytes:
    """Return indented JSON with its checksum; numbers that are not finite become null."""
    content = msgspec.json.decode(msgspec.json.encode(contents), type=dict[str, Any])
    content[CHECKSUM] = _checksum(content)
    return msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n"


def _checksum(content: dict[str, Any]) -> str:
    """Return the SHA-256 of all keys except its own; it does not depend on the JSON's layout."""
    others = {key: value for key, value in content.items() if key != CHECKSUM}
    return hashlib.sha256(msgspec.json.encode(others, order="sorted")).hexdigest()


def read(path: Path, kind: type[Contents]) -> Contents:
    """Read and check one file; see `read_any_age`."""
    return read_any_age(path, kind)[0]


def read_any_age(path: Path, kind: type[Contents]) -> tuple[Contents, bool]:
    """Read and check one file, which has no checksum if an early version wrote it.

    Args:
        path: the file.
        kind: `RunRecord`, `SweepPlan`, `Verdict` or `DatasetSummary`.

    Returns:
        The contents, and whether the file has a checksum.

    Raises:
        NewerError: the file has a newer schema.
        FileError: the file is missing, too large, not JSON or altered, or has other keys.
    """
    contents = read_plain_file(path)
    try:
        content = msgspec.json.decode(contents, type=dict[str, Any])
        version = content.get("schema_version", SCHEMA_VERSION)
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise NewerError(
                f"{path}: schema_version {version!r}, this version of mlp-bench reads up to "
                f"{SCHEMA_VERSION}; upgrade it"
            )
        has_checksum = CHECKSUM in content
        if has_checksum and content[CHECKSUM] != _checksum(content):
            raise FileError(f"{path}: damaged or edited: its {CHECKSUM} checksum does not match")
        result = msgspec.json.decode(contents, type=kind)
        if not has_checksum and YOUNGER_KEY in content:
            raise FileError(f"{path}: damaged or edited: its {CHECKSUM} checksum is missing")
        return result, has_checksum
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise FileError(f"{path}: damaged or not a {kind.__name__}: {error}") from error
