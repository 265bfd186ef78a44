"""The circumstances in which a sweep's numbers came about, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bench.markdown import text
from bench.records import BROKEN, RunRecord, setting
from bench.report import tables
from bench.results.store import Sweep
from bench.terminal import first_line

MAX_REASONS = 10


def circumstances(sweep: Sweep, runs: pd.DataFrame) -> list[str]:
    """Say how quiet which machine was, what was equal, and what has no result."""
    sentences = _machines(runs) + _noise(runs) + _made_with(sweep.records) + _held_equal(runs)
    sentences += _endings(sweep.records)
    if sweep.n_repeated:
        repeated = counted(sweep.n_repeated, "record")
        sentences.append(f"Left out, as several of the sweeps hold the same: {repeated}.")
    if sweep.missing:
        missing = len(sweep.missing)
        sentences.append(f"**{counted(missing, 'planned run')} {_are(missing)} not finished.**")
    if sweep.unreadable:
        unreadable = len(sweep.unreadable)
        files = counted(unreadable, "file")
        sentences.append(f"**{files} can't be read** and {_are(unreadable)} left out.")
    return sentences


def counted(number: int, thing: str) -> str:
    """Return a number of things in words, such as `1 pair` and `2 pairs`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _machines(runs: pd.DataFrame) -> list[str]:
    machines = runs["machine"].dropna().unique()
    sentences = []
    if len(machines) > 1:
        sentences.append(
            f"**The runs are from {len(machines)} kinds of machine** "
            f"({text('; '.join(machines))}); runs are compared and ranked only with others of the "
            "same one."
        )
    cores = sorted(runs["cores"].dropna().unique())
    if len(cores) > 1:
        listed = ", ".join(tables.plain(float(count)) for count in cores)
        sentences.append(
            f"**The runs had different numbers of cores** ({listed}); runs are compared and ranked "
            "only with others of as many."
        )
    return sentences


def _made_with(records: Sequence[RunRecord]) -> list[str]:
    """Name what an implementation's runs were made with, where that is not the same for all."""
    sentences = []
    by_name: dict[str, list[dict[str, str]]] = {}
    for record in records:
        if record.status == "done" and record.made_with:
            name = str(setting(record, "implementation", "name"))
            by_name.setdefault(name, []).append(record.made_with)
    for name, made in sorted(by_name.items()):
        differ = [
            f"{part} {', '.join(sorted(values))}"
            for part in dict.fromkeys(part for one in made for part in one)
            if len(values := {one.get(part, "not recorded") for one in made}) > 1
        ]
        if differ:
            sentences.append(
                f"**Runs of {text(name)} were made with different code or versions** "
                f"({text('; '.join(differ))}) and are taken together."
            )
    return sentences


def _held_equal(runs: pd.DataFrame) -> list[str]:
    """Name the settings that all runs share, and so are no explanation for a difference."""
    settings = ("recipe", "dataset", "batch_size", "epochs", "seed", "device", "threads", "cores")
    shared = [
        f"{name.replace('_', ' ')} {text(tables.plain(runs[name].iloc[0]))}"
        for name in settings
        if runs[name].nunique(dropna=False) == 1 and pd.notna(runs[name].iloc[0])
    ]
    return [f"The same in every run: {', '.join(shared)}."] if shared else []


def _endings(records: Sequence[RunRecord]) -> list[str]:
    """Count how runs ended, and name what has no result, each with its first reason."""
    if not records:
        return []
    counts: dict[str, int] = {}
    without: dict[tuple[str, str], list[RunRecord]] = {}
    for record in records:
        counts[record.status] = counts.get(record.status, 0) + 1
        if record.status != "done":
            name = str(setting(record, "implementation", "name"))
            without.setdefault((record.status, name), []).append(record)
    listed = ", ".join(f"{number} {status.replace('_', ' ')}" for status, number in counts.items())
    sentence = f"Runs: {listed}."
    said = [f"**{sentence}**" if counts.keys() & BROKEN else sentence]
    for (status, name), group in [*without.items()][:MAX_REASONS]:
        reason = next((first_line(one.error.message) for one in group if one.error), "")
        because = f": {text(reason)}" if reason else ""
        ended = status.replace("_", " ")
        said.append(f"{counted(len(group), 'run')} of {text(name)} {ended}{because}")
    if len(without) > MAX_REASONS:
        said.append(f"{len(without) - MAX_REASONS} more kinds of ending: see the runs.")
    return said


def _noise(runs: pd.DataFrame) -> list[str]:
    """Say whether the machine was quiet while those runs were timed that have a result."""
    done = runs[runs["status"] == "done"]
    if done.empty:
        return []
    n_quiet, n_noisy, n_shared, n_unknown = (
        int((done["quiet"] == word).sum())
        for word in (tables.QUIET, tables.NOISY, tables.SHARED, tables.NOT_KNOWN)
    )
    of_all = f"of {counted(len(done), 'run')}"
    best = "what it could do at best"
    sentences = []
    if n_quiet == len(done):
        sentences.append(
            f"The machine was quiet: in each {of_all}, {best} differed by at most 10 % between "
            "start and end."
        )
    if n_noisy:
        sentences.append(
            f"**The machine was not quiet** during {n_noisy} {of_all}: {best} changed by more than "
            "10 % between their start and end. Take their speed with care."
        )
    if n_shared:
        sentences.append(
            f"**{n_shared} {of_all} were told to share the machine** (share_machine=true), so "
            "others may have run beside them."
        )
    if n_unknown:
        sentences.append(f"**Whether the machine was quiet is not known** of {n_unknown} {of_all}.")
    return sentences
