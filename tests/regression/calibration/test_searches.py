"""Histories with a planted slowdown, which measure how often a bisection errs."""

from __future__ import annotations

import sys

import pytest

from bench.regression import session
from bench.regression.bisection.search import Search
from bench.regression.calibration import __main__ as calibration
from bench.regression.calibration import plants, searches
from bench.regression.calibration.plants import MODULE, History, choose
from bench.regression.calibration.searches import Row
from bench.regression.sides.process import OutOfTimeError
from tests.regression.conftest import CASES, run_git


def test_a_history_has_a_slow_commit_and_others_that_do_not_build(tree, tmp_path):
    history = History(seed=0, n_commits=5, share=0.05, slow=2, broken=frozenset({4}))
    folder = tmp_path / "history"
    folder.mkdir()
    commits = plants.build(history, tree("project"), folder)
    assert len(set(commits)) == 6
    texts = [run_git(folder, "show", f"{commit}:{MODULE}") for commit in commits]
    assert ["perf_counter" in text for text in texts] == [False, False, True, True, True, True]
    for number, text in enumerate(texts):
        if number == 4:
            with pytest.raises(SyntaxError):
                compile(text, MODULE, "exec")
        else:
            compile(text, MODULE, "exec")


def test_seeds_give_histories_of_all_kinds():
    chosen = [choose(seed) for seed in range(25)]
    assert all(16 <= history.n_commits <= 64 for history in chosen)
    assert sum(history.slow is None for history in chosen) == 5
    assert {history.share for history in chosen} == {0.0, 0.03, 0.05, 0.10}
    assert choose(7) == chosen[7]
    for history in chosen:
        if history.slow is not None:
            assert not history.broken & {history.slow - 1, history.slow, 0, history.n_commits}


def test_a_search_of_a_history_is_continued(few_pairs, tree, tmp_path, monkeypatch):
    history = History(seed=0, n_commits=2, share=2.0, slow=2, broken=frozenset())
    project, output = tree("project"), tmp_path / "output"
    measure_pair = Search._measure_pair

    def run_out_of_time(*_):
        raise OutOfTimeError

    monkeypatch.setattr(Search, "_measure_pair", run_out_of_time)
    assert searches.search(history, project, output, CASES, 300) is None
    monkeypatch.setattr(Search, "_measure_pair", measure_pair)
    monkeypatch.setattr(session, "run", None)  # GOOD and BAD are not measured again
    row = searches.search(history, project, output, CASES, 300)
    assert not output.exists()
    assert (row.named, row.suspects) == (2, [2])
    assert row.low > 1.5
    assert row.n_pairs >= 16


def test_a_search_of_histories_continues_its_file(tmp_path, monkeypatch, capsys):
    searched = []

    def search(history, _project, _output, _cases, budget):
        searched.append((history.seed, budget))
        return Row(
            seed=history.seed, n_commits=history.n_commits, planted=history.share,
            slow=history.slow, named=history.slow, suspects=[history.slow] if history.slow else [],
            ratio=1.05, low=1.04, high=1.06, n_pairs=90, minutes=3.0,
        )  # fmt: skip

    monkeypatch.setattr(searches, "search", search)
    path = tmp_path / "answers.jsonl"

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["calibration", "bisect", "--answers", str(path), *words])
        return calibration.main(), capsys.readouterr()

    assert run("--histories=2", "--budget=90s")[0] == 0
    status, printed = run("--histories=5")
    assert status == 0
    assert [seed for seed, _ in searched] == [0, 1, 2, 3, 4]
    assert 80 < searched[0][1] <= 90
    assert "4 of 4 planted commits named, 0 wrong commits named, 1 histories" in printed.out
    monkeypatch.setattr(searches, "search", lambda *_: None)
    status, printed = run("--histories=6")
    assert status == 3
    assert "run the command again" in printed.err
