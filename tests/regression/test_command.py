"""`bench-compare` end to end: real processes of small projects, short slices and few pairs."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from bench.machine import lock
from bench.regression import pairs, turns
from bench.regression.sides import process as side_process
from bench.regression.sides import requirements
from bench.results import history
from tests.conftest import SCRIPTS
from tests.processes import is_running, wait_for
from tests.regression.conftest import CASE, CASES, commit, make_tree, run_git

NOTEBOOK = CASE.replace("numpy", "notebook")
BOTH = CASES.replace("implementation=numpy", "implementation=notebook,numpy")
SLOW = ("return loss", "sum(range(400_000))\n        return loss")
WRONG_GRADIENT = ("* change", "* 1.05 * change")
SKIPS_LATER = (
    "for rows in batches]",
    "for rows in (batches if self.epochs < 3 else batches[: len(batches) // 2])]",
)
BROKEN = ("def setup(", "def begin(")


# The module that implementations of the first edition import; its other files differed as well.
FIRST_EDITION_CONTRACT = """
from dataclasses import dataclass
from typing import Any, NamedTuple

class Layer(NamedTuple):
    weights: Any
    bias: Any

@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    name: str
    activation: str
    output: str
    loss: str
    optimizer: str
    initializer: str
    momentum: float = 0.9
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    train_images: Any
    train_labels: Any
    layer_sizes: tuple[int, ...]
    recipe: Recipe
    learning_rate: float
    device: str
    threads: int
    options: dict[str, Any]
"""


def test_a_tree_of_the_first_edition_is_compared_and_a_case_that_it_lacks_is_named(
    compare, tree, tmp_path
):
    base = tree("base", contract=FIRST_EDITION_CONTRACT)
    (base / "implementations" / "notebook_mlp.py").unlink()
    status, printed, content = compare(base, tree("head"), "--cant-tell=pass", cases=BOTH)
    assert status == 3, printed  # what was not measured does not pass
    assert f"{NOTEBOOK}: not measured: BASE: ModuleNotFoundError: No module named" in printed
    absent, equal = content["cells"]
    assert (absent["answer"], absent["failed"]) == (None, "base")
    assert (equal["cell"], equal["answer"]) == (CASE, "not slower")
    assert not equal["learns_something_else"]
    assert len(equal["pairs"]) >= 5
    assert all(len(pair["base_seconds"]) == turns.N_TURNS for pair in equal["pairs"])
    report = (tmp_path / "output" / "report.md").read_text()
    assert "not measured" in report
    assert "not slower" in report
    assert (tmp_path / "output" / "ratios.png").stat().st_size > 5_000


def test_learning_something_else_is_found_at_the_same_speed(compare, tree):
    head = tree("head", numpy_mlp=WRONG_GRADIENT, notebook_mlp=SKIPS_LATER)
    status, printed, content = compare(tree("base"), head, cases=BOTH)
    assert status == 1, printed
    assert printed.count("learns something else: HEAD and BASE differ by") == 2
    for case in content["cells"]:
        assert case["answer"] == "not slower"
        assert case["learns_something_else"]
    skips, _ = content["cells"]
    assert all(pair["first_apart"] < 1e-4 for pair in skips["pairs"])


@pytest.mark.parametrize("choice", ["pass", "fail"])
def test_nothing_measured_is_neither_a_pass_nor_a_finding(compare, tree, choice):
    broken = tree("broken", numpy_mlp=BROKEN)
    status, printed, content = compare(broken, broken, "--cant-tell", choice)
    assert status == 2
    assert f"{CASE}: not measured: BASE: AttributeError: 'MLP' object has no attribute" in printed
    assert content["cells"][0]["answer"] is None


def test_training_that_is_not_finite_does_not_pass(compare, tree):
    base = tree("base")
    diverging = CASES.replace("learning_rate=0.01", "learning_rate=1e30")
    status, printed, _ = compare(base, base, "--cant-tell=pass", cases=diverging)
    assert status == 2
    assert "not measured: BASE: diverges; choose a lower learning rate" in printed
    head = tree("head", numpy_mlp=("* change", "* change * np.nan"))
    status, printed, content = compare(base, head, "--cant-tell=pass")
    assert status == 1
    assert "HEAD: learns something else" in printed
    assert content["cells"][0]["answer"] is None


def test_an_implementation_that_head_breaks_does_not_pass(compare, tree):
    status, printed, content = compare(
        tree("base"), tree("head", numpy_mlp=BROKEN), "--cant-tell=pass"
    )
    assert status == 1
    assert f"{CASE}: not measured: HEAD: AttributeError: 'MLP' object has no attribute" in printed
    assert content["cells"][0]["failed"] == "head"


STARTS_A_CHILD = """import os, pathlib, time
child = os.fork()
if child == 0:
    time.sleep(1000)
pathlib.Path({path!r}).write_text(str(child))
time.sleep(1000)
import numpy as np"""


@pytest.mark.parametrize(
    ("timeout_seconds", "budget", "status", "reason"),
    [
        (6.0, "60s", 1, "HEAD: no answer within 6 s"),
        (120.0, "15s", 2, "budget used up after 0 pairs; increase --budget"),
    ],
)
def test_a_side_that_hangs_ends_with_its_children(
    compare, tree, tmp_path, monkeypatch, timeout_seconds, budget, status, reason
):
    monkeypatch.setattr(side_process, "MAX_ANSWER_SECONDS", timeout_seconds)
    path = tmp_path / "child"
    head = tree("head", numpy_mlp=("import numpy as np", STARTS_A_CHILD.format(path=str(path))))
    actual_status, printed, _ = compare(tree("base"), head, "--budget", budget)
    assert actual_status == status
    assert reason in printed
    wait_for(lambda: not is_running(int(path.read_text())))


def test_commits_are_recorded_and_compared_by_way_of_the_reference(compare, repository):
    first = run_git(repository, "rev-parse", "HEAD")
    status, printed, _ = compare("--against-history")
    assert status == 2
    assert "begin one with: bench-compare BASE --record" in printed
    # A busy machine may leave so few pairs of short slices undecided.
    status, printed, _ = compare("HEAD", "--record", "--cant-tell=pass")
    assert status == 0, printed
    assert "BASE and HEAD are the same commit with the same interpreter" in printed
    entries = history.read(repository / "results" / "history.jsonl")
    assert {entry.metric for entry in entries} == {"step", "memory", "warm_up"}
    assert {(one.cell, one.commit, one.reference) for one in entries} == {(CASE, first, first)}

    make_tree(repository / "slow", numpy_mlp=SLOW)
    module = Path("implementations", "numpy_mlp.py")
    (repository / "slow" / module).rename(repository / module)
    status, printed, _ = compare("--record")
    assert status == 2
    assert "commit the changes before recording" in printed
    second = commit(repository, "slower")
    path = repository / "results" / "history.jsonl"
    path.write_bytes(path.read_bytes() + b"<<<<<<< HEAD")  # what a merge may leave
    status, printed, content = compare("--record", "--against-history", smallest="3%")
    answer = content["cells"][0]["metrics"]["step"]["answer"]
    assert (status, answer) in ((1, "slower"), (3, "can't tell")), printed  # on a busy machine
    assert content["cells"][0]["estimate"]["ratio"] > 1.2
    assert "line 4: left out, not an entry" in printed
    assert re.search(rf"step {answer}, .* against {first[:10]} \(first\)", printed)
    assert re.search(rf" step +{first[:7]} ", printed)  # what the row is compared with
    assert f"against the history, with reference {first[:10]} " in " ".join(printed.split())
    entries = history.read(path)
    assert {one.commit: one.reference for one in entries} == {first: first, second: first}
    status, printed, _ = compare("HEAD", "--record")
    assert status == 2
    assert f"refers to {first}; omit BASE" in printed


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "BASE is missing: the revision to compare with, such as HEAD~1"),
        ([""], "'': is empty; is a variable not set?"),
        (["nowhere"], "BASE=nowhere: not a revision"),
        (["HEAD", "nowhere"], "HEAD=nowhere: not a revision"),
        (["HEAD", "--output=implementations/numpy_mlp.py"], "numpy_mlp.py"),
        (["HEAD", "--cases=implementation=nowhere"], "implementation=nowhere: must be one of"),
        (["--record", "bench", "implementations"], "BASE=bench: a history refers to a commit"),
        (["HEAD", "--accept=why"], "--accept: needs --record"),
    ],
)
def test_a_mistake_is_named_in_a_line(compare, repository, words, reason):
    status, printed, _ = compare(*words)
    assert status == 2
    assert reason in printed
    assert "Traceback" not in printed


def test_git_bisect_skips_a_commit_without_the_project_and_stops_at_a_mistake(
    compare, repository, monkeypatch
):
    good = run_git(repository, "rev-parse", "HEAD")
    run_git(repository, "rm", "-rq", "bench")
    bad = commit(repository, "without the project")
    assert compare(good, "--cant-tell=skip")[0] == 125
    run_git(repository, "checkout", "--quiet", good)
    assert compare(good, bad, "--cant-tell=skip")[0] == 125
    shutil.rmtree(repository / "implementations")
    (repository / "implementations").touch()
    commit(repository, "a file in place of the implementations")
    assert compare(good, "--cant-tell=skip")[0] == 125
    run_git(repository, "checkout", "--quiet", good)
    assert compare(bad, good, "--cant-tell=skip")[0] == 255
    monkeypatch.setattr(requirements.shutil, "which", lambda *_, **__: None)
    for mistake in ("--base-python=/nowhere/python", "--head-requirements=numpy", "nowhere"):
        status, printed, _ = compare(good, mistake, "--cant-tell=skip")
        assert status == 255, printed


def test_a_folder_that_lacks_a_part_of_the_project_is_named(compare, tree, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    head = tree("head")
    (head / "bench" / "contract.py").unlink()
    status, printed, _ = compare(tree("base"), head)
    assert status == 2
    assert f"{head}: is not a copy of the project: it lacks bench/contract.py\n" in printed


def test_a_distrusted_repository_is_named_with_the_remedy(compare, repository, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    status, printed, _ = compare("HEAD")
    assert status == 2
    assert "dubious ownership" in printed
    assert "safe.directory" in printed


def test_an_internal_error_does_not_count_as_slower(compare, repository, monkeypatch):
    monkeypatch.setattr(pairs, "SLICE_SECONDS", "short")
    status, printed, _ = compare("HEAD")
    assert status == 2
    assert "TypeError" in printed


def copies_in(temporary):
    return list(temporary.glob("bench-compare-*"))


@pytest.mark.parametrize(
    ("number", "has_begun"),
    [
        (signal.SIGINT, lambda folder: processes_of(folder)),
        (signal.SIGHUP, lambda folder: len(processes_of(folder)) > 2),  # each has a watchdog
        (signal.SIGTERM, copies_in),
    ],
)
def test_an_interrupted_command_leaves_nothing_behind(repository, tmp_path, number, has_begun):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        [SCRIPTS / "bench-compare", "HEAD", "--cases", CASES],
        env=os.environ | {"TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for(lambda: has_begun(temporary), seconds=300)  # another test may hold the machine
    process.send_signal(number)
    process.send_signal(number)  # the cleaning up is not interrupted
    printed = process.communicate(timeout=30)[0]
    assert process.returncode == 130, printed
    assert "bench-compare: interrupted" in printed
    assert "Traceback" not in printed
    wait_for(lambda: not processes_of(temporary))
    assert run_git(repository, "worktree", "list").count("\n") == 0
    assert copies_in(temporary) == []
    with lock.reserved():  # it does not hold the machine
        pass


def processes_of(temporary):
    """Return the processes of sides that read a folder in there."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
        except OSError:
            continue  # it has exited meanwhile
        if b"sides/program.py" in words and str(temporary).encode() in words:
            found.append(process.name)
    return found
