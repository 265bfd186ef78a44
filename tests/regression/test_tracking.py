"""What a commit is compared with where there is a history. Measurements are made up."""

from __future__ import annotations

import math
from contextlib import nullcontext

import pytest

from bench.machine import facts
from bench.regression import tracking
from bench.regression.cases import parse_cases
from bench.regression.checkout import Side
from bench.regression.outcome import Outcome, exit_status
from bench.regression.pairs import Pair
from bench.regression.repository import Repository
from bench.results import history
from bench.results.history import Entry
from bench.results.store import StoreError
from tests.regression.conftest import CASES, commit, run_git

NUMERICS = {"reference": 0.0, "changed": 0.1, "later": 0.1, "wrong": 0.3}  # what a commit learns


class Project:
    """A repository with a history; what its commits learn and how fast they are is made up."""

    def __init__(self, folder):
        self.folder = folder
        self.repository = Repository(top=folder, project=folder)
        self.cases = parse_cases(CASES)
        self.names = {}
        self.add("reference", run_git(folder, "rev-parse", "HEAD"))
        self.reference = self.side("reference")

    def add(self, name, existing=None):
        """Make a commit."""
        if existing is None:
            (self.folder / name).touch()
            existing = commit(self.folder, name)
        self.names[existing] = name

    def side(self, name):
        made = next(one for one, its_name in self.names.items() if its_name == name)
        return Side(label=name, tree=self.folder, python=None, commit=made)

    def measure(self, cases, sides, n_pairs):
        learned = [NUMERICS[self.names[side.commit]] for side in sides.values()]
        outcomes = [Outcome(case) for case in cases]
        for outcome in outcomes:
            outcome.answer = "not slower"
            outcome.pairs += [
                Pair(
                    cell=outcome.case.name, number=number, base_seconds=(1.0,),
                    head_seconds=(math.exp(0.001 * (-1) ** number),),
                    first_difference=abs(learned[0] - learned[1]),
                    losses_difference=0.0, last_difference=0.0,
                )
                for number in range(n_pairs)
            ]  # fmt: skip
        return outcomes

    def compare_and_record(self, name):
        """Return the exit status of `bench-compare --against-history --record`."""
        sides = {"base": self.reference, "head": self.side(name)}
        earlier = tracking.earlier_entries(self.cases, sides["head"], self.repository)
        outcomes = tracking.compare(self.cases, earlier, sides, self.repository, self.measure)
        tracking.compare_speed(outcomes, earlier, 0.03)
        tracking.record(outcomes, sides, self.repository)
        return exit_status(outcomes), outcomes


@pytest.fixture
def project(repository, monkeypatch):
    made = Project(repository)
    monkeypatch.setattr(
        tracking,
        "checked_out",
        lambda revision, *_: nullcontext(made.side(made.names[revision])),
    )
    return made


def test_a_change_of_numerics_is_reported_once(project):
    """Later commits are compared with the last recorded one, not with the reference."""
    project.compare_and_record("reference")
    for name, expected, compared_with in (
        ("changed", 1, "BASE"),
        ("later", 0, "changed"),
        ("wrong", 1, "later"),
    ):
        project.add(name)
        status, (outcome,) = project.compare_and_record(name)
        assert status == expected
        against = outcome.learning.compared_with
        assert against == (
            "BASE" if compared_with == "BASE" else project.side(compared_with).commit[:10]
        )


def test_a_case_without_an_earlier_commit_was_not_compared(project):
    status, (outcome,) = project.compare_and_record("reference")
    assert status == 2
    assert outcome.error == "the history has no earlier commit of this case on this processor"
    assert exit_status([outcome], "pass") == 2
    assert len(history.read(tracking.history_path(project.repository))) == 1


def test_only_commits_before_head_are_earlier(project, repository):
    project.add("changed")
    first, second = project.names
    run_git(repository, "checkout", "--quiet", "-b", "other", first)
    third = commit_empty(repository)
    path = tracking.history_path(project.repository)
    for number, made in enumerate((first, second)):
        history.append(path, [entry(project, made, f"2026-01-0{number + 1}")])
    for head, expected in ((third, first), (f"{second}-dirty", second), (second, first)):
        side = Side(label="", tree=repository, python=None, commit=head)
        earlier = tracking.earlier_entries(project.cases, side, project.repository)
        assert [one.commit for one in earlier.values()] == [expected]


def commit_empty(repository):
    run_git(repository, "commit", "--quiet", "--allow-empty", "--message", "on another branch")
    return run_git(repository, "rev-parse", "HEAD")


def entry(project, made, day):
    return Entry(
        cell=project.cases[0].name, commit=made, committed_at=day, reference="f" * 40,
        cpu_model=facts.cpu_model(), ratio=1.0, low=0.99, high=1.01, n_pairs=20,
    )  # fmt: skip


def test_folders_without_a_repository_have_no_history():
    with pytest.raises(StoreError, match="git repository"):
        tracking.choose_base("HEAD", None)
