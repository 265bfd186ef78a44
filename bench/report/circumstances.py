"""The circumstances of a sweep, in sentences: machines, noise, versions, and runs left out."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bench.console import first_line
from bench.markdown import text
from bench.records import BROKEN, Status
from bench.report import frames
from bench.report.comparing import Analysis
from bench.report.labels import NOT_RECORDED, RunView

MAX_REASONS = 10


def circumstances(analysis: Analysis) -> list[str]:
    """Say on which machines the runs took place, what they had in common, and what is left out.

    Args:
        analysis: of any records, also of none.

    Returns:
        Sentences in Markdown.
    """
    sweep, runs = analysis.sweep, analysis.runs
    sentences = [*_machines(runs), *_noise(runs), *_made_with(analysis), *_held_equal(runs)]
    sentences += _endings(analysis.views)
    if sweep.copies:
        copies = counted(len(sweep.copies), "copy", "copies")
        sentences.append(f"Left out: {copies} of runs that count once, named below.")
    if sweep.missing:
        missing = counted(len(sweep.missing), "planned run is", "planned runs are")
        sentences.append(f"**{missing} not finished.**")
    if sweep.unreadable:
        unreadable = counted(len(sweep.unreadable), "file or folder", "files or folders")
        sentences.append(f"**Left out: {unreadable} that cannot be used**, named below.")
    return sentences


def counted(number: int, thing: str, things: str | None = None) -> str:
    """Return a number of things in words, such as `1 pair` and `2 pairs`."""
    return f"{number} {thing}" if number == 1 else f"{number} {things or thing + 's'}"


def _machines(runs: pd.DataFrame) -> list[str]:
    machines = runs["machine"].dropna().unique()
    sentences = []
    if len(machines) > 1:
        sentences.append(
            f"**The runs are from {len(machines)} kinds of machine** "
            f"({text('; '.join(machines))}); runs are compared only on the same kind."
        )
    cores = sorted(runs["cores"].dropna().unique())
    if len(cores) > 1:
        listed = ", ".join(frames.plain(float(count)) for count in cores)
        sentences.append(
            f"**The runs had different numbers of cores** ({listed}); runs are compared only with "
            "the same number."
        )
    return sentences


def _made_with(analysis: Analysis) -> list[str]:
    """Name what differs between runs that are taken together, if code or versions do."""
    done = analysis.runs[analysis.runs["status"] == "done"]
    differences: dict[str, dict[str, set[str]]] = {}
    for _, group in done.groupby(list(frames.CASE), dropna=False, sort=False):
        views = [analysis.views[place] for place in group.index]
        made = [view.record.made_with for view in views if view.record.made_with]
        for part in dict.fromkeys(part for one in made for part in one):
            values = {one.get(part, NOT_RECORDED) for one in made}
            if len(values) > 1:
                parts = differences.setdefault(views[0].implementation, {})
                parts.setdefault(part, set()).update(values)
    sentences = []
    for name, parts in sorted(differences.items()):
        listed = "; ".join(f"{part} {', '.join(sorted(values))}" for part, values in parts.items())
        sentences.append(
            f"**Runs of {text(name)} were made with different code or versions** "
            f"({text(listed)}) and are taken together."
        )
    return sentences


def _held_equal(runs: pd.DataFrame) -> list[str]:
    """Name the settings that all runs share, and that therefore explain no difference."""
    settings = ("recipe", "dataset", "batch_size", "epochs", "seed", "device", "threads", "cores")
    shared = [
        f"{name.replace('_', ' ')} {text(frames.plain(runs[name].iloc[0]))}"
        for name in settings
        if runs[name].nunique(dropna=False) == 1 and pd.notna(runs[name].iloc[0])
    ]
    return [f"The same in every run: {', '.join(shared)}."] if shared else []


def _endings(views: Sequence[RunView]) -> list[str]:
    """Count how runs ended, and name what has no result, each with its first reason."""
    if not views:
        return []
    counts: dict[Status, int] = {}
    without: dict[tuple[Status, str], list[RunView]] = {}
    for view in views:
        status = view.record.status
        counts[status] = counts.get(status, 0) + 1
        if status != "done":
            without.setdefault((status, view.implementation), []).append(view)
    listed = ", ".join(f"{number} {status.replace('_', ' ')}" for status, number in counts.items())
    sentence = f"Runs: {listed}."
    sentences = [f"**{sentence}**" if counts.keys() & BROKEN else sentence]
    for (status, name), group in [*without.items()][:MAX_REASONS]:
        errors = (view.record.error for view in group)
        reason = next((first_line(error.message) for error in errors if error), "")
        because = f": {text(reason)}" if reason else ""
        ended = status.replace("_", " ")
        sentences.append(f"{counted(len(group), 'run')} of {text(name)} {ended}{because}")
    if len(without) > MAX_REASONS:
        sentences.append(f"{len(without) - MAX_REASONS} more kinds of ending: see the runs.")
    return sentences


def _noise(runs: pd.DataFrame) -> list[str]:
    """Say how quiet the machine was while the finished runs were timed."""
    done = runs[runs["status"] == "done"]
    if done.empty:
        return []
    n_quiet, n_noisy, n_shared, n_unknown = (
        int((done["quiet"] == word).sum())
        for word in (frames.QUIET, frames.NOISY, frames.SHARED, frames.NOT_KNOWN)
    )
    of_all = f"of {counted(len(done), 'run')}"
    speed = "the measured speed of matrix multiplication"
    sentences = []
    if n_quiet == len(done):
        sentences.append(
            f"The machine was quiet in all {counted(len(done), 'run')}: {speed} differed by at "
            "most 10 % between start and end."
        )
    if n_noisy:
        sentences.append(
            f"**The machine was not quiet** in {n_noisy} {of_all}: {speed} changed by more than "
            "10 % between start and end, or others used the cores. Their speeds may be too low."
        )
    if n_shared:
        sentences.append(
            f"**{n_shared} {of_all} shared the machine** (share_machine=true): other runs may "
            "have taken place at the same time."
        )
    if n_unknown:
        sentences.append(f"**Whether the machine was quiet is not known** of {n_unknown} {of_all}.")
    return sentences
