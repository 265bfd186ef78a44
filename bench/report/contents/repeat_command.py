"""The command that repeats a run, from its record."""

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
from bench.console import as_typed, printable
from bench.contract import Recipe
from bench.records import RunRecord, flatten

# Records may come from strangers: a command contains no characters unsafe in a shell.
SAFE_WORD = re.compile(r"[\w.,=+\[\] -]+", re.ASCII)
SAFE_PATH = re.compile(r"[\w.,=+\[\] /()@#%:~-]+")
# A recipe's constants, for the keys that its file does not contain.
CONSTANTS = {field.name: field.default for field in fields(Recipe)}
NO_COMMAND = "(no command: {} has {} with characters unsafe in a shell)"
IDX_NAME = re.compile(r"[a-z0-9_]+-[0-9a-f]{8}", re.ASCII)  # of a set of IDX files
FILE_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


def repeat_command(record: RunRecord) -> str:
    """Return the command that repeats a run: its choices, and the keys that differ from them.

    Args:
        record: a record with a configuration of any shape.

    Returns:
        A line for the shell, or in brackets the reason why there is none.
    """
    folder, config = record.config_dir, record.config
    words = [
        word
        for group in GROUPS
        if isinstance(section := config.get(group), Mapping)
        for word in _group_words(group, section)
    ]
    words += [f"{key}={as_typed(config[key])}" for key in REPEAT_COMMAND_KEYS if key in config]
    if not all(_is_safe(word) for word in words):
        return NO_COMMAND.format(printable(record.run_id), "settings")
    if folder is None:
        return shlex.join(["bench", *words])
    if not SAFE_PATH.fullmatch(folder):
        return NO_COMMAND.format(printable(record.run_id), "a --config-dir")
    return shlex.join(["bench", f"--config-dir={folder}", *words])


def _is_safe(word: str) -> bool:
    safe = SAFE_PATH if word.startswith("dataset.path=") else SAFE_WORD
    return safe.fullmatch(word) is not None


def _group_words(group: str, section: Mapping[str, Any]) -> Iterator[str]:
    """Yield the choice of a group, and its keys that differ from the file in conf/."""
    name = section.get("name")
    if group == "dataset" and section.get("path") and IDX_NAME.fullmatch(str(name)):
        yield from ("dataset=idx", f"dataset.path={section['path']}")
        return
    yield f"{group}={name}"
    defaults = _defaults(group, str(name))
    for key, recorded in flatten(section):
        value = list(recorded) if isinstance(recorded, tuple) else recorded
        if key.partition(".")[0] in ("name", *DESCRIBING_KEYS[group]):
            continue
        if defaults is None:
            yield f"{group}.{key}={as_typed(value)}"
        elif key in defaults:
            if defaults[key] != value:
                yield f"{group}.{key}={as_typed(value)}"
        elif group != "dataset" and value != CONSTANTS.get(key, MISSING):
            # The file of a dataset contains every key that the dataset uses.
            yield f"+{group}.{key}={as_typed(value)}"


@functools.cache
def _defaults(group: str, name: str) -> dict[str, Any] | None:
    """Return the content of a file in conf/; None if the project has no such file."""
    file = CONF / group / f"{name}.yaml"
    if not FILE_NAME.fullmatch(name) or not file.is_file():
        return None
    content = OmegaConf.to_container(OmegaConf.create(file.read_text(encoding="utf-8")))
    return dict(flatten(content)) if isinstance(content, dict) else None
