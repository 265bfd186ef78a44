"""The error rates in words, where docs/regression.md has its place for them."""

from __future__ import annotations

import math
import statistics
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.regression.calibration.collect import LOADED, PLANTED, QUIET, planted
from bench.regression.calibration.rates import PAIRS_A_SIDE, STRETCH, Campaigns, Line
from bench.statistics import Answer

BEGIN = "<!-- made by `python -m bench.regression.calibrate judge` -->"
END = "<!-- until here -->"
NAMED_SCALES = (0.01, 0.02, 0.03, 0.05)
WIDTH = 100
CANT_TELL: Answer = "can't tell"


@dataclass(frozen=True, kw_only=True)
class Rates:
    """All that was found, by kind of pair; `scaled` by slowdown too, `rules` by rule and kind."""

    heading: Mapping[str, Any]
    lines: Mapping[str, Sequence[Line]]
    judged: Mapping[str, Campaigns]
    apart: Mapping[str, Campaigns]  # campaigns that share no pair
    scaled: Mapping[str, Mapping[float, Campaigns]]
    rules: Mapping[str, Mapping[str, float]]

    def ratio(self, kind: str) -> float:
        """Return the median time of HEAD over that of BASE."""
        return math.exp(statistics.median(line.value for line in self.lines[kind]))

    def minutes(self, kind: str) -> float:
        """Return the median minutes to an answer."""
        return statistics.median(self.judged[kind].n_pairs) * self.seconds(kind) / 60

    def seconds(self, kind: str) -> float:
        """Return the median seconds that a pair took."""
        return statistics.median(line.seconds for line in self.lines[kind])


def put_into(page: Path, rates: Rates) -> None:
    """Replace what stands between the two marks of a page.

    Raises:
        ValueError: they are not there.
    """
    text = page.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise ValueError(f"{page}: lacks {BEGIN!r} or {END!r}, between which the rates are written")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    said = "\n\n".join((BEGIN, _collected(rates), _items(rates), END))
    page.write_text(before + said + after, encoding="utf-8")


def _collected(rates: Rates) -> str:
    machine = rates.heading["environment"]
    counts = {kind: len(lines) for kind, lines in rates.lines.items()}
    plants = ", ".join(f"{counts[planted(share)]} of {share:.0%}" for share in PLANTED)
    return _wrapped(
        f"`python -m bench.regression.calibrate collect` made {sum(counts.values()):,} pairs on a "
        f"virtual machine with {len(machine['cores'])} cores ({machine['cpu_model']}): "
        f"{counts[QUIET]} of one commit written out twice, {counts[LOADED]} of the same while a "
        "process on each core worked and rested by turns, and with planted slowdowns, a real "
        f"matrix product added to every step, {plants}. Kinds took turns, so that drift was the "
        f"same for all. `judge` draws {len(rates.judged[QUIET].answers):,} campaigns from each "
        f"kind, in stretches of {STRETCH} consecutive pairs, and judges them as `bench-compare` "
        "does ([all rates](regression/rates.md), [raw pairs](regression/pairs.jsonl))."
    )


def _items(rates: Rates) -> str:
    scales = {
        scale: [rates.scaled[kind][scale].share("slower") for kind in (QUIET, LOADED)]
        for scale in rates.scaled[QUIET]
        if scale in NAMED_SCALES
    }
    scaled = "; ".join(
        f"{scale:.0%}: {quiet:.1%} in quiet, {loaded:.1%} under load"
        for scale, (quiet, loaded) in scales.items()
    )
    slower = planted(0.05)
    items = (
        _false_alarms(rates),
        _found(rates),
        "**In between,** equal pairs with every time of HEAD made longer are called slower. "
        f"By {scaled}.",
        f"**Time to an answer:** {rates.minutes(QUIET) * 60:.0f} s for one cell that has not "
        f"changed, {rates.minutes(slower) * 60:.0f} s for one that is 5 % slower.",
        "**Under load** a pair took "
        f"{rates.seconds(LOADED) / rates.seconds(QUIET):.1f} times as long, and "
        f"{rates.judged[LOADED].share(CANT_TELL):.1%} of campaigns ended in can't tell.",
        _plain_rules(rates),
    )
    return "\n".join(_wrapped(f"- {item}", "  ") for item in items)


def _false_alarms(rates: Rates) -> str:
    quiet, loaded = rates.judged[QUIET], rates.judged[LOADED]
    answers = [*rates.apart[QUIET].answers, *rates.apart[LOADED].answers]
    alone = Campaigns(answers=answers, n_pairs=[])
    return (
        f"**False alarms:** {quiet.share('slower'):.1%} of campaigns in quiet (at most "
        f"{quiet.at_most('slower'):.2%} with 95 % confidence), {loaded.share('slower'):.1%} "
        f"under load (at most {loaded.at_most('slower'):.2%}). These bounds count campaigns as "
        "independent, though they share pairs. Of those that share none, "
        f"{answers.count('slower')} of {len(answers)} raise an alarm; by themselves they would "
        f"only say at most {alone.at_most('slower'):.0%}."
    )


def _found(rates: Rates) -> str:
    said = []
    for share in reversed(PLANTED[1:]):
        judged = rates.judged[planted(share)]
        said.append(
            f"one of {rates.ratio(planted(share)) - 1:.1%} (planted as {share:.0%}) in "
            f"{judged.share('slower'):.1%} of campaigns, at least {judged.at_least('slower'):.1%}, "
            f"after {statistics.median(judged.n_pairs):.0f} pairs"
        )
    return f"**Slowdowns found:** {'; '.join(said)}. The bounds are under the same reserve."


def _plain_rules(rates: Rates) -> str:
    least = planted(PLANTED[0])
    said = "; ".join(
        f"{name}: {of_rule[QUIET]:.1%} in quiet, {of_rule[LOADED]:.1%} under load, "
        f"{of_rule[least]:.1%} where a step is {rates.ratio(least) - 1:.1%} slower"
        for name, of_rule in rates.rules.items()
    )
    return (
        f"**Plain rules** on the same campaigns, {PAIRS_A_SIDE} processes of BASE and then "
        f"{PAIRS_A_SIDE} of HEAD, say slower this often. {said[0].upper()}{said[1:]}."
    )


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
