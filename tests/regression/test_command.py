"""`bench-compare` end to end: real processes of real trees, with short blocks and a few pairs."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import filelock
import pytest

from bench.regression import pairs, session, side_process
from bench.regression.calibration import plants
from bench.results import history
from tests.conftest import SCRIPTS
from tests.regression.conftest import CELL, CELLS, LARGE, RIGHT_SCALE, commit, git

WRONG_GRADIENT = ("implementations/numpy_mlp.py", RIGHT_SCALE, f"1.03 * {RIGHT_SCALE}")
ROWS = 1500  # of the planted product: more than 30 % of a step of 32 examples


def test_an_unchanged_tree_passes(compare, tree, tmp_path):
    status, printed, content = compare(tree("base"), tree("head"), *LARGE)
    assert status == 0, printed
    assert "not slower" in printed
    (cell,) = content["cells"]
    assert cell["answer"] == "not slower"
    assert not cell["learns_something_else"]
    assert len(cell["pairs"]) >= 5
    assert all(len(pair["base_seconds"]) == pairs.N_TURNS for pair in cell["pairs"])
    assert "not slower" in (tmp_path / "output" / "report.md").read_text()
    assert (tmp_path / "output" / "ratios.png").stat().st_size > 10_000


def test_a_planted_slowdown_in_the_working_tree_is_found(compare, repository, tmp_path):
    plants.plant(repository, tmp_path / "planted", ROWS)
    slow = tmp_path / "planted" / "implementations" / "numpy_mlp.py"
    shutil.copy(slow, repository / "implementations" / "numpy_mlp.py")
    status, printed, content = compare("HEAD")
    assert status == 1, printed
    assert re.search(rf"{CELL} .* slower", printed)
    (cell,) = content["cells"]
    assert cell["answer"] == "slower"
    assert cell["estimate"]["ratio"] > 1.2
    assert content["sides"]["head"]["commit"].endswith("-dirty")
    assert git(repository, "worktree", "list").count("\n") == 0


def test_a_wrong_gradient_at_the_same_speed_is_flagged(compare, tree):
    status, printed, content = compare(tree("base"), tree("head", WRONG_GRADIENT), *LARGE)
    assert status == 1, printed
    assert "learns something else" in printed
    (cell,) = content["cells"]
    assert cell["answer"] == "not slower"
    assert cell["learns_something_else"]


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (None, "BASE: ModuleNotFoundError: No module named 'implementations.notebook_mlp'"),
        (
            (
                "implementations/notebook_mlp.py",
                "def setup(self, problem",
                "def begin(self, problem",
            ),
            "BASE: AttributeError: 'MLP' object has no attribute 'setup'",
        ),
    ],
)
def test_a_cell_that_one_side_does_not_have_is_named_and_the_rest_goes_on(
    compare, tree, edit, reason
):
    base = tree("base", *([edit] if edit else []))
    if edit is None:
        (base / "implementations" / "notebook_mlp.py").unlink()
    both = CELLS.replace("implementation=numpy", "implementation=notebook,numpy")
    status, printed, content = compare(base, tree("head"), *LARGE, cells=both)
    assert status == 3
    assert reason in printed
    assert "BASE fails" in printed
    answers = {cell["cell"]: cell["answer"] for cell in content["cells"]}
    assert answers == {CELL: "not slower", CELL.replace("numpy", "notebook"): None}


def test_work_skipped_after_the_first_epoch_is_flagged(compare, tree):
    skips = (
        "implementations/numpy_mlp.py",
        "    def train_epoch(self, batches: Batches) -> float:\n",
        "    def train_epoch(self, batches: Batches) -> float:\n"
        "        self.n_epochs = getattr(self, 'n_epochs', 0) + 1\n"
        "        batches = batches[: len(batches) // 2] if self.n_epochs > 2 else batches\n",
    )
    status, printed, content = compare(tree("base"), tree("head", skips), *LARGE)
    assert status == 1, printed
    (cell,) = content["cells"]
    assert cell["answer"] == "not slower"
    assert cell["learns_something_else"]
    assert all(pair["first_apart"] < 1e-4 for pair in cell["pairs"])


def test_an_implementation_that_head_breaks_does_not_pass(compare, tree):
    broken = tree("head", ("implementations/numpy_mlp.py", "def setup(", "def begin("))
    status, printed, content = compare(tree("base"), broken, "--cant-tell=pass")
    assert status == 1
    assert f"{CELL}: HEAD: AttributeError: 'MLP' object has no attribute 'setup'" in printed
    assert content["cells"][0]["failed"] == "head"


HELPER = """
import os, pathlib, time
helper = os.fork()
if helper == 0:
    time.sleep(1000)
pathlib.Path({path!r}).write_text(str(helper))
time.sleep(1000)
"""


@pytest.mark.parametrize(
    ("patience", "budget", "status", "reason"),
    [
        (3.0, "60s", 1, "HEAD: no answer within 3 s"),
        (120.0, "6s", 3, "time was up after 0 pairs; a longer --budget helps"),
    ],
)
def test_a_side_that_hangs_ends_with_its_helpers(
    compare, tree, tmp_path, monkeypatch, patience, budget, status, reason
):
    monkeypatch.setattr(side_process, "MAX_ANSWER_SECONDS", patience)
    head = tree("head")
    path = tmp_path / "helper"
    module = head / "implementations" / "numpy_mlp.py"
    module.write_text(module.read_text() + HELPER.format(path=str(path)))
    ended, printed, _ = compare(tree("base"), head, "--budget", budget)
    assert ended == status
    assert reason in printed
    deadline = time.monotonic() + 10
    while lives(path.read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not lives(path.read_text())


def lives(number):
    """Whether a process does more than to wait for its status to be asked for."""
    words = Path(f"/proc/{number}/cmdline")
    return words.exists() and words.read_bytes() != b""


@pytest.mark.parametrize(("choice", "expected"), [("fail", 1), ("pass", 0)])
def test_a_revision_before_the_contract_is_named(compare, tree, choice, expected):
    base = tree("base", ("bench/contract.py", "class Problem", "class Task"))
    status, printed, _ = compare(base, tree("head"), "--cant-tell", choice)
    assert status == expected
    assert "BASE: ImportError: cannot import name 'Problem'" in printed


def test_commits_are_recorded_and_judged_by_way_of_the_reference(
    compare, repository, tmp_path, monkeypatch
):
    monkeypatch.setattr(history, "N_PAIRS", 8)
    first = git(repository, "rev-parse", "HEAD")
    status, printed, _ = compare("--against-history")
    assert status == 2
    assert "begin one with: bench-compare BASE --record" in printed
    status, printed, _ = compare("HEAD", "--record", *LARGE)
    assert status == 0, printed
    (entry,) = history.read(repository / "results" / "history.jsonl")
    assert (entry.cell, entry.commit, entry.reference) == (CELL, first, first)

    plants.plant(repository, tmp_path / "planted", ROWS)
    module = repository / "implementations" / "numpy_mlp.py"
    shutil.copy(tmp_path / "planted" / "implementations" / "numpy_mlp.py", module)
    status, printed, _ = compare("--record")
    assert status == 2
    assert "commit the changes before they are recorded" in printed
    second = commit(repository, "slower")
    path = repository / "results" / "history.jsonl"
    path.write_bytes(path.read_bytes() + b"<<<<<<< HEAD")  # what a merge may leave
    status, printed, _ = compare("--record", "--against-history")
    assert status == 1, printed
    assert "line 2: left out, not an entry" in printed
    assert f"compared with {first[:10]}" in printed
    entries = history.read(repository / "results" / "history.jsonl")
    assert {one.commit: one.reference for one in entries} == {first: first, second: first}
    status, printed, _ = compare("HEAD", "--record")
    assert status == 2
    assert f"refers to {first}; leave BASE away" in printed


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "BASE: what to compare with, such as HEAD~1, is missing"),
        (["nowhere"], "BASE=nowhere: neither a revision"),
        (["HEAD", "nowhere"], "HEAD=nowhere: neither a revision"),
        (["HEAD", "--base-python=/nowhere/python"], "--base-python=/nowhere/python: no such file"),
        (["HEAD", "--budget=soon"], "'soon': must be a time such as 90s, 5m or 1h"),
        (["HEAD", "--output=implementations/numpy_mlp.py"], "numpy_mlp.py"),
        (["HEAD", "--smallest=3"], "'3': must be more than 1% and up to 100%"),
        (["HEAD", "--smallest=1%"], "'1%': must be more than 1% and up to 100%"),
    ],
)
def test_a_mistake_is_said_in_a_line(compare, repository, words, reason):
    status, printed, _ = compare(*words)
    assert status == 2
    assert reason in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ("implementation=nowhere", "implementation=nowhere: must be one of"),
        ("implementation='", "No closing quotation"),
        (f"{CELLS} seed=1,2", f"{CELL} in several ways"),
    ],
)
def test_cells_that_there_are_not_are_refused(compare, repository, cells, reason):
    status, printed, _ = compare("HEAD", cells=cells)
    assert status == 2
    assert reason in printed
    assert "Traceback" not in printed


def test_a_defect_of_its_own_is_not_taken_for_slower(compare, repository, monkeypatch):
    monkeypatch.setattr(session, "BLOCK_SECONDS", "short")
    status, printed, _ = compare("HEAD")
    assert status == 2
    assert "TypeError" in printed


def copies_in(temporary):
    return list(temporary.glob("bench-compare-*"))


@pytest.mark.parametrize(
    ("number", "begun"),
    [
        (signal.SIGINT, lambda folder: sides_of(folder)),
        (signal.SIGHUP, lambda folder: len(sides_of(folder)) > 2),  # each has a watch
        (signal.SIGTERM, copies_in),
    ],
)
def test_interrupted_it_leaves_nothing_behind(repository, tmp_path, number, begun):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        [SCRIPTS / "bench-compare", "HEAD", "--cells", CELLS],
        env=os.environ | {"TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not begun(temporary) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert begun(temporary)
    process.send_signal(number)
    process.send_signal(number)  # what is cleaned up is not interrupted
    printed = process.communicate(timeout=30)[0]
    assert process.returncode == 130, printed
    assert "bench-compare: interrupted" in printed
    assert "Traceback" not in printed
    assert not sides_of(temporary)
    assert git(repository, "worktree", "list").count("\n") == 0
    assert copies_in(temporary) == []
    with filelock.FileLock(session.machine.LOCK_PATH, timeout=60):  # nor does it hold the machine
        pass


def sides_of(temporary):
    """The processes that were told of a folder in there."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended meanwhile
        if b"side.py" in words and str(temporary).encode() in words:
            found.append(process.name)
    return found
