"""The pictures of a report that are made from numbers of runs. PNG, ready for print."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.ticker import StrMethodFormatter

from bench.contract import RunRecord, Verdict
from bench.report import style, tables
from bench.report.terminal import SYNTHETIC, is_synthetic

NARROW = 0.15  # a bar, as a share of the distance between rates, too narrow for a figure above it
MOST_LEVEL_NAMES = 4  # that fit side by side below a panel
MOST_LINES = 5  # runs of one implementation that have a curve in a panel
MOST_PANELS = 12  # conditions drawn in one picture; beyond that nothing can be read


class Plots:
    """Draws one sweep. Each method writes one picture and returns its caption."""

    def __init__(
        self, records: Sequence[RunRecord], folder: Path, verdicts: Sequence[Verdict] = ()
    ) -> None:
        self.records = {record.run_id: record for record in records}
        self.folder = folder
        self.runs = tables.runs_table(records, verdicts)
        self.looks = style.looks(records)
        self.stamp = f" ({SYNTHETIC})" if is_synthetic(records) else ""

    def draw(self) -> dict[str, str]:
        """Draw everything there is data for; return captions by file name."""
        drawn: dict[str, str] = {}
        drawings: list[tuple[str, Callable[[Path], str | None]]] = [
            ("accuracy_by_learning_rate.png", self.accuracy_by_learning_rate),
            ("throughput.png", self.throughput),
            ("accuracy_by_seconds.png", self.accuracy_by_seconds),
            ("accuracy_against_seconds.png", self.accuracy_against_seconds),
            ("loss_curves.png", self.loss_curves),
        ]
        for name, drawing in drawings:
            caption = drawing(self.folder / name)
            if caption is not None:
                drawn[name] = caption
        return drawn

    def accuracy_by_learning_rate(self, path: Path) -> str | None:
        """Bars of validation accuracy: which learning rate is best for each implementation?"""
        accuracies = self.runs["validation_accuracy"].dropna()
        if accuracies.empty:
            return None
        floor = max(0.0, accuracies.min() - 0.25 * (accuracies.max() - accuracies.min()) - 0.01)
        ceiling = min(1.0, accuracies.max() + 0.01)
        with self._panels(path, "Validation accuracy by learning rate") as (drawn, axes, panels):
            for panel, condition in panels:
                rates = sorted(condition["learning_rate"].unique())
                names = [name for name in self.looks if name in set(condition["implementation"])]
                width = 0.8 / len(names)
                for number, name in enumerate(names):
                    mine = condition[condition["implementation"] == name]
                    self._bars(
                        panel, mine, rates, (number - (len(names) - 1) / 2) * width, width, floor
                    )
                panel.set_xticks(range(len(rates)), [f"{rate:g}" for rate in rates])
                panel.set_xlabel("learning rate")
                panel.set_ylabel(
                    "validation accuracy (axis cut off below)" if floor else "validation accuracy"
                )
                panel.set_ylim(floor, ceiling)
                panel.grid(visible=False, axis="x")
            style.legend(drawn, axes)
        return (
            "Validation accuracy after the last epoch, by learning rate; mean over seeds. The "
            "vertical axis does not start at zero. A star marks each implementation's best rate."
        )

    def _bars(
        self,
        panel: Any,
        mine: pd.DataFrame,
        rates: list[float],
        shift: float,
        width: float,
        floor: float,
    ) -> None:
        name = mine["implementation"].iloc[0]
        look = self.looks[name]
        means = mine.groupby("learning_rate")["validation_accuracy"].mean()
        panel.bar(
            [rate + shift for rate in range(len(rates))],
            [means.get(rate, float("nan")) for rate in rates],
            width=width * 0.94,
            color=look.colour,
            hatch=look.hatch,
            edgecolor="white",
            label=name,
        )
        best = means.idxmax() if means.notna().any() else None
        for place, rate in enumerate(rates):
            tried = mine[mine["learning_rate"] == rate]
            if tried.empty:
                continue
            if pd.isna(means[rate]):
                words = "/".join(style.unique(tried["status"].tolist()))
                panel.text(
                    place + shift,
                    floor,
                    f" {words}",
                    rotation=90,
                    ha="center",
                    va="bottom",
                    color=look.colour,
                )
            else:
                star = "*" if rate == best else ""
                text = f"{means[rate]:.3f}{star}" if width > NARROW else star
                panel.text(
                    place + shift,
                    means[rate],
                    text,
                    ha="center",
                    va="bottom",
                    fontsize=8,
                    fontweight="bold" if star else "normal",
                )

    def throughput(self, path: Path) -> str | None:
        """Examples per second: every epoch a dot, the median a line."""
        runs = self.runs.dropna(subset=["examples_per_second"])
        if runs.empty:
            return None
        with self._panels(path, "Training speed", runs) as (_, _, panels):
            for panel, condition in panels:
                names = [name for name in self.looks if name in set(condition["implementation"])]
                for place, name in enumerate(names):
                    look = self.looks[name]
                    mine = condition[condition["implementation"] == name]
                    speeds = pd.Series(
                        [
                            speed
                            for run_id in mine["run_id"]
                            for speed in tables.epoch_speeds(self.records[run_id])
                        ]
                    )
                    spread = [
                        place + 0.3 * ((number * 7 % 11) / 10 - 0.5)
                        for number in range(len(speeds))
                    ]
                    panel.plot(
                        spread,
                        speeds,
                        look.marker,
                        color=look.colour,
                        alpha=0.45,
                        markeredgecolor="none",
                    )
                    median = speeds.median()
                    panel.hlines(median, place - 0.3, place + 0.3, color="black", linewidth=1.5)
                    panel.annotate(f"{median:,.0f}", (place + 0.32, median), va="center")
                proven = condition.groupby("implementation")["parity"].apply(tables.is_proven)
                labels = [name if proven[name] else f"{name}\n(no rank)" for name in names]
                slanted = {"rotation": 30, "ha": "right"} if len(names) > MOST_LEVEL_NAMES else {}
                panel.set_xticks(range(len(names)), labels, **slanted)
                panel.set_xlim(-0.6, len(names) - 0.1)
                panel.set_ylim(bottom=0)
                panel.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
                panel.set_ylabel("examples per second")
                panel.grid(visible=False, axis="x")
        return (
            "Examples trained on per second. A dot is one epoch of one run, at any learning rate; "
            "the line and the figure are their median. No rank: not proven to compute what the "
            "others do."
        )

    def accuracy_by_seconds(self, path: Path) -> str | None:
        """Validation accuracy against the seconds trained so far, at the best learning rates."""
        best = tables.best_rates(self.runs)
        if best["validation_accuracy"].dropna().empty:
            return None
        with self._panels(path, "Validation accuracy by training time", best) as (
            drawn,
            axes,
            panels,
        ):
            for panel, condition in panels:
                for run, whole, drawn_with in self._lines(condition):
                    curve = whole[whole["epoch"] > 0]
                    panel.plot(
                        curve["train_seconds_so_far"],
                        curve["validation_accuracy"],
                        linestyle=self.looks[run.implementation].line,
                        label=f"{run.implementation}, rate {run.learning_rate:g}",
                        **drawn_with,
                    )
                panel.set_xlim(left=0)
                panel.set_xlabel("seconds of training, warm-up and evaluation not counted")
                panel.set_ylabel("validation accuracy")
            style.legend(drawn, axes)
        return (
            "Validation accuracy against the seconds spent in training so far, each implementation "
            "at its best learning rate, at most five runs each. A marker is the end of an epoch; "
            "up and to the left is better."
        )

    def loss_curves(self, path: Path) -> str | None:
        """Training and validation loss by epoch, at the best learning rates."""
        best = tables.best_rates(self.runs)
        if best.empty:
            return None
        with self._panels(path, "Loss by epoch", best) as (drawn, axes, panels):
            for panel, condition in panels:
                for run, curve, drawn_with in self._lines(condition):
                    name = f"{run.implementation}, rate {run.learning_rate:g}"
                    panel.plot(
                        curve["epoch"],
                        curve["train_loss"],
                        linestyle="-",
                        label=f"{name}: training",
                        **drawn_with,
                    )
                    if curve["validation_loss"].notna().any():
                        panel.plot(
                            curve["epoch"],
                            curve["validation_loss"],
                            linestyle="--",
                            markerfacecolor="white",
                            label=f"{name}: validation",
                            **drawn_with,
                        )
                panel.set_xlabel("epoch (0: before training)")
                panel.set_ylabel("loss")
                panel.set_yscale("log")
                panel.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
                panel.yaxis.set_minor_formatter(StrMethodFormatter("{x:g}"))
                panel.xaxis.get_major_locator().set_params(integer=True)
            style.legend(drawn, axes)
        return (
            "Loss by epoch on a logarithmic axis, each implementation at its best learning rate, "
            "at most five runs each; "
            "lines on top of each other mean that the implementations learn the same. The training "
            "loss is the mean over an epoch's batches, each before its update."
        )

    def accuracy_against_seconds(self, path: Path) -> str | None:
        """What a run has reached against what its training took, and which nobody beats at both."""
        done = self.runs[self.runs["status"] == "done"].dropna(subset=["validation_accuracy"])
        if done.empty:
            return None
        with self._panels(path, "Accuracy against training time", done) as (drawn, axes, panels):
            for panel, condition in panels:
                front = condition[tables.pareto_front(condition)].sort_values("train_seconds")
                panel.step(
                    front["train_seconds"],
                    front["validation_accuracy"],
                    where="post",
                    color="#777777",
                    linewidth=1,
                    label="Pareto front",
                )
                for name, mine in condition.groupby("implementation"):
                    look = self.looks[str(name)]
                    panel.plot(
                        mine["train_seconds"],
                        mine["validation_accuracy"],
                        look.marker,
                        color=look.colour,
                        label=str(name),
                    )
                panel.set_xscale("log")
                panel.set_xlabel("seconds of training (logarithmic)")
                panel.set_ylabel("validation accuracy")
            style.legend(drawn, axes)
        return (
            "Validation accuracy after the last epoch against seconds of training. A marker is a "
            "run, at any learning rate; no run is both faster and more accurate than one on the "
            "Pareto front."
        )

    @contextmanager
    def _panels(
        self, path: Path, title: str, runs: pd.DataFrame | None = None
    ) -> Iterator[tuple[Any, Any, list[tuple[Any, pd.DataFrame]]]]:
        """Open a picture with a panel per condition, and that condition's runs with each."""
        runs = self.runs if runs is None else runs
        named = tables.varying(self.runs)
        groups = [group for _, group in runs.groupby(list(tables.CONDITIONS), dropna=False)]
        groups = groups[:MOST_PANELS]
        rows, columns = style.grid_shape(len(groups), widest=2)
        options = {"nrows": rows, "ncols": columns, "sharey": True}
        size = (5.4 * columns if columns > 1 else 7.0, 3.9 * rows + 0.6)
        with style.figure(path, title + self.stamp, figsize=size, **options) as (drawn, axes):
            for panel, group in zip(axes.flat, groups, strict=False):
                panel.set_title(tables.condition_label(group.iloc[0], named))
                panel.yaxis.set_tick_params(which="both", labelleft=True)
            yield drawn, axes, list(zip(axes.flat, groups, strict=False))
            style.hide_unused(axes, len(groups))

    def _lines(self, condition: pd.DataFrame) -> Iterator[tuple[Any, pd.DataFrame, dict[str, Any]]]:
        """Yield each run with its curve and how to draw it: later ones thinner, to lie on top."""
        few = condition.groupby("implementation").head(MOST_LINES)
        runs = list(tables.rows(few.sort_values("implementation")))
        names = style.unique([run.implementation for run in runs])
        for run in runs:
            look = self.looks[run.implementation]
            width = 1.5 + 2.5 * (len(names) - 1 - names.index(run.implementation)) / len(names)
            drawn = {"color": look.colour, "marker": look.marker, "linewidth": width}
            yield run, tables.curves_table([self.records[run.run_id]]), drawn
