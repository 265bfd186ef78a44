"""Things that share a name and are not the same: told apart by what differs, and never pooled.

A report groups runs by names. `architecture.hidden_sizes=[64]` or `recipe.momentum=0.5` on the
command line changes what a name stands for, so here names get what differs: `one_hidden
(hidden_sizes [64])`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from bench.config.identity import GROUPS, group_content
from bench.markdown import visible
from bench.records import RunRecord

CHOICE = "choice"  # where the name as it was chosen is kept
MAX_CHARACTERS = 40


def told_apart(records: Sequence[RunRecord]) -> tuple[RunRecord, ...]:
    """Return records in which a name stands for one content only, and steers no terminal."""
    configs = [dict(record.config) for record in records]
    for group in GROUPS:
        places = [place for place, one in enumerate(configs) if _is_named(one.get(group))]
        contents = [group_content(group, configs[place][group]) for place in places]
        names = [content.pop("name") for content in contents]
        shown = labels([visible(name) for name in names], contents)
        for place, name, label in zip(places, names, shown, strict=True):
            if label != name:
                configs[place][group] = {**configs[place][group], "name": label, CHOICE: name}
    return tuple(
        record if record.config == config else replace(record, config=config)
        for record, config in zip(records, configs, strict=True)
    )


def _is_named(group: object) -> bool:
    return isinstance(group, dict) and isinstance(group.get("name"), str)


def machines(records: Sequence[RunRecord]) -> list[str | None]:
    """Name what each run's speed depends on beside its settings; None where it does not say."""
    names, contents = [], []
    for record in records:
        known = record.environment
        named = (known.get(key) for key in ("cpu_model", "gpu"))
        names.append(", ".join(str(name) for name in named if name))
        limits = known.get("limits")
        contents.append(
            {
                "system": known.get("platform"),
                "caches": known.get("caches"),
                "limited to cores": limits.get("cores") if isinstance(limits, dict) else None,
            }
        )
    return [label or None for label in labels(names, contents)]


def labels(names: Sequence[str], contents: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return each name, with what differs where several contents go by it."""
    keys = [msgspec.json.encode(content, order="sorted") for content in contents]
    by_name: dict[str, dict[bytes, Mapping[str, Any]]] = {}
    for name, key, content in zip(names, keys, contents, strict=True):
        by_name.setdefault(name, {}).setdefault(key, content)
    labelled = {
        (name, key): label
        for name, different in by_name.items()
        for key, label in zip(different, _labels_of(name, [*different.values()]), strict=True)
    }
    return [labelled[pair] for pair in zip(names, keys, strict=True)]


def _labels_of(name: str, contents: Sequence[Mapping[str, Any]]) -> list[str]:
    """Label the different contents that one name stands for."""
    if len(contents) == 1:
        return [name]
    flat = [dict(_flat(content)) for content in contents]
    fields = [
        field
        for field in dict.fromkeys(field for content in flat for field in content)
        if len({content.get(field) for content in flat}) > 1
    ]
    found: list[str] = []
    for content in flat:
        words = ", ".join(f"{field} {content.get(field, 'not recorded')}" for field in fields)
        label = f"{name} ({words})" if words else name
        # What differs may lie beyond what is shown of a long value.
        found.append(label if label not in found else f"{label} #{len(found) + 1}")
    return found


def _flat(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield every value as text, under its keys with dots between."""
    for name, value in content.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            words = str(value)
            shown = words if len(words) <= MAX_CHARACTERS else words[: MAX_CHARACTERS - 3] + "..."
            yield f"{prefix}{name}", shown
