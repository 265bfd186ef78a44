"""Progress of a comparison on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn

from bench import terminal
from bench.regression.outcome import Outcome
from bench.regression.sides.process import Conditions


@contextmanager
def revisions(conditions: Conditions) -> Iterator[Callable[[Sequence[Outcome]], None]]:
    """Show the progress of a session, and the highest ratio that is still possible.

    Yields:
        A function to call after every pair with all outcomes so far.
    """
    with progress_bar("pairs", conditions) as update:

        def on_pair(outcomes: Sequence[Outcome]) -> None:
            n_pairs = max(len(outcome.pairs) for outcome in outcomes)
            estimates = [outcome.estimate for outcome in outcomes]
            highest = max((e.high for e in estimates if e is not None), default=None)
            update(f"{n_pairs} pairs" + (f", ratios up to {highest:.3f}" if highest else ""))

        yield on_pair


@contextmanager
def progress_bar(description: str, conditions: Conditions) -> Iterator[Callable[[str], None]]:
    """Show a bar of the time that is used; yield a function that shows the state next to it."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"))
    console = terminal.console()
    hidden = not console.is_terminal  # it would print empty lines
    with Progress(*columns, console=console, transient=True, disable=hidden) as bar:
        total = conditions.remaining_seconds
        task = bar.add_task(description, total=total, state="starting")

        def update(state: str) -> None:
            bar.update(task, completed=total - conditions.remaining_seconds, state=state)

        yield update
