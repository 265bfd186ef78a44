"""`bench.compare`: the findings of a report as a list."""

from __future__ import annotations

import html
from dataclasses import asdict, fields

import pandas as pd

from bench import markdown
from bench.api.plain_errors import plain_errors
from bench.api.sources import Source, records_of
from bench.report.findings.finding import Finding
from bench.report.findings.findings import findings, sentences
from bench.report.findings.headline import headline
from bench.report.frames.analysis import analyse


class Findings(tuple[Finding, ...]):
    """All findings on a sweep, as the report has them. Prints as one sentence per line."""

    __slots__ = ()

    @property
    def headline(self) -> str:
        """Which implementation is fastest, and by how much, in one sentence."""
        return markdown.plain(headline(self))

    @property
    def sentences(self) -> list[str]:
        """The findings as plain sentences; equal ones of several conditions once."""
        return [markdown.plain(sentence) for sentence in sentences(self)]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per finding; docs/findings.md explains the columns."""
        columns = [field.name for field in fields(Finding)]
        return pd.DataFrame([asdict(finding) for finding in self], columns=columns)

    def __str__(self) -> str:
        """Return one sentence per line."""
        return "\n".join(self.sentences)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return the sentences as a list, for Jupyter."""
        items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in self.sentences)
        return f"<ul>{items}</ul>"


@plain_errors
def compare(source: Source) -> Findings:
    """Compare the implementations of a sweep: speed, accuracy, learning rates, parity, noise.

    Args:
        source: the folder of a sweep, such as `results/default`; several folders; records; or rows
            of a frame that `load_runs` returned. Findings are computed from the records of these
            runs, whatever the values of the frame are.

    Returns:
        The findings that `bench-report` writes to findings.json.

    Raises:
        BenchError: a folder is not the folder of a sweep, or a frame is of unknown origin.
    """
    return Findings(findings(analyse(records_of(source).sweep)))
