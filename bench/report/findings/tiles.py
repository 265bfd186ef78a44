"""The answers for the top of the page: one tile per question, made from the findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace

from bench.console import counted
from bench.records import PARITY_POINTS
from bench.report.findings.accuracy import basis, most_apart
from bench.report.findings.finding import LEVELS, Finding, Question, Tile
from bench.report.findings.speed import times
from bench.report.frames import dataframes

RELIABLE, ROUGHLY = "Are the speeds reliable?", "only roughly"


def tiles(found: Sequence[Finding]) -> tuple[Tile, ...]:
    """Return the tiles, in the order of the page; without those that have nothing to say.

    Args:
        found: all findings of a report.
    """
    made = (
        _speed(
            [one for one in found if one.question == "speed" and one.summary],
            {one.subject: one.value for one in found if one.question == "cores"},
            len({one.machine for one in found if one.question == "speed"}) > 1,
            {(one.subject, one.condition) for one in found if one.question == "repeats"},
        ),
        _quiet(found),
        _accuracy([one for one in found if one.question == "accuracy" and not one.summary]),
        _parity([one for one in found if one.question == "parity"]),
        _rates([one for one in found if one.question == "learning_rate" and not one.summary]),
        _runs([one for one in found if one.question == "runs" and one.value is not None]),
    )
    return tuple(tile for tile in made if tile is not None)


def _tile(question: Question, title: str, answer: str, detail: str, of: Sequence[Finding]) -> Tile:
    """Return a tile that is as serious as the worst of its findings."""
    level = max((one.level for one in of), key=LEVELS.index)
    return Tile(question=question, title=title, answer=answer, detail=detail, level=level)


def _speed(
    leads: Sequence[Finding],
    cores: Mapping[str, float | None],
    has_kinds: bool,
    uneven: Set[tuple[str, str]],
) -> Tile | None:
    if not leads:
        return None
    if has_kinds and len({lead.subject for lead in leads}) > 1:
        return _tile("speed", "Fastest", "depends on the machine", _by_kind(leads), leads)
    n_shared = sum(lead.claim == "shared" for lead in leads)
    known = [lead for lead in leads if lead.claim != "shared"] or leads
    names = list(dict.fromkeys(lead.subject for lead in known))
    ratios = [lead.value for lead in known if lead.value is not None]
    baselines = list(dict.fromkeys(lead.baseline for lead in known if lead.baseline))
    answer = names[0] if len(names) == 1 else f"{len(names)} of them, by condition"
    detail = "the only one with a rank"
    if ratios:
        low, high = min(ratios), max(ratios)
        joined = " and " if len(ratios) == 2 else " to "  # "to" looks like an interval
        span = joined.join(dict.fromkeys([times(low), times(high)]))
        detail = f"{span} times as fast as {baselines[0] if len(baselines) == 1 else 'the next'}"
    busy = [cores.get(name) for name in (*names, *baselines)]
    counts = [count for count in busy if count is not None]
    if len(names) == len(baselines) == 1 and len(counts) == 2:
        detail += f"; cores kept busy: {counts[0]:.1f} against {counts[1]:.1f}"
    if n_shared == len(leads):
        answer, first = "can't be told", leads[0]
        others = "" if len(names) == len(baselines) == 1 else ", or others"
        detail = f"{first.subject} or {first.baseline}{others}"
        if first.value is not None and first.low is not None:
            interval = " to ".join(times(end, first.value) for end in (first.low, first.high))
            detail += f": ratio {times(first.value)} ({interval})"
    elif 2 * n_shared >= len(leads):
        answer = f"can't be told in {n_shared} of {len(leads)}"
        detail = f"conditions; in the others {' or '.join(names)}, {detail}"
    elif n_shared:
        detail += f"; can't be told in {n_shared} of {len(leads)} conditions"
    tile = _tile("speed", "Fastest", answer, detail, leads)
    compared = {(name, one.condition) for one in leads for name in (one.subject, one.baseline)}
    if tile.level != "good" or not compared & uneven:
        return tile
    if moved := [one for one in known if one.without_run]:
        without, value = times(moved[0].value_without, moved[0].value), times(moved[0].value)
        detail += f"; {without} instead of {value} without an outlier"
    else:
        listed = ", ".join(sorted({name for name, _ in compared & uneven}))
        detail += f"; speeds of {listed} differ between runs"
    return replace(tile, level="neutral", detail=detail)


def _by_kind(leads: Sequence[Finding]) -> str:
    """Return which implementation leads on each kind of machine."""
    kinds: dict[str, dict[str, None]] = {}
    for lead in leads:
        name = "can't be told" if lead.claim == "shared" else lead.subject
        kinds.setdefault(lead.machine, {})[name] = None
    return "; ".join(f"{' or '.join(names)} on {kind}" for kind, names in kinds.items())


def _accuracy(pairs: Sequence[Finding]) -> Tile | None:
    if not pairs:
        return None
    title = "Do they learn the same?"
    if guessing := [one for one in pairs if one.claim == "guessing"]:
        return _tile("accuracy", title, "some only guess", guessing[0].subject, pairs)
    compared = [one for one in pairs if one.value is not None]
    known = [one for one in compared if one.low is not None]
    differing = [one for one in compared if one.claim in ("better", "worse")]
    if differing:
        largest = max(differing, key=lambda one: abs(one.value or 0))
        where = f"{largest.condition}: " if largest.condition else ""
        side = "higher" if largest.claim == "better" else "lower"
        detail = f"{where}test accuracy of {largest.subject} {abs(largest.value or 0):.2f} "
        detail += f"percentage points {side} than of {largest.baseline}"
        if largest.low is not None:
            detail += f" (95 % interval {largest.low:+.2f} to {largest.high:+.2f})"
        answer = f"no, {abs(largest.value or 0):.2f} points apart"
        return _tile("accuracy", title, answer, f"{detail}; {basis(largest)}", pairs)
    if not known:
        detail = "one run each" if compared else "no seed in common"
        return _tile("accuracy", title, "can't be told", detail, pairs)
    apart = sorted({f"{abs(one.value or 0):.2f}" for one in compared}, key=float)
    span = " to ".join(dict.fromkeys([apart[0], apart[-1]]))
    most = max(map(most_apart, known), key=float)
    detail = f"test accuracies are {span} percentage points apart ({basis(known[0])})"
    if {one.claim for one in pairs} == {"equal"}:
        detail += f", with 95 % certainty at most {most}; {PARITY_POINTS:g} counts as equal"
        return _tile("accuracy", title, "yes", detail, pairs)
    detail += f": this may be chance, but {most} is possible; {PARITY_POINTS:g} counts as equal"
    made = _tile("accuracy", title, "no difference found, equality not shown", detail, pairs)
    return replace(made, level="neutral") if len(known) == len(pairs) else made


def _rates(best: Sequence[Finding]) -> Tile | None:
    rates = sorted({one.value for one in best if one.value is not None})
    if not rates:
        return None
    values = [one.value for one in best]
    usual = max(rates, key=values.count)
    others = [one for one in best if one.value != usual]
    names = {one.subject for one in best}
    answer = dataframes.plain(usual) + (" in most cases" if others else "")
    detail = f"for {next(iter(names))}" if len(names) == 1 else "for every implementation"
    if others:
        listed = [
            f"{dataframes.plain(one.value)} for {one.subject}"
            + (f" with {one.condition}" if one.condition else "")
            for one in others
        ]
        more = f" and {len(listed) - 1} more" if len(listed) > 1 else ""
        detail = f"but {listed[0]}{more}"
    at_edge = [caveat for one in best for caveat in one.caveats if "rate tried" in caveat]
    if len(at_edge) == len(best) or (len(at_edge) == len(others) == 1 and others[0].caveats):
        detail += f"; {at_edge[0][0].lower()}{at_edge[0][1:-1]}"
    elif at_edge:
        detail += f"; {len(at_edge)} of {len(best)} are at the edge of the rates tried: try more"
    return _tile("learning_rate", "Best learning rate", answer, detail, best)


def _parity(verdicts: Sequence[Finding]) -> Tile | None:
    if not verdicts:
        return None
    by_claim = {one.claim: one.subject for one in verdicts}
    if "failed" in by_claim:
        answer, detail = "no", f"not the recipe's: {by_claim['failed']}"
    elif "not_checked" in by_claim:
        answer, detail = "not proven", by_claim["not_checked"]
    else:
        answer, detail = "yes", "gradients and updates match a reference in float64"
    return _tile("parity", "Same equations?", answer, detail, verdicts)


def _quiet(found: Sequence[Finding]) -> Tile | None:
    noise = [one for one in found if one.question == "quiet"]
    uneven = [one for one in found if one.question == "repeats" and not one.summary]
    odd, apart = ([one for one in found if one.claim == claim] for claim in ("odd", "apart"))
    n_done = sum(int(one.value or 0) for one in found if one.question == "runs" and not one.subject)
    if not noise:
        return None
    if odd:
        listed = ", ".join(f"{one.node} at {times(one.value)} times" for one in odd)
        answer = f"{counted(len(odd), 'odd node')}"
        return _tile("machine", RELIABLE, answer, f"{listed} the speed of its kind", odd)
    n_runs = f"{sum(one.value or 0 for one in noise):.0f}"
    if noise[0].claim == "quiet" and apart:
        detail = f"compared runs were made up to {apart[0].value:.1f} hours apart"
        return _tile("quiet", RELIABLE, ROUGHLY, detail, apart)
    if noise[0].claim == "quiet" and uneven:
        worst = max(uneven, key=lambda one: one.value or 0)
        detail = f"{_differ(worst)}, yet no other work was seen"
        return _tile("quiet", RELIABLE, ROUGHLY, detail, uneven)
    if noise[0].claim == "quiet":
        return _tile("quiet", RELIABLE, "yes", f"no other work was seen in {n_runs} runs", noise)
    disturbed = [one for one in noise if one.claim == "not_quiet"]
    unknown = [one for one in noise if one.claim == "not_known"]
    state = "was not quiet" if disturbed else "may not have been quiet"
    n_uncertain = sum(one.value or 0 for one in disturbed or unknown)
    detail = f"the machine {state} in {n_uncertain:.0f} of {n_done} runs"
    if disturbed and unknown:
        detail += f"; not known in {unknown[0].value:.0f}"
    if uneven:
        worst = max(uneven, key=lambda one: one.value or 0)
        detail += f"; {_differ(worst)}"
    return _tile("quiet", RELIABLE, ROUGHLY if disturbed else "not known", detail, noise)


def _differ(uneven: Finding) -> str:
    return f"one run of {uneven.subject} was {uneven.value:.1f} times slower than another like it"


def _runs(endings: Sequence[Finding]) -> Tile | None:
    if not endings:
        return None
    done, *others = endings
    n_others = sum(one.value or 0 for one in others)
    answer = f"{done.value:.0f} done" + (f", {n_others:.0f} not" if others else "")
    names = ", ".join(dict.fromkeys(one.subject for one in others))
    return _tile("runs", "Runs", answer, names or "none failed or skipped", endings)
