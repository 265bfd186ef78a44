"""The settings of each mode of `bench-compare`, and which options act in it."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Literal

from bench.regression.arguments import CASES, OVER, parser
from bench.regression.metrics import DEFAULT_METRICS, chosen, parse_metrics
from bench.results.history import STEP

DEFAULT_NAMES = parse_metrics(DEFAULT_METRICS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The settings of every mode. The fields of a mode are the options that act in it.

    Attributes:
        MODE: the mode in words, for messages about options that do not act.
        UNUSED: inherited fields that do not act either.
        budget_seconds: time for all cases.
        share_machine: do not wait for other runs to finish.
    """

    MODE: ClassVar[str]
    UNUSED: ClassVar[Collection[str]] = ()

    budget_seconds: float = 20 * 60.0
    share_machine: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Configurations(Settings):
    """Configurations against each other."""

    MODE: ClassVar[str] = "in a comparison of configurations"

    base: str
    head: str | None = None
    others: Sequence[str] = ()
    over: str = OVER
    config_dir: str | None = None
    precision: float = 0.03
    output: Path | None = None

    @property
    def candidates(self) -> list[str]:
        """All configurations; the first one is the reference."""
        return [side for side in (self.base, self.head, *self.others) if side is not None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration(Settings):
    """`--calibrate`."""

    MODE: ClassVar[str] = "with --calibrate"

    calibrate: bool = True
    budget_seconds: float = 10 * 60.0
    cases: str = CASES


@dataclass(frozen=True, kw_only=True, slots=True)
class Revisions(Settings):
    """Two revisions or folders; None is the working tree.

    Attributes:
        metrics: names of the metrics to compare.
        smallest: increases that matter, where they are not the usual ones, by metric.
    """

    MODE: ClassVar[str] = "in a comparison of revisions"

    base: str | None = None
    head: str | None = None
    base_python: Path | None = None
    head_python: Path | None = None
    base_requirements: str | None = None
    head_requirements: str | None = None
    cases: str = CASES
    config_dir: str | None = None
    metrics: Sequence[str] = DEFAULT_NAMES
    smallest: Mapping[str, float] = field(default_factory=dict)
    cant_tell: Literal["pass", "fail", "skip"] | None = None
    output: Path | None = None

    @property
    def smallest_by_metric(self) -> dict[str, float]:
        """The increase that matters, for every metric that is compared."""
        return chosen(self.metrics, self.smallest)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bisection(Revisions):
    """`--bisect GOOD [BAD]`; GOOD is `base`, and BAD is `head`."""

    MODE: ClassVar[str] = "with --bisect"
    UNUSED: ClassVar[Collection[str]] = (
        "base_python", "head_python", "base_requirements", "head_requirements", "cant_tell",
        "config_dir",
    )  # fmt: skip

    bisect: bool = True
    base: str
    head: str = "HEAD"
    metrics: Sequence[str] = (STEP,)


@dataclass(frozen=True, kw_only=True, slots=True)
class History(Revisions):
    """`--record` of one commit, and `--against-history`; `base` is the reference, if given."""

    MODE: ClassVar[str] = "with a history"
    UNUSED: ClassVar[Collection[str]] = ("base_requirements", "head_requirements", "config_dir")

    record: bool = False
    against_history: bool = False
    accept: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Range(History):
    """`--record A..B`; A..B is `head`."""

    MODE: ClassVar[str] = "on a range of commits"
    UNUSED: ClassVar[Collection[str]] = (
        *History.UNUSED, "against_history", "smallest", "cant_tell", "output",
    )  # fmt: skip

    head: str


def parse(words: Sequence[str]) -> Settings:
    """Return the settings of a command line; end the program if options do not fit together."""
    command_line = parser()
    given = vars(command_line.parse_args(words))
    try:
        return _settings(given)
    except argparse.ArgumentTypeError as error:
        command_line.error(str(error))


def _settings(given: dict[str, Any]) -> Settings:
    """Return the settings of the options that were given.

    Raises:
        argparse.ArgumentTypeError: an option has no effect in this mode, or one is missing.
    """
    has_history = given.keys() & {"record", "against_history"}
    if has_history and "head" not in given and is_range(given.get("base")):
        given["head"] = given.pop("base")
    if "accept" in given and "record" not in given:
        raise argparse.ArgumentTypeError("--accept: needs --record, which keeps the reason")
    mode = _mode(given)
    acting = {known.name for known in fields(mode)}.difference(mode.UNUSED)
    for name in given:
        if name not in acting:
            raise argparse.ArgumentTypeError(_no_effect(name, given, mode))
    if "record" in given and given.get("base_python") != given.get("head_python"):
        raise argparse.ArgumentTypeError(
            "--base-python, --head-python: with --record give both with the same interpreter: an "
            "entry is the ratio of two commits, not of libraries"
        )
    if mode is Bisection and "base" not in given:
        raise argparse.ArgumentTypeError("GOOD is missing: bench-compare --bisect GOOD [BAD]")
    if mode is Bisection and given.get("metrics", (STEP,)) != (STEP,):
        raise argparse.ArgumentTypeError("--metrics: only step, for a bisection")
    if mode is Revisions and not given.keys() & {"base", "base_requirements", "head_requirements"}:
        raise argparse.ArgumentTypeError(
            "BASE is missing: the revision to compare with, such as HEAD~1"
        )
    settings = mode(**given)
    if isinstance(settings, Revisions):
        assert settings.smallest_by_metric  # noqa: S101  # refuses a metric that is not compared
    return settings


def _mode(given: Mapping[str, Any]) -> type[Settings]:
    """Return the mode that sides and options choose.

    Raises:
        argparse.ArgumentTypeError: they choose none.
    """
    sides = [given.get("base"), given.get("head"), *given.get("others", ())]
    configurations = [side for side in sides if is_configuration(side)]
    if "calibrate" in given:
        return Calibration
    if configurations:
        for side in sides:
            if side is not None and side not in configurations:
                raise argparse.ArgumentTypeError(
                    f"{side}: not a configuration such as implementation=jax, as "
                    f"{configurations[0]} is; compare revisions or configurations"
                )
        return Configurations
    if "bisect" in given:
        return Bisection
    if not given.keys() & {"record", "against_history"}:
        return Revisions
    if not is_range(given.get("head")):
        return History
    if "record" not in given:
        raise argparse.ArgumentTypeError(f"{given['head']}: a range of commits needs --record")
    return Range


def _no_effect(name: str, given: Mapping[str, Any], mode: type[Settings]) -> str:
    if name == "others":
        return f"{given[name][0]}: a third revision; at most two are compared"
    option = name.upper() if name in ("base", "head") else f"--{name.replace('_', '-')}"
    return f"{option}: has no effect {mode.MODE}; leave it out"


def is_configuration(side: str | None) -> bool:
    """Return whether a side is an override of `bench`; other sides are revisions or folders."""
    return side is not None and "=" in side and not Path(side).exists()


def is_range(revision: str | None) -> bool:
    """Return whether a revision is a range of commits, such as v1..main."""
    return revision is not None and ".." in revision and not Path(revision).exists()
