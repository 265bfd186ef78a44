"""Records and tidy DataFrames of sweeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import pandas as pd

from bench.api.plain_errors import plain_errors
from bench.api.sources import FOLDERS, Records, Source, records_of
from bench.nested import setting
from bench.records import Status
from bench.report.frames import dataframes
from bench.report.frames.display_names import RunView, run_views
from bench.report.frames.runs import curves_frame, runs_frame

COLOURS = "colours"  # the key of `DataFrame.attrs` with the colour of each implementation
ORDERED = ("quiet", "parity")  # the worst first, so that `min` is the worst


@plain_errors
def load_records(source: Source) -> Records:
    """Read the records of a sweep, or of several.

    Args:
        source: the folder of a sweep, such as `results/default`; several folders, or a frame.

    Returns:
        A sequence of `RunRecord`.

    Raises:
        BenchError: a folder is not the folder of a sweep.
    """
    return records_of(source)


@plain_errors
def load_runs(source: Source) -> pd.DataFrame:
    """Return one row per run: settings, results, times.

    Args:
        source: the folder of a sweep, such as `results/default`; several folders; or records.

    Returns:
        The columns of runs.csv, which docs/csv_columns.md explains. Names and words are
        categorical; `started_at` is a time.

    Raises:
        BenchError: a folder is not the folder of a sweep.
    """
    records = records_of(source)
    views = run_views(records)
    return _tidy(runs_frame(views, records.sweep.verdicts), views, records)


@plain_errors
def load_curves(source: Source) -> pd.DataFrame:
    """Return one row per epoch: losses, accuracy, seconds.

    Args:
        source: the folder of a sweep, such as `results/default`; several folders; or records.

    Returns:
        The columns of curves.csv, then those of runs.csv that make a condition, such as `recipe`
        and `batch_size`; docs/csv_columns.md explains them.

    Raises:
        BenchError: a folder is not the folder of a sweep.
    """
    records = records_of(source)
    views = run_views(records)
    curves = curves_frame(views)
    curves["learning_rate"] = pd.to_numeric(curves["learning_rate"], errors="coerce")
    runs = runs_frame(views)
    added = [name for name in ("condition", *dataframes.CONDITIONS) if name not in curves]
    return _tidy(curves.merge(runs[["run_id", *added]], on="run_id"), views, records)


def _tidy(frame: pd.DataFrame, views: Sequence[RunView], records: Records) -> pd.DataFrame:
    """Make words categorical, and note what the frame is from."""
    for name, order in _orders(views).items():
        if name in frame:
            present = set(frame[name].dropna())
            categories = [value for value in order if value in present]
            frame[name] = pd.Categorical(frame[name], categories, ordered=name in ORDERED)
    if "started_at" in frame:
        frame["started_at"] = pd.to_datetime(
            frame["started_at"], utc=True, format="ISO8601", errors="coerce"
        )
    colours: dict[str, object] = {}
    for view in views:
        colours.setdefault(view.implementation, setting(view.record, "implementation", "colour"))
    # Text only, so that frames can be written to Parquet.
    frame.attrs = {FOLDERS: [str(folder) for folder in records.folders], COLOURS: colours}
    return frame


def _orders(views: Sequence[RunView]) -> dict[str, Sequence[str]]:
    """Return the categories of each column in their order."""
    by_size = sorted(views, key=lambda view: view.record.parameter_count)
    return {
        "status": get_args(Status),
        "implementation": sorted({view.implementation for view in views}),
        "architecture": [*dict.fromkeys(view.architecture for view in by_size)],
        "recipe": [*dict.fromkeys(view.recipe for view in views)],
        "dataset": [*dict.fromkeys(view.dataset for view in views)],
        "parity": dataframes.PARITY_WORDS,
        "quiet": dataframes.QUIET_WORDS,
    }
