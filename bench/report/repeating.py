"""The command that repeats a run."""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from importlib import resources
from typing import Any

from omegaconf import OmegaConf

from bench.config.identity import DESCRIBING_KEYS, GROUPS, REPEAT_COMMAND_KEYS
from bench.console import printable
from bench.contract import Recipe
from bench.records import RunRecord
from bench.report.distinct import CHOICE

OURS = re.compile(r"[\w.,=+\[\] -]+", re.ASCII)
FILE_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


def command(record: RunRecord) -> str:
    """Return the command that repeats a run: its choices, and whatever else is not as they say."""
    words = [
        word
        for group in GROUPS
        if isinstance(section := record.config.get(group), Mapping)
        for word in _of_group(group, section)
    ]
    words += [
        f"{key}={_typed(record.config[key])}" for key in REPEAT_COMMAND_KEYS if key in record.config
    ]
    if not all(OURS.fullmatch(word) for word in words):
        return f"(no command: {printable(record.run_id)} has settings that are not ours)"
    return shlex.join(["bench", *words])


def _of_group(group: str, section: Mapping[str, Any]) -> Iterator[str]:
    """Yield the choice that was made, and the keys that are not as its file in conf/ has them."""
    name = section.get(CHOICE, section.get("name"))
    yield f"{group}={name}"
    usual = _usual(group, str(name))
    for key, value in _flat(section):
        if key.partition(".")[0] in ("name", CHOICE, *DESCRIBING_KEYS[group]):
            continue
        if usual is None:
            yield f"{group}.{key}={_typed(value)}"
        elif key in usual:
            if usual[key] != value:
                yield f"{group}.{key}={_typed(value)}"
        elif group != "dataset" and value != _constants().get(key, MISSING):
            # A dataset's file has all that means anything for that dataset.
            yield f"+{group}.{key}={_typed(value)}"


@functools.cache
def _usual(group: str, name: str) -> dict[str, Any] | None:
    """Return what a file of conf/ says; None where it is not one of the project's own."""
    file = resources.files("conf") / group / f"{name}.yaml"
    if not FILE_NAME.fullmatch(name) or not file.is_file():
        return None
    content = OmegaConf.to_container(OmegaConf.create(file.read_text(encoding="utf-8")))
    return dict(_flat(content)) if isinstance(content, dict) else None


def _constants() -> dict[str, Any]:
    """Return what a recipe's constants are where its file is silent."""
    return {one.name: one.default for one in fields(Recipe)}


def _flat(content: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", list(value) if isinstance(value, tuple) else value


def _typed(value: object) -> str:
    """Write a value as it is typed on the command line."""
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_typed, value)) + "]"
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
