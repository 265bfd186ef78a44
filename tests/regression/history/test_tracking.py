"""The commit that HEAD is compared with if a history exists. Measurements are simulated."""

from __future__ import annotations

import math
from contextlib import nullcontext

import pytest

from bench.machine import facts
from bench.regression.cases import parse_cases
from bench.regression.history import tracking
from bench.regression.history.earlier import Earlier, choose_reference, history_path
from bench.regression.outcome import Outcome, exit_status
from bench.regression.output import revisions
from bench.regression.output.remarks import remarks
from bench.regression.pair_record import Pair
from bench.regression.sides.checkout import Side
from bench.regression.sides.process import CaseError
from bench.regression.sides.repository import Repository
from bench.results import history
from bench.results.history import Entry
from bench.results.store import StoreError
from tests.regression.conftest import CASE, CASES, commit, run_git

NUMERICS = {"reference": 0.0, "changed": 0.1, "later": 0.1, "wrong": 0.3}  # what a commit learns
OTHER_RATE = CASES.replace("learning_rate=0.01", "learning_rate=0.02")


class Project:
    """A repository with a history; the results and speeds of its commits are simulated."""

    def __init__(self, folder):
        self.folder = folder
        self.repository = Repository(top=folder, project=folder)
        self.path = history_path(self.repository)
        self.cases = parse_cases(CASES)
        self.names = {}
        self.failing = set()  # commits that do not train
        self.n_pairs = history.N_PAIRS  # maximum that there is time for
        self.add("reference", run_git(folder, "rev-parse", "HEAD"))
        self.reference = self.side("reference")

    def add(self, name, existing=None):
        """Make a commit."""
        if existing is None:
            (self.folder / name).touch()
            existing = commit(self.folder, name)
        self.names[existing] = name

    def side(self, name):
        commits = {known: commit for commit, known in self.names.items()}
        return Side(label=name, tree=self.folder, python=None, commit=commits[name])

    def measure(self, cases, sides, n_pairs):
        learned = [NUMERICS[self.names[side.commit]] for side in sides.values()]
        outcomes = [Outcome(case) for case in cases]
        for outcome in outcomes:
            if self.names[sides["base"].commit] in self.failing:
                outcome.fail(CaseError("base", "a reason"))
                continue
            outcome.answers["step"] = "not slower"
            outcome.pairs += [
                Pair(
                    cell=outcome.case.name, number=number, base_seconds=(1.0,),
                    head_seconds=(math.exp(0.001 * (-1) ** number),),
                    first_difference=abs(learned[0] - learned[1]),
                    losses_difference=0.0, last_difference=0.0,
                )
                for number in range(min(n_pairs, self.n_pairs))
            ]  # fmt: skip
        return outcomes

    def compare_and_record(self, name, accepted=None, required=False):
        """Do what `bench-compare --record` does; return the outcome and the entry, if any."""
        sides = {"base": self.reference, "head": self.side(name)}
        earlier = Earlier(sides["head"].commit, self.repository)
        outcomes = tracking.compare(self.cases, earlier, sides, self.repository, self.measure)
        tracking.refuse_few_pairs(outcomes)
        tracking.compare_with_last(outcomes, earlier, required=required)
        entries = tracking.entries_of(outcomes, earlier, sides, self.repository, accepted)
        history.append(self.path, entries)
        self.rows = revisions.report(outcomes, sides).rows
        return outcomes[0], entries[0] if entries else None


@pytest.fixture
def project(repository, monkeypatch):
    made = Project(repository)
    monkeypatch.setattr(
        tracking,
        "checked_out",
        lambda revision, *_: nullcontext(made.side(made.names[revision])),
    )
    return made


@pytest.mark.parametrize("accepted", [None, "sums in float64"])
def test_a_change_of_numerics_is_reported_until_it_is_accepted(project, accepted):
    project.compare_and_record("reference")
    project.add("changed")
    outcome, entry = project.compare_and_record("changed", accepted)
    assert outcome.learning.compared_with == "BASE"
    assert (entry.learns_something_else, entry.accepted) == (True, accepted)
    project.add("later")
    outcome, entry = project.compare_and_record("later")
    assert outcome.learns_something_else == (accepted is None)
    reference = project.side("changed" if accepted else "reference").commit
    assert entry.learning_reference == reference
    project.add("wrong")
    outcome, _ = project.compare_and_record("wrong")
    assert exit_status([outcome]) == 1
    assert outcome.learning.compared_with in ("BASE", reference[:10])


def test_the_verdict_names_the_last_recorded_commit(project):
    outcome, first = project.compare_and_record("reference")
    assert outcome.remark == "step not slower, against the reference (first entry)"
    project.add("changed")
    outcome, second = project.compare_and_record("changed")
    short = first.commit[:10]
    assert outcome.remark == f"step not slower, against {short} (first)"
    assert (second.subject, second.n_ancestors) == ("changed", first.n_ancestors + 1)
    assert second.identity == project.cases[0].identity != ""
    assert second.settings == project.cases[0].settings


def test_a_case_without_an_earlier_commit_was_not_compared(project):
    outcome, _ = project.compare_and_record("reference", required=True)
    assert exit_status([outcome]) == 2
    assert outcome.error == "the history has no earlier commit of this case on this processor"
    assert exit_status([outcome], "pass") == 2
    assert len(history.read(project.path)) == 1


@pytest.mark.parametrize("first", [OTHER_RATE, CASES.replace("threads=1", "threads=auto")])
def test_entries_with_other_settings_are_not_compared_with(project, first):
    project.cases = parse_cases(first)
    if project.cases[0].identity == parse_cases(CASES)[0].identity:
        pytest.skip("a machine with one core")
    project.compare_and_record("reference", accepted="a reason")
    project.add("changed")
    project.cases = parse_cases(CASES)
    outcome, _ = project.compare_and_record("changed")
    assert outcome.since == {}
    assert outcome.remark == "step not slower, against the reference (first entry)"
    assert outcome.learning.compared_with == "BASE"
    project.add("later")
    outcome, _ = project.compare_and_record("later", required=True)
    assert outcome.last_recorded["step"].subject == "changed"
    project.cases = parse_cases(f"{CASES} seed=7")
    outcome, _ = project.compare_and_record("later", required=True)
    assert outcome.error.startswith(
        "the history has no earlier commit of this case on this processor with these settings: "
    )
    assert len(history.series(history.read(project.path))) == 3


def test_each_row_names_the_commit_that_it_is_compared_with(project):
    _, first = project.compare_and_record("reference")
    project.add("changed")
    project.cases = parse_cases(f"{CASES} batch_size=32,64")
    project.compare_and_record("changed")
    assert [row[:3] for row in project.rows] == [
        [CASE, "step", first.commit[:7]],
        [CASE.replace("32", "64"), "step", "BASE"],
    ]


def test_an_entry_with_unknown_settings_is_not_compared_with(project):
    """An earlier edition did not record them."""
    (made,) = project.names
    history.append(project.path, [entry(project, made, "2026-01-01", identity="")])
    project.add("changed")
    outcome, _ = project.compare_and_record("changed")
    assert outcome.since == {}


def test_an_accepted_commit_that_fails_to_train_is_named(project):
    project.compare_and_record("reference")
    project.add("changed")
    project.compare_and_record("changed", "sums in float64")
    project.add("later")
    project.failing.add("changed")
    outcome, recorded = project.compare_and_record("later")
    short = project.side("changed").commit[:10]
    assert outcome.learning.remark == (
        "models are compared with those of the reference, not of the commit that was accepted "
        f"last: {short}: a reason"
    )
    sides = {"base": project.reference, "head": project.side("later")}
    assert any(outcome.learning.remark in line for line in remarks([outcome], sides))
    assert recorded.learning_reference == project.reference.commit


@pytest.mark.parametrize("n_pairs", [5, history.N_PAIRS - 1])
def test_an_entry_has_all_its_pairs_or_is_not_recorded(project, n_pairs):
    project.n_pairs = n_pairs
    outcome, recorded = project.compare_and_record("reference")
    assert recorded is None
    assert outcome.error == (
        f"not recorded: budget used up after {n_pairs} of the {history.N_PAIRS} pairs that an "
        "entry has; increase --budget"
    )
    assert exit_status([outcome], "pass") == 2


def test_only_commits_before_head_are_earlier(project, repository):
    project.add("changed")
    first, second = project.names
    run_git(repository, "checkout", "--quiet", "-b", "other", first)
    third = commit_empty(repository)
    for number, made in enumerate((first, second)):
        history.append(project.path, [entry(project, made, f"2026-01-0{number + 1}")])
    for head, expected in ((third, first), (f"{second}-dirty", second), (second, first)):
        earlier = Earlier(head, project.repository)
        assert earlier.last(project.cases[0].identity).commit == expected


def test_entries_of_another_processor_or_metric_are_not_compared_with(project):
    (made,) = project.names
    others = ({"cpu_model": "another processor"}, {"metric": "memory"})
    history.append(project.path, [entry(project, made, "2026-01-01", **other) for other in others])
    earlier = Earlier(None, project.repository)
    identity = project.cases[0].identity
    assert earlier.last(identity) is None
    assert earlier.last(identity, "memory").cpu_model == facts.cpu_model()


def commit_empty(repository):
    run_git(repository, "commit", "--quiet", "--allow-empty", "--message", "on another branch")
    return run_git(repository, "rev-parse", "HEAD")


def entry(project, made, day, **changed):
    values = {
        "cell": project.cases[0].name, "commit": made, "committed_at": day, "reference": "f" * 40,
        "cpu_model": facts.cpu_model(), "ratio": 1.0, "low": 0.99, "high": 1.01, "n_pairs": 20,
        "identity": project.cases[0].identity,
    }  # fmt: skip
    return Entry(**values | changed)


def test_a_history_refers_to_a_commit(project):
    with pytest.raises(StoreError, match="BASE=bench: a history refers to a commit"):
        choose_reference("bench", project.repository)
