"""Print the nodes of a cluster as a table, for `bench-doctor`."""

from __future__ import annotations

from collections.abc import Sequence

from bench.sweep.cluster.examination import Examined
from bench.terminal import console, new_table, plain_cell


def print_nodes(nodes: Sequence[Examined]) -> bool:
    """Print a row for each node, the problems, and a summary.

    Args:
        nodes: all nodes of a cluster.

    Returns:
        Whether there are nodes that take part, and none has a problem.
    """
    table = new_table(
        "", "", words=("node", "state", "code", "dataset", "lock", "processor"), numbers=("cores",)
    )
    problems = []
    for node in nodes:
        table.add_row(*map(plain_cell, _row(node)))
        found = node.facts.problems if node.facts else (node.silence,)
        problems += [(node.name, problem) for problem in found if problem]
    out = console()
    out.print(table)
    for name, problem in problems:
        out.print(plain_cell(f"{name}: {problem}"))
    answered = [node for node in nodes if node.facts or node.silence]
    n_fit = sum(bool(node.facts and not node.facts.problems) for node in answered)
    if not answered:
        print("No node takes part: SLURM lists none, or no node of Ray has the resource 'bench'.")
    else:
        print(f"Nodes that are fit for these runs: {n_fit} of {len(answered)}.")
    return 0 < n_fit == len(answered)


def _row(node: Examined) -> tuple[str, ...]:
    facts = node.facts
    if facts is None:
        return node.name, node.state, "-", "-", "-", "-", "-"
    code = "same" if facts.same_code else "differs"
    dataset = facts.dataset or "missing"
    return (node.name, node.state, code, dataset, facts.lock, facts.processor, str(facts.n_cores))
