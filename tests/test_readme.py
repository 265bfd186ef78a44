"""Every command in the README is run; those that train, on a small set."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from bench.machine import lock
from bench.regression import command
from tests.regression.conftest import SHORT_SESSIONS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FEW_CELLS = "implementation=numpy dataset=synthetic threads=1"
# The same name for all sweeps, so that each command keeps the runs of earlier ones.
SMALL = ("dataset=synthetic", "epochs=1", "threads=1", "sweep_name=default")


def commands() -> list[list[str]]:
    """Return the lines of the README's shell blocks, as words without comments."""
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """One folder for all commands: a report needs the sweep of an earlier command."""
    return tmp_path_factory.mktemp("user")


def test_the_two_commands_at_the_top_are_make_bench_and_make_test():
    assert commands()[:2] == [["make", "bench"], ["make", "test"]]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_a_command_of_the_readme_works(words, folder, run_in, call, monkeypatch):
    if words[0] == "make":  # it would run these tests again
        subprocess.run(["make", "--dry-run", *words[1:]], cwd=ROOT, check=True)
        return
    if words[0] == "bench-compare":  # in a repository that has a HEAD; few and short pairs
        subprocess.run(["git", "init", "--quiet", folder], check=True)
        for part in ("implementations", "bench/contract.py"):
            target = folder / part
            target.parent.mkdir(exist_ok=True)
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, target)
        subprocess.run(["git", "-C", folder, "add", "implementations", "bench"], check=True)
        named = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.org")
        subprocess.run(["git", "-C", folder, *named, "commit", "-qm", "all"], check=True)
        monkeypatch.chdir(folder)
        monkeypatch.setattr(lock, "LOCK_PATH", folder / "lock")
        for module, name, value in SHORT_SESSIONS:
            monkeypatch.setattr(module, name, value)
        small = ("--smallest=100%", "--cant-tell=pass", "--budget=60s", "--cells", FEW_CELLS)
        status, out, err = call(command.main, *words[1:], *small)
        assert status == 0, out + err
        return
    trains = words[0] == "bench" and "--help" not in words
    completed = run_in(folder, *words, *(SMALL if trains else ()))
    assert completed.returncode == 0, completed.stderr


@pytest.mark.parametrize(
    "page",
    [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md"))],
    ids=lambda page: page.name,
)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / target).exists(), target
