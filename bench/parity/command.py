"""`bench-parity`: does every implementation compute what every recipe says?"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.console import printable

if TYPE_CHECKING:
    from bench.config.schema import RunConfig
    from bench.parity.whole_runs import Pairing
    from bench.records import Verdict

DESCRIPTION = """\
Climbs the parity ladder with every implementation that is installed and every recipe that it
claims: 1 its gradients against central differences, 2 one step against a float64 reference (both
relative, at most 1e-5), 3 fifty steps of 128 examples and fifty of one, no further from the
reference than three times the implementation's own drift. A sweep climbs these three by itself and
ranks nobody who fails. Rung 4 has no say in a ranking; it is judged on the records of whole runs:
bench sweep=whole_runs, then bench-parity results/whole_runs.
"""

Verdicts = dict[tuple[str, str], "Verdict"]  # by implementation and recipe


def main() -> None:
    """Judge what the command line asks for.

    The exit status is 1 where something fails, 2 for a mistake in the command.
    """
    arguments = _parser().parse_args()
    from bench.config.schema import ConfigError
    from bench.results.store import StoreError

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
    """Judge implementations by rungs 1 to 3."""
    from bench.parity import climbing
    from bench.terminal import in_words

    jobs, left_out = climbing.jobs_of(_configs(arguments))
    verdicts: Verdicts = {}
    for name, judged in climbing.judge(jobs, on_wait=_print_waiting):
        judged, reasons = climbing.without_unavailable(judged)
        left_out += [f"{name}: skipped, {reason}" for reason in reasons]
        if not judged:
            continue
        verdicts |= {(name, recipe): verdict for recipe, verdict in judged.items()}
        n_passed = sum(verdict.passed for verdict in judged.values())
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


def _print_waiting() -> None:
    print("waiting for a run on this machine to end, so as not to disturb it", flush=True)


def _configs(arguments: argparse.Namespace) -> list[RunConfig]:
    """Return a configuration for every implementation and recipe asked for."""
    import msgspec

    from bench.config.compose import choices, compose_runs

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


def _print_table(verdicts: Verdicts) -> None:
    """Print implementation x recipe x rung: the distance, the bound, and whether it is passed."""
    from bench import terminal
    from bench.parity.ladder import RELATIVE_BOUND

    table = terminal.new_table(
        title="Parity: distance / bound",
        caption="! fails; rung 4, whole runs: bench sweep=whole_runs",
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
    from bench.parity import whole_runs
    from bench.results import store

    sweep = store.read_sweep(folder)
    names = whole_runs.implementations(sweep.records)
    if not names:
        raise store.StoreError(f"{folder}: no records; make them with: bench sweep=whole_runs")
    baseline = baseline or names[0]
    if baseline not in names:
        raise store.StoreError(f"--baseline={baseline}: must be one of {', '.join(names)}")
    pairings = list(whole_runs.compare(sweep.records, baseline))
    _print_pairings(pairings, baseline)
    skipped = {one.run_id: one.error for one in sweep.records if one.status == "skipped"}
    reasons = [f"skipped: {error.message}" for error in skipped.values() if error is not None]
    for reason in dict.fromkeys(reasons):
        print(printable(reason))
    n_wanting = len(sweep.missing) + len(sweep.unreadable)
    if n_wanting:
        print(f"{n_wanting} planned runs have no record that can be read")
    n_passed = sum(pairing.passed for pairing in pairings)
    print(f"{n_passed} of {len(pairings)} passed")
    return int(n_passed < len(pairings) or not pairings or n_wanting > 0)


def _print_pairings(pairings: Sequence[Pairing], baseline: str) -> None:
    """Print implementation x recipe: how many pairs, and how far apart they are."""
    from bench import terminal
    from bench.parity.whole_runs import BOUND_POINTS, MIN_PAIRS

    table = terminal.new_table(
        title=f"Parity, rung 4: test accuracy less that of {printable(baseline)}",
        caption=(
            f"percentage points; the mean of at least {MIN_PAIRS} pairs of the same seed must "
            f"be within {BOUND_POINTS}, and no run without a partner or diverged; ! fails"
        ),
        words=("implementation", "recipe"),
        numbers=("pairs ", "lost ", "mean ", "lowest", "highest"),
    )
    for pairing in pairings:
        n_pairs, few = len(pairing.differences), len(pairing.differences) < MIN_PAIRS
        table.add_row(
            terminal.cell(pairing.implementation),
            terminal.cell(pairing.recipe),
            f"{n_pairs}" + ("!" if few else " "),
            f"{pairing.n_lost}" + ("!" if pairing.n_lost else " "),
            terminal.shown(pairing.mean, "+.2f") + (" " if pairing.close else "!"),
            terminal.shown(min(pairing.differences, default=None), "+.2f"),
            terminal.shown(max(pairing.differences, default=None), "+.2f"),
        )
    terminal.console().print(table)


if __name__ == "__main__":
    main()
