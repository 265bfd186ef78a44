"""The comparison over each setting that varies, such as `batch_size` or `threads`."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

import pandas as pd

from bench.report.frames import dataframes

FILTERS = ("implementation", "architecture", "learning_rate", "batch_size")
MIN_ARCHITECTURES = 3  # fewer are compared as conditions, without a chart over them
UNNAMED = {"dataset_fingerprint", "machine"}  # conditions that no chart is drawn over


def over_settings(
    compared: pd.DataFrame,
) -> tuple[dict[str, pd.DataFrame], dict[str, list[str]]]:
    """Return the comparison by each setting that varies.

    Args:
        compared: the rows of the comparison that have a finished run.

    Returns:
        The rows of each setting, with its `value`, its `order` on an axis, and as `condition` the
        number of the panel, in which the other settings are equal; and the labels of the panels by
        the name of the table.
    """
    varying = [key for key in dataframes.varying(compared) if key not in UNNAMED]
    if "architecture" in varying and compared["architecture"].nunique() < MIN_ARCHITECTURES:
        varying.remove("architecture")
    tables: dict[str, pd.DataFrame] = {}
    labels: dict[str, list[str]] = {}
    for key in varying:
        if any(_determines(compared, key, other) and _determines(compared, other, key)
               for other in tables):  # fmt: skip
            continue  # such as cores, which the threads decide
        rest = [
            name for name in dataframes.CONDITIONS
            if name != key and not _determines(compared, key, name)
        ]  # fmt: skip
        named = [name for name in dataframes.varying(compared) if name in rest]
        rows = compared.assign(value=[_setting(value) for value in compared[key]])
        rows["order"] = rows["value"].map(_order(rows["value"]))
        groups = rows.assign(all=0).groupby(["all", *rest], dropna=False, sort=False)
        rows["condition"] = groups.ngroup()
        rows = rows[rows["condition"].map(rows.groupby("condition")["value"].nunique()) > 1]
        if rows.empty:
            continue
        columns = ["condition", *FILTERS, "value", "order", "examples_per_second", "accuracy"]
        tables[key] = rows[columns]
        labels[f"over_{key}"] = [_label(group.iloc[0], named) for _, group in groups]
    return tables, labels


def _setting(value: Any) -> Any:
    """Return a number as it is, anything else as text."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value == value
    return value if is_number else dataframes.plain(value)


def _label(row: pd.Series, named: Sequence[str]) -> str:
    """Return the label of the settings that do not vary in a panel."""
    words = [
        ("" if name == "architecture" else f"{name.replace('_', ' ')} ")
        + dataframes.plain(row[name])
        for name in named
    ]
    return ", ".join(words) or "all runs"


def _determines(frame: pd.DataFrame, key: str, other: str) -> bool:
    """Return whether rows with equal `key` have equal `other`."""
    return bool(frame.groupby(key, dropna=False)[other].nunique(dropna=False).max() <= 1)


def is_numeric(values: pd.Series) -> bool:
    """Return whether a logarithmic axis fits: three positive numbers over a factor of four.

    Args:
        values: the values of a setting.
    """
    numbers = [float(value) for value in values.unique() if isinstance(value, Real)]
    is_all = len(numbers) == values.nunique() >= 3 and min(numbers) > 0
    return is_all and max(numbers) >= 4 * min(numbers)


def _order(values: pd.Series) -> dict[Any, int]:
    """Return the places of values on an axis: numbers by size, then words."""
    numbers = sorted(value for value in values.unique() if not isinstance(value, str))
    words = sorted(value for value in values.unique() if isinstance(value, str))
    return {value: place for place, value in enumerate([*numbers, *words])}
