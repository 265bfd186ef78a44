"""Checks of this machine: is it fit to measure on, what is installed, and where is the data?"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bench import registry
from bench.config.schema import RunConfig
from bench.data import locate
from bench.machine import cgroups, facts, lock, noise

MAX_SPREAD = 0.10
PROBE_SECONDS = 1.0
PROBE_SIZE = 384
MIN_PRODUCTS = 10


@dataclass(frozen=True)
class Finding:
    """The result of one check, with a remedy if it could be better."""

    subject: str
    state: Literal["good", "note", "bad"]  # bad: not fit to measure on
    text: str
    remedy: str = ""


def examine(configs: Sequence[RunConfig]) -> Iterator[Finding]:
    """Yield the result of each check.

    Args:
        configs: a configuration of each implementation.
    """
    yield _cores()
    yield _lock()
    yield _frequency()
    yield from _probe()
    yield _linear_algebra()
    yield from _installed(configs)
    yield _data()


def _cores() -> Finding:
    usable, present = len(facts.usable_cores()), os.cpu_count() or 1
    quota = cgroups.limits().get("cores")
    caches = ", ".join(f"{name} {size}" for name, size in facts.caches().items())
    text = f"{usable} of {present} usable, {facts.cpu_model()}" + (f" ({caches})" if caches else "")
    if quota is None or quota >= usable:
        return Finding("cores", "good", text)
    text += f"; the container's CPU quota allows {quota:g}, so threads=auto uses "
    text += f"{len(facts.default_cores())}"
    if quota < 1:
        remedy = "give the container at least one core; now the quota stops runs part of the time"
        return Finding("cores", "bad", text, remedy)
    return Finding("cores", "note", text, "give the container more cores to use all of them")


def _lock() -> Finding:
    try:
        with lock.opened():
            return Finding("lock", "good", f"{lock.LOCK_PATH}, one timed run at a time")
    except lock.LockError as error:
        return Finding("lock", "bad", f"{lock.LOCK_PATH}: {error.reason}", lock.REMEDY)


def _frequency() -> Finding:
    governors = facts.governors()
    if not governors:
        return Finding("frequency", "note", "not available")
    text = f"governor {', '.join(sorted(governors))}"
    if governors != {"performance"}:
        remedy = "cpupower frequency-set --governor performance"
        return Finding("frequency", "note", f"{text}: clocks change with the load", remedy)
    return Finding("frequency", "good", text)


def _probe() -> Iterator[Finding]:
    """Multiply small matrices for a second on the usable cores, and measure disturbances."""
    matrix = np.random.default_rng(0).random((PROBE_SIZE, PROBE_SIZE), dtype=np.float32)
    product = np.empty_like(matrix)
    np.matmul(matrix, matrix, out=product)
    meter, seconds = noise.ContentionMeter(), list[float]()
    end = time.perf_counter() + PROBE_SECONDS
    while (start := time.perf_counter()) < end or len(seconds) < MIN_PRODUCTS:
        np.matmul(matrix, matrix, out=product)
        seconds.append(time.perf_counter() - start)
    contention = meter.read()
    yield _share(
        "load",
        contention.others_share,
        noise.MAX_OTHERS_SHARE,
        "of these cores' time used by other processes",
        "stop other programs ('top' lists them), or give threads= fewer cores",
    )
    yield _share(
        "steal",
        contention.stolen_share,
        noise.MAX_STOLEN_SHARE,
        "of these cores' time taken by other virtual machines",
        "measure when the host is less busy",
    )
    tenths = statistics.quantiles(seconds, n=10)
    spread = tenths[-1] / statistics.median(seconds) - 1
    rate = 2 * PROBE_SIZE**3 / statistics.median(seconds) / 1e9
    yield _share(
        "spread",
        spread,
        MAX_SPREAD,
        f"more time than the median for one product in ten (median: {rate:,.0f} GFLOP/s)",
        "repeat over seeds, and trust only differences well above this",
    )


def _share(subject: str, share: float | None, limit: float, text: str, remedy: str) -> Finding:
    if share is None:
        return Finding(subject, "note", "not available")
    if share > limit:
        return Finding(subject, "bad", f"{share:.1%} {text}", remedy)
    return Finding(subject, "good", f"{share:.1%} {text}")


def _linear_algebra() -> Finding:
    libraries = [
        f"{library['internal_api']} {library['version']}, {library['num_threads']} threads"
        for library in facts.linear_algebra()
    ]
    if not libraries:
        return Finding("BLAS", "note", "NumPy's library does not report its name")
    return Finding("BLAS", "good", "; ".join(libraries))


def _installed(configs: Sequence[RunConfig]) -> Iterator[Finding]:
    for config in configs:
        implementation = config.implementation
        name = implementation.name
        missing = registry.missing(implementation.requires)
        if missing:
            text = f"{', '.join(missing)} not installed; its runs will be skipped"
            yield Finding(name, "note", text, implementation.install)
            continue
        versions = facts.versions(implementation.libraries)
        listed = ", ".join(f"{library} {version}" for library, version in versions.items())
        yield Finding(name, "good", listed)


def _data() -> Finding:
    folder = locate.find()
    if folder is None:
        return Finding("Fashion-MNIST", "note", "not here yet; the first run downloads it")
    return Finding("Fashion-MNIST", "good", f"{folder}, all four files checked")
