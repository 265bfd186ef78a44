"""What the system tells of the machine: caches, limits, load and what others take. Linux tells all.

Every function returns None, or nothing, where the system does not tell.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

CPU_FOLDER = Path("/sys/devices/system/cpu")
CGROUP_FOLDER = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")
UNLIMITED_BYTES = 2**60  # version 1 has a number for no limit, near to 2**63


def caches() -> dict[str, str]:
    """Return the sizes of a core's caches, such as ``{"L2": "1024K"}``; data and unified only."""
    found = {}
    for folder in sorted(CPU_FOLDER.glob("cpu0/cache/index*")):
        kind, level, size = (_read(folder / name) for name in ("type", "level", "size"))
        if kind != "Instruction" and level and size:
            found[f"L{level}"] = size
    return found


def limits() -> dict[str, float]:
    """Return what a container limits this process to: `cores`, `memory_bytes`."""
    cores = [number for folder in _groups("cpu") if (number := _cores_of(folder)) is not None]
    memory = [
        int(told)
        for folder in _groups("memory")
        for name in ("memory.max", "memory.limit_in_bytes")
        if (told := _read(folder / name)) and told != "max" and int(told) < UNLIMITED_BYTES
    ]
    found = {}
    if cores:
        found["cores"] = min(cores)
    if memory:
        found["memory_bytes"] = float(min(memory))
    return found


def _cores_of(folder: Path) -> float | None:
    quota, _, period = (_read(folder / "cpu.max") or "max").partition(" ")
    if quota == "max":  # or it is version 1
        quota = _read(folder / "cpu.cfs_quota_us") or "-1"
        period = _read(folder / "cpu.cfs_period_us") or "1"
    return float(quota) / float(period) if float(quota) > 0 else None


def _groups(controller: str) -> list[Path]:
    """Return the folders of the control groups, of either version, that this process is in.

    A group is bound by the limits of those above it. In a container its path may not be there, and
    the folder of the controller itself is the container's.
    """
    folders = {CGROUP_FOLDER, CGROUP_FOLDER / controller}
    for line in (_read(OWN_GROUPS) or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", controller) and controller not in controllers.split(","):
            continue
        top = CGROUP_FOLDER / controllers
        own = top / path.lstrip("/")
        folders |= {folder for folder in (own, *own.parents) if folder.is_relative_to(top)}
    return sorted(folders)


def out_of_memory_kills() -> int:
    """Return how many processes the kernel has killed for want of memory; 0 where it won't tell."""
    lines = (_read(Path("/proc/vmstat")) or "").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


def governors() -> set[str]:
    """Return how the cores' frequencies are chosen, such as ``{"powersave"}``."""
    paths = CPU_FOLDER.glob("cpu*/cpufreq/scaling_governor")
    return {governor for path in paths if (governor := _read(path))}


def stolen_seconds() -> float | None:
    """Return the processor time that the host gave to other machines since this one started."""
    lines = (_read(Path("/proc/stat")) or "").splitlines()
    fields = lines[0].split() if lines else []
    if len(fields) < 9:
        return None
    return int(fields[8]) / os.sysconf("SC_CLK_TCK")


class StealMeter:
    """Measures which share of the processors' time the host took away since it was made."""

    def __init__(self) -> None:
        self._stolen, self._start = stolen_seconds(), time.perf_counter()

    def share(self) -> float | None:
        """Return the share so far, from 0 to 1, over all cores."""
        now = stolen_seconds()
        seconds = time.perf_counter() - self._start
        if now is None or self._stolen is None or seconds <= 0:
            return None
        return (now - self._stolen) / seconds / (os.cpu_count() or 1)


def linear_algebra() -> list[dict[str, Any]]:
    """Return the libraries for matrix products that are loaded, with version and thread count."""
    from threadpoolctl import threadpool_info

    names = ("internal_api", "version", "num_threads", "architecture")
    return [
        {name: library.get(name) for name in names}
        for library in threadpool_info()
        if library.get("user_api") == "blas"
    ]


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None  # not this system's way of telling
