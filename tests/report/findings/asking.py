"""What a report of a few records states."""

from bench.report.findings.findings import findings, sentences
from bench.report.frames.analysis import analyse
from tests.report.conftest import make_record, sweep_of

SAME = "They learn the same: test accuracies agree within 0.3 points."


def words_of(*records, **more):
    """Return the sentences of a report of these records, without Markdown's backslashes."""
    return "\n".join(sentences(findings(analyse(sweep_of(*records, **more))))).replace("\\", "")


def runs_of(name, speeds, **settings):
    return [
        make_record(name, seed=seed, examples_per_second=speed, **settings)
        for seed, speed in enumerate(speeds)
    ]


def found_in(*records):
    """Return the findings of a report of these records by question, claim, subject and baseline."""
    return {
        (one.question, one.claim, one.subject, one.baseline): one
        for one in findings(analyse(sweep_of(*records)))
        if not one.summary
    }
