"""Runs the parity checks of many implementations and recipes at once, each on cores of its own."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack

from bench import registry
from bench.config.schema import RunConfig
from bench.console import adapt_commands
from bench.contract import UnavailableError
from bench.machine import lock
from bench.machine.facts import usable_cores
from bench.parity import verdicts
from bench.process.supervisor import Supervisor
from bench.records import Verdict

Jobs = dict[str, list[RunConfig]]  # by implementation, a configuration for each of its recipes
Verdicts = dict[str, Verdict]  # by recipe
Place = tuple[Sequence[int], Supervisor]  # cores, and the fork servers on them


def plan(configs: Sequence[RunConfig]) -> tuple[Jobs, list[str]]:
    """Return what can be checked here, and a line with the reason for each that can't.

    Args:
        configs: one for each implementation and recipe.
    """
    jobs: Jobs = {}
    skipped: dict[str, None] = {}
    for config in configs:
        implementation = config.implementation
        missing = registry.missing(implementation.requires)
        unclaimed = implementation.claims.unsupported(config.recipe)
        if missing:
            command = adapt_commands(implementation.install)
            reason = f"skipped, {', '.join(missing)} not installed; {command}"
        elif config.device not in implementation.devices:
            reason = f"skipped, no device={config.device}"
        elif unclaimed:
            reason = f"{config.recipe.name} not claimed ({unclaimed})"
        else:
            jobs.setdefault(implementation.name, []).append(config)
            continue
        skipped[f"{implementation.name}: {reason}"] = None
    return jobs, list(skipped)


def run(jobs: Jobs, on_wait: Callable[[], None]) -> Iterator[tuple[str, Verdicts]]:
    """Yield the verdicts on each implementation as they come.

    An implementation's recipes are halved, so that no core is idle for long at the end. The machine
    is reserved, so that no timed run is disturbed.

    Args:
        jobs: from `plan`.
        on_wait: called once if a timed run has to be waited for.
    """
    halves = [
        half
        for configs in jobs.values()
        for half in (configs[: len(configs) // 2], configs[len(configs) // 2 :])
        if half
    ]
    results: dict[str, Verdicts] = {name: {} for name in jobs}
    with lock.reserved(on_wait), ExitStack() as stack:
        free = _places(len(halves[0][0].cores) if halves else 1, stack)
        pool = ThreadPoolExecutor(max_workers=free.qsize())
        try:
            for future in as_completed([pool.submit(_check, half, free) for half in halves]):
                name, half_results = future.result()
                results[name] |= half_results
                if len(results[name]) == len(jobs[name]):
                    yield name, results[name]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def without_unavailable(results: Verdicts) -> tuple[Verdicts, list[str]]:
    """Separate the verdicts from what turned out not to exist here, such as a GPU.

    Returns:
        The verdicts that say something, and each reason for one that does not.
    """
    available: Verdicts = {}
    reasons: dict[str, None] = {}
    for recipe, verdict in results.items():
        if verdict.error is not None and verdict.error.type == UnavailableError.__name__:
            reasons[verdict.error.message] = None
        else:
            available[recipe] = verdict
    return available, list(reasons)


def _places(n_cores: int, stack: ExitStack) -> queue.SimpleQueue[Place]:
    """Divide all usable cores into places of so many; the stack ends what is started there."""
    usable = usable_cores()
    free: queue.SimpleQueue[Place] = queue.SimpleQueue()
    for start in range(0, len(usable) - n_cores + 1, n_cores):
        free.put((usable[start : start + n_cores], stack.enter_context(Supervisor())))
    return free


def _check(configs: Sequence[RunConfig], free: queue.SimpleQueue[Place]) -> tuple[str, Verdicts]:
    """Check configurations of one implementation at the next free place."""
    pending = [verdicts.pending_verdict(config) for config in configs]
    results: list[Verdict] = []
    place = free.get()
    try:
        cores, supervisor = place
        verdicts.run_checks(configs, pending, results.append, supervisor, cores)
    finally:
        free.put(place)
    # By position: two recipes may have the same equations, and so the same key.
    names = [config.recipe.name for config in configs]
    return configs[0].implementation.name, dict(zip(names, results, strict=True))
