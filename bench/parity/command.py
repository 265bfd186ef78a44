"""`bench-parity`: check that every implementation computes the equations of every recipe."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench import terminal
from bench.config.compose import choices, compose_runs
from bench.config.errors import ConfigError
from bench.config.schema import RunConfig
from bench.config.user_files import find_user_folder
from bench.console import print_error, printable
from bench.parity import schedule, whole_runs
from bench.parity.whole_runs import MIN_PAIRS, Pairing
from bench.records import PARITY_POINTS, RELATIVE_BOUND, Verdict
from bench.results import store
from bench.terminal import describe_verdict

DESCRIPTION = """\
Checks every installed implementation with every recipe that it claims, in three rungs: 1 its
gradients against central differences, 2 one step against a float64 reference (both relative, at
most 1e-5), 3 fifty steps of 128 examples and fifty of one; the distance from the reference must be
at most three times the implementation's own drift. Every sweep runs these checks, and an
implementation that fails gets no rank. Rung 4 does not change a ranking; it compares the records of
whole runs: bench sweep=whole_runs, then bench-parity results/whole_runs.
"""
EPILOG = """\
Exit status: 0 all passed, 1 a check failed, 2 a mistake in the command, or a named implementation
or recipe was not checked.
"""
ALL = "*"
# Options of these rungs.
RUNGS_1_TO_3 = ("implementation", "recipe", "device", "threads", "config_dir")

Verdicts = dict[tuple[str, str], Verdict]  # by implementation and recipe


def main() -> int:
    """Run the checks and return the exit status; see `EPILOG`."""
    arguments = _parser().parse_args()
    try:
        _refuse_ignored_options(arguments)
        if arguments.folder is not None:
            return _compare_whole_runs(Path(arguments.folder), arguments.baseline)
        return _check_rungs(arguments)
    except (ConfigError, store.StoreError) as error:
        print_error("bench-parity", error)
        return 2
    except KeyboardInterrupt:
        print("bench-parity: interrupted", file=sys.stderr)
        os._exit(130)  # at once: the child processes end with this one, its threads take longer


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench-parity", description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("folder", nargs="?", help="a sweep whose runs are compared (rung 4)")
    parser.add_argument("--baseline", help="rung 4: compare with this implementation's runs")
    parser.add_argument("--implementation", default=ALL, help="names with commas between (all)")
    parser.add_argument("--recipe", default=ALL, help="names with commas between (all)")
    parser.add_argument("--device", default="cpu", choices=("cpu", "gpu"), help="(cpu)")
    parser.add_argument("--threads", default="1", help="cores for each implementation, or auto (1)")
    parser.add_argument("--config-dir", metavar="FOLDER", help="a folder with your implementations")
    return parser


def _refuse_ignored_options(arguments: argparse.Namespace) -> None:
    """Raise ConfigError for an option that has no effect here, or with an empty value."""
    for name, value in vars(arguments).items():
        if value is not None and not value.strip():
            raise ConfigError(f"{name}={value!r}: must not be empty")
    no_effect = "has no effect on the runs of a sweep; leave it out"
    needs_folder = "needs the folder of a sweep"
    ignored = dict.fromkeys(RUNGS_1_TO_3, no_effect)
    if arguments.folder is None:
        ignored = {"baseline": needs_folder}
    for name, reason in ignored.items():
        if getattr(arguments, name) != _parser().get_default(name):
            option = name.replace("_", "-")
            raise ConfigError(f"--{option}={getattr(arguments, name)}: {reason}")
    if arguments.threads != "auto" and not arguments.threads.isdecimal():
        raise ConfigError(f"--threads={arguments.threads}: must be auto or a number of cores")


def _names(option: str, value: str) -> list[str]:
    """Return the names in the value of an option, each once, or raise ConfigError."""
    names = [name.strip() for name in value.split(",")]
    if not all(names):
        raise ConfigError(f"--{option}={value}: must be names with commas between")
    return list(dict.fromkeys(names))


def _check_rungs(arguments: argparse.Namespace) -> int:
    """Run rungs 1 to 3 and return the exit status."""
    jobs, skipped = schedule.plan(_configs(arguments))
    verdicts: Verdicts = {}
    for name, by_recipe in schedule.run_jobs(jobs):
        by_recipe, reasons = schedule.without_unavailable(by_recipe)
        skipped += [f"{name}: skipped, {reason}" for reason in reasons]
        if not by_recipe:
            continue
        verdicts |= {(name, recipe): verdict for recipe, verdict in by_recipe.items()}
        n_passed = sum(verdict.passed for verdict in by_recipe.values())
        print(f"{name}: {n_passed} of {len(by_recipe)} recipes passed")
    if verdicts:
        _print_table(verdicts)
    for line in skipped:
        print(printable(line))
    failed = {pair: verdict for pair, verdict in sorted(verdicts.items()) if not verdict.passed}
    for (name, recipe), verdict in failed.items():
        print(f"{name} {recipe}: {printable(describe_verdict(verdict))}")
    if verdicts:
        print(f"{len(verdicts) - len(failed)} of {len(verdicts)} passed")
    unchecked = _unchecked(arguments, verdicts)
    if unchecked:
        print(f"bench-parity: not checked: {unchecked}", file=sys.stderr)
    return 1 if failed else 2 if unchecked else 0


def _unchecked(arguments: argparse.Namespace, verdicts: Verdicts) -> str:
    """Return the names in the command without a verdict; "everything" if there is no verdict."""
    if not verdicts:
        return "everything"
    checked = {ALL, *(name for pair in verdicts for name in pair)}
    values = f"{arguments.implementation},{arguments.recipe}"
    return ", ".join(name for name in _names("", values) if name not in checked)


def _configs(arguments: argparse.Namespace) -> list[RunConfig]:
    """Return a configuration for every selected implementation and recipe."""
    user_folder = find_user_folder(arguments.config_dir)

    def composed(group: str) -> list[RunConfig]:
        value = getattr(arguments, group)
        names = choices(group, user_folder) if value == ALL else _names(group, value)
        overrides = [f"device={arguments.device}", f"threads={arguments.threads}"]
        overrides.append(f"{group}={','.join(names)}")
        return compose_runs(
            overrides, default_name="parity", multirun=True, config_folder=arguments.config_dir
        )

    recipes = [config.recipe for config in composed("recipe")]
    return [
        msgspec.structs.replace(config, recipe=recipe)
        for config in composed("implementation")
        for recipe in recipes
    ]


def _print_table(verdicts: Verdicts) -> None:
    """Print the distance and the bound of every rung; `!` marks a rung that fails."""
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
        distances = (
            terminal.format_distance(rung.distance)
            + (f" / {rung.bound:.1e}" if rung.bound != RELATIVE_BOUND else "")
            + (" " if rung.passed else "!")
            for rung in verdict.rungs
        )
        table.add_row(name, recipe, *distances)
    terminal.console().print(table)


def _compare_whole_runs(folder: Path, baseline: str | None) -> int:
    """Compare the records of a sweep (rung 4) and return the exit status."""
    sweep = store.read_sweep(folder)
    names = whole_runs.implementations(sweep.records)
    if not names:
        raise ConfigError(f"{folder}: no records; create them with: bench sweep=whole_runs")
    baseline = baseline or names[0]
    if baseline not in names:
        raise ConfigError(f"--baseline={baseline}: must be one of {', '.join(names)}")
    pairings = list(whole_runs.compare(sweep.records, baseline))
    if pairings:
        _print_pairings(pairings, baseline)
    skipped = [record for record in sweep.records if record.status == "skipped"]
    for reason in {record.error.message: None for record in skipped if record.error}:
        print(printable(f"skipped: {reason}"))
    for line in sweep.copies:
        print(printable(line))
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
    """Print the number of pairs and their differences, for each implementation and recipe."""
    table = terminal.new_table(
        title=f"Parity, rung 4: test accuracy minus the test accuracy of {printable(baseline)}",
        caption=(
            f"percentage points; the mean of at least {MIN_PAIRS} pairs of the same seed, "
            f"machine and data must be within {PARITY_POINTS}, and no run may lack a partner or "
            "diverge; ! fails"
        ),
        words=("implementation", "recipe"),
        numbers=("pairs ", "lost ", "mean ", "lowest", "highest"),
    )
    for pairing in pairings:
        n_pairs, few = len(pairing.differences), len(pairing.differences) < MIN_PAIRS
        table.add_row(
            terminal.plain_cell(pairing.implementation),
            terminal.plain_cell(pairing.recipe),
            f"{n_pairs}" + ("!" if few else " "),
            f"{pairing.n_lost}" + ("!" if pairing.n_lost else " "),
            terminal.format_number(pairing.mean, "+.2f") + (" " if pairing.close else "!"),
            terminal.format_number(min(pairing.differences, default=None), "+.2f"),
            terminal.format_number(max(pairing.differences, default=None), "+.2f"),
        )
    terminal.console().print(table)


if __name__ == "__main__":
    sys.exit(main())
