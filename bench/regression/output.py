"""What a comparison shows: progress, a table, and a folder with the raw pairs."""

from __future__ import annotations

import math
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from rich.progress import BarColumn, Progress, TextColumn

from bench import provenance, terminal
from bench.machine import facts
from bench.markdown import table, text
from bench.regression.session import Outcome
from bench.regression.side_process import SideName
from bench.regression.sides import SideOfPair, different_libraries
from bench.statistics import Estimate

HEADINGS = ("ratio", "95 % interval", "pairs", "spread", "answer")
MEANING = (
    "Ratio: time of HEAD over time of BASE. Spread: standard deviation of the pairs. Not slower: "
    "by less than what matters, with 99 % certainty."
)
SOMETHING_ELSE = "learns something else"
APART = {
    "first_apart": "the update after a few steps",
    "losses_apart": "a block's loss",
    "last_apart": "the update after all blocks",
}


@contextmanager
def progress(budget_seconds: float) -> Iterator[Callable[[Sequence[Outcome], float], None]]:
    """Show how far a campaign is, and its estimates as they narrow."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[said]}"))
    with Progress(*columns, console=terminal.console(), transient=True) as shown:
        bar = shown.add_task("pairs", total=budget_seconds, said="starting")

        def on_pair(outcomes: Sequence[Outcome], seconds: float) -> None:
            pairs = max(len(one.pairs) for one in outcomes)
            known = [one.estimate for one in outcomes]
            widest = max((made.high for made in known if made is not None), default=None)
            said = f"{pairs} pairs" + (f", ratios up to {widest:.3f}" if widest else "")
            shown.update(bar, completed=min(seconds, budget_seconds), said=said)

        yield on_pair


def print_table(outcomes: Sequence[Outcome], sides: Mapping[SideName, SideOfPair]) -> None:
    """Print a line a cell."""
    shown = terminal.new_table(
        title=_title(sides), caption=MEANING, words=("cell",), numbers=HEADINGS
    )
    for one in outcomes:
        shown.add_row(one.cell.name, *_row(one))
    terminal.console().print(shown)
    for line in _remarks(outcomes, sides):
        print(line)


def _title(sides: Mapping[SideName, SideOfPair]) -> str:
    return f"HEAD {_named(sides['head'])} against BASE {_named(sides['base'])}"


def _named(side: SideOfPair) -> str:
    short = (
        side.commit[:10] + ("-dirty" if side.commit.endswith("-dirty") else "")
        if side.commit
        else ""
    )
    return side.label if not short or short == side.label else f"{side.label} ({short})"


def _row(one: Outcome) -> list[str]:
    answer = f"{one.failed.upper()} fails" if one.failed else str(one.answer or "-")
    if one.learns_something_else:
        answer += f", {SOMETHING_ELSE}"
    made = one.estimate
    if made is None:
        return ["-", "-", str(len(one.pairs)), "-", answer]
    return [f"{made.ratio:.3f}", _interval(made), str(made.n_pairs), f"{made.spread:.1%}", answer]


def _interval(made: Estimate) -> str:
    return f"{made.low:.3f} to {made.high:.3f}"


def _remarks(outcomes: Sequence[Outcome], sides: Mapping[SideName, SideOfPair]) -> list[str]:
    different = different_libraries(sides["base"], sides["head"])
    in_both = {name: versions for name, versions in different.items() if "none" not in versions}
    lines = [f"{name}: {base} in BASE, {head} in HEAD" for name, (base, head) in in_both.items()]
    if len(different) > len(in_both):
        lines.append(f"{len(different) - len(in_both)} libraries are on one side alone")
    lines += [f"{one.cell.name}: {one.error}" for one in outcomes if one.error]
    lines += [f"{one.cell.name}: {one.remark}" for one in outcomes if one.remark]
    for one in outcomes:
        if one.learns_something_else:
            lines.append(f"{one.cell.name}: {SOMETHING_ELSE}: {_apart(one)}")
    return lines


def _apart(one: Outcome) -> str:
    """Say how far apart what both sides learn is, and how far it may be."""
    found = {
        how: (statistics.median(getattr(pair, how) for pair in one.pairs), bound)
        for how, bound in one.bounds.items()
    }
    return "BASE and HEAD are apart by " + ", ".join(
        f"{apart:.1%} of {APART[how]} (rounding explains {bound:.1%})"
        for how, (apart, bound) in found.items()
    )


def check(folder: Path) -> None:
    """See that a folder can be written to.

    Raises:
        OSError: it can't.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def write(folder: Path, outcomes: Sequence[Outcome], sides: Mapping[SideName, SideOfPair]) -> None:
    """Write the raw pairs, a report for a pull request, and a plot."""
    content = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "sides": {
            which: {"label": side.label, "commit": side.commit} for which, side in sides.items()
        },
        "different_libraries": different_libraries(sides["base"], sides["head"]),
        "environment": facts.describe([]) | provenance.code_version(),
        "cells": [
            {
                "cell": one.cell.name,
                "answer": one.answer,
                "error": one.error,
                "failed": one.failed,
                "learns_something_else": one.learns_something_else,
                "bounds": one.bounds,
                "estimate": one.estimate,
                "pairs": one.pairs,
            }
            for one in outcomes
        ],
    }
    (folder / "pairs.json").write_bytes(msgspec.json.format(msgspec.json.encode(content)) + b"\n")
    (folder / "report.md").write_text(markdown(outcomes, sides), encoding="utf-8")
    if any(one.estimate for one in outcomes):
        _draw(outcomes, folder / "ratios.png", _title(sides))
    print(f"Written: {folder}")


def markdown(outcomes: Sequence[Outcome], sides: Mapping[SideName, SideOfPair]) -> str:
    """Return the outcome for a pull request."""
    rows = [[text(one.cell.name), *(text(cell) for cell in _row(one))] for one in outcomes]
    parts = [
        f"### Training speed: {text(_title(sides))}",
        table(["cell", *HEADINGS], rows),
        MEANING,
    ]
    parts += [f"- {text(line)}" for line in _remarks(outcomes, sides)]
    return "\n\n".join(parts) + "\n"


def _draw(outcomes: Sequence[Outcome], path: Path, title: str) -> None:
    """Draw every pair as a point, and each cell's interval."""
    from bench import plotting

    known: list[tuple[Outcome, Estimate]] = [
        (one, made) for one in outcomes if (made := one.estimate) is not None
    ]
    with plotting.figure(path, title, figsize=(8, 1.6 + 0.6 * len(known))) as (_, axes):
        panel: Any = axes[0, 0]
        for place, (one, made) in enumerate(known):
            ratios = [math.exp(pair.value) for pair in one.pairs]
            spread = [place + 0.25 * ((n * 7 % 11) / 10 - 0.5) for n in range(len(ratios))]
            panel.plot(ratios, spread, "o", color="#999999", markersize=3)
            panel.errorbar(
                made.ratio,
                place,
                xerr=[[made.ratio - made.low], [made.high - made.ratio]],
                fmt="s",
                color="#D55E00" if one.answer == "slower" else "#0072B2",
                capsize=4,
            )
        panel.axvline(1, color="black", linewidth=1)
        panel.set_yticks(range(len(known)), [one.cell.name for one, _ in known])
        panel.set_ylim(-0.6, len(known) - 0.4)
        panel.invert_yaxis()
        panel.set_xlabel("time of HEAD over time of BASE; a point is a pair")
