"""The gate's promises, held against the pairs that are kept in the repository."""

from __future__ import annotations

import shutil
import statistics
import sys

import numpy as np
import pytest

from bench.regression import calibrate, session
from bench.regression.calibration import judge, plants, rates, words
from bench.regression.calibration.collect import LOADED, PLANTED, QUIET, planted
from bench.statistics import estimate
from tests.regression.conftest import CELLS, PROJECT, commit, git

PAIRS = PROJECT / calibrate.PAIRS


@pytest.fixture(scope="module")
def values():
    heading, lines = rates.read(PAIRS)
    assert heading["cell"] == "numpy-one_hidden-32"
    return {kind: [line.value for line in of_kind] for kind, of_kind in lines.items()}


def judged(values):
    return rates.campaigns(values, rates.draw(len(values), np.random.default_rng(0)))


def test_there_are_as_many_pairs_as_promised(values):
    assert len(values[QUIET]) >= 200
    assert len(values[LOADED]) >= 200
    assert all(len(values[planted(share)]) >= 80 for share in PLANTED)


@pytest.mark.parametrize("kind", [QUIET, LOADED])
def test_false_alarms_are_rarer_than_one_in_a_hundred(values, kind):
    assert judged(values[kind]).at_most("slower") <= 0.01


@pytest.mark.parametrize(("share", "found"), [(0.05, 0.95), (0.10, 0.99)])
def test_planted_slowdowns_are_found(values, share, found):
    assert judged(values[planted(share)]).at_least("slower") >= found


def test_what_is_planted_is_what_is_measured(values):
    measured = [estimate(values[planted(share)]).ratio - 1 for share in PLANTED]
    assert measured == sorted(measured)
    for share, slowdown in zip(PLANTED, measured, strict=True):
        assert abs(slowdown - share) < 0.01  # sized by itself, not in a step


def test_no_twenty_pairs_in_a_row_would_raise_an_alarm(values):
    for kind in (QUIET, LOADED):
        for start in range(len(values[kind]) - 19):
            assert estimate(values[kind][start : start + 20]).p_value > 0.0005


def test_the_figures_in_docs_are_made_from_the_pairs(tmp_path, monkeypatch, capsys):
    page = tmp_path / "regression.md"
    shutil.copy(PAIRS, tmp_path / "pairs.jsonl")
    shutil.copy(PROJECT / calibrate.PAGE, page)
    monkeypatch.setattr(judge, "SCALES", words.NAMED_SCALES)  # the whole curve takes long
    told = ["--pairs", str(tmp_path / "pairs.jsonl"), "--page", str(page)]
    monkeypatch.setattr(sys, "argv", ["prove", "judge", *told])
    calibrate.main()
    kept = PAIRS.with_name("rates.md").read_text().splitlines()
    for line in (tmp_path / "rates.md").read_text().splitlines():
        assert line in kept
    assert page.read_text() == (PROJECT / calibrate.PAGE).read_text()
    assert (tmp_path / "rates.png").stat().st_size > 10_000
    assert "quiet" in capsys.readouterr().out


def test_campaigns_that_share_no_pair_are_counted_by_themselves(values):
    apart = rates.disjoint([0.0] * 100)
    assert apart.n_pairs == [10, 10, 10]  # as long as 80 are left, whatever the next one takes
    assert apart.share("not slower") == 1
    assert apart.at_most("slower") == pytest.approx(1 - 0.05 ** (1 / 3))
    assert apart.at_least("not slower") == pytest.approx(0.05 ** (1 / 3))


def test_collecting_goes_on_where_it_ended(short, repository, tmp_path, monkeypatch, capsys):
    path = tmp_path / "pairs.jsonl"
    monkeypatch.setattr(calibrate, "CELL", CELLS)
    monkeypatch.setattr(session, "BLOCK_SECONDS", 0.005)

    def collect(*told):
        monkeypatch.setattr(sys, "argv", ["prove", "collect", "--pairs", str(path), *told])
        with pytest.raises(SystemExit) as ended:
            calibrate.main()
        return ended.value.code, capsys.readouterr()

    assert collect("--rounds", "1")[0] == 0
    first = git(repository, "rev-parse", "HEAD")
    (repository / "later").write_text("of no matter")
    commit(repository, "another")
    assert collect("--rounds", "2")[0] == 0
    heading, lines = rates.read(path)
    assert heading["commit"] == first
    assert {kind: len(of_kind) for kind, of_kind in lines.items()} == {
        QUIET: 2, LOADED: 2, **{planted(share): 1 for share in PLANTED}
    }  # fmt: skip
    assert collect("--budget", "1s")[0] == 3
    monkeypatch.setattr(calibrate, "CELL", CELLS.replace("one_hidden", "two_hidden"))
    status, printed = collect("--rounds", "3")
    assert status == 2
    assert "give another --pairs" in printed.err


def test_plain_rules_see_what_is_plain():
    slow = [rates.Line("", 1.0, (100,) * 4, (200 + number,) * 4) for number in range(40)]
    same = [rates.Line("", 1.0, (100,) * 4, (100,) * 4)] * 40
    for rule in rates.RULES.values():
        assert rates.found_by(rule, slow, [range(40)]) == 1
        assert rates.found_by(rule, same, [range(40)]) == 0


def test_a_plant_takes_about_as_long_as_it_should():
    rows = plants.rows_that_take(50e-6)
    assert statistics.median(plants._seconds(rows) for _ in range(3)) == pytest.approx(
        50e-6, rel=0.5
    )


def test_a_plant_that_finds_no_place_says_so(tree, tmp_path):
    moved = tree("moved", ("implementations/numpy_mlp.py", "calls += loss.find_delta()", "pass"))
    with pytest.raises(ValueError, match="nothing planted"):
        plants.plant(moved, tmp_path / "planted", 10)
