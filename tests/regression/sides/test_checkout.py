"""What is compared is a copy of everything that a side needs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bench import registry
from bench.regression.sides.checkout import Side, SideError, checked_out, different_libraries
from bench.regression.sides.repository import find_repository
from tests.plugins import write_plugin
from tests.regression.conftest import run_git

MODULE = Path("implementations", "numpy_mlp.py")


def test_the_working_tree_is_copied_with_uncommitted_changes(repository):
    (repository / MODULE).write_text("edited")
    (repository / "implementations" / "new_mlp.py").write_text("untracked")
    with checked_out(None, None, find_repository(repository), "HEAD") as side:
        (repository / MODULE).write_text("edited later")
        assert (side.tree / MODULE).read_text() == "edited"
        assert (side.tree / "implementations" / "new_mlp.py").read_text() == "untracked"
        assert (side.tree / "bench" / "contract.py").is_file()
        assert side.commit.endswith("-dirty")
    assert not side.tree.exists()


def test_a_revision_is_written_out_without_a_trace_in_the_repository(repository):
    committed = (repository / MODULE).read_text()
    (repository / MODULE).write_text("edited")
    run_git(repository, "add", "--all")
    before = run_git(repository, "status", "--porcelain")
    with checked_out("HEAD", None, find_repository(repository), "BASE") as side:
        assert (side.tree / MODULE).read_text() == committed
        assert side.commit == run_git(repository, "rev-parse", "HEAD")
    assert run_git(repository, "worktree", "list").count("\n") == 0
    assert run_git(repository, "status", "--porcelain") == before
    assert not side.tree.parent.exists()


def test_both_sides_get_the_modules_of_plug_ins(repository, tmp_path):
    folder = write_plugin(tmp_path / "my", "mine")
    package = folder / "implementations" / "tools"
    package.mkdir()
    (package / "__init__.py").write_text("")
    registry.use_plugin_folders([folder])
    try:
        with checked_out("HEAD", None, find_repository(repository), "BASE") as side:
            for name in ("mine_mlp.py", "tools/__init__.py", "numpy_mlp.py"):
                assert (side.tree / "implementations" / name).is_file()
        (package.parent / MODULE.name).touch()
        with (
            pytest.raises(SideError, match=f"has a module of the same name as {package.parent}"),
            checked_out("HEAD", None, find_repository(repository), "BASE"),
        ):
            pass
    finally:
        registry.use_plugin_folders([])


@pytest.mark.parametrize(
    ("revision", "python", "reason"),
    [
        ("nowhere", None, "BASE=nowhere: not a revision"),
        ("implementations", None, "BASE=implementations: not a revision"),
        ("HEAD", Path("/nowhere/python"), "--base-python=/nowhere/python: no such file"),
    ],
)
def test_a_side_that_is_no_project_is_refused(repository, revision, python, reason):
    with (
        pytest.raises(SideError, match=reason),
        checked_out(revision, python, find_repository(repository), "BASE"),
    ):
        pass


@pytest.mark.parametrize(
    "target", ["nowhere", "link"], ids=["a link to nothing", "a link to itself"]
)
def test_a_link_without_a_target_is_left_out_of_the_working_tree(repository, target):
    (repository / "implementations" / "link").symlink_to(target)
    (repository / "implementations" / "good").symlink_to("numpy_mlp.py")
    with checked_out(None, None, find_repository(repository), "HEAD") as side:
        copied = {path.name for path in (side.tree / "implementations").iterdir()}
    assert copied == {"__init__.py", "notebook_mlp.py", "numpy_mlp.py", "good"}


def test_a_file_that_cannot_be_copied_is_named_in_a_line(repository):
    os.mkfifo(repository / "implementations" / "strange")
    with (
        pytest.raises(SideError, match=r"^HEAD=working tree: /.*: can't be copied: .*named pipe"),
        checked_out(None, None, find_repository(repository), "HEAD"),
    ):
        pass


def test_an_interpreter_that_does_not_run_is_refused_with_what_it_printed(tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho libpython is missing >&2\nexit 1\n")
    broken.chmod(0o755)
    sides = {
        name: Side(label="", tree=tmp_path, python=python, commit=None)
        for name, python in (("base", Path(sys.executable)), ("head", broken))
    }
    with pytest.raises(SideError, match=r"does not run as a Python interpreter: libpython is miss"):
        different_libraries(sides)
