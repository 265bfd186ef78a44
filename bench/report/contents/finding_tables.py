"""Tables of findings: the ratios on each node, and the differences in accuracy."""

from __future__ import annotations

from collections.abc import Sequence

from bench.records import PARITY_POINTS
from bench.report.contents.blocks import Column, Row, Table
from bench.report.findings.accuracy import basis
from bench.report.findings.finding import Finding
from bench.report.findings.speed import times


def node_table(found: Sequence[Finding]) -> list[Table]:
    """Return the ratio on each node, one row per node; nothing for a single node.

    Args:
        found: all findings of a report.
    """
    rows: dict[tuple[str, str, str], dict[str, Finding]] = {}
    for one in found:
        if one.claim == "on_node":
            rows.setdefault((one.condition, one.node, one.subject), {})[one.baseline] = one
    if not rows:
        return []
    baselines = [*dict.fromkeys(name for ratios in rows.values() for name in ratios)]
    groups: dict[str, list[Row]] = {}
    for (condition, node, subject), ratios in rows.items():
        n_pairs = max(one.n_pairs for one in ratios.values())
        cells = [_ratio(ratios[name]) if name in ratios else "-" for name in baselines]
        groups.setdefault(condition, []).append(Row([node, subject, str(n_pairs), *cells]))
    columns = [
        Column("node", is_number=False), Column("fastest", is_number=False), Column("pairs"),
        *(Column(f"over {name}") for name in baselines),
    ]  # fmt: skip
    caption = (
        "Ratio on each node: speed of the fastest implementation over that of each other one, with "
        "its 95 % interval if a node has several pairs"
    )
    return [Table(caption, columns, [*groups.items()])]


def _ratio(one: Finding) -> str:
    if one.low is None:
        return times(one.value)
    return f"{times(one.value)} ({times(one.low, one.value)} to {times(one.high, one.value)})"


def accuracy_table(found: Sequence[Finding]) -> list[Table]:
    """Return the differences in test accuracy, one row per compared implementation; or nothing.

    Args:
        found: all findings of a report.
    """
    groups: dict[str, list[Row]] = {}
    for one in found:
        if one.question == "accuracy" and one.value is not None and not one.summary:
            interval = "-" if one.low is None else f"{one.low:+.2f} to {one.high:+.2f}"
            cells = [one.subject, one.baseline, f"{one.value:+.2f}", interval, basis(one)]
            groups.setdefault(one.condition, []).append(Row(cells, {"implementation": one.subject}))
    columns = [
        Column("implementation", is_number=False), Column("compared with", is_number=False),
        Column("percentage points"), Column("95 % interval"), Column("from", is_number=False),
    ]  # fmt: skip
    caption = (
        "Difference in test accuracy: an interval without 0 shows a difference, one within "
        f"\u00b1{PARITY_POINTS:g} points equality"
    )
    return [Table(caption, columns, [*groups.items()])] if groups else []
