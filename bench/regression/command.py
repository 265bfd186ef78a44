"""`bench-compare BASE [HEAD]`: has training become slower, and does it still learn the same?

Also `bench-compare CONFIGURATION CONFIGURATION...`: which one trains fastest, and by how much?
Also `bench-compare --bisect GOOD [BAD]`: which commit made training slower?
"""

from __future__ import annotations

import importlib
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from bench.console import print_error
from bench.regression import settings
from bench.regression.exit_statuses import INTERRUPTED, NOT_MEASURED, SKIP, STOP

# The module that runs a mode. Only what a mode needs is imported, after the options are checked.
MODULES = {
    settings.Configurations: "configurations.command",
    settings.Revisions: "comparison",
    settings.Bisection: "bisection.command",
    settings.History: "history.recording",
    settings.Range: "history.backfill",
    settings.Calibration: "calibration.this_machine",
}

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Compare the given revisions or configurations; return the exit status."""
    # To `git bisect run`, 2 would mean that a commit is slower.
    skips = any(word.removeprefix("--cant-tell=") == "skip" for word in sys.argv)
    try:
        chosen = settings.parse(sys.argv[1:])
    except SystemExit as error:
        raise SystemExit(STOP if skips and error.code == NOT_MEASURED else error.code) from None
    skips = getattr(chosen, "cant_tell", None) == "skip"
    from bench.regression.comparison import EXPECTED_ERRORS
    from bench.regression.sides.checkout import CommitError

    try:
        with interrupted_once():
            module = importlib.import_module(f"bench.regression.{MODULES[type(chosen)]}")
            return int(module.run(chosen))
    except EXPECTED_ERRORS as error:
        print_error("bench-compare", error)
        if skips and isinstance(error, CommitError):
            return SKIP
    except KeyboardInterrupt:
        print("bench-compare: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception:  # noqa: BLE001  # Python would exit with 1, which means slower
        traceback.print_exc()
    return STOP if skips else NOT_MEASURED


@contextmanager
def interrupted_once() -> Iterator[None]:
    """Raise KeyboardInterrupt on the first SIGINT, SIGTERM or SIGHUP; ignore later ones.

    A signal that is ignored already, such as SIGHUP under `nohup`, stays ignored.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in handled:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in SIGNALS}
    handled = [number for number in SIGNALS if before[number] != signal.SIG_IGN]
    for number in handled:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, before[number])


if __name__ == "__main__":
    sys.exit(main())
