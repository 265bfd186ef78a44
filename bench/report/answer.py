"""The last words of a sweep: which implementation is fastest."""

from __future__ import annotations

from bench.results.store import Sweep


def answer(sweep: Sweep) -> str:
    """Return which implementation of a sweep is fastest, and by how much, as plain text.

    Args:
        sweep: any sweep; pandas is imported only if there is something to compare.

    Returns:
        The headline of its report; "" if fewer than two implementations have a finished run.
    """
    names = {
        str(record.config.get("implementation"))
        for record in sweep.records
        if record.status == "done"
    }
    if len(names) < 2:
        return ""
    from bench import markdown
    from bench.report.findings.findings import findings
    from bench.report.findings.headline import headline
    from bench.report.frames.analysis import analyse

    return markdown.plain(headline(findings(analyse(sweep))))
