"""`bench-doctor`: is this machine fit to measure on, what is installed, where is the data?"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

MAX_LOAD = 0.5  # processes that want to run, per core
MAX_STEAL = 0.02
MAX_SPREAD = 0.10
PROBE_SECONDS = 1.0
PROBE_SIZE = 384


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; a remedy where it could be better."""

    subject: str
    state: Literal["good", "note", "bad"]  # bad: not fit to measure on
    text: str
    remedy: str = ""


def main() -> None:
    """Print the findings; exit status 1 where the machine is not fit to measure on."""
    argparse.ArgumentParser(
        prog="bench-doctor",
        description="Says in a few lines whether this machine is fit to measure on, what is "
        "installed and where the data is, and what to do about each finding.",
    ).parse_args()
    findings = []
    marks = {"good": "ok ", "note": "   ", "bad": "!  "}
    for finding in examine():
        findings.append(finding)
        print(f"{marks[finding.state]} {finding.subject:<15} {finding.text}", flush=True)
        if finding.remedy:
            print(f"    {'':<15} -> {finding.remedy}")
    bad = [finding.subject for finding in findings if finding.state == "bad"]
    if bad:
        print(f"Not fit to measure on as it is: {', '.join(bad)}.")
        raise SystemExit(1)
    print("Fit to measure on.")


def examine() -> Iterator[Finding]:
    """Look at everything, one after the other."""
    yield _cores()
    yield _load()
    yield _frequency()
    yield from _probe()
    yield _linear_algebra()
    yield from _installed()
    yield _data()


def _cores() -> Finding:
    from bench.machine import facts, host

    usable, present = len(facts.usable_cores()), os.cpu_count() or 1
    limit = host.limits().get("cores")
    caches = ", ".join(f"{name} {size}" for name, size in host.caches().items())
    text = f"{usable} of {present} usable, {facts.cpu_model()}" + (f" ({caches})" if caches else "")
    if limit is not None and limit < usable:
        return Finding(
            "cores", "bad", f"{text}, but limited to {limit:g} by its container",
            f"give threads={max(1, int(limit))}, or the container more",
        )  # fmt: skip
    return Finding("cores", "good", text)


def _load() -> Finding:
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    text = f"{load:.2f} per core in the last minute"
    if load > MAX_LOAD:
        return Finding("load", "bad", text, "end what else is running, or wait ('top' names it)")
    return Finding("load", "good", text)


def _frequency() -> Finding:
    from bench.machine import host

    governors = host.governors()
    if not governors:
        return Finding("frequency", "note", "the system does not tell how it is chosen")
    named = ", ".join(sorted(governors))
    if governors != {"performance"}:
        remedy = "cpupower frequency-set --governor performance"
        return Finding("frequency", "note", f"governor {named}: clocks move with the load", remedy)
    return Finding("frequency", "good", f"governor {named}")


def _probe() -> Iterator[Finding]:
    """Multiply the same small matrices for a second: how much do the times differ?"""
    import numpy as np

    from bench.machine import host

    matrix = np.random.default_rng(0).random((PROBE_SIZE, PROBE_SIZE), dtype=np.float32)
    product = np.empty_like(matrix)
    np.matmul(matrix, matrix, out=product)
    meter, seconds = host.StealMeter(), list[float]()
    end = time.perf_counter() + PROBE_SECONDS
    while (start := time.perf_counter()) < end:
        np.matmul(matrix, matrix, out=product)
        seconds.append(time.perf_counter() - start)
    share = meter.share()
    if share is None:
        yield Finding("steal", "note", "the system does not tell")
    else:
        remedy = "other machines on this host take processor time; measure at another hour"
        yield Finding(
            "steal",
            "bad" if share > MAX_STEAL else "good",
            f"{share:.1%} of the processors' time taken by other machines",
            remedy if share > MAX_STEAL else "",
        )
    tenths = statistics.quantiles(seconds, n=10)
    spread = tenths[-1] / statistics.median(seconds) - 1
    rate = 2 * PROBE_SIZE**3 / statistics.median(seconds) / 1e9
    text = f"one time in ten {spread:.0%} slower than the median ({rate:,.0f} GFLOP/s)"
    if spread > MAX_SPREAD:
        remedy = "repeat over seeds, and trust differences well above this only"
        yield Finding("spread", "bad", text, remedy)
    else:
        yield Finding("spread", "good", text)


def _linear_algebra() -> Finding:
    from bench.machine import host

    libraries = [
        f"{library['internal_api']} {library['version']}, {library['num_threads']} threads"
        for library in host.linear_algebra()
    ]
    if not libraries:
        return Finding("BLAS", "note", "not one that tells its name")
    return Finding("BLAS", "good", "; ".join(libraries))


def _installed() -> Iterator[Finding]:
    from bench import registry
    from bench.config.compose import choices, compose_runs
    from bench.machine import facts

    names = ",".join(choices("implementation"))
    for config in compose_runs([f"implementation={names}"], default_name="doctor", multirun=True):
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
    from bench.data import locate

    folder = locate.find()
    if folder is None:
        return Finding(
            "Fashion-MNIST", "note", "not here yet; the first run fetches it", "make data"
        )
    return Finding("Fashion-MNIST", "good", f"{folder}, all four files checked")


if __name__ == "__main__":
    main()
