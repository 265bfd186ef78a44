"""The file of a history: what is kept, in which order, and how two files are merged."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.results import history
from bench.results.history import Entry
from bench.results.store import StoreError

CASE = "numpy-one_hidden-32"


def entry(number=0, ratio=1.0, width=0.004, **changed):
    values = {
        "cell": CASE, "commit": f"{number:040x}",
        "committed_at": f"2026-01-{1 + number % 28:02d}T{number // 28:02d}:00:00+00:00",
        "reference": "f" * 40, "cpu_model": "some processor", "ratio": ratio,
        "low": ratio * math.exp(-width), "high": ratio * math.exp(width), "n_pairs": 20,
    }  # fmt: skip
    return Entry(**values | changed)


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
    path.write_bytes(path.read_bytes() + b"\n" + line)  # without a newline at its end
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


def test_commits_are_in_the_order_of_their_ancestry():
    """A rebase gives many commits the same second, and a clock may go backwards."""
    second = "2026-01-01T00:00:00+00:00"
    entries = [
        entry(number, commit=f"{9 - number}" * 40, committed_at=second, n_ancestors=number)
        for number in range(5)
    ]
    early = entry(5, committed_at="2025-01-01T00:00:00+00:00", n_ancestors=5)
    assert history.in_order([early, *reversed(entries)]) == [*entries, early]


def test_an_entry_of_the_first_edition_comes_after_earlier_ones():
    new = [entry(number, n_ancestors=10 + number) for number in (0, 2)]
    old = entry(1)
    assert history.in_order([new[1], old, new[0]]) == [new[0], old, new[1]]


FIRST_EDITION = (
    b'{"cell":"numpy-one_hidden-32","commit":"aa","committed_at":"2026-01-01T00:00:00+00:00",'
    b'"reference":"bb","cpu_model":"some processor","ratio":1.0,"low":0.99,"high":1.01,'
    b'"n_pairs":20}'
)


def test_a_line_of_the_first_edition_is_read_and_written_unchanged(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_bytes(FIRST_EDITION + b"\n")
    (read,) = history.read(path)
    assert (read.metric, read.accepted, read.n_ancestors) == ("step", None, None)
    assert msgspec.json.encode(read) == FIRST_EDITION


def test_entries_with_other_settings_are_another_series():
    settings = [{}, {"identity": "a" * 12, "settings": "seed=0"}, {"identity": "b" * 12}]
    entries = [entry(n, **known) for n in range(2) for known in settings]
    found = history.series(entries)
    assert [len(points) for points in found.values()] == [2, 2, 2]
    words = [key.settings_words for key in found]
    assert words == ["settings not recorded", f"seed=0 ({'a' * 12})", f" ({'b' * 12})"]


def test_each_metric_has_its_own_series():
    entries = [entry(n, metric=metric) for n in range(2) for metric in ("memory", "step")]
    found = history.series(entries)
    assert [key.metric for key in found] == ["step", "memory"]
    assert [len(points) for points in found.values()] == [2, 2]


def test_the_first_commit_that_is_not_accepted_is_named():
    other = {"learns_something_else": True}
    entries = [entry(0), entry(1, **other), entry(2, **other)]
    assert history.not_accepted(entries) == entries[1]
    accepted = entry(2, **other, accepted="float64 sums")
    assert history.not_accepted([*entries[:2], accepted, entry(3)]) is None
    assert history.not_accepted([accepted, entry(3, **other)]) == entry(3, **other)
