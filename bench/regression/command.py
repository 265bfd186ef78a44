"""`bench-compare BASE [HEAD]`: has training become slower, and does it still learn the same?"""

from __future__ import annotations

import sys
import traceback

from bench.console import print_error
from bench.regression.arguments import parser


def main() -> int:
    """Compare the given revisions; return the exit status."""
    command_line = parser()
    arguments = command_line.parse_args()
    if arguments.base is None and not (arguments.record or arguments.against_history):
        command_line.error("BASE is missing: the revision to compare with, such as HEAD~1")
    from bench.regression import comparison
    from bench.regression.outcome import NOT_MEASURED
    from bench.regression.signals import interrupted_once

    try:
        with interrupted_once():
            return comparison.run(arguments)
    except comparison.EXPECTED_ERRORS as error:
        print_error("bench-compare", error)
    except KeyboardInterrupt:
        print("bench-compare: interrupted", file=sys.stderr)
        return 130
    except Exception:  # noqa: BLE001  # Python would exit with 1, which means slower
        traceback.print_exc()
    return NOT_MEASURED


if __name__ == "__main__":
    sys.exit(main())
