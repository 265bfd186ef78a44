"""The command that repeats a run."""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from typing import Any

from omegaconf import OmegaConf

from bench import CONF
from bench.config.identity import DESCRIBING_KEYS, GROUPS, REPEAT_COMMAND_KEYS
from bench.console import printable
from bench.contract import Recipe
from bench.records import RunRecord, flatten

# A record may come from a stranger: other words are not put into a command for the shell.
SAFE_WORD = re.compile(r"[\w.,=+\[\] -]+", re.ASCII)
SAFE_PATH = re.compile(r"[\w.,=+\[\] /()@#%:~-]+")
FILE_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


def command(record: RunRecord) -> str:
    """Return the command that repeats a run: its choices, and the keys that differ from theirs.

    Args:
        record: its configuration may be of any shape.

    Returns:
        A line for the shell, or in brackets why there is none.
    """
    folder, config = record.config_dir, record.config
    words = [
        word
        for group in GROUPS
        if isinstance(section := config.get(group), Mapping)
        for word in _of_group(group, section)
    ]
    words += [f"{key}={_typed(config[key])}" for key in REPEAT_COMMAND_KEYS if key in config]
    if not all(SAFE_WORD.fullmatch(word) for word in words):
        return f"(no command: {printable(record.run_id)} has settings that are not ours)"
    if folder is None:
        return shlex.join(["bench", *words])
    if not SAFE_PATH.fullmatch(folder):
        return f"(no command: {printable(record.run_id)} has a --config-dir of odd characters)"
    return shlex.join(["bench", f"--config-dir={folder}", *words])


def _of_group(group: str, section: Mapping[str, Any]) -> Iterator[str]:
    """Yield the choice, and the keys that differ from its file in conf/."""
    name = section.get("name")
    yield f"{group}={name}"
    usual = _usual(group, str(name))
    for key, given in flatten(section):
        value = list(given) if isinstance(given, tuple) else given
        if key.partition(".")[0] in ("name", *DESCRIBING_KEYS[group]):
            continue
        if usual is None:
            yield f"{group}.{key}={_typed(value)}"
        elif key in usual:
            if usual[key] != value:
                yield f"{group}.{key}={_typed(value)}"
        elif group != "dataset" and value != _constants().get(key, MISSING):
            # A dataset's file has every key that has a meaning for that dataset.
            yield f"+{group}.{key}={_typed(value)}"


@functools.cache
def _usual(group: str, name: str) -> dict[str, Any] | None:
    """Return the content of a file in conf/; None if it is not one of the project's own."""
    file = CONF / group / f"{name}.yaml"
    if not FILE_NAME.fullmatch(name) or not file.is_file():
        return None
    content = OmegaConf.to_container(OmegaConf.create(file.read_text(encoding="utf-8")))
    return dict(flatten(content)) if isinstance(content, dict) else None


def _constants() -> dict[str, Any]:
    """Return a recipe's constants for the keys that its file leaves out."""
    return {field.name: field.default for field in fields(Recipe)}


def _typed(value: object) -> str:
    """Write a value as it is typed on the command line."""
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_typed, value)) + "]"
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
