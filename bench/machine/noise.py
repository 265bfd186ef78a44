"""Was the machine quiet during a run? Measurements, and the decision with its reasons.

A run is noisy if it was slower than on the idle machine. The ceiling before and after the run shows
a load that starts or stops. The time that other processes used on the run's cores, and a comparison
with the highest ceiling measured on this machine so far, show a constant load.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from bench.machine import cgroups, facts, usage

MAX_CEILING_RATIO = 1.10  # of the readings before and after a run
MIN_SHARE_OF_BEST = 0.80  # of the highest ceiling measured on this machine
MAX_OTHERS_SHARE = 0.05  # of the run's cores, used by other processes
MAX_STOLEN_SHARE = 0.02  # of the run's cores, taken by the host for other virtual machines
MAX_THROTTLED_SHARE = 0.01  # of the time, stopped by the container's CPU quota
TICKS_SECONDS = 0.03  # error of a core's clock, which counts in hundredths of a second
CORE_CLOCKS = Path("/proc/stat")


@dataclass(frozen=True, kw_only=True)
class Contention:
    """Time that others took from a process's cores; None if the system does not report it.

    Attributes:
        others_share: core time used by other processes, 0 to 1, beyond the error of the clocks.
        stolen_share: core time that the host gave to other virtual machines, 0 to 1.
        throttled_share: time in which the container's CPU quota stopped the process, 0 to 1.
        niceness: of the process, -20 to 19; if above 0, it waits for other processes.
    """

    others_share: float | None
    stolen_share: float | None
    throttled_share: float
    niceness: int = 0


class ContentionMeter:
    """Measures the time that others take from this process's cores, since its creation."""

    def __init__(self) -> None:
        """Start measuring."""
        self._start = _Clocks.read()

    def read(self) -> Contention:
        """Return the contention since the meter was created."""
        start, end = self._start, _Clocks.read()
        elapsed_seconds = max(end.wall - start.wall, 1e-9)
        core_seconds = elapsed_seconds * end.n_cores
        others = stolen = None
        if start.busy is not None and end.busy is not None:
            error = TICKS_SECONDS * end.n_cores
            used = (end.busy - start.busy) - (end.own - start.own) - error
            others = min(max(used / core_seconds, 0.0), 1.0)
        if start.stolen is not None and end.stolen is not None:
            stolen = min((end.stolen - start.stolen) / core_seconds, 1.0)
        throttled = min((end.throttled - start.throttled) / elapsed_seconds, 1.0)
        return Contention(
            others_share=others,
            stolen_share=stolen,
            throttled_share=throttled,
            niceness=os.nice(0),
        )


@dataclass(frozen=True, kw_only=True)
class _Clocks:
    """Seconds on the clocks of the machine and of this process."""

    wall: float
    own: float  # processor time of this process and its descendants
    busy: float | None  # processor time of all processes on this process's cores
    stolen: float | None
    throttled: float
    n_cores: int

    @classmethod
    def read(cls) -> _Clocks:
        cores = facts.usable_cores()
        clocks = _core_clocks()
        is_complete = clocks and all(core in clocks for core in cores)
        return cls(
            wall=time.perf_counter(),
            own=usage.cpu_seconds(),
            busy=sum(clocks[core][0] for core in cores) if is_complete else None,
            stolen=sum(clocks[core][1] for core in cores) if is_complete else None,
            throttled=cgroups.throttled_seconds(),
            n_cores=len(cores),
        )


def _core_clocks() -> dict[int, tuple[float, float]]:
    """Return the busy and the stolen seconds of every core since the system started; see proc(5).

    Empty if the system does not count them: outside Linux, and in some sandboxes.
    """
    clocks = {}
    for line in (cgroups.read_text(CORE_CLOCKS) or "").splitlines():
        if core := re.match(r"cpu(\d+) ", line):
            user, nice, system, idle, _, irq, softirq, stolen, *_ = map(int, line.split()[1:])
            if idle > 0:
                ticks = os.sysconf("SC_CLK_TCK")
                busy = user + nice + system + irq + softirq
                clocks[int(core[1])] = (busy / ticks, stolen / ticks)
    return clocks


def noisy_reasons(
    *, ceiling_before: float, ceiling_after: float, best_ceiling: float, contention: Contention
) -> list[str]:
    """Decide whether a run was noisy.

    Args:
        ceiling_before: operations per second before the run.
        ceiling_after: operations per second after the run.
        best_ceiling: the highest ceiling measured on this machine with as many cores.
        contention: time that others took during the run.

    Returns:
        A reason for each limit that was exceeded; empty for a quiet run.
    """
    reasons = []
    change = max(ceiling_before, ceiling_after) / min(ceiling_before, ceiling_after) - 1
    if change > MAX_CEILING_RATIO - 1:
        reasons.append(f"its speed at matrix products changed by {change:.0%} during the run")
    share_of_best = max(ceiling_before, ceiling_after) / best_ceiling
    if share_of_best < MIN_SHARE_OF_BEST:
        reasons.append(
            f"its speed at matrix products was {share_of_best:.0%} of the best measured here"
        )
    if (contention.others_share or 0.0) > MAX_OTHERS_SHARE:
        priority = f"; niceness {contention.niceness} let them go first"
        reasons.append(
            f"other processes used {contention.others_share:.0%} of the run's cores"
            f"{priority if contention.niceness > 0 else ''}"
        )
    if (contention.stolen_share or 0.0) > MAX_STOLEN_SHARE:
        reasons.append(f"other virtual machines took {contention.stolen_share:.0%} of its cores")
    if contention.throttled_share > MAX_THROTTLED_SHARE:
        reasons.append(
            f"the container's CPU quota stopped it for {contention.throttled_share:.0%} of the time"
        )
    return reasons
