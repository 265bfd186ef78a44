"""The records of a bisection: what was measured, the next step, and the conclusion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bench.statistics import Answer, Estimate

Comparisons = Mapping[tuple[str, str], "Measured"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What was measured of two commits.

    Attributes:
        values: log(time of the later commit / time of the earlier one) of every pair.
        error: why the later commit can't be measured.
    """

    values: tuple[float, ...] = ()
    error: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Compare:
    """The next step: measure `head` against `base` until there are `n_pairs`.

    Attributes:
        purpose: the ends of the chain, one commit against GOOD, or the change that was found.
        suspects: the commits that may have caused the slowdown, in order.
    """

    purpose: Literal["ends", "commit", "change"]
    base: str
    head: str
    n_pairs: int
    suspects: tuple[str, ...]

    @property
    def n_steps_left(self) -> int:
        """Estimated number of comparisons that are left, with this one, if each is decided."""
        halvings = math.ceil(math.log2(len(self.suspects)))
        return 1 + {"ends": halvings + 1, "commit": halvings, "change": 0}[self.purpose]


@dataclass(frozen=True, kw_only=True, slots=True)
class Conclusion:
    """The end of a bisection.

    Attributes:
        answer: whether BAD is slower than GOOD.
        total: slowdown from GOOD to BAD; None if BAD fails.
        base: the last fast commit.
        suspects: the commits after `base` up to the first slow one; empty if BAD is not slower.
        change: slowdown from `base` to the last suspect; None if it was not measured.
        change_answer: whether the last suspect is slower than `base`, compared directly.
        n_undecided: number of commits with about half of the slowdown.
    """

    answer: Answer
    total: Estimate | None
    base: str = ""
    suspects: tuple[str, ...] = ()
    change: Estimate | None = None
    change_answer: Answer = "can't tell"
    n_undecided: int = 0

    @property
    def commit(self) -> str | None:
        """The commit that is slower than its parent; None if there is doubt."""
        certain = len(self.suspects) == 1 and self.change_answer == "slower"
        return self.suspects[0] if certain else None
