"""Progress of a comparison on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn

from bench import terminal
from bench.regression.group_results import Results
from bench.regression.outcome import Outcome
from bench.regression.side_process import Conditions


@contextmanager
def revisions(conditions: Conditions) -> Iterator[Callable[[Sequence[Outcome]], None]]:
    """Show the progress of a session, and the highest ratio that is still possible.

    Yields:
        A function to call after every pair with all outcomes so far.
    """
    with _progress_bar("pairs", conditions) as update:

        def on_pair(outcomes: Sequence[Outcome]) -> None:
            n_pairs = max(len(outcome.pairs) for outcome in outcomes)
            estimates = [outcome.estimate for outcome in outcomes]
            highest = max((e.high for e in estimates if e is not None), default=None)
            update(f"{n_pairs} pairs" + (f", ratios up to {highest:.3f}" if highest else ""))

        yield on_pair


@contextmanager
def configurations(conditions: Conditions) -> Iterator[Callable[[Sequence[Results]], None]]:
    """Show the progress of a comparison of configurations.

    Yields:
        A function to call after every round of a group with all results so far.
    """
    with _progress_bar("rounds", conditions) as update:
        yield lambda results: update(
            f"{min(len(measured.seconds) for measured in results)} rounds of all"
        )


@contextmanager
def _progress_bar(description: str, conditions: Conditions) -> Iterator[Callable[[str], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"))
    console = terminal.console()
    hidden = not console.is_terminal  # it would print empty lines
    with Progress(*columns, console=console, transient=True, disable=hidden) as bar:
        total = conditions.remaining_seconds
        task = bar.add_task(description, total=total, state="starting")

        def update(state: str) -> None:
            bar.update(task, completed=total - conditions.remaining_seconds, state=state)

        yield update
