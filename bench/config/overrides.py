"""The overrides of a command line: parsed, checked, and expanded into the words of every run."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override, OverrideType, RangeSweep, ValueType
from hydra.errors import HydraException

from bench.config.errors import ConfigError
from bench.config.suggestions import nearest
from bench.config.user_files import choices, groups

MAX_RUNS = 100_000


def parse(words: Sequence[str]) -> list[Override]:
    """Parse overrides such as ``learning_rate=0.1``.

    Raises:
        ConfigError: a word is not an override.
    """
    parser = OverridesParser.create()
    overrides = []
    for word in words:
        try:
            overrides += parser.parse_overrides([word])
        except (HydraException, ArithmeticError, TypeError, ValueError, RecursionError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ConfigError(
                f"{word!r}: not an override; write key=value, and quote values with special "
                f"characters: key='\"value\"' ({reason})"
            ) from error
    return overrides


def text(override: Override) -> str:
    """Return an override as it was written."""
    return override.input_line or ""


def is_choice(override: Override) -> bool:
    """Say whether an override selects a choice, such as ``recipe=tanh_softmax_sgd``."""
    return override.key_or_group in groups() and not override.is_sweep_override()


def is_plain(override: Override) -> bool:
    """Say whether an override changes the value of an existing key and does nothing else."""
    return (
        override.type is OverrideType.CHANGE
        and override.package is None
        and override.key_or_group not in groups()
        and not override.is_sweep_override()
    )


def check_choices(overrides: Sequence[Override], user_folder: Path | None) -> None:
    """Refuse names that a group does not offer, also those in the middle of a sweep.

    Raises:
        ConfigError: naming the group, what was written, and what there is.
    """
    for override in overrides:
        group = override.key_or_group
        allowed = choices(group, user_folder)
        if not allowed or override.is_delete():
            continue
        for value in _values(override, user_folder):
            if value in allowed:
                continue
            misnamed = user_folder and (user_folder / group / f"{value}.yml").is_file()
            hint = f"; rename {value}.yml to {value}.yaml" if misnamed else nearest(value, allowed)
            raise ConfigError(f"{group}={value}: must be one of {', '.join(allowed)}{hint}")


def expand(
    overrides: Sequence[Override], user_folder: Path | None, *, is_sweep: bool
) -> list[list[str]]:
    """Return, for every key, the words that give it each of its values.

    The last override of a key counts.

    Raises:
        ConfigError: a value is impossible, or there are several values and this is no sweep.
    """
    by_key: dict[str, list[str]] = {}
    for override in overrides:
        if override.is_sweep_override() and not is_sweep:
            raise ConfigError(f"{text(override)}: several values make a sweep; add -m")
        values = list(itertools.islice(_values(override, user_folder), MAX_RUNS + 1))
        key = override.get_key_element()
        if override.is_sweep_override():
            by_key[key] = [f"{key}={value}" for value in values]
        else:
            by_key[key] = [text(override)]
    if math.prod(map(len, by_key.values())) > MAX_RUNS:
        raise ConfigError(f"a sweep can have at most {MAX_RUNS} runs; this is more")
    return list(by_key.values())


def _values(override: Override, user_folder: Path | None) -> Iterator[str]:
    """Yield the values of an override as they are typed."""
    value = override.value()
    if not override.is_sweep_override():
        return iter([override.get_value_element_as_str()])
    if override.value_type is ValueType.INTERVAL_SWEEP:
        raise ConfigError(
            f"{text(override)}: an interval is not a list of values; write for example "
            f"{override.key_or_group}=0.1,0.3,1"
        )
    if isinstance(value, Glob):
        names = value.filter(choices(override.key_or_group, user_folder))
        if not names:
            raise ConfigError(f"{text(override)}: no choice has such a name")
        return iter(names)
    if isinstance(value, RangeSweep):
        _check_range(override, value)
    try:
        values = list(override.sweep_string_iterator())
    except (HydraException, ArithmeticError, TypeError, ValueError) as error:
        raise ConfigError(f"{text(override)}: {' '.join(str(error).split())}") from error
    if not values:
        raise ConfigError(f"{text(override)}: has no values")
    return iter(values)


def _check_range(override: Override, value: RangeSweep) -> None:
    """Refuse ranges that never end."""
    start, stop, step = (float(number or 0) for number in (value.start, value.stop, value.step))
    n_values = (stop - start) / step if step and math.isfinite(step) else math.inf
    if not n_values <= MAX_RUNS:
        raise ConfigError(f"{text(override)}: must be a range of at most {MAX_RUNS} values")
