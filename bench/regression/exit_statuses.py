"""The exit statuses of `bench-compare`: one table for `--help` and the documentation."""

from __future__ import annotations

import textwrap

NOT_SLOWER, FOUND, NOT_MEASURED, CANT_TELL = 0, 1, 2, 3
SKIP, STOP = 125, 255  # `git bisect run` tries another commit; it ends
INTERRUPTED = 130
WIDTH = 100  # of the table for --help

MODES = ("revisions, --record", "configurations", "--bisect", "--record A..B, --calibrate")
# What a status means in each mode, in the order of `MODES`; empty if a mode never has it.
MEANINGS = {
    NOT_SLOWER: (
        "every case was measured and no metric is worse",
        "every interval is within --precision",
        "BAD is not slower than GOOD",
        "all commits or cases were measured, or are skipped by name",
    ),
    FOUND: (
        "a metric of a case is worse, a case learns something else, or it fails in HEAD although "
        "it works in BASE",
        "a configuration fails or learns something else",
        "the commit is named; or BAD is not slower, but learns something else or fails",
        "",
    ),
    NOT_MEASURED: ("a mistake in the command, or nothing was measured",) * len(MODES),
    CANT_TELL: (
        "a case is undecided (--cant-tell pass or fail makes that 0 or 1), or was not measured or "
        "not recorded (never a pass)",
        "the budget ended before that",
        "no case is known to be slower, several suspects are left, the commit is not confirmed, or "
        "the budget was used up",
        "the budget was used up (--record A..B: the same command continues; --calibrate: measure "
        "again with a longer --budget), or a case was not measured",
    ),
    SKIP: (
        "with --cant-tell skip: a case is undecided or has too few pairs, fails in HEAD, or HEAD "
        "lacks the project",
        *("",) * (len(MODES) - 1),
    ),
    INTERRUPTED: ("interrupted",) * len(MODES),
    STOP: (
        "with --cant-tell skip: a mistake in the command, or a case fails in BASE",
        *("with --cant-tell skip, which has no effect here",) * (len(MODES) - 1),
    ),
}


def table() -> str:
    """Return the table for `--help`; what is equal in all modes is printed once."""
    lines = ["exit status:"]
    for status, meanings in MEANINGS.items():
        if len({*meanings}) == 1:
            lines.append(f"  {status:<5}{meanings[0]}")
            continue
        start = f"{status:<5}"
        for mode, meaning in zip(MODES, meanings, strict=True):
            if meaning:
                words = f"  {start}{mode}: {meaning}"
                lines += textwrap.wrap(words, WIDTH, subsequent_indent=" " * 9)
                start = " " * 5
    return "\n".join(lines) + "\n"
