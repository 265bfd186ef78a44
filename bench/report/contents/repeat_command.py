"""The commands that repeat runs, from their records."""

from __future__ import annotations

import functools
import math
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import MISSING, fields
from typing import Any

from omegaconf import OmegaConf

from bench import CONF
from bench.config.identity import DESCRIBING_KEYS, GROUPS, REPEAT_COMMAND_KEYS
from bench.console import as_typed, printable
from bench.contract import Recipe
from bench.nested import flatten
from bench.records import RunRecord

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
    words = _words(record)
    unsafe = _unsafe(words)
    return NO_COMMAND.format(printable(record.run_id), unsafe) if unsafe else shlex.join(words)


def repeat_commands(records: Sequence[RunRecord]) -> list[str]:
    """Return commands that together repeat all runs, with as many runs in each as possible.

    Args:
        records: records with configurations of any shape.

    Returns:
        Lines for the shell; then the reasons why some runs have no command.
    """
    lines = {record.run_id: _words(record) for record in records}
    refused = [repeat_command(record) for record in records if _unsafe(lines[record.run_id])]
    runs = [
        dict(word.split("=", 1) for word in words[1:])
        for words in lines.values()
        if not _unsafe(words)
    ]
    keys = [*dict.fromkeys(key for run in runs for key in run)]
    distinct = {tuple(run.get(key, "") for key in keys) for run in runs}
    made = (dict(zip(keys, values, strict=True)) for values in _combined(distinct))
    return [*map(_line, made), *refused]


def _combined(runs: Set[tuple[str, ...]]) -> Iterator[list[list[str]]]:
    """Yield lists of values, one per key, whose combinations are some of the runs."""
    if runs <= {()}:
        yield from ([] for _ in runs)
        return
    others: dict[str, set[tuple[str, ...]]] = {}
    for value, *rest in runs:
        others.setdefault(value, set()).add(tuple(rest))
    alike: dict[Any, list[str]] = {}  # values that occur with the same others
    for value in sorted(others, key=_by_number):
        is_alone = not value or "," in value  # a sweep separates values by commas
        alike.setdefault((frozenset(others[value]), is_alone and value), []).append(value)
    for (rest_runs, _), values in alike.items():
        yield from ([values, *more] for more in _combined(rest_runs))


def _line(values: Mapping[str, Sequence[str]]) -> str:
    words = [f"{key}={','.join(some)}" for key, some in values.items() if some != [""]]
    is_sweep = any(len(some) > 1 for some in values.values())
    return shlex.join(["bench", *(["-m"] if is_sweep else []), *words])


def _by_number(value: str) -> tuple[float, str]:
    try:
        return float(value), ""
    except ValueError:
        return math.inf, value


def _words(record: RunRecord) -> list[str]:
    """Return the words of the command that repeats a run."""
    folder, config = record.config_dir, record.config
    words = [
        word
        for group in GROUPS
        if isinstance(section := config.get(group), Mapping)
        for word in _group_words(group, section)
    ]
    words += [f"{key}={as_typed(config[key])}" for key in REPEAT_COMMAND_KEYS if key in config]
    return ["bench", *([] if folder is None else [f"--config-dir={folder}"]), *words]


def _unsafe(words: Sequence[str]) -> str:
    """Return which of the words have characters that are unsafe in a shell, or ""."""
    for word in words:
        is_path = word.startswith(("dataset.path=", "--config-dir="))
        if not (SAFE_PATH if is_path else SAFE_WORD).fullmatch(word):
            return "a --config-dir" if word.startswith("--config-dir=") else "settings"
    return ""


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
