"""One chart, and the rows of all charts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from bench.report.charts.vega import Spec, words
from bench.report.contents.blocks import Panel

CURVE_COLUMNS = (
    "epoch", "train_loss", "validation_loss", "validation_accuracy", "train_seconds_so_far",
)  # fmt: skip
MIN_SHARE = 0.25  # of a shared axis that the values of each panel take up
RUN_FIELDS = ("implementation", "learning_rate", "seed")  # of the table below a chart of runs


@dataclass(frozen=True, slots=True)
class ChartData:
    """The rows of all charts of a report.

    Attributes:
        conditions: labels of the drawn conditions; `condition` in the tables is an index into
            this list, unless `other_labels` has a list for the table.
        tables: the rows, by the name of the table. `done` are the finished runs.
        accuracy: which accuracy the comparison draws, `test_accuracy` if there is one.
        rate_accuracy: which accuracy is drawn by learning rate, `validation_accuracy` if there is
            one.
        swept: the settings that vary, and whether their values are numbers.
        reference: the implementation that the others' curves are compared with, or "".
        notices: sentences on the conditions and curves that are not drawn.
    """

    conditions: list[str]
    tables: dict[str, pd.DataFrame]
    accuracy: str
    rate_accuracy: str
    swept: dict[str, bool]
    reference: str
    notices: list[str]
    other_labels: dict[str, list[str]] = field(default_factory=dict)

    @property
    def n_names(self) -> int:
        """The number of implementations."""
        return self.tables["runs"]["implementation"].nunique()

    @property
    def n_epochs(self) -> int:
        """The number of the last epoch."""
        last = self.tables["curves"]["epoch"].max()
        return 0 if pd.isna(last) else int(last)

    def labels(self, table: str) -> list[str]:
        """Return the labels of the conditions of a table."""
        return self.other_labels.get(table, self.conditions)

    def packed(self) -> dict[str, dict[str, list[Any]]]:
        """Return the tables by column; `run` of a curve is the index of its run in `runs`."""
        curves = self.tables["curves"]
        places = {run_id: place for place, run_id in enumerate(self.tables["runs"]["run_id"])}
        short = curves[[*CURVE_COLUMNS]].assign(run=curves["run_id"].map(places))
        sent = {**self.tables, "curves": short}
        return {
            name: {str(column): _plain_values(table[column]) for column in table}
            for name, table in sent.items()
            if name not in ("done", "best_curves")  # the page selects them
        }

    @staticmethod
    def values(rows: pd.DataFrame) -> list[dict[str, Any]]:
        """Return rows as Vega-Lite takes them: a dict for each row, with null for missing values.

        Args:
            rows: rows of one of the tables.
        """
        columns = {str(column): _plain_values(rows[column]) for column in rows}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One chart, drawn once for every condition.

    Attributes:
        name: identifies the chart in the page, and its files.
        section: the section of the report that it belongs to.
        title: its heading.
        caption: the explanation of the chart.
        table: the name of its table in `ChartData.tables`.
        fields: the columns that the page shows as a table below the chart.
        needs: a row is drawn if each of these columns is above its number.
        value: the column that the description gives the range of.
        specification: the Vega-Lite specification, without data.
        legend: colours by name, of what neither axis names.
        ranges: the columns and numbers on the axis of each channel, which the panels share unless
            the values of one would be hard to read.
        keeps_unknown: if at least one row meets `needs`, all rows are drawn.
        panels: the conditions that it has rows for.
    """

    name: str
    section: str
    title: str
    caption: str
    table: str
    fields: tuple[str, ...]
    needs: Mapping[str, float]
    value: str
    specification: Spec
    legend: Mapping[str, str] = field(default_factory=dict)
    ranges: Mapping[str, tuple[str | float, ...]] = field(default_factory=dict)
    keeps_unknown: bool = False
    panels: tuple[Panel, ...] = ()

    def rows(self, data: ChartData) -> pd.DataFrame:
        """Return the rows that the panels draw."""
        table = data.tables[self.table]
        is_drawn = pd.Series(True, table.index)
        for column, above in self.needs.items():
            is_drawn &= table[column] > above
        if self.keeps_unknown:
            is_drawn = is_drawn.groupby(table["condition"]).transform("any")
        return table[is_drawn]

    def with_panels(self, data: ChartData, max_panels: int) -> Chart:
        """Return the chart with a panel for each of the first conditions that have rows.

        A panel's description is each implementation's range of values, for readers who cannot see
        the chart.
        """
        rows = self.rows(data)
        by = "implementation" if "implementation" in rows else "case"
        listed: dict[int, list[str]] = {number: [] for number in rows["condition"].unique()}
        ranges = rows.groupby(["condition", by])[self.value].agg(["min", "max"]).dropna()
        for (number, name), low, high in ranges.itertuples():
            listed[number].append(f"{name} {low:.4g} to {high:.4g}")
        value = words(self.value).capitalize()
        panels = [
            Panel(number, label, f"{value}: {', '.join(listed[number])}.")
            for number, label in enumerate(data.labels(self.table)[:max_panels])
            if number in listed
        ]
        shared = self.specification
        for channel, ends in self.ranges.items() if len(panels) > 1 else ():
            columns = [one for one in ends if isinstance(one, str)]
            values = rows.assign(**{str(one): one for one in ends if one not in columns})
            of_panels = values.groupby("condition")[[*map(str, ends)]]
            lows, highs = of_panels.min().min(axis=1), of_panels.max().max(axis=1)
            low, high = float(lows.min()), float(highs.max())
            if low < high and (highs - lows >= MIN_SHARE * (high - low)).all():
                shared = _with_domain(shared, channel, [low, high])
        return replace(self, specification=shared, panels=tuple(panels))


def _with_domain(part: Any, channel: str, domain: Sequence[float]) -> Any:
    """Return a part of a specification in which all axes of numbers of a channel have a domain."""
    if isinstance(part, list):
        return [_with_domain(one, channel, domain) for one in part]
    if not isinstance(part, Mapping):
        return part
    changed = {key: _with_domain(one, channel, domain) for key, one in part.items()}
    axis = changed.get(channel)
    if isinstance(axis, dict) and axis.get("type") == "quantitative":
        axis["scale"] = {**axis["scale"], "domain": domain}
    return changed


def _plain_values(column: pd.Series) -> list[Any]:
    """Return values as JSON has them, numbers with six significant digits."""
    return [
        value if not isinstance(value, float)
        else float(f"{value:.6g}") if math.isfinite(value) else None
        for value in column.tolist()
    ]  # fmt: skip
