"""`bench-compare --bisect`: the log, the chain of commits, and searches of real histories."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from bench.decisions import decide
from bench.regression import session
from bench.regression.bisection import chain as chains
from bench.regression.bisection import command as bisection
from bench.regression.bisection.search import Search
from bench.regression.outcome import Outcome
from bench.regression.pair_record import Pair
from bench.regression.sides.checkout import SideError
from bench.regression.sides.process import CaseError, OutOfTimeError
from bench.regression.sides.repository import find_repository
from tests.regression.conftest import CASE, CASES, commit, run_git

MODULE = "implementations/numpy_mlp.py"
SLOW = ("return loss", "sum(range(100_000))\n        return loss")
BROKEN = ("import numpy as np", "import numpy as np (")
OPTIONS = ("--bisect", "--budget=10m", "--share-machine")


def edit(folder, message, old="", new=""):
    """Commit a change of the implementation, by default one without effect."""
    path = folder / MODULE
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new) if old else f"{text}# {message}\n")
    return commit(folder, message)


@pytest.fixture
def bisect(compare, tmp_path):
    """Run a bisection; return its exit status, what it printed and its log."""

    def run(*words, **options):
        status, printed, _ = compare(*OPTIONS, *words, **({"smallest": "50%"} | options))
        path = tmp_path / "output" / "bisect.json"
        return status, printed, json.loads(path.read_text()) if path.exists() else None

    return run


@pytest.fixture
def made_up_pairs(monkeypatch):
    """Generate pairs from the code of both sides instead of measuring them."""
    noise = np.random.default_rng(0)

    def measure(base, head, number):
        texts = [(side.tree / MODULE).read_text() for side in (base, head)]
        if BROKEN[1] in texts[1]:
            raise CaseError("head", "SyntaxError")
        ratio = 1.5 ** (texts[1].count("sum(range") - texts[0].count("sum(range"))
        seconds = (ratio * noise.normal(1, 0.01),)
        return Pair(
            cell="", number=number, base_seconds=(1.0,), head_seconds=seconds,
            first_difference=0.0, losses_difference=0.0, last_difference=0.0,
        )  # fmt: skip

    def measure_pair(_search, sides, comparison):
        comparison.pairs.append(measure(*sides.values(), len(comparison.pairs)))

    def run(cases, sides, _conditions, **_options):
        outcome = Outcome(cases[0])
        outcome.pairs += [measure(*sides.values(), number) for number in range(6)]
        outcome.answers["step"] = decide({"": outcome.estimate}, 0.5)[""]
        return [outcome]

    monkeypatch.setattr(session, "run", run)
    monkeypatch.setattr(Search, "_prepare", lambda _: None)
    monkeypatch.setattr(Search, "_measure_pair", measure_pair)


def test_the_slow_commit_is_named_and_its_neighbour_that_does_not_build_is_skipped(
    bisect, repository
):
    good = run_git(repository, "rev-parse", "HEAD")
    edit(repository, "harmless")
    edit(repository, "does not build", *BROKEN)
    edit(repository, "builds again", *reversed(BROKEN))
    culprit = edit(repository, "Sum up \x1b[31mnumbers", *SLOW)
    (repository / "README").write_text("nothing to measure")
    commit(repository, "text only")
    edit(repository, "last")
    (repository / MODULE).write_text("an edit that is not committed")
    before = run_git(repository, "status", "--porcelain"), run_git(repository, "worktree", "list")
    status, printed, log = bisect(good)
    assert status == 1, printed
    assert "5 suspects from" in printed
    assert "1 more leaves the code unchanged" in printed
    assert "uncommitted changes of the working tree are not part of BAD=HEAD" in printed
    assert "This commit made numpy-one_hidden-32 slower:" in printed
    assert f"{culprit[:10]} (Sum up \\x1b[31mnumbers)" in printed
    assert log["result"]["commit"]["commit"] == culprit
    assert log["result"]["change"]["low"] > 1.2
    assert log["result"]["error_probability"] <= 0.01
    assert (repository / MODULE).read_text() == "an edit that is not committed"
    assert before == (
        run_git(repository, "status", "--porcelain"),
        run_git(repository, "worktree", "list"),
    )
    n_pairs = sum(len(comparison["pairs"]) for comparison in log["comparisons"])
    status, printed, log = bisect(good)  # everything is in the log
    assert status == 1
    assert f"{culprit[:10]}" in printed
    assert n_pairs == sum(len(comparison["pairs"]) for comparison in log["comparisons"])


def test_a_slowdown_of_a_merged_branch_is_found_in_the_branch(bisect, made_up_pairs, repository):
    good = edit(repository, "good")
    run_git(repository, "checkout", "--quiet", "-b", "branch", "HEAD~1")
    commit_path = repository / "implementations" / "other.py"
    commit_path.write_text("# another file\n")
    commit(repository, "in the branch, harmless")
    path = repository / MODULE
    path.write_text(path.read_text().replace(*SLOW))
    culprit = commit(repository, "in the branch, slow")
    run_git(repository, "checkout", "--quiet", "-")
    edit(repository, "on the main line")
    run_git(repository, "merge", "--quiet", "--message", "Merge the branch", "branch")
    edit(repository, "last")
    status, printed, log = bisect(good)
    assert status == 1, printed
    assert "(Merge the branch) is a merge: searching the 2 commits of its branch" in printed
    assert re.search(r"Merged by .* \(Merge the branch\): 1.[45]", printed)
    assert log["result"]["commit"]["commit"] == culprit


def test_a_merge_is_named_if_its_branch_is_not_slower(bisect, made_up_pairs, repository):
    good = edit(repository, "good")
    run_git(repository, "checkout", "--quiet", "-b", "branch", "HEAD~1")
    (repository / "implementations" / "other.py").write_text("# another file\n")
    commit(repository, "in the branch, harmless")
    run_git(repository, "checkout", "--quiet", "-")
    edit(repository, "on the main line")
    run_git(repository, "merge", "--quiet", "--no-commit", "branch")
    culprit = edit(repository, "Merge the branch", *SLOW)
    status, printed, log = bisect(good)
    assert status == 1, printed
    assert log["result"]["commit"]["commit"] == culprit
    assert "No commit of the merged branch is known to be slower by itself." in printed


@pytest.mark.parametrize("seed", range(4))
def test_the_slow_commit_is_found_anywhere_in_merged_branches(
    bisect, made_up_pairs, repository, seed
):
    randomness = np.random.default_rng(seed)
    good = run_git(repository, "rev-parse", "HEAD")
    slow_number, n_commits = int(randomness.integers(12)), 12
    tips = [good]
    for number in range(n_commits):
        run_git(repository, "checkout", "--quiet", "--detach", str(randomness.choice(tips)))
        if number == slow_number:
            culprit = tip = edit(repository, "slow", *SLOW)
        else:
            (repository / "implementations" / f"other_{number}.py").touch()
            tip = commit(repository, f"harmless {number}")
        if number % 4 != 0:  # the others stay the starts of branches
            tips.remove(run_git(repository, "rev-parse", "HEAD~1"))
        tips.append(tip)
    for other in {*tips} - {tip}:
        run_git(repository, "merge", "--quiet", "--message", "merge", other)
    status, printed, log = bisect(good)
    assert status == 1, printed
    assert log["result"]["commit"]["commit"] == culprit


def test_no_commit_is_named_in_a_history_without_a_slowdown(bisect, repository):
    good = run_git(repository, "rev-parse", "HEAD")
    edit(repository, "harmless")
    edit(repository, "harmless too")
    status, printed, log = bisect(good, "HEAD", smallest="100%")
    assert status == 0, printed
    assert "no commit is named" in printed
    assert log is None


def test_a_search_that_runs_out_of_time_continues(bisect, made_up_pairs, repository, monkeypatch):
    good = run_git(repository, "rev-parse", "HEAD")
    edit(repository, "harmless")
    culprit = edit(repository, "slow", *SLOW)
    measure_pair, n_measured = Search._measure_pair, 0

    def measure_some(*words):
        nonlocal n_measured
        n_measured += 1
        if n_measured > 3:
            raise OutOfTimeError
        measure_pair(*words)

    monkeypatch.setattr(Search, "_measure_pair", measure_some)
    status, printed, log = bisect(good)
    assert status == 3, printed
    assert "The budget is used up; 2 suspects are left; the same command continues from" in printed
    assert [len(comparison["pairs"]) for comparison in log["comparisons"]] == [6, 3]
    monkeypatch.setattr(Search, "_measure_pair", measure_pair)
    monkeypatch.setattr(session, "run", None)  # GOOD and BAD are not measured again
    status, printed, log = bisect(good)
    assert status == 1, printed
    assert log["result"]["commit"]["commit"] == culprit
    status, printed, _ = bisect(good, "--smallest=40%")
    assert status == 2
    assert "begun with smallest=0.5, not 0.4; delete it or give another --output" in printed
    assert bisect(good, cases=f"{CASES} seed=0")[0] == 1  # the same settings in other words
    status, printed, _ = bisect(good, cases=CASES.replace("0.01", "0.02"))
    assert status == 2
    assert "learning_rate=0.01 seed=0" in printed and "not {" in printed


def test_an_interruption_says_how_to_continue(bisect, made_up_pairs, repository, monkeypatch):
    good = run_git(repository, "rev-parse", "HEAD")
    edit(repository, "harmless")
    edit(repository, "slow", *SLOW)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Search, "_measure_pair", interrupt)
    status, printed, _ = bisect(good)
    assert status == 130
    assert "Interrupted; the same command continues from" in printed


def test_pairs_of_an_interrupted_first_step_are_used_later(bisect, repository, monkeypatch):
    good = run_git(repository, "rev-parse", "HEAD")
    culprit = edit(repository, "slow", *SLOW)
    measure, n_measured = session.measure, 0

    def measure_some(*words, perturbed=False, **options):
        nonlocal n_measured
        n_measured += not perturbed
        if n_measured > 3:
            raise KeyboardInterrupt
        return measure(*words, perturbed=perturbed, **options)

    monkeypatch.setattr(session, "measure", measure_some)
    status, printed, log = bisect(good)
    assert status == 130, printed
    assert "Interrupted; the same command continues from" in printed
    kept = log["first_step"][CASE]
    assert len(kept) == 3
    monkeypatch.setattr(session, "measure", measure)
    status, printed, log = bisect(good)
    assert status == 1, printed
    assert log["result"]["commit"]["commit"] == culprit
    assert log["comparisons"][0]["pairs"][:3] == kept
    assert log["first_step"] == {}


def test_suspects_that_do_not_build_are_listed(bisect, made_up_pairs, repository):
    good = run_git(repository, "rev-parse", "HEAD")
    edit(repository, "does not build", *BROKEN)
    edit(repository, "slow and does not build", *SLOW)
    edit(repository, "builds again", *reversed(BROKEN))
    status, printed, log = bisect(good)
    assert status == 3, printed
    assert "one of these 3 commits or several; the others can't be measured" in printed
    assert "can't be measured, so it stays a suspect: SyntaxError" in printed
    assert log["result"]["answer"] == "suspects"
    assert len(log["result"]["suspects"]) == 3
    assert log["result"]["commit"] is None


def test_a_slowdown_that_several_commits_share_is_described_so(bisect, made_up_pairs, repository):
    good = run_git(repository, "rev-parse", "HEAD")
    for number in range(4):
        edit(repository, f"slower {number}", "return loss", SLOW[1])
    _, printed, log = bisect(good)
    assert re.search("[Ss]everal commits (may |probably )?share", printed)
    assert log["result"]["total"]["ratio"] > 4


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "GOOD is missing: bench-compare --bisect GOOD [BAD]"),
        (["HEAD"], "GOOD=HEAD and BAD=HEAD are the same commit; give an older GOOD"),
        (["nowhere"], "GOOD=nowhere: not a revision"),
        (["HEAD~1", "nowhere"], "BAD=nowhere: not a revision"),
        (["HEAD", "HEAD~1"], "GOOD=HEAD is not an ancestor of BAD=HEAD~1; their common ancestor"),
        (["HEAD~1"], "no commit from GOOD=HEAD~1 to BAD=HEAD changes bench/contract.py or"),
        (["HEAD~1", "--record"], "--record: has no effect with --bisect"),
        (["HEAD~1", "--cant-tell=skip"], "--cant-tell: has no effect with --bisect"),
        (["HEAD~1", "--config-dir=my"], "--config-dir: has no effect with --bisect"),
    ],
)
def test_a_mistake_is_named(bisect, repository, words, reason):
    (repository / "README").write_text("text")
    commit(repository, "text only")
    status, printed, _ = bisect(*words)
    assert status == (255 if "--cant-tell=skip" in words else 2), printed
    assert reason in printed


def test_a_shallow_clone_is_named_with_the_remedy(repository, tmp_path):
    edit(repository, "second")
    edit(repository, "third")
    good = run_git(repository, "rev-parse", "HEAD~2")
    clone = tmp_path / "clone"
    run_git(tmp_path, "clone", "--quiet", "--depth=2", f"file://{repository}", str(clone))
    with pytest.raises(SideError, match="git fetch --unshallow"):
        chains.between(good, "HEAD", find_repository(clone))


def test_the_default_folder_is_not_in_the_working_tree(repository):
    good = run_git(repository, "rev-parse", "HEAD")
    edit(repository, "second")
    found = find_repository(repository)
    folder = bisection._default_folder(chains.between(good, "HEAD", found), found)
    assert folder.is_relative_to(repository / ".git")


@pytest.fixture
def merged(repository):
    """Make a history with a branch of two commits; return commits by message."""
    made = {"first": run_git(repository, "rev-parse", "HEAD")}
    made["second"] = edit(repository, "second")
    run_git(repository, "checkout", "--quiet", "-b", "branch", made["first"])
    for name in ("b1", "b2"):
        (repository / "implementations" / f"{name}.py").touch()
        made[name] = commit(repository, name)
    run_git(repository, "checkout", "--quiet", "-")
    made["third"] = edit(repository, "third")
    run_git(repository, "merge", "--quiet", "--message", "merge", "branch")
    made["merge"] = run_git(repository, "rev-parse", "HEAD")
    made["last"] = edit(repository, "last")
    return made


def test_a_chain_follows_first_parents_and_leads_to_good(repository, merged):
    found = find_repository(repository)
    chain = chains.between(merged["first"], "HEAD", found)
    names = ("first", "second", "third", "merge", "last")
    assert chain.commits == tuple(merged[name] for name in names)
    assert chain.parents[merged["merge"]] == merged["third"]
    (branch,) = chains.merged_branches(merged["merge"], merged["third"], found)
    assert branch.commits == (merged["first"], merged["b1"], merged["b2"])
    assert chains.merged_branches(merged["third"], merged["second"], found) == []


def test_a_chain_follows_another_parent_where_only_it_leads_to_good(repository, merged):
    chain = chains.between(merged["b1"], "HEAD", find_repository(repository))
    assert chain.commits == tuple(merged[name] for name in ("b1", "b2", "merge", "last"))
