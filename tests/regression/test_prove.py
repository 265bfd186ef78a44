"""The gate's promises, held against the pairs that are kept in the repository."""

from __future__ import annotations

import shutil
import statistics
import sys

import numpy as np
import pytest

from bench.regression import prove
from bench.regression.decision import estimate
from bench.regression.proof import judge, plants, rates
from bench.regression.proof.collect import LOADED, PLANTED, QUIET, planted
from tests.regression.conftest import PROJECT

PAIRS = PROJECT / prove.PAIRS


@pytest.fixture(scope="module")
def values():
    heading, lines = rates.read(PAIRS)
    assert heading["cell"] == "numpy-one_hidden-32"
    return {kind: [line.value for line in of_kind] for kind, of_kind in lines.items()}


def judged(values):
    return rates.campaigns(values, np.random.default_rng(0))


def test_there_are_as_many_pairs_as_promised(values):
    assert len(values[QUIET]) >= 200
    assert len(values[LOADED]) >= 200
    assert all(len(values[planted(share)]) >= 80 for share in PLANTED)


@pytest.mark.parametrize("kind", [QUIET, LOADED])
def test_false_alarms_are_rarer_than_one_in_a_hundred(values, kind):
    assert judged(values[kind]).at_most("slower") <= 0.01


@pytest.mark.parametrize(("share", "found"), [(0.05, 0.95), (0.10, 0.99)])
def test_planted_slowdowns_are_found(values, share, found):
    assert judged(values[planted(share)]).share("slower") >= found


def test_what_is_planted_is_what_is_measured(values):
    for share in PLANTED:
        measured = estimate(values[planted(share)]).ratio - 1
        assert 0.7 * share < measured < 1.3 * share


def test_no_twenty_pairs_in_a_row_would_raise_an_alarm(values):
    for kind in (QUIET, LOADED):
        for start in range(len(values[kind]) - 19):
            assert estimate(values[kind][start : start + 20]).p_value > 0.0005


def test_the_tables_in_docs_are_made_from_the_pairs(tmp_path, monkeypatch, capsys):
    shutil.copy(PAIRS, tmp_path / "pairs.jsonl")
    monkeypatch.setattr(judge, "SCALES", ())  # the curve between takes long
    monkeypatch.setattr(sys, "argv", ["prove", "judge", "--pairs", str(tmp_path / "pairs.jsonl")])
    prove.main()
    kept = PAIRS.with_name("rates.md").read_text().splitlines()
    for line in (tmp_path / "rates.md").read_text().splitlines():
        assert line in kept
    assert "quiet" in capsys.readouterr().out


def test_plain_rules_see_what_is_plain():
    slow = [rates.Line("", 1.0, (100,) * 4, (200 + number,) * 4) for number in range(40)]
    same = [rates.Line("", 1.0, (100,) * 4, (100,) * 4)] * 40
    for rule in rates.RULES.values():
        assert rates.found_by(rule, slow) == 1
        assert rates.found_by(rule, same) == 0


def test_a_plant_takes_about_as_long_as_it_should():
    rows = plants.rows_that_take(50e-6)
    assert statistics.median(plants._seconds(rows) for _ in range(3)) == pytest.approx(
        50e-6, rel=0.5
    )


def test_a_plant_that_finds_no_place_says_so(tree, tmp_path):
    moved = tree("moved", ("implementations/numpy_mlp.py", "self._recipe.activation\n", "None\n"))
    with pytest.raises(ValueError, match="nothing planted"):
        plants.plant(moved, tmp_path / "planted", 10)
