"""The records of a report, and the frames that all of its parts are computed from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from bench.nested import setting
from bench.report.frames import dataframes
from bench.report.frames.accuracy_pairs import AccuracyPairs
from bench.report.frames.comparison import add_time_to_accuracy, compare
from bench.report.frames.display_names import RunView, run_views
from bench.report.frames.repeats import outliers
from bench.report.frames.runs import runs_frame
from bench.report.frames.speed_pairs import SpeedPairs
from bench.results.store import Sweep
from bench.terminal import dataset_stamp, record_datasets


@dataclass(frozen=True)
class Analysis:
    """The records of a report, and the frames that all of its parts are computed from."""

    sweep: Sweep
    views: tuple[RunView, ...]
    runs: pd.DataFrame  # one row per view, in the same order
    comparison: pd.DataFrame  # as `compare` returns it, with the time to accuracy
    conditions: tuple[str, ...]  # labels; `condition` in the frames is an index into them
    speeds: SpeedPairs
    accuracies: AccuracyPairs

    @property
    def finished(self) -> pd.DataFrame:
        """The rows of the comparison that have a finished run."""
        compared = self.comparison
        return compared if compared.empty else compared[compared["status"] == "done"]

    @cached_property
    def names(self) -> list[str]:
        """The implementations in the order of the comparison, the fastest first."""
        names = dict.fromkeys(map(str, self.comparison.get("implementation", ())))
        return [*names, *sorted({view.implementation for view in self.views} - names.keys())]

    @cached_property
    def kinds(self) -> dict[int, str]:
        """The kind of machine of each condition, by its number."""
        kind = dataframes.kind_labels(self.runs)
        firsts = kind.groupby(self.runs["condition"]).first()
        return {int(str(number)): str(label) for number, label in firsts.items()}

    @cached_property
    def outliers(self) -> pd.DataFrame:
        """The runs that are much slower than their repeats, the slowest first."""
        return outliers(self.runs)

    @property
    def stamp(self) -> str:
        """The suffix of titles: a warning of data other than Fashion-MNIST, or nothing."""
        return dataset_stamp(record_datasets(self.sweep.records))

    def colours(self) -> list[tuple[str, object]]:
        """Return each run's implementation and the colour that its configuration asks for."""
        return [
            (view.implementation, setting(view.record, "implementation", "colour"))
            for view in self.views
        ]


def analyse(sweep: Sweep, target: float | None = None) -> Analysis:
    """Compute the frames of a report.

    Args:
        sweep: one sweep, or several sweeps merged into one.
        target: the validation accuracy to time, 0 to 1; None: the highest hundredth that every row
            of a condition has reached.

    Returns:
        The frames, for records of any content; empty frames if there are no records.
    """
    views = run_views(sweep.records)
    runs = runs_frame(views, sweep.verdicts)
    speeds = SpeedPairs(runs)
    compared = add_time_to_accuracy(compare(runs, speeds), sweep.records, target)
    labels = tuple(label for label, _ in dataframes.conditions(runs))
    accuracies = AccuracyPairs(runs, views)
    return Analysis(sweep, views, runs, compared, labels, speeds, accuracies)
