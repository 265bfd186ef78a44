"""Speed over commits: what is kept, compared with, and marked as a change."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.results import history
from bench.results.history import Entry
from bench.results.store import StoreError
from bench.statistics import MARGIN, estimate

CASE = "numpy-one_hidden-32"


def entry(number=0, ratio=1.0, width=0.004, **changed):
    values = {
        "cell": CASE, "commit": f"{number:040x}",
        "committed_at": f"2026-01-{1 + number % 28:02d}T{number // 28:02d}:00:00+00:00",
        "reference": "f" * 40, "cpu_model": "some processor", "ratio": ratio,
        "low": ratio * math.exp(-width), "high": ratio * math.exp(width), "n_pairs": 20,
    }  # fmt: skip
    return Entry(**values | changed)


def sample(mean, seed, n=20):
    return np.random.default_rng(seed).normal(mean, 0.01, n)


def answer_for(values, entries, commit="e" * 40, smallest=0.03):
    """Compare a commit with the values of its pairs with the last entry before it."""
    then = history.last_before(entries, CASE, cpu_model="some processor", commit=commit)
    return history.compare({CASE: estimate(values)}, {CASE: then}, smallest)[CASE], then


IMPOSSIBLE = (
    {"low": 0.0}, {"ratio": 0.0, "low": 0.0}, {"low": -1.0}, {"low": 1.5}, {"high": 0.5},
    {"high": 1e308}, {"low": 1e-320}, {"n_pairs": 1},
)  # fmt: skip


def line_with(**changes):
    return msgspec.json.encode(msgspec.to_builtins(entry()) | changes)


@given(st.lists(st.integers(0, 40), max_size=12), st.lists(st.integers(0, 40), max_size=12))
def test_two_files_are_merged_by_keeping_the_lines_of_both(tmp_path_factory, ours, theirs):
    folder = tmp_path_factory.mktemp("history")
    for name, numbers in (("ours", ours), ("theirs", theirs), ("both", ours + theirs)):
        history.append(folder / name, [entry(number) for number in numbers])
    (folder / "merged").write_bytes(
        (folder / "theirs").read_bytes() + (folder / "ours").read_bytes()
    )
    assert history.read(folder / "merged") == history.read(folder / "both")
    found = [known.commit for known in history.read(folder / "both")]
    assert sorted(found) == sorted({entry(number).commit for number in ours + theirs})


@pytest.mark.parametrize(
    "line", [b'{"cell": 3}', b"<<<<<<< HEAD", b"\xff", msgspec.json.encode({"colour": "blue"}),
             *(line_with(**changes) for changes in IMPOSSIBLE)],
)  # fmt: skip
def test_a_line_that_is_not_an_entry_is_named_and_left_out(tmp_path, capsys, line):
    path = tmp_path / "history.jsonl"
    history.append(path, [entry(1)])
    path.write_bytes(path.read_bytes() + b"\n" + line)  # and its last line is not ended
    history.append(path, [entry(2)])
    assert history.read(path) == [entry(1), entry(2)]
    assert f"{path}, line 3: left out, not an entry" in capsys.readouterr().err


def test_a_history_refers_to_one_commit(tmp_path):
    assert history.reference([entry(), entry(1)], tmp_path) == "f" * 40
    with pytest.raises(StoreError, match="no history yet; begin one with: bench-compare BASE"):
        history.reference([], tmp_path)
    with pytest.raises(StoreError, match="keep one"):
        history.reference([entry(), entry(1, reference="0" * 40)], tmp_path)


def test_a_commit_measured_twice_counts_once():
    found = history.series([entry(1, 1.0), entry(2, 1.1), entry(1, 1.2)])
    (of_cell,) = found.values()
    assert [known.ratio for known in of_cell] == [1.2, 1.1]


def test_the_p_value_equals_scipys_for_two_trimmed_samples():
    now, then = sample(0.02, 1), sample(0, 2, n=33)
    made = estimate(then)
    kept = entry(ratio=made.ratio, low=made.low, high=made.high, n_pairs=33)
    p_value, _ = history._welch(estimate(now), kept)
    expected = stats.ttest_ind(
        now - math.log1p(MARGIN), then, trim=0.2, equal_var=False, alternative="greater"
    )
    assert p_value == pytest.approx(expected.pvalue, rel=1e-9)


def test_a_slowdown_since_the_last_commit_is_found():
    answer, then = answer_for(sample(0.06, 3), [entry(0, 1.06), entry(1, 1.0)])
    assert answer == "slower"
    assert then is not None
    assert then.commit == entry(1).commit


def test_the_same_speed_as_the_last_commit_is_not_slower():
    answer, _ = answer_for(sample(0.06, 3), [entry(0, 1.0), entry(1, 1.06)])
    assert answer == "not slower"


def test_a_commit_is_not_compared_with_itself():
    known = [entry(0, 1.0), entry(1, 1.06)]
    answer, then = answer_for(sample(0.06, 3), known, commit=entry(1).commit)
    assert (answer, then) == ("slower", known[0])


def test_an_entry_of_another_processor_is_not_compared_with():
    entries = [entry(cpu_model="another processor")]
    assert history.last_before(entries, CASE, cpu_model="some processor", commit=None) is None


@pytest.mark.parametrize("n_before", [1, 2, 8])
def test_a_change_is_marked_with_its_size(n_before):
    noise = np.random.default_rng(n_before).normal(0, 0.002, 12)
    entries = [
        entry(number, math.exp(noise[number]) * (1.0 if number < n_before else 1.07))
        for number in range(12)
    ]
    (change,) = history.changes(entries)
    assert change.place == n_before
    assert change.ratio == pytest.approx(1.07, abs=0.005)


def test_noise_is_no_change():
    false_alarms = 0
    for seed in range(30):
        noise = np.random.default_rng(seed).normal(0, 0.002, 30)
        false_alarms += bool(history.changes([entry(n, math.exp(noise[n])) for n in range(30)]))
    assert false_alarms == 0


def test_a_single_entry_has_no_change():
    assert history.changes([entry()]) == []
    assert history.changes([]) == []
