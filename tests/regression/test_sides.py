"""What is compared is a copy, of all that a side needs."""

from __future__ import annotations

from bench.regression.sides import checked_out
from tests.regression.conftest import git


def test_the_working_tree_is_copied_as_it_stands(repository):
    module = repository / "implementations" / "numpy_mlp.py"
    module.write_text("edited")
    (repository / "implementations" / "new_mlp.py").write_text("untracked")
    with checked_out(None, None, repository, "HEAD") as side:
        module.write_text("edited in the middle")
        assert (side.tree / "implementations" / "numpy_mlp.py").read_text() == "edited"
        assert (side.tree / "implementations" / "new_mlp.py").read_text() == "untracked"
        assert (side.tree / "bench" / "contract.py").is_file()
        assert side.commit is not None
        assert side.commit.endswith("-dirty")
    assert not side.tree.exists()


def test_a_revision_is_written_out_and_the_repository_keeps_no_trace(repository):
    module = repository / "implementations" / "numpy_mlp.py"
    committed = module.read_text()
    module.write_text("edited")
    git(repository, "add", "--all")
    before = git(repository, "status", "--porcelain")
    with checked_out("HEAD", None, repository, "BASE") as side:
        assert (side.tree / "implementations" / "numpy_mlp.py").read_text() == committed
        assert side.commit == git(repository, "rev-parse", "HEAD")
        assert git(repository, "worktree", "list").count("\n") == 0
    assert git(repository, "status", "--porcelain") == before
    assert not side.tree.parent.exists()
