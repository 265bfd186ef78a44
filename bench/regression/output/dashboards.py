"""Files for other tools that draw benchmarks over time, written to the folder of `--output`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench import files
from bench.regression.outcome import Outcome


def write(folder: Path, outcomes: Sequence[Outcome]) -> None:
    """Write github-action-benchmark.json and bencher.json. Values are ratios to BASE."""
    for name, content in (
        ("github-action-benchmark.json", github_action_benchmark(outcomes)),
        ("bencher.json", bencher(outcomes)),
    ):
        files.write_json(folder / name, content)


def github_action_benchmark(outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    """Return input for github-action-benchmark, tool "customSmallerIsBetter"."""
    return [
        {
            "name": f"{_name(outcome)} {metric}",
            "unit": "times BASE",
            "value": estimate.ratio,
            "range": f"{estimate.low:.4f} to {estimate.high:.4f}",
            "extra": f"{_answer(outcome, metric)}, {estimate.n_pairs} pairs, "
            f"{outcome.case.settings}",
        }
        for outcome in outcomes
        if outcome.is_measured
        for metric, estimate in outcome.estimates().items()
    ]


def _name(outcome: Outcome) -> str:
    """Return the name of a series: other settings begin another one."""
    return f"{outcome.case.name} ({outcome.case.identity})"


def _answer(outcome: Outcome, metric: str) -> str:
    """Return the answer, with the commit that it refers to unless that is BASE."""
    answer = outcome.answers.get(metric, "no answer")
    entry = outcome.last_recorded.get(metric)
    return answer if entry is None else f"{answer} against {entry.commit[:10]}"


def bencher(outcomes: Sequence[Outcome]) -> dict[str, dict[str, dict[str, float]]]:
    """Return the Bencher Metric Format: a benchmark for each case, a measure for each metric."""
    return {
        _name(outcome): {
            f"{metric}-ratio": {
                "value": estimate.ratio,
                "lower_value": estimate.low,
                "upper_value": estimate.high,
            }
            for metric, estimate in outcome.estimates().items()
        }
        for outcome in outcomes
        if outcome.is_measured
    }
