"""Limits that a container (a Linux control group) puts on this process.

Both versions of control groups are read. Other systems have no such limits.
"""

from __future__ import annotations

from pathlib import Path

CGROUP_FOLDER = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")
VMSTAT = Path("/proc/vmstat")
UNLIMITED_BYTES = 2**60  # version 1 writes "no limit" as a number close to 2**63


def limits() -> dict[str, float]:
    """Return the container's limits, if any: `cores` (CPU quota), `memory_bytes`."""
    quotas = [quota for folder in _folders("cpu") if (quota := _cpu_quota(folder)) is not None]
    memory = [
        float(text)
        for folder in _folders("memory")
        for name in ("memory.max", "memory.limit_in_bytes")
        if (text := read_text(folder / name)) and text != "max" and int(text) < UNLIMITED_BYTES
    ]
    named = {"cores": quotas, "memory_bytes": memory}
    return {name: min(values) for name, values in named.items() if values}


def throttled_seconds() -> float:
    """Return for how long the CPU quota has stopped this container's processes so far."""
    seconds = [0.0]
    for folder in _folders("cpu"):
        for line in (read_text(folder / "cpu.stat") or "").splitlines():
            name, _, value = line.partition(" ")
            if name == "throttled_usec":  # version 2
                seconds.append(int(value) / 1e6)
            elif name == "throttled_time":  # version 1
                seconds.append(int(value) / 1e9)
    return max(seconds)


def out_of_memory_kills() -> int:
    """Return how many processes the kernel has killed for lack of memory; 0 if unknown."""
    lines = (read_text(VMSTAT) or "").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


def read_text(path: Path) -> str | None:
    """Return a system file's stripped text; None if this system has no such file."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def _cpu_quota(folder: Path) -> float | None:
    """Return a group's quota in cores."""
    quota, _, period = (read_text(folder / "cpu.max") or "max").partition(" ")
    if quota == "max":  # no limit, or version 1
        quota = read_text(folder / "cpu.cfs_quota_us") or "-1"
        period = read_text(folder / "cpu.cfs_period_us") or "1"
    return float(quota) / float(period) if float(quota) > 0 else None


def _folders(controller: str) -> list[Path]:
    """Return the folders of the groups that this process is in, and of those above them.

    The limits of the groups above apply too. Inside a container the path in /proc may not exist:
    then the controller's top folder belongs to the container.
    """
    folders = {CGROUP_FOLDER, CGROUP_FOLDER / controller}
    for line in (read_text(OWN_GROUPS) or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", controller) and controller not in controllers.split(","):
            continue
        top = CGROUP_FOLDER / controllers
        own = top / path.lstrip("/")
        folders |= {folder for folder in (own, *own.parents) if folder.is_relative_to(top)}
    return sorted(folders)
