"""When a campaign ends, and with what."""

from __future__ import annotations

import pytest

from bench.regression import session
from bench.regression.command import cells_of
from bench.regression.pairs import Pair
from tests.regression.conftest import CELLS


def pair(number, ratio, apart=0.0):
    return Pair(
        cell="",
        number=number,
        base_seconds=(1.0,),
        head_seconds=(ratio,),
        first_apart=0.0,
        losses_apart=apart,
        last_apart=0.0,
    )


def test_a_cell_that_missed_a_round_has_an_answer_too(monkeypatch, tmp_path):
    """The rounds are made up: another cell's failure costs a cell of the same processes one."""

    def measured(group, number, *_):
        if number > 0:
            group[0].pairs.append(pair(number, 0.9 if number % 2 else 1.12))

    for part in ("steps_of_blocks", "write_problems", "_find_bounds"):
        monkeypatch.setattr(session, part, lambda *_: None)
    monkeypatch.setattr(session, "_measure_all", measured)
    (outcome,) = session.run(
        cells_of(CELLS), {"base": None, "head": None}, tmp_path, smallest=0.03,
        budget_seconds=60, on_pair=lambda *_: None, on_wait=lambda: None, share_machine=True,
    )  # fmt: skip
    assert len(outcome.pairs) == 79
    assert outcome.answer == "can't tell"


@pytest.mark.parametrize(("drift", "flagged"), [(0.0, True), (0.02, False)])
def test_what_rounding_explains_is_not_something_else(drift, flagged):
    outcome = session.Outcome(cells_of(CELLS)[0])
    outcome.pairs = [pair(number, 1.0, apart=0.08) for number in range(5)]
    outcome.bounds = session.bounds_of(pair(0, 1.0, apart=drift))
    assert outcome.learns_something_else == flagged
