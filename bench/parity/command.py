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
Checks every installed implementation with every recipe that it claims, in three rungs: 1 its
gradients against central differences, 2 one step against a float64 reference (both relative, at
most 1e-5), 3 fifty steps of 128 examples and fifty of one, no further from the reference than three
times the implementation's own drift. A sweep runs these checks by itself and gives no rank to an
implementation that fails. Rung 4 does not change a ranking; it compares the records of whole runs:
bench sweep=whole_runs, then bench-parity results/whole_runs.
"""
EPILOG = """\
Exit status: 0 all passed, 1 something failed, 2 a mistake in the command, or nothing was checked of
what was asked for by name.
"""
ALL = "*"
# What each kind of check takes, with the values that mean "not given".
RUNGS_1_TO_3 = {"implementation": ALL, "recipe": ALL, "device": "cpu", "threads": "1"}
RUNG_4 = {"baseline": None}

Verdicts = dict[tuple[str, str], "Verdict"]  # by implementation and recipe


class UsageError(Exception):
    """The command asks for something impossible; the message is one line."""


def main() -> None:
    """Run the checks that the command line asks for, and exit as `EPILOG` says."""
    arguments = _parser().parse_args()
    from bench.config.errors import ConfigError
    from bench.results.store import StoreError

    try:
        _refuse_ignored_options(arguments)
        if arguments.folder is not None:
            sys.exit(_compare_whole_runs(Path(arguments.folder), arguments.baseline))
        sys.exit(_check_rungs(arguments))
    except (ConfigError, StoreError, UsageError) as error:
        print(f"bench-parity: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("bench-parity: interrupted", file=sys.stderr)
        sys.stderr.flush()
        os._exit(130)  # its processes end with it; waiting for its threads would take long


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench-parity", description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("folder", nargs="?", help="a sweep whose runs are compared (rung 4)")
    parser.add_argument("--baseline", help="rung 4: compare with this implementation's runs")
    parser.add_argument("--implementation", default=ALL, help="names with commas between (all)")
    parser.add_argument("--recipe", default=ALL, help="names with commas between (all)")
    parser.add_argument("--device", default="cpu", choices=("cpu", "gpu"), help="(cpu)")
    parser.add_argument("--threads", default="1", help="cores for each implementation, or auto (1)")
    return parser


def _refuse_ignored_options(arguments: argparse.Namespace) -> None:
    """Refuse options that would have no effect, and empty ones, such as an unset variable.

    Raises:
        UsageError: there is one.
    """
    for name, value in vars(arguments).items():
        if value is not None and not value.strip():
            raise UsageError(f"{name}={value!r}: must not be empty")
    ignored = RUNG_4 if arguments.folder is None else RUNGS_1_TO_3
    for name, default in ignored.items():
        if getattr(arguments, name) != default:
            reason = "has no effect on the runs of a sweep; leave it out"
            if ignored is RUNG_4:
                reason = "needs the folder of a sweep"
            raise UsageError(f"--{name}={getattr(arguments, name)}: {reason}")
    if arguments.threads != "auto" and not arguments.threads.isdecimal():
        raise UsageError(f"--threads={arguments.threads}: must be auto or a number of cores")


def _names(option: str, value: str) -> list[str]:
    """Return the names in the value of an option, each once.

    Raises:
        UsageError: one is empty.
    """
    names = [name.strip() for name in value.split(",")]
    if not all(names):
        raise UsageError(f"--{option}={value}: must be names with commas between")
    return list(dict.fromkeys(names))


def _check_rungs(arguments: argparse.Namespace) -> int:
    """Run rungs 1 to 3 and return the exit status."""
    from bench.parity import schedule
    from bench.terminal import in_words

    jobs, skipped = schedule.plan(_configs(arguments))
    verdicts: Verdicts = {}
    for name, by_recipe in schedule.run(jobs, on_wait=_print_waiting):
        by_recipe, reasons = schedule.without_unavailable(by_recipe)
        skipped += [f"{name}: skipped, {reason}" for reason in reasons]
        if not by_recipe:
            continue
        verdicts |= {(name, recipe): verdict for recipe, verdict in by_recipe.items()}
        n_passed = sum(verdict.passed for verdict in by_recipe.values())
        print(f"{name}: {n_passed} of {len(by_recipe)} recipes passed", flush=True)
    if verdicts:
        _print_table(verdicts)
    for line in skipped:
        print(printable(line))
    failed = {pair: verdict for pair, verdict in sorted(verdicts.items()) if not verdict.passed}
    for (name, recipe), verdict in failed.items():
        print(f"{name} {recipe}: {printable(in_words(verdict))}")
    if verdicts:
        print(f"{len(verdicts) - len(failed)} of {len(verdicts)} passed")
    unchecked = _unchecked(arguments, verdicts)
    if unchecked:
        print(f"bench-parity: nothing was checked of {unchecked}", file=sys.stderr)
    return 1 if failed else 2 if unchecked else 0


def _unchecked(arguments: argparse.Namespace, verdicts: Verdicts) -> str:
    """Name what was asked for by name, or everything, if no verdict is about it."""
    if not verdicts:
        return "what was asked for"
    asked = [
        name
        for option in ("implementation", "recipe")
        if (value := getattr(arguments, option)) != ALL
        for name in _names(option, value)
    ]
    checked = {name for pair in verdicts for name in pair}
    return ", ".join(name for name in asked if name not in checked)


def _print_waiting() -> None:
    print("waiting for a run on this machine to end, so as not to disturb it", flush=True)


def _configs(arguments: argparse.Namespace) -> list[RunConfig]:
    """Return a configuration for every implementation and recipe asked for."""
    import msgspec

    from bench.config.compose import choices, compose_runs

    def composed(group: str) -> list[RunConfig]:
        value = getattr(arguments, group)
        names = choices(group) if value == ALL else _names(group, value)
        overrides = [f"device={arguments.device}", f"threads={arguments.threads}"]
        overrides.append(f"{group}={','.join(names)}")
        return compose_runs(overrides, default_name="parity", multirun=True)

    recipes = [config.recipe for config in composed("recipe")]
    return [
        msgspec.structs.replace(config, recipe=recipe)
        for config in composed("implementation")
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
            has_own_bound = rung.bound != RELATIVE_BOUND
            cells.append(
                terminal.shown_distance(rung.distance)
                + (f" / {rung.bound:.1e}" if has_own_bound else "")
                + (" " if rung.passed else "!")
            )
        table.add_row(name, recipe, *cells)
    terminal.console().print(table)


def _compare_whole_runs(folder: Path, baseline: str | None) -> int:
    """Compare the records of a sweep (rung 4) and return the exit status."""
    from bench.parity import whole_runs
    from bench.results import store

    sweep = store.read_sweep(folder)
    names = whole_runs.implementations(sweep.records)
    if not names:
        raise UsageError(f"{folder}: no records; make them with: bench sweep=whole_runs")
    baseline = baseline or names[0]
    if baseline not in names:
        raise UsageError(f"--baseline={baseline}: must be one of {', '.join(names)}")
    pairings = list(whole_runs.compare(sweep.records, baseline))
    if pairings:
        _print_pairings(pairings, baseline)
    reasons = dict.fromkeys(
        f"skipped: {record.error.message}"
        for record in sweep.records
        if record.status == "skipped" and record.error is not None
    )
    for reason in reasons:
        print(printable(reason))
    n_unread = len(sweep.missing) + len(sweep.unreadable)
    if n_unread:
        print(f"{n_unread} planned runs have no record that can be read")
    if not pairings:
        print("bench-parity: nothing was compared: no two implementations ran", file=sys.stderr)
        return 2
    n_passed = sum(pairing.passed for pairing in pairings)
    print(f"{n_passed} of {len(pairings)} passed")
    return int(n_passed < len(pairings) or n_unread > 0)


def _print_pairings(pairings: Sequence[Pairing], baseline: str) -> None:
    """Print implementation x recipe: how many pairs, and how far apart they are."""
    from bench import terminal
    from bench.parity.whole_runs import MIN_PAIRS
    from bench.records import PARITY_POINTS

    table = terminal.new_table(
        title=f"Parity, rung 4: test accuracy minus that of {printable(baseline)}",
        caption=(
            f"percentage points; the mean of at least {MIN_PAIRS} pairs of the same seed must "
            f"be within {PARITY_POINTS}, and no run without a partner or diverged; ! fails"
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
