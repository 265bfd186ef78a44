"""The ladder for all that is installed: who is judged on what, at once on cores of their own."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack

from bench import registry
from bench.config.schema import RunConfig
from bench.contract import UnavailableError
from bench.machine import facts, lock
from bench.machine.facts import usable_cores
from bench.parity import gate
from bench.process.supervisor import Supervisor
from bench.records import Verdict

Jobs = dict[str, list[RunConfig]]  # by implementation, a configuration for each of its recipes
Verdicts = dict[str, Verdict]  # by recipe
Place = tuple[Sequence[int], Supervisor]  # cores, and what has been started on them


def jobs_of(configs: Sequence[RunConfig]) -> tuple[Jobs, list[str]]:
    """Return what can be judged, and a line about each that can't with the reason."""
    jobs: Jobs = {}
    left_out: dict[str, None] = {}
    for config in configs:
        implementation = config.implementation
        missing = registry.missing(implementation.requires)
        unclaimed = implementation.claims.lack(config.recipe)
        if missing:
            command = facts.adapt_commands(implementation.install)
            reason = f"skipped, {', '.join(missing)} not installed; {command}"
        elif config.device not in implementation.devices:
            reason = f"skipped, no device={config.device}"
        elif unclaimed:
            reason = f"{config.recipe.name} not claimed ({unclaimed})"
        else:
            jobs.setdefault(implementation.name, []).append(config)
            continue
        left_out[f"{implementation.name}: {reason}"] = None
    return jobs, list(left_out)


def judge(jobs: Jobs, on_wait: Callable[[], None]) -> Iterator[tuple[str, Verdicts]]:
    """Yield the verdicts on each implementation as they come.

    An implementation's recipes are halved, so that no core is idle for long at the end. The machine
    is reserved: no timed run is disturbed.

    Args:
        on_wait: called once where a timed run has to be waited for.
    """
    halves = [
        half
        for configs in jobs.values()
        for half in (configs[: len(configs) // 2], configs[len(configs) // 2 :])
        if half
    ]
    found: dict[str, Verdicts] = {name: {} for name in jobs}
    with lock.reserved(on_wait), ExitStack() as stack:
        free = _places(len(halves[0][0].cores) if halves else 1, stack)
        pool = ThreadPoolExecutor(max_workers=free.qsize())
        try:
            for future in as_completed([pool.submit(_examine, half, free) for half in halves]):
                name, verdicts = future.result()
                found[name] |= verdicts
                if len(found[name]) == len(jobs[name]):
                    yield name, found[name]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def without_unavailable(verdicts: Verdicts) -> tuple[Verdicts, list[str]]:
    """Return verdicts but for those on what turned out not to exist here, and why it doesn't."""
    judged: Verdicts = {}
    reasons: dict[str, None] = {}
    for recipe, verdict in verdicts.items():
        if verdict.error is not None and verdict.error.type == UnavailableError.__name__:
            reasons[verdict.error.message] = None
        else:
            judged[recipe] = verdict
    return judged, list(reasons)


def _places(n_cores: int, stack: ExitStack) -> queue.SimpleQueue[Place]:
    """Share all usable cores out, so many to a place; the stack ends what is started there."""
    usable = usable_cores()
    free: queue.SimpleQueue[Place] = queue.SimpleQueue()
    for start in range(0, len(usable) - n_cores + 1, n_cores):
        free.put((usable[start : start + n_cores], stack.enter_context(Supervisor())))
    return free


def _examine(configs: Sequence[RunConfig], free: queue.SimpleQueue[Place]) -> tuple[str, Verdicts]:
    """Judge configurations of one implementation at the next free place."""
    recipes = {gate.unjudged(config).key: config.recipe.name for config in configs}
    verdicts: list[Verdict] = []
    place = free.get()
    try:
        cores, launcher = place
        gate.examine(configs, verdicts.append, launcher, cores)
    finally:
        free.put(place)
    name = configs[0].implementation.name
    return name, {recipes[verdict.key]: verdict for verdict in verdicts}
