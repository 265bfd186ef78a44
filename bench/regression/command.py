"""`bench-compare BASE [HEAD]`: has training become slower, and does it still learn the same?

Also `bench-compare CONFIGURATION CONFIGURATION...`: which one trains fastest, and by how much?
Also `bench-compare --bisect GOOD [BAD]`: which commit made training slower?
"""

from __future__ import annotations

import sys
import traceback

from bench.console import print_error
from bench.regression.arguments import parser
from bench.regression.checks import check
from bench.regression.exit_statuses import INTERRUPTED, NOT_MEASURED, SKIP, STOP


def main() -> int:
    """Compare the given revisions or configurations; return the exit status."""
    command_line = parser()
    try:
        arguments = command_line.parse_args()
        of_configurations = check(command_line, arguments)
    except SystemExit as error:
        # To `git bisect run`, 2 would mean that a commit is slower.
        skips = any(word.removeprefix("--cant-tell=") == "skip" for word in sys.argv)
        is_mistake = error.code == NOT_MEASURED and skips
        raise SystemExit(STOP if is_mistake else error.code) from None
    skips = arguments.cant_tell == "skip"
    from bench.regression import comparison, configurations, recording
    from bench.regression.bisection import command as bisection
    from bench.regression.checkout import SideError
    from bench.regression.signals import interrupted_once

    try:
        with interrupted_once():
            if of_configurations:
                return configurations.run(arguments)
            if arguments.bisect:
                return bisection.run(arguments)
            if arguments.calibrate:
                from bench.regression.calibration import this_machine

                return this_machine.run(arguments)
            if arguments.record or arguments.against_history:
                return recording.run(arguments)
            return comparison.run(arguments)
    except SideError as error:
        print_error("bench-compare", error)
        return SKIP if skips else NOT_MEASURED
    except comparison.EXPECTED_ERRORS as error:
        print_error("bench-compare", error)
    except KeyboardInterrupt:
        print("bench-compare: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception:  # noqa: BLE001  # Python would exit with 1, which means slower
        traceback.print_exc()
    return STOP if skips else NOT_MEASURED


if __name__ == "__main__":
    sys.exit(main())
