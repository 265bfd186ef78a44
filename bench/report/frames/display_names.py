"""The labels of a run's implementation, architecture, recipe, dataset and machine in a report.

A report groups runs by label. `architecture.hidden_sizes=[64]` or `recipe.momentum=0.5` on the
command line changes the settings behind a name, so the label includes the difference:
`one_hidden (hidden_sizes [64])`, also if no run of the report has the usual sizes. Records are not
changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import msgspec
from omegaconf import OmegaConf

from bench import CONF
from bench.config.identity import GROUPS, group_content
from bench.console import printable, shorten
from bench.nested import flatten
from bench.records import RunRecord

NOT_RECORDED = "not recorded"
MAX_CHARACTERS = 40  # of one value in a label


@dataclass(frozen=True, slots=True)
class RunView:
    """A record and its labels. `machine` is None if it is not recorded."""

    record: RunRecord
    implementation: str
    architecture: str
    recipe: str
    dataset: str
    machine: str | None


def run_views(records: Sequence[RunRecord]) -> tuple[RunView, ...]:
    """Return the records, each with its labels.

    Args:
        records: all runs of the report, since labels depend on all of them.

    Returns:
        A view for each record, in the same order.
    """
    columns = [_choices(records, group) for group in GROUPS]
    return tuple(
        RunView(record, **dict(zip(GROUPS, choices, strict=True)), machine=machine)
        for record, machine, *choices in zip(records, machines(records), *columns, strict=True)
    )


def _choices(records: Sequence[RunRecord], group: str) -> list[str]:
    """Return the label of each record for one group, such as `recipe`."""
    names, contents = [], []
    for record in records:
        section = record.config.get(group)
        content = group_content(group, section) if isinstance(section, dict) else {}
        name = content.pop("name", None)
        names.append(printable(name) if isinstance(name, str) else NOT_RECORDED)
        contents.append(content)
    usual = _usual_architectures(set(names)) if group == "architecture" else {}
    return labels([*names, *usual], [*contents, *usual.values()])[: len(names)]


def _usual_architectures(names: Set[str]) -> dict[str, dict[str, Any]]:
    """Return the hidden sizes that the project's configuration has for these names."""
    return {
        path.stem: {"hidden_sizes": OmegaConf.to_container(OmegaConf.load(path).hidden_sizes)}
        for path in (CONF / "architecture").glob("*.yaml")
        if path.stem in names
    }


def machines(records: Sequence[RunRecord]) -> list[str | None]:
    """Return the label of each record's machine: processor, GPU, and what else differs.

    Args:
        records: all runs of the report.

    Returns:
        A label for each record; None if no machine is recorded.
    """
    names, contents = [], []
    for record in records:
        environment = record.environment
        parts = (environment.get(key) for key in ("cpu_model", "gpu"))
        names.append(", ".join(printable(part) for part in parts if part))
        limits = environment.get("limits")
        contents.append(
            {
                "system": environment.get("platform"),
                "caches": environment.get("caches"),
                "limited to cores": limits.get("cores") if isinstance(limits, dict) else None,
            }
        )
    return [label or None for label in labels(names, contents)]


def labels(names: Sequence[str], contents: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return each name, followed by the differences if several contents have that name.

    Args:
        names: the names of the contents.
        contents: one per name; JSON objects.

    Returns:
        A label for each name; equal only for equal names and contents.
    """
    keys = [msgspec.json.encode(content, order="sorted") for content in contents]
    by_name: dict[str, dict[bytes, Mapping[str, Any]]] = {}
    for name, key, content in zip(names, keys, contents, strict=True):
        by_name.setdefault(name, {}).setdefault(key, content)
    by_content = {
        (name, key): label
        for name, different in by_name.items()
        for key, label in zip(different, _labels_of(name, [*different.values()]), strict=True)
    }
    return [by_content[pair] for pair in zip(names, keys, strict=True)]


def _labels_of(name: str, contents: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the labels of different contents that have the same name."""
    if len(contents) == 1:
        return [name]
    flat = [
        {field: shorten(printable(value), MAX_CHARACTERS) for field, value in flatten(content)}
        for content in contents
    ]
    fields = [
        field
        for field in dict.fromkeys(field for content in flat for field in content)
        if len({content.get(field) for content in flat}) > 1
    ]
    labels: list[str] = []
    for content in flat:
        words = ", ".join(
            f"{printable(field)} {content.get(field, NOT_RECORDED)}" for field in fields
        )
        label = f"{name} ({words})" if words else name
        # Long values may differ after the characters that a label contains.
        labels.append(label if label not in labels else f"{label} #{len(labels) + 1}")
    return labels
