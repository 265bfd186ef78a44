"""The findings on the machines and on when they measured: noise, repeats, pairs apart in time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from bench.console import counted, first_line
from bench.markdown import code, text
from bench.records import RunRecord
from bench.report.findings.finding import Finding
from bench.report.frames import dataframes
from bench.report.frames.analysis import Analysis
from bench.report.frames.repeats import MAX_UNEVEN, over_repeats, worst_outlier

MAX_REASONS = 10
MAX_UNEVEN_NAMED = 2  # cases; more are counted
MAX_PAUSE_SECONDS = 15 * 60.0  # between two runs of a block that are made in a row
UNSTEADY = ", **yet equal runs differ**: the machine was less steady than its checks show"
PERCENTAGE = re.compile(r"([0-9]+)%")


def machine_findings(analysis: Analysis) -> list[Finding]:
    """Return the findings on machines, noise, the speed of repeats, and pairs apart in time.

    Args:
        analysis: the analysis of any number of records.
    """
    runs = analysis.runs
    uneven = _uneven(analysis)
    return [*_machines(runs), *_noise(analysis, bool(uneven)), *uneven, *_apart(runs)]


def _machines(runs: pd.DataFrame) -> list[Finding]:
    """Name the machines and numbers of cores, if there are several."""
    machines = runs["machine"].dropna().unique()
    sentences = []
    if len(machines) > 1:
        sentences.append(
            f"**The runs are from {len(machines)} kinds of machine** "
            f"({text('; '.join(machines))}); runs are compared only on the same kind."
        )
    cores = sorted(runs["cores"].dropna().unique())
    if len(cores) > 1:
        listed = ", ".join(dataframes.plain(float(count)) for count in cores)
        sentences.append(
            f"**The runs had different numbers of cores** ({listed}); runs are compared only with "
            "the same number."
        )
    return [
        Finding(question="machine", claim="different", level="attention", sentence=sentence)
        for sentence in sentences
    ]


def _noise(analysis: Analysis, is_uneven: bool) -> list[Finding]:
    """Describe how quiet the machine was while the finished runs were timed."""
    done = [view.record for view in analysis.views if view.record.status == "done"]
    if not done:
        return []
    words = Counter(dataframes.quiet(record) for record in done)
    if words[dataframes.QUIET] == len(done):
        sentence = f"No other work was seen in {counted(len(done), 'run')}"
        return [
            Finding(question="quiet", claim="quiet", level="attention" if is_uneven else "good",
                    value=len(done), unit="runs",
                    sentence=f"{sentence}{UNSTEADY if is_uneven else ''}.")
        ]  # fmt: skip
    because = _noisy_reasons(done) or (
        "the measured speed of matrix multiplication changed between start and end, or others "
        "used the cores"
    )
    of_all = f"of {counted(len(done), 'run')}"
    sentences = {
        dataframes.NOISY: f"**The machine was not quiet** in {{}} {of_all}: {because}. "
        "Their speeds may be too low.",
        dataframes.SHARED: f"**{{}} {of_all} shared the machine** (share_machine=true): other runs "
        "may have taken place at the same time.",
        dataframes.NOT_KNOWN: f"**Whether the machine was quiet is unknown** for {{}} {of_all}.",
    }
    return [
        Finding(
            question="quiet", level="attention", value=words[word], unit="runs",
            claim="not_known" if word == dataframes.NOT_KNOWN else "not_quiet",
            run_ids=tuple(record.run_id for record in done if dataframes.quiet(record) == word),
            sentence=sentence.replace("{}", str(words[word]), 1),
        )
        for word, sentence in sentences.items() if words[word]
    ]  # fmt: skip


def _uneven(analysis: Analysis) -> list[Finding]:
    """Name the cases whose runs on one node differ in speed, although only rate or seed differs."""
    runs, labels = analysis.runs, analysis.conditions if len(analysis.conditions) > 1 else ("",)
    done = runs[(runs["status"] == "done") & (runs["examples_per_second"] > 0)]
    times_as_long = over_repeats(runs, "train_seconds")
    found, cases = [], done.groupby(["condition", "implementation"])
    for _, case in cases:
        number, name = int(case["condition"].iloc[0]), str(case["implementation"].iloc[0])
        on_nodes = case.groupby(case["node"].fillna(""))["examples_per_second"]
        slowest, fastest = max(
            ((float(speeds.min()), float(speeds.max())) for _, speeds in on_nodes),
            key=lambda ends: ends[1] / ends[0],
        )
        longest = times_as_long[case.index].fillna(0.0)
        if fastest / slowest > MAX_UNEVEN:
            ratio = fastest / slowest
            outlier = worst_outlier(analysis.outliers, number, [name])
            sentence = f"**Runs of {text(name)} that should be equally fast differ** by up to "
            sentence += f"{ratio:.1f} times ({slowest:,.0f} to {fastest:,.0f} examples/s)."
            sentence += f" {code(outlier)} is the outlier." if outlier else ""
        elif longest.max() > MAX_UNEVEN:
            ratio = float(longest.max())
            place = int(longest.argmax())
            seconds = float(case["train_seconds"].iloc[place])
            sentence = f"**A run of {text(name)} trained {ratio:.1f} times as long** as the median "
            sentence += f"of equal runs ({seconds:.1f} against {seconds / ratio:.1f} s): "
            sentence += f"{code(case['run_id'].iloc[place])}; some epochs were slow."
        else:
            continue
        found.append(
            Finding(
                question="repeats", claim="different", level="attention", unit="ratio",
                value=ratio, subject=name, condition=labels[number],
                run_ids=tuple(case["run_id"]), sentence=sentence,
            )
        )  # fmt: skip
    if len(found) <= MAX_UNEVEN_NAMED:
        return found
    worst = max(found, key=lambda one: one.value or 0)
    where = ", ".join(filter(None, [worst.subject, worst.condition]))
    sentence = (
        f"**Runs that should be equally fast differ** by more than {MAX_UNEVEN:g} times "
        f"in {len(found)} of {len(cases)} cases, by up to {worst.value:.1f} times ({text(where)})."
    )
    return [replace(worst, condition="", run_ids=(), sentence=sentence, summary=True), *found]


def _apart(runs: pd.DataFrame) -> list[Finding]:
    """Count the pairs whose runs have a pause between them, as after an edit and a second sweep.

    The runs of a block (one condition, node and seed) are made in a row, at all learning rates.
    """
    block = ["condition", "node", "seed"]
    started_at = pd.to_datetime(runs["started_at"], utc=True, format="ISO8601", errors="coerce")
    start = (started_at - pd.Timestamp(0, tz="utc")).dt.total_seconds()
    runs = runs.assign(node=runs["node"].fillna(""), start=start).sort_values("start")
    runs["end"] = runs["start"] + runs["total_seconds"]
    pauses = runs["start"] - runs.groupby(block)["end"].shift()
    runs["period"] = (pauses > MAX_PAUSE_SECONDS).groupby([runs[key] for key in block]).cumsum()
    done = runs[(runs["status"] == "done") & (runs["examples_per_second"] > 0)]
    keys = [*block, "learning_rate"]
    pairs = done.groupby(keys).agg(
        n_names=("implementation", "nunique"), n_periods=("period", "nunique"),
        first=("start", "min"), last=("start", "max"),
    )  # fmt: skip
    pairs = pairs[pairs["n_names"] > 1]
    apart = pairs[pairs["n_periods"] > 1]
    if apart.empty:
        return []
    hours = float((apart["last"] - apart["first"]).max()) / 3600
    return [
        Finding(
            question="machine", claim="apart", level="attention", value=hours, unit="hours",
            run_ids=tuple(done.merge(apart, on=keys)["run_id"]),
            sentence=f"**Compared runs were made at different times**, up to {hours:.1f} hours "
            f"apart, in {len(apart)} of {len(pairs)} cases of the same condition, learning rate "
            "and seed. The speed of the machine may have changed; another `sweep_name` makes all "
            "runs in a row.",
        )
    ]  # fmt: skip


def _noisy_reasons(records: Sequence[RunRecord]) -> str:
    """Return the recorded reasons of noise with their numbers of runs, the most frequent first.

    Reasons that differ only in their percentage are one reason with a range.
    """
    percentages: dict[str, list[int]] = {}
    for record in records:
        reasons = record.environment.get("noisy_reasons")
        if dataframes.quiet(record) == dataframes.NOISY and isinstance(reasons, list):
            for reason in map(first_line, map(str, reasons)):
                number = PERCENTAGE.search(reason)
                kind = PERCENTAGE.sub("#%", reason, count=1)
                percentages.setdefault(kind, []).append(int(number[1]) if number else 0)
    listed = []
    for kind, values in sorted(percentages.items(), key=lambda item: -len(item[1]))[:MAX_REASONS]:
        low, high = min(values), max(values)
        span = f"{low}%" if low == high else f"{low}% to {high}%"
        reason = text(kind.replace("#%", span))
        listed.append(f"{reason} ({counted(len(values), 'run')})")
    return "; ".join(listed)
