"""Run the parity checks of many implementations and recipes in parallel, on separate cores."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from bench.config.schema import RunConfig
from bench.contract import UnavailableError
from bench.machine import lock
from bench.machine.facts import usable_cores
from bench.parity import verdicts
from bench.process.availability import reason_impossible
from bench.process.supervisor import Supervisor
from bench.records import Verdict

Jobs = dict[str, list[RunConfig]]  # by implementation, a configuration for each recipe
Verdicts = dict[str, Verdict]  # by recipe
CoreSlots = queue.SimpleQueue[tuple[int, ...]]  # groups of cores that are free


def plan(configs: Sequence[RunConfig]) -> tuple[Jobs, list[str]]:
    """Return the checks that are possible here, and a line for each reason why others are not.

    Args:
        configs: one configuration for each implementation and recipe.
    """
    jobs: Jobs = {}
    skipped: dict[str, None] = {}
    for config in configs:
        name = config.implementation.name
        if reason := reason_impossible(config):
            skipped[f"{name}: skipped, {reason}"] = None
        else:
            jobs.setdefault(name, []).append(config)
    return jobs, list(skipped)


def run_jobs(jobs: Jobs) -> Iterator[tuple[str, Verdicts]]:
    """Yield the verdicts on each implementation when they are complete.

    The machine is reserved, so that no timed run is disturbed. The recipes of an implementation are
    divided into two halves, so that all cores are busy until the end.

    Args:
        jobs: from `plan`.
    """
    halves = [
        half
        for configs in jobs.values()
        for half in (configs[: len(configs) // 2], configs[len(configs) // 2 :])
        if half
    ]
    if not halves:
        return
    usable, n_cores = usable_cores(), len(halves[0][0].cores)
    slots: CoreSlots = queue.SimpleQueue()
    for start in range(0, len(usable) - n_cores + 1, n_cores):
        slots.put(usable[start : start + n_cores])
    results: dict[str, Verdicts] = {name: {} for name in jobs}
    with lock.reserved():
        pool = ThreadPoolExecutor(max_workers=slots.qsize())
        try:
            for future in as_completed([pool.submit(_check, half, slots) for half in halves]):
                name, half_results = future.result()
                results[name] |= half_results
                if len(results[name]) == len(jobs[name]):
                    yield name, results[name]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def without_unavailable(results: Verdicts) -> tuple[Verdicts, list[str]]:
    """Remove the verdicts on implementations that need something absent here, such as a GPU.

    Returns:
        The other verdicts, and the reasons for the removed ones, each once.
    """
    unavailable = {
        recipe: verdict.error.message
        for recipe, verdict in results.items()
        if verdict.error is not None and verdict.error.type == UnavailableError.__name__
    }
    available = {recipe: results[recipe] for recipe in results if recipe not in unavailable}
    return available, list(dict.fromkeys(unavailable.values()))


def _check(configs: Sequence[RunConfig], slots: CoreSlots) -> tuple[str, Verdicts]:
    """Check configurations of one implementation on the next free cores."""
    pending = [verdicts.pending_verdict(config) for config in configs]
    results: list[Verdict] = []
    cores = slots.get()
    try:
        with Supervisor() as supervisor:
            verdicts.run_checks(configs, pending, results.append, supervisor, cores)
    finally:
        slots.put(cores)
    # By position: two recipes may have the same equations, and so the same key.
    names = [config.recipe.name for config in configs]
    return configs[0].implementation.name, dict(zip(names, results, strict=True))
