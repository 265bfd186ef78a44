"""The pictures of a report that are made from numbers of runs. PNG and SVG, ready for print."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.ticker import NullLocator

from bench import plotting
from bench.report import curves, frames, panels
from bench.report.comparing import Analysis

MAX_LEVEL_NAMES, MAX_LEVEL_RATES = 4, 6  # that fit side by side below a panel


class Plots:
    """Draws one sweep. Each method writes one picture and returns its caption."""

    def __init__(self, analysis: Analysis, folder: Path) -> None:
        self.records = {view.record.run_id: view.record for view in analysis.views}
        self.folder = folder
        self.runs = analysis.runs
        self.done = self.runs["status"] == "done"
        self.looks = plotting.looks(analysis.colours())
        self.stamp = analysis.stamp
        self.epochs = curves.at_best_rates(analysis.views, self.runs)
        self.drawings: dict[str, Callable[[Path], str | None]] = {
            "accuracy_by_learning_rate.png": self.accuracy_by_learning_rate,
            "throughput.png": self.throughput,
            "accuracy_against_seconds.png": self.accuracy_against_seconds,
            **{name: partial(self.curve, curve) for name, curve in curves.CURVES.items()},
        }

    def draw(self, name: str) -> dict[str, str]:
        """Draw one picture; return its caption by its name, or nothing where there is no data."""
        caption = self.drawings[name](self.folder / name)
        return {} if caption is None else {name: caption}

    def curve(self, curve: curves.Curve, path: Path) -> str | None:
        """Draw how something went while runs trained."""
        return curves.draw(curve, path, self.runs, self.epochs, self.looks, self.stamp)

    def accuracy_by_learning_rate(self, path: Path) -> str | None:
        """Validation accuracy by learning rate: which is best for each implementation?"""
        rates = pd.to_numeric(self.runs["learning_rate"], errors="coerce")
        if self.runs["validation_accuracy"].isna().all() or not (rates > 0).any():
            return None
        title = f"Validation accuracy by learning rate{self.stamp}"
        with panels.figure(path, title, self.runs, rates > 0) as (drawn, cut):
            for panel, condition in drawn:
                names = [name for name in self.looks if name in set(condition["implementation"])]
                for number, name in enumerate(names):
                    mine = condition[condition["implementation"] == name]
                    self._rates(panel, mine, name, panels.width(number, len(names)))
                    self._endings(panel, mine, name, 12 * (number - (len(names) - 1) / 2))
                tried = sorted(condition["learning_rate"].unique())
                slanted = {"rotation": 60} if len(tried) > MAX_LEVEL_RATES else {}
                panel.set_xscale("log")
                panel.set_xticks(tried, [f"{rate:g}" for rate in tried], **slanted)
                panel.xaxis.set_minor_locator(NullLocator())
                panel.set_xlim(tried[0] / 1.4, tried[-1] * 1.4)
                panel.set_xlabel("learning rate (logarithmic)")
                panel.set_ylabel("validation accuracy")
        return (
            "Validation accuracy after the last epoch, by learning rate; mean over seeds. The "
            "vertical axis does not start at zero. A star marks each implementation's best rate, "
            "a cross at the bottom one without a result, such as a run that diverged." + cut
        )

    def _rates(self, panel: Any, mine: pd.DataFrame, name: str, width: float) -> None:
        look = self.looks[name]
        means = mine.groupby("learning_rate")["validation_accuracy"].mean()
        known = means.dropna()
        drawn = {"color": look.colour, "linestyle": look.line, "marker": look.marker}
        panel.plot(known.index, known, **drawn, linewidth=width, label=plotting.short(name))
        if not known.empty:
            star = {"markersize": 15, "markeredgecolor": "black", "color": look.colour}
            panel.plot(known.idxmax(), known.max(), "*", **star, zorder=4)

    def _endings(self, panel: Any, mine: pd.DataFrame, name: str, points: float) -> None:
        """Mark the rates without a result, each implementation's beside the others'."""
        for rate, tried in mine.groupby("learning_rate"):
            if tried["validation_accuracy"].isna().all():
                panel.annotate(
                    f"\N{MULTIPLICATION SIGN} {plotting.listed(tried['status'])}",
                    (rate, 0), xycoords=panel.get_xaxis_transform(), xytext=(points, 3),
                    textcoords="offset points", rotation=90, ha="center", va="bottom",
                    fontsize=9, fontweight="bold", color=self.looks[name].colour,
                ).set_in_layout(False)  # fmt: skip

    def throughput(self, path: Path) -> str | None:
        """Examples per second: every epoch a dot, the median a line."""
        timed = self.done & self.runs["examples_per_second"].notna()
        if not timed.any():
            return None
        with panels.figure(path, f"Training speed{self.stamp}", self.runs, timed) as (drawn, cut):
            for panel, condition in drawn:
                names = [name for name in self.looks if name in set(condition["implementation"])]
                for place, name in enumerate(names):
                    runs = condition.loc[condition["implementation"] == name, "run_id"]
                    speeds = [
                        speed for run in runs for speed in frames.epoch_speeds(self.records[run])
                    ]
                    self._speeds(panel, place, name, pd.Series(speeds))
                proven = condition.groupby("implementation")["parity"].apply(frames.is_proven)
                labels = [
                    plotting.short(name) + ("" if proven[name] else "\n(no rank)") for name in names
                ]
                slanted = {"rotation": 30, "ha": "right"} if len(names) > MAX_LEVEL_NAMES else {}
                panel.set_xticks(range(len(names)), labels, **slanted)
                panel.set_xlim(-0.6, len(names) - 0.1)
                panel.set_ylim(bottom=0)
                panel.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
                panel.set_ylabel("examples per second")
                panel.grid(visible=False, axis="x")
        return (
            "Examples trained on per second. A dot is one epoch of one finished run, at any "
            "learning rate; the line and the figure are their median. No rank: not proven to "
            "compute what the others do." + cut
        )

    def _speeds(self, panel: Any, place: int, name: str, speeds: pd.Series) -> None:
        look = self.looks[name]
        spread = [place + 0.3 * ((number * 7 % 11) / 10 - 0.5) for number in range(len(speeds))]
        dots = {"color": look.colour, "alpha": 0.45, "markeredgecolor": "none"}
        panel.plot(spread, speeds, look.marker, **dots)
        median = speeds.median()
        panel.hlines(median, place - 0.3, place + 0.3, color="black", linewidth=1.5)
        panel.annotate(f"{median:,.0f}", (place + 0.32, median), va="center")

    def accuracy_against_seconds(self, path: Path) -> str | None:
        """What a run has reached against what its training took, and which nobody beats at both."""
        known = self.done & self.runs["validation_accuracy"].notna()
        if not known.any():
            return None
        title = f"Accuracy against training time{self.stamp}"
        with panels.figure(path, title, self.runs, known) as (drawn, cut):
            for panel, condition in drawn:
                front = condition[frames.pareto_front(condition)].sort_values("train_seconds")
                panel.step(
                    front["train_seconds"], front["validation_accuracy"], where="post",
                    color="#777777", linewidth=1, label="Pareto front",
                )  # fmt: skip
                for name, mine in condition.groupby("implementation"):
                    look, place = self.looks[str(name)], ("train_seconds", "validation_accuracy")
                    points = [mine[axis] for axis in place]
                    panel.plot(*points, look.marker, color=look.colour, label=plotting.short(name))
                panels.logarithmic(panel, "x")
                panel.set_xlabel("seconds of training (logarithmic)")
                panel.set_ylabel("validation accuracy")
        return (
            "Validation accuracy after the last epoch against seconds of training. A marker is a "
            "run, at any learning rate; no run is both faster and more accurate than one on the "
            "Pareto front." + cut
        )
