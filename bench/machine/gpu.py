"""The GPUs of this machine according to nvidia-smi; no framework is imported."""

from __future__ import annotations

import functools
import subprocess

QUERY = ("--query-gpu=name,driver_version", "--format=csv,noheader")
TIMEOUT_SECONDS = 30.0  # a driver that is not loaded yet takes seconds


@functools.cache
def describe() -> dict[str, str]:
    """Return the names of all GPUs as `gpu`, and the driver's version as `gpu driver`.

    Both are "unknown" if nvidia-smi is missing or fails.
    """
    try:
        printed = subprocess.run(  # noqa: S603
            ["nvidia-smi", *QUERY],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
            timeout=TIMEOUT_SECONDS,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        printed = ""
    rows = [line.rpartition(", ") for line in printed.splitlines()]
    names, drivers = [row[0] for row in rows], {row[2] for row in rows}
    return {
        "gpu": ", ".join(names) or "unknown",
        "gpu driver": ", ".join(sorted(drivers)) or "unknown",
    }
