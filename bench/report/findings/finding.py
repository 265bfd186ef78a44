"""One finding of a report: data first, then one sentence made from them.

Page, Markdown, terminal and `findings.json` contain the same findings; docs/findings.md explains
the keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.console import counted

Question = Literal[
    "speed", "kinds", "nodes", "cores", "accuracy", "learning_rate", "parity", "quiet", "repeats",
    "machine", "versions", "settings", "runs", "data",
]  # fmt: skip
Claim = Literal[
    "fastest", "shared", "only", "faster", "busy", "equal", "better", "worse", "cant_tell", "best",
    "passed", "failed", "not_checked", "guessing", "quiet", "not_quiet", "not_known", "same",
    "different", "complete", "incomplete", "none", "spread", "on_node", "one_node", "odd",
    "apart",
]  # fmt: skip
Unit = Literal["", "ratio", "percent", "cores", "points", "rate", "runs", "hours"]
Level = Literal["good", "attention", "bad", "neutral"]
LEVELS: tuple[Level, ...] = ("good", "neutral", "attention", "bad")  # the worst last


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One answer, what it is based on, and its sentence.

    Attributes:
        question: what it answers.
        claim: the answer in one word.
        level: whether a reader should be content or look closer.
        sentence: the answer in Markdown, without the condition.
        condition: label of the condition; "" if the report has only one, or for the whole report.
        subject: the implementation that the claim is about, or "".
        baseline: the implementation that it is compared with, or "".
        machine: the kind of machine, if the report has several.
        node: the id of the node that the claim is about, or "".
        value: ratio of speeds, subject over baseline; or difference in test accuracy, subject minus
            baseline, in percentage points; or learning rate; or number of runs, or of cores; or the
            spread between nodes in percent; or the hours between compared runs.
        low: lower end of the 95 % interval of `value`; None if there is no interval.
        high: upper end of the 95 % interval.
        freedom: degrees of freedom of the interval of a ratio of speeds; more than `n_pairs` - 1 if
            the spread of the pairs is pooled over conditions.
        without_run: the id of a run that is much slower than its repeats, or "".
        value_without: `value` without that run.
        unit: of `value`.
        learning_rates: at which accuracies are compared: of subject and baseline, or of all pairs.
        n_pairs: pairs of runs that were compared.
        n_seeds: seeds of the pairs.
        n_nodes: nodes that these pairs ran on, or other nodes that `node` is compared with.
        method: how the interval was computed, in words.
        run_ids: the runs that it is computed from.
        caveats: reasons to doubt it, one sentence each, in Markdown.
        summary: whether it sums up the findings on the same question and condition, or, without a
            condition, on the same question; a page shows it in their place.
    """

    question: Question
    claim: Claim
    level: Level
    sentence: str
    condition: str = ""
    subject: str = ""
    baseline: str = ""
    machine: str = ""
    node: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    freedom: float = 0
    without_run: str = ""
    value_without: float | None = None
    unit: Unit = ""
    learning_rates: tuple[float, ...] = ()
    n_pairs: int = 0
    n_seeds: int = 0
    n_nodes: int = 0
    method: str = ""
    run_ids: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    summary: bool = False


def repeats(found: Finding) -> str:
    """Return in what the pairs of a finding differ, such as `3 learning rates x 2 seeds`.

    Args:
        found: a finding whose `learning_rates` are those of all pairs.
    """
    n_rates = len(set(found.learning_rates))
    numbers = ((n_rates, "learning rate"), (found.n_seeds, "seed"))
    words = " x ".join(counted(number, name) for number, name in numbers if number > 1)
    if max(n_rates, 1) * max(found.n_seeds, 1) * max(found.n_nodes, 1) != found.n_pairs:
        is_whole = not words or found.n_nodes > 1
        words = counted(found.n_pairs, "pair") + ("" if is_whole else f" from {words}")
    on_nodes = f" on {found.n_nodes} nodes" if found.n_nodes > 1 else ""
    return (words or "1 run each") + on_nodes


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """The answer to one question for the top of the page.

    Attributes:
        question: what it answers.
        title: the question in a few words.
        answer: the answer in a few words, such as `numpy, 11.0 times`. Not Markdown.
        detail: half a sentence on what the answer is based on. Not Markdown.
        level: its colour.
        word: the level in a word, for readers who do not see the colour.
    """

    question: Question
    title: str
    answer: str
    detail: str
    level: Level

    @property
    def word(self) -> str:
        """The level in a word."""
        return {"good": "good", "attention": "caution", "bad": "bad", "neutral": "note"}[self.level]
