"""findings.json: the findings for scripts and continuous integration; docs/findings.md."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bench.report.analysis import Analysis
from bench.report.finding import Finding
from bench.report.headline import headline
from bench.report.tiles import tiles

SCHEMA_VERSION = 1


def content(analysis: Analysis, found: Sequence[Finding]) -> str:
    """Return the content of findings.json.

    Args:
        analysis: the analysis of the report.
        found: its findings.
    """
    encoded = msgspec.json.encode(
        {
            "schema_version": SCHEMA_VERSION,
            "sweep_name": analysis.sweep.name,
            "conditions": analysis.conditions,
            "headline": headline(found),
            "tiles": tiles(found),
            "findings": found,
        }
    )
    return msgspec.json.format(encoded, indent=1).decode() + "\n"
