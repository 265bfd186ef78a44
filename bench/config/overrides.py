"""Parse and check the overrides of a command line, and expand them into the words of every run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override, OverrideType, RangeSweep, ValueType
from hydra.errors import HydraException

from bench.config.errors import ConfigError, one_line
from bench.config.identity import PURPOSES
from bench.config.suggestions import nearest
from bench.config.user_files import choices, groups

MAX_RUNS = 100_000
PARSING_ERRORS = (HydraException, ArithmeticError, TypeError, ValueError, RecursionError)


def parse(words: Sequence[str]) -> list[Override]:
    """Parse overrides such as ``learning_rate=0.1``.

    Raises:
        ConfigError: a word is not an override, or sets Hydra itself.
    """
    parser = OverridesParser.create()
    overrides = []
    for word in words:
        try:
            (override,) = parser.parse_overrides([word])
            if not override.key_or_group:
                raise ValueError("it has no key")
        except PARSING_ERRORS as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ConfigError(
                f"{word!r}: not an override; write key=value, and quote values with special "
                f"characters: key='\"value\"' ({reason})"
            ) from error
        _refuse_setting_of_hydra(override)
        overrides.append(override)
    return overrides


def _refuse_setting_of_hydra(override: Override) -> None:
    """Refuse to set Hydra up: its settings name functions to call, commands and files to write."""
    for key in (override.key_or_group, override.package or ""):
        if key.replace("/", ".").split(".")[0] in ("hydra", "_global_"):
            raise ConfigError(
                f"{text(override)}: not offered; leave it out: settings of Hydra have no use here. "
                "For several machines use launcher=slurm or launcher=ray"
            )


def text(override: Override) -> str:
    """Return an override as the user typed it."""
    return override.input_line or ""


def for_hydra(override: Override) -> str:
    """Return an override for Hydra. It adds unknown keys, too; the schema explains them better."""
    is_plain = override.type is OverrideType.CHANGE and override.key_or_group not in groups()
    return f"++{text(override)}" if is_plain else text(override)


def is_choice(override: Override) -> bool:
    """Return whether an override selects a choice, such as ``recipe=tanh_softmax_sgd``."""
    return override.key_or_group in groups() and not override.is_sweep_override()


def is_settable(override: Override) -> bool:
    """Return whether an override only sets one value, so that the order does not matter."""
    return (
        override.type is OverrideType.CHANGE
        and override.package is None
        and override.key_or_group in PURPOSES
        and not override.is_sweep_override()
        and not isinstance(override.value(), dict)
    )


def check_choices(overrides: Sequence[Override], user_folder: Path | None) -> None:
    """Refuse names that a group does not offer, also in the middle of a sweep.

    Raises:
        ConfigError: naming the group, the name, and the choices.
    """
    for override in overrides:
        group = override.key_or_group
        allowed = choices(group, user_folder)
        if not allowed or override.is_delete():
            continue
        for value in _values(override, user_folder):
            if value not in allowed:
                hint = nearest(value, allowed)
                if not hint and user_folder is None:
                    hint = "; for a choice of your own, give its folder with --config-dir"
                if user_folder and (user_folder / group / f"{value}.yml").is_file():
                    hint = f"; rename {value}.yml to {value}.yaml"
                raise ConfigError(f"{group}={value}: must be one of {', '.join(allowed)}{hint}")


def expand(
    overrides: Sequence[Override], user_folder: Path | None, *, is_sweep: bool
) -> list[list[str]]:
    """Return, for every key, one override for each of its values. The last override of a key wins.

    Raises:
        ConfigError: a value is impossible, or a key has several values and `is_sweep` is false.
    """
    by_key: dict[str, list[str]] = {}
    for override in overrides:
        key = override.get_key_element()
        by_key[key] = [text(override)]
        if override.is_sweep_override():
            if not is_sweep:
                raise ConfigError(f"{text(override)}: several values make a sweep; add -m")
            by_key[key] = [f"{key}={value}" for value in _values(override, user_folder)]
    if math.prod(map(len, by_key.values())) > MAX_RUNS:
        raise ConfigError(f"a sweep can have at most {MAX_RUNS} runs; this has more")
    return list(by_key.values())


def _values(override: Override, user_folder: Path | None) -> list[str]:
    """Return the values of an override as they are typed."""
    value = override.value()
    if not override.is_sweep_override():
        return [override.get_value_element_as_str()]
    if override.value_type is ValueType.INTERVAL_SWEEP:
        raise ConfigError(
            f"{text(override)}: an interval is not a list of values; write for example "
            f"{override.key_or_group}=0.1,0.3,1"
        )
    try:
        if isinstance(value, Glob):
            values = value.filter(choices(override.key_or_group, user_folder))
        elif isinstance(value, RangeSweep) and not _n_values(value) <= MAX_RUNS:
            raise ValueError(f"must be a range of at most {MAX_RUNS} values")
        else:
            values = list(override.sweep_string_iterator())
    except PARSING_ERRORS as error:
        raise ConfigError(f"{text(override)}: {one_line(error)}") from error
    if not values:
        problem = "matches no choice" if isinstance(value, Glob) else "has no values"
        raise ConfigError(f"{text(override)}: {problem}")
    return values


def _n_values(value: RangeSweep) -> float:
    start, stop, step = (float(number or 0) for number in (value.start, value.stop, value.step))
    return (stop - start) / step if step and math.isfinite(step) else math.inf
