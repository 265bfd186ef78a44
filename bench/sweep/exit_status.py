"""Exit statuses of `bench`. `bench --help` lists them too."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """The exit statuses of `bench`."""

    OK = 0  # no run failed, and at least one was trained, now or earlier
    RUN_FAILED = 1  # at least one run failed, timed out or ran out of memory
    REFUSED = 2  # a mistake on the command line, no dataset, or a file that can't be written
    NOTHING_TRAINED = 3  # every run was skipped
    INTERRUPTED = 130  # Ctrl-C: 128 + SIGINT, as shells count
