"""All pictures of a report of runs, drawn in several processes at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from bench.report import overviews, pictures
from bench.report.comparing import Analysis
from bench.report.plots import Plots

MAX_PROCESSES = 4

Drawing = Callable[[], dict[str, str]]  # draws one or a few pictures; captions by file name
_kept: list[list[Drawing]] = []  # of a process that draws: what is to be drawn


def draw(analysis: Analysis, folder: Path) -> dict[str, str]:
    """Draw everything there is data for; return captions by file name, in the order of a report.

    matplotlib does not draw in two threads. The processes are forked, so that they have the records
    without being sent them.
    """
    plots = Plots(analysis, folder)
    best = pictures.best_by_implementation(analysis.views)
    drawings: list[Drawing] = [
        *(partial(plots.draw, name) for name in plots.drawings),
        partial(overviews.draw, analysis.runs, folder, plots.stamp),
        partial(pictures.draw, best, analysis.sweep.datasets, folder),
    ]
    n_processes = min(MAX_PROCESSES, os.cpu_count() or 1)
    with ProcessPoolExecutor(n_processes, get_context("fork"), _keep, (drawings,)) as pool:
        # The last ones take longest, and so are begun first.
        drawn = list(pool.map(_drawn, reversed(range(len(drawings)))))
    return {name: caption for of_one in reversed(drawn) for name, caption in of_one.items()}


def _keep(drawings: list[Drawing]) -> None:
    _kept.append(drawings)


def _drawn(number: int) -> dict[str, str]:
    (drawings,) = _kept
    return drawings[number]()
