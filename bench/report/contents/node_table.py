"""The table of the ratios on each node."""

from __future__ import annotations

from collections.abc import Sequence

from bench.report.contents.blocks import Column, Row, Table
from bench.report.findings.finding import Finding
from bench.report.findings.speed import times


def node_table(found: Sequence[Finding]) -> Table | None:
    """Return the ratio on each node, one row per node; None for a single node.

    Args:
        found: all findings of a report.
    """
    rows: dict[tuple[str, str, str], dict[str, Finding]] = {}
    for one in found:
        if one.claim == "on_node":
            rows.setdefault((one.condition, one.node, one.subject), {})[one.baseline] = one
    if not rows:
        return None
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
    return Table(caption, columns, [*groups.items()])


def _ratio(one: Finding) -> str:
    if one.low is None:
        return times(one.value)
    return f"{times(one.value)} ({times(one.low, one.value)} to {times(one.high, one.value)})"
