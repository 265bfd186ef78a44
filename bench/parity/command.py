"""`bench-parity`: does every implementation compute what every recipe says?"""

from __future__ import annotations

import argparse
import os
import queue
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.config import RunConfig
    from bench.contract import Verdict

DESCRIPTION = """\
Climbs the parity ladder with every implementation that is installed and every recipe that it
claims: 1 its gradients against central differences, 2 one step against a float64 reference (both
relative, at most 1e-5), 3 fifty steps, no further from the reference than three times the
implementation's own drift. Rung 4 is judged on the records of whole runs: bench sweep=whole_runs,
then bench-parity results/whole_runs.
"""

Verdicts = dict[tuple[str, str], "Verdict"]  # by implementation and recipe


def main() -> None:
    """Judge what the command line asks for.

    The exit status is 1 where something fails, 2 for a mistake in the command.
    """
    arguments = _parser().parse_args()
    from bench.config import ConfigError
    from bench.store import StoreError

    try:
        if arguments.folder is not None:
            sys.exit(_judge_whole_runs(arguments.folder, arguments.baseline))
        sys.exit(_climb(arguments))
    except (ConfigError, StoreError) as error:
        print(f"bench-parity: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("bench-parity: interrupted", file=sys.stderr)
        sys.stderr.flush()
        os._exit(130)  # processes still at work end when nobody hears them


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench-parity", description=DESCRIPTION)
    parser.add_argument("folder", nargs="?", type=Path, help="a sweep, to judge rung 4 on its runs")
    parser.add_argument("--baseline", help="rung 4: compare with this implementation's runs")
    parser.add_argument("--implementation", default="*", help="names with commas between (all)")
    parser.add_argument("--recipe", default="*", help="names with commas between (all)")
    parser.add_argument("--device", default="cpu", help="cpu or gpu (cpu)")
    parser.add_argument("--threads", default="1", help="cores for each implementation, or auto (1)")
    return parser


def _climb(arguments: argparse.Namespace) -> int:
    """Judge implementations by rungs 1 to 3, as many at a time as find cores of their own."""
    from bench.environment import usable_cores
    from bench.report.terminal import in_words

    jobs, left_out = _jobs(_configs(arguments))
    usable = usable_cores()
    n_cores = len(jobs[0][0].cores) if jobs else 1
    free: queue.SimpleQueue[Sequence[int]] = queue.SimpleQueue()
    for start in range(0, len(usable) - n_cores + 1, n_cores):
        free.put(usable[start : start + n_cores])
    verdicts: Verdicts = {}
    pool = ThreadPoolExecutor(max_workers=free.qsize())
    for future in as_completed([pool.submit(_examine, configs, free) for configs in jobs]):
        judged = future.result()
        verdicts |= judged
        n_passed = sum(verdict.passed for verdict in judged.values())
        name = next(iter(judged))[0]
        print(f"{name}: {n_passed} of {len(judged)} recipes passed", flush=True)
    _print_table(verdicts)
    for line in left_out:
        print(line)
    n_broken = 0
    for (name, recipe), verdict in sorted(verdicts.items()):
        if not verdict.passed:
            n_broken += 1
            print(f"{name} {recipe}: {in_words(verdict)}")
    print(f"{len(verdicts) - n_broken} of {len(verdicts)} passed")
    return int(n_broken > 0)


def _jobs(configs: Sequence[RunConfig]) -> tuple[list[list[RunConfig]], list[str]]:
    """Return what can be judged, a list for each implementation, and why the rest can't."""
    from bench import registry

    jobs: dict[str, list[RunConfig]] = {}
    left_out: dict[str, None] = {}
    for config in configs:
        implementation = config.implementation
        missing = registry.missing(implementation.requires)
        unclaimed = implementation.claims.lack(config.recipe)
        if missing:
            reason = f"skipped, {', '.join(missing)} not installed; {implementation.install}"
        elif config.device not in implementation.devices:
            reason = f"skipped, no device={config.device}"
        elif unclaimed:
            reason = f"{config.recipe.name} not claimed ({unclaimed})"
        else:
            jobs.setdefault(implementation.name, []).append(config)
            continue
        left_out[f"{implementation.name}: {reason}"] = None
    return list(jobs.values()), list(left_out)


def _configs(arguments: argparse.Namespace) -> list[RunConfig]:
    """Return a configuration for every implementation and recipe asked for."""
    import msgspec

    from bench.overrides import choices, compose_runs

    def composed(group: str, asked: str) -> list[RunConfig]:
        names = choices(group) if asked == "*" else asked.split(",")
        words = [f"device={arguments.device}", f"threads={arguments.threads}"]
        words.append(f"{group}={','.join(names)}")
        return compose_runs(words, default_name="parity", multirun=True)

    recipes = [config.recipe for config in composed("recipe", arguments.recipe)]
    return [
        msgspec.structs.replace(config, recipe=recipe)
        for config in composed("implementation", arguments.implementation)
        for recipe in recipes
    ]


def _examine(configs: Sequence[RunConfig], free: queue.SimpleQueue[Sequence[int]]) -> Verdicts:
    """Judge configurations of one implementation on the next free cores."""
    from bench.parity import gate
    from bench.process import Launcher

    names = {gate.unjudged(config).key: config for config in configs}
    verdicts: list[Verdict] = []
    cores = free.get()
    with tempfile.TemporaryDirectory() as folder, Launcher() as launcher:
        gate.examine(configs, Path(folder) / "parity.log", verdicts.append, launcher, cores)
    free.put(cores)
    return {
        (names[verdict.key].implementation.name, names[verdict.key].recipe.name): verdict
        for verdict in verdicts
    }


def _print_table(verdicts: Verdicts) -> None:
    """Print implementation x recipe x rung: the distance, the bound, and whether it is passed."""
    from bench.parity.ladder import RELATIVE_BOUND
    from bench.report import terminal

    table = terminal.new_table(
        title="Parity: distance / bound",
        caption="! fails",
        words=("implementation", "recipe"),
        numbers=(
            f"1 gradients\n/ {RELATIVE_BOUND:.0e} ",
            f"2 one step\n/ {RELATIVE_BOUND:.0e} ",
            "3 fifty steps\n/ 3 x own drift ",
        ),
    )
    for (name, recipe), verdict in sorted(verdicts.items()):
        cells = []
        for rung in verdict.rungs:
            drifts = rung.bound != RELATIVE_BOUND
            cells.append(
                terminal.shown_distance(rung.distance)
                + (f" / {rung.bound:.1e}" if drifts else "")
                + (" " if rung.passed else "!")
            )
        table.add_row(name, recipe, *cells)
    terminal.console().print(table)


def _judge_whole_runs(folder: Path, baseline: str | None) -> int:
    """Judge rung 4 on the records of a sweep."""
    import statistics

    from bench import store
    from bench.parity import whole_runs
    from bench.report import terminal

    sweep = store.read_sweep(folder)
    names = whole_runs.implementations(sweep.records)
    if not names:
        raise store.StoreError(f"{folder}: no records; make them with: bench sweep=whole_runs")
    baseline = baseline or names[0]
    if baseline not in names:
        raise store.StoreError(f"--baseline={baseline}: must be one of {', '.join(names)}")
    pairs = list(whole_runs.compare(sweep.records, baseline))
    table = terminal.new_table(
        title=f"Parity, rung 4: test accuracy less that of {baseline}, same seed",
        caption=f"percentage points; the mean must be within {whole_runs.BOUND_POINTS}; ! fails",
        words=("implementation", "recipe"),
        numbers=("seeds", "mean ", "lowest", "highest"),
    )
    for pair in pairs:
        mean = statistics.mean(pair.differences)
        table.add_row(
            pair.implementation,
            pair.recipe,
            str(len(pair.differences)),
            f"{mean:+.2f}" + (" " if pair.passed else "!"),
            f"{min(pair.differences):+.2f}",
            f"{max(pair.differences):+.2f}",
        )
    terminal.console().print(table)
    passed = sum(pair.passed for pair in pairs)
    print(f"{passed} of {len(pairs)} passed")
    return int(passed < len(pairs) or not pairs)


if __name__ == "__main__":
    main()
