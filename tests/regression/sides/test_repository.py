"""Repositories of every kind: where the project is in them, and errors of git."""

from __future__ import annotations

import pytest

from bench.regression.sides import repository as git
from bench.regression.sides.repository import GitError, Repository
from tests.regression.conftest import commit, make_tree, run_git


@pytest.fixture
def subfolder(tmp_path):
    """Return a repository with the project in a subfolder."""
    folder = tmp_path / "monorepo"
    folder.mkdir()
    run_git(folder, "init", "--quiet")
    make_tree(folder / "tools" / "mlp")
    (folder / "other").mkdir()
    commit(folder, "first")
    return folder


def written(repository, commit_, tmp_path):
    """Write a commit out; return the files."""
    git.write_out(commit_, repository, tmp_path / "written")
    tree = tmp_path / "written"
    return sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*.py"))


FILES = [
    "bench/__init__.py", "bench/contract.py", "implementations/__init__.py",
    "implementations/notebook_mlp.py", "implementations/numpy_mlp.py",
]  # fmt: skip


def test_the_project_is_the_top_of_its_repository(repository, tmp_path):
    found = git.find_repository(repository / "implementations")
    assert found == Repository(top=repository, project=repository)
    assert found.prefix == ""
    assert written(found, "HEAD", tmp_path) == FILES


@pytest.mark.parametrize("start", ["tools/mlp", "tools/mlp/bench", "", "other"])
def test_a_project_in_a_subfolder_is_found(subfolder, start, tmp_path):
    found = git.find_repository(subfolder / start)
    assert found.project == subfolder / "tools" / "mlp"
    assert found.prefix == "tools/mlp/"
    assert written(found, "HEAD", tmp_path) == FILES
    assert git.checked_out_commit(found.project) == run_git(subfolder, "rev-parse", "HEAD")
    (subfolder / "other" / "file").write_text("not part of the project")
    assert not git.checked_out_commit(found.project).endswith("-dirty")
    (found.project / "implementations" / "new.py").touch()
    assert git.checked_out_commit(found.project).endswith("-dirty")


def test_the_current_folder_selects_one_of_several_projects(subfolder, tmp_path):
    make_tree(subfolder / "copy")
    commit(subfolder, "two")
    assert git.find_repository(subfolder / "copy").prefix == "copy/"
    with pytest.raises(GitError, match=r"expected one folder .* found .*copy, .*mlp; change into"):
        git.find_repository(subfolder)


def test_a_repository_without_the_project_is_refused(tmp_path):
    run_git(tmp_path, "init", "--quiet")
    with pytest.raises(GitError, match=r"expected one folder .* found none"):
        git.find_repository(tmp_path)


def test_a_commit_without_the_project_is_refused(repository, tmp_path):
    run_git(repository, "rm", "-rq", "bench")
    commit(repository, "gone")
    found = Repository(top=repository, project=repository)
    with pytest.raises(GitError, match="bench"):
        git.write_out("HEAD", found, tmp_path / "written")


def test_a_linked_worktree(repository, tmp_path):
    worktree = tmp_path / "linked"
    run_git(repository, "worktree", "add", "--quiet", worktree)
    found = git.find_repository(worktree)
    assert found == Repository(top=worktree, project=worktree)
    assert written(found, "HEAD", tmp_path) == FILES


def test_a_submodule(repository, tmp_path):
    outer = tmp_path / "outer"
    outer.mkdir()
    run_git(outer, "init", "--quiet")
    run_git(
        outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add",
        str(repository), "inner",
    )  # fmt: skip
    found = git.find_repository(outer / "inner")
    assert found.project == outer / "inner"
    assert written(found, "HEAD", tmp_path) == FILES


def test_variables_of_a_git_hook_are_ignored(repository, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    run_git(other, "init", "--quiet")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    assert git.find_repository(repository).top == repository


def test_a_shallow_clone_is_named_with_the_remedy(repository, tmp_path):
    first = run_git(repository, "rev-parse", "HEAD")
    (repository / "file").touch()
    commit(repository, "second")
    clone = tmp_path / "clone"
    run_git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repository}", clone)
    shallow = git.find_repository(clone)
    with pytest.raises(GitError, match=r"clone is shallow.*git fetch --unshallow"):
        git.commit_of_revision("HEAD~1", shallow)
    assert git.positions_in_history([first], "HEAD", shallow) == {first: -1}
    with pytest.raises(GitError) as error:
        git.commit_of_revision("nowhere", git.find_repository(repository))
    assert "clone is shallow" not in str(error.value)


def test_a_distrusted_repository_is_refused_with_the_message_of_git(repository, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    with pytest.raises(GitError, match=r"dubious ownership .* git config --global --add safe"):
        git.find_repository(repository)


def test_a_folder_outside_of_a_repository_is_refused_with_the_message_of_git(tmp_path):
    with pytest.raises(GitError, match="not a git repository"):
        git.find_repository(tmp_path)
    assert git.checked_out_commit(tmp_path) is None


def test_a_missing_git_is_reported(repository, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(GitError, match="git is not installed"):
        git.find_repository(repository)
    assert git.checked_out_commit(repository) is None


def test_ancestors_are_in_order_though_their_times_are_equal(repository):
    first = run_git(repository, "rev-parse", "HEAD")
    second, third = (commit_empty(repository, message) for message in ("second", "third"))
    run_git(repository, "checkout", "--quiet", "-b", "other", first)
    branch = commit_empty(repository, "branch")
    found = git.find_repository(repository)
    known = {first, second, third, branch}
    assert git.positions_in_history(known, third, found) == {first: 0, second: 1, third: 2}
    assert git.positions_in_history(known, branch, found) == {first: 0, branch: 1}
    assert git.positions_in_history({"f" * 40}, branch, found) == {"f" * 40: -1}


def commit_empty(repository, message):
    run_git(repository, "commit", "--quiet", "--allow-empty", "--message", message)
    return run_git(repository, "rev-parse", "HEAD")


def test_a_revision_is_no_option(repository):
    with pytest.raises(GitError, match="not a revision"):
        git.commit_of_revision("--all", git.find_repository(repository))
