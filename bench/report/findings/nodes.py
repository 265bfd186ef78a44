"""The findings on nodes: how much a ratio differs between them, and which node is odd."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from bench.console import counted
from bench.markdown import text
from bench.report.findings.finding import Finding
from bench.report.findings.speed import times
from bench.report.frames import dataframes
from bench.report.frames.analysis import Analysis
from bench.report.frames.odd_nodes import ERROR_RATE, MIN_NODES, OddNode, node_values, odd_nodes
from bench.report.frames.pairs import Paired

ONE_NODE = (
    "The runs are from one machine: speeds and ratios hold for this machine; others of its kind "
    "may differ."
)


def spread(analysis: Analysis, number: int, ratios: Sequence[Finding]) -> list[Finding]:
    """Return the ratios of one condition on each node, and how much they differ.

    Args:
        analysis: the analysis of the report.
        number: of the condition.
        ratios: its findings on speed that have a baseline, the next fastest first.
    """
    found = []
    for place, ratio in enumerate(ratios):
        by_node = analysis.speeds.by_node(number, ratio.subject, ratio.baseline)
        if len(by_node) > 1:
            found += _spread(ratio, by_node, is_summary=place == 0)
    if not found and ratios and ratios[0].n_nodes == 1:
        return [
            Finding(question="nodes", claim="one_node", level="neutral", n_nodes=1,
                    condition=ratios[0].condition, sentence=ONE_NODE)
        ]  # fmt: skip
    return found


def _spread(ratio: Finding, by_node: dict[str, Paired], *, is_summary: bool) -> list[Finding]:
    """Return how much a ratio differs between nodes, and its value on each."""
    means = [pair.mean for pair in by_node.values()]
    names = f"{text(ratio.subject)} is {{}} times as fast as {text(ratio.baseline)}"
    low, high = (times(math.exp(end), ratio.value) for end in (min(means), max(means)))
    between = 100 * math.expm1(statistics.stdev(means))
    within = [
        100 * math.expm1(pair.standard_error * math.sqrt(pair.n_pairs))
        for pair in by_node.values()
        if pair.is_known
    ]
    repeats = f"; pairs on one node differ by {max(within):.1f} %" if within else ""
    found = replace(
        ratio, question="nodes", claim="spread", level="neutral", method="nodes", unit="percent",
        value=between, low=None, high=None, n_nodes=len(means), caveats=(), summary=is_summary,
        sentence=f"From node to node, {names.format(f'{low} to {high}')}: nodes differ by "
        f"{between:.1f} %{repeats} (standard deviations).",
    )  # fmt: skip
    return [found, *(_on_node(found, names, node, pair) for node, pair in by_node.items())]


def _on_node(found: Finding, names: str, node: str, pair: Paired) -> Finding:
    """Return the ratio on one node."""
    ends = [math.exp(end) if pair.is_known else None for end in (pair.low, pair.high)]
    value = math.exp(pair.mean)
    interval = f", 95 % interval {times(ends[0], value)} to {times(ends[1], value)}"
    return replace(
        found, claim="on_node", unit="ratio", node=node, n_nodes=1, n_pairs=pair.n_pairs,
        method=pair.method, value=value, low=ends[0], high=ends[1], summary=False, run_ids=(),
        sentence=f"On {text(node or 'nodes that are not recorded')}, {names.format(times(value))} "
        f"({counted(pair.n_pairs, 'pair')}{interval if pair.is_known else ''}).",
    )  # fmt: skip


def odd(runs: pd.DataFrame) -> list[Finding]:
    """Name the nodes that are slower or faster than the others of their kind.

    Args:
        runs: as `dataframes.runs_frame` returns it.
    """
    done = runs[runs["status"] == "done"]
    kinds = {
        str(kind): values
        for kind, group in done.groupby(dataframes.kind_labels(done))
        if len(values := node_values(group)) >= MIN_NODES
    }
    return [
        _odd(one, kind, done)
        for kind, values in kinds.items()
        for one in odd_nodes(values, ERROR_RATE / len(kinds))
    ]


def _odd(one: OddNode, kind: str, done: pd.DataFrame) -> Finding:
    ratio, low, high = (
        math.exp(one.mean + side * one.half_width) if side else math.exp(one.mean)
        for side in (0, -1, 1)
    )
    word = "slower" if one.mean < 0 else "faster"
    return Finding(
        question="machine", claim="odd", level="attention", node=one.node, machine=kind,
        value=ratio, low=low, high=high, unit="ratio", n_nodes=one.n_others, method="nodes",
        run_ids=tuple(done.loc[done["node"] == one.node, "run_id"]),
        sentence=f"**{text(one.node)} is {word} than the other {one.n_others} nodes of its kind**: "
        f"{times(ratio)} times their speed (95 % interval {times(low)} to {times(high)}), while "
        f"the others differ by {100 * math.expm1(one.spread):.1f} % (standard deviation). Its runs "
        "are part of all ratios; check this node.",
    )  # fmt: skip
