"""Checks of options that depend on each other."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.regression import metrics
from bench.regression.arguments import seconds
from bench.results.history import STEP

# Options for revisions, and options for configurations.
FOR_REVISIONS = (
    "base_python", "head_python", "base_requirements", "head_requirements", "cases",
    "metrics", "smallest", "cant_tell", "record", "against_history", "accept", "bisect",
)  # fmt: skip
FOR_BISECT = ("cases", "metrics", "smallest", "bisect")  # of those for revisions
FOR_CONFIGURATIONS = ("over", "precision", "others")
FOR_CALIBRATION = ("calibrate", "cases", "budget", "share_machine")


def check(command_line: argparse.ArgumentParser, arguments: argparse.Namespace) -> bool:
    """Return whether configurations are compared; end the program if options do not fit.

    Args:
        command_line: the parser.
        arguments: what it has parsed.
    """
    if arguments.budget is None:
        arguments.budget = seconds("10m" if arguments.calibrate else "20m")
    if arguments.calibrate:
        for name, value in vars(arguments).items():
            if name not in FOR_CALIBRATION and value != _parsed_default(command_line, name):
                command_line.error(f"{name.replace('_', '-')}: no effect with --calibrate")
        return False
    sides = [arguments.base, arguments.head, *arguments.others]
    configurations = [side for side in sides if is_configuration(side)]
    has_requirements = bool(arguments.base_requirements or arguments.head_requirements)
    if not configurations:
        if arguments.bisect:
            _check_bisect(command_line, arguments)
        elif arguments.record or arguments.against_history:
            if has_requirements:
                command_line.error("--base-requirements, --head-requirements: not with a history")
        elif sides[0] is None and not has_requirements:
            command_line.error("BASE is missing: the revision to compare with, such as HEAD~1")
        if arguments.accept is not None and not arguments.record:
            command_line.error("--accept: needs --record, which keeps the reason")
        useless: tuple[str, ...] = FOR_CONFIGURATIONS
    else:
        for side in sides:
            if side is not None and side not in configurations:
                command_line.error(
                    f"{side}: not a configuration such as implementation=jax, as "
                    f"{configurations[0]} is; compare revisions or configurations"
                )
        useless = FOR_REVISIONS
    for name in useless:
        if getattr(arguments, name) != _parsed_default(command_line, name):
            kind = "revisions" if configurations else "configurations"
            command_line.error(
                f"{arguments.others[0]}: a third revision; at most two are compared"
                if name == "others"
                else f"--{name.replace('_', '-')}: only for a comparison of {kind}"
            )
    if arguments.bisect:
        if arguments.metrics not in {(STEP,), _parsed_default(command_line, "metrics")}:
            command_line.error("--metrics: only step, for a bisection")
        arguments.metrics = (STEP,)
    try:
        arguments.smallest = metrics.chosen(arguments.metrics, arguments.smallest)
    except argparse.ArgumentTypeError as error:
        command_line.error(str(error))
    return bool(configurations)


def _check_bisect(command_line: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    if arguments.base is None:
        command_line.error("GOOD is missing: bench-compare --bisect GOOD [BAD]")
    for name in {*FOR_REVISIONS} - {*FOR_BISECT}:
        if getattr(arguments, name) != _parsed_default(command_line, name):
            command_line.error(f"--{name.replace('_', '-')}: not with --bisect")


def _parsed_default(command_line: argparse.ArgumentParser, name: str) -> object:
    return getattr(command_line.parse_args([]), name)


def is_configuration(side: str | None) -> bool:
    """Return whether a side is an override of `bench`; other sides are revisions or folders."""
    return side is not None and "=" in side and not Path(side).exists()
