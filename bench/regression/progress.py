"""Progress of a comparison on the terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn

from bench import terminal
from bench.regression.group_results import Results
from bench.regression.outcome import Outcome


@contextmanager
def revisions(budget_seconds: float, until: float) -> Iterator[Callable[[Sequence[Outcome]], None]]:
    """Show the progress of a session, and the highest ratio that is still possible.

    Args:
        budget_seconds: length of the session.
        until: end of the session on the clock of `time.monotonic`.

    Yields:
        A function to call after every pair with all outcomes so far.
    """
    with _progress_bar("pairs", budget_seconds, until) as update:

        def on_pair(outcomes: Sequence[Outcome]) -> None:
            n_pairs = max(len(outcome.pairs) for outcome in outcomes)
            estimates = [outcome.estimate for outcome in outcomes]
            highest = max((e.high for e in estimates if e is not None), default=None)
            update(f"{n_pairs} pairs" + (f", ratios up to {highest:.3f}" if highest else ""))

        yield on_pair


@contextmanager
def configurations(
    budget_seconds: float, until: float
) -> Iterator[Callable[[Sequence[Results]], None]]:
    """Show the progress of a comparison of configurations. Arguments as for `revisions`.

    Yields:
        A function to call after every round of a group with all results so far.
    """
    with _progress_bar("rounds", budget_seconds, until) as update:
        yield lambda results: update(
            f"{min(len(found.seconds) for found in results)} rounds of all"
        )


@contextmanager
def _progress_bar(
    description: str, budget_seconds: float, until: float
) -> Iterator[Callable[[str], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"))
    console = terminal.console()
    hidden = not console.is_terminal  # it would print empty lines
    with Progress(*columns, console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task(description, total=budget_seconds, state="starting")

        def update(state: str) -> None:
            left = max(0.0, until - time.monotonic())
            bar.update(task, completed=budget_seconds - left, state=state)

        yield update
