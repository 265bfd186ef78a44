"""The steps of the workflow on training speed, run one by one in a fresh clone.

Expressions such as `${{ github.base_ref }}` have the values below. `make` prints its commands only,
because it would download packages, and sessions are short. Steps that need GitHub's API are only
checked for syntax.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bench.regression.arguments import parser
from bench.results import history
from tests.conftest import SCRIPTS
from tests.regression.conftest import CASES, commit, run_git

ROOT = Path(__file__).parents[1]
WORKFLOW = ROOT / ".github" / "workflows" / "speed.yml"
SHORT_COMPARE = """#!{python}
import sys
from pathlib import Path
from bench.machine import lock
from bench.regression.command import main
from tests.regression.conftest import SHORT_SESSIONS

lock.LOCK_PATH = Path({lock!r})
for module, name, value in SHORT_SESSIONS:
    setattr(module, name, value)
sys.exit(main())
"""

pytestmark = [
    pytest.mark.skipif(not WORKFLOW.exists(), reason="no workflow in this distribution"),
    pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git clone"),
]


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    """Return a repository with the files of this one, in two commits on main."""
    folder = tmp_path_factory.mktemp("origin")
    files = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True, text=True,
    ).stdout.split("\0")  # fmt: skip
    for file in files:
        if (ROOT / file).is_file():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, folder / file)
    run_git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, "first")
    change(folder, "second")
    return folder


def change(folder, subject):
    """Commit a change of the implementation that has no effect."""
    with (folder / "implementations" / "numpy_mlp.py").open("a") as out:
        out.write(f"# {subject}\n")
    return commit(folder, subject)


@pytest.fixture
def run_job(origin, tmp_path):
    """Run the steps of a job in a fresh clone of origin; return what they add to the summary."""

    def run(job, **expressions):
        clone = tmp_path / f"clone-{len([*tmp_path.iterdir()])}"
        run_git(tmp_path, "clone", "--quiet", str(origin), str(clone))
        _install(clone)
        content = yaml.safe_load(WORKFLOW.read_text())
        values = {"vars.SPEED_CASES": CASES, "vars.SPEED_BUDGET": "5m", **expressions}
        summary = tmp_path / "summary"
        shared = _environment(content["env"], values)
        for step in content["jobs"][job]["steps"]:
            if "run" in step:
                own = _environment(step.get("env", {}), values)
                _run_step(step["run"], clone, shared | own | {"GITHUB_STEP_SUMMARY": str(summary)})
        return summary.read_text() if summary.exists() else ""

    return run


def _install(clone):
    """Install what `make setup` would, with short sessions."""
    scripts = clone / ".venv" / "bin"
    scripts.mkdir(parents=True)
    compare = scripts / "bench-compare"
    compare.write_text(SHORT_COMPARE.format(python=sys.executable, lock=str(clone / ".lock")))
    compare.chmod(0o755)
    (scripts / "bench-report").symlink_to(SCRIPTS / "bench-report")


def _environment(variables, values):
    """Return variables with their expressions replaced; `a || b` has the value of `a`."""

    def value(match):
        name = match[1].partition("||")[0].strip()
        return values.get(name, "") if name.startswith("github.token") else values[name]

    return {name: re.sub(r"\$\{\{(.*?)\}\}", value, str(text)) for name, text in variables.items()}


def _run_step(script, clone, variables):
    needs_github = re.search(r"\bgh api\b", script)
    words = ["bash", "-n" if needs_github else "-eo", *([] if needs_github else ["pipefail"])]
    completed = subprocess.run(
        [*words, "-c", script],
        cwd=clone,
        env=os.environ | variables | {"PYTHONPATH": str(clone), "MAKEFLAGS": "--dry-run"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 0, f"{script}\n{completed.stdout}\n{completed.stderr}"


GITHUB = {"github.repository": "someone/project", "github.event.number": "1"}


def test_a_pull_request_is_compared_with_its_base(run_job, origin):
    run_git(origin, "checkout", "--quiet", "-B", "base", "main~1")
    run_git(origin, "checkout", "--quiet", "main")
    summary = run_job("compare", **GITHUB, **{"github.base_ref": "base"})
    assert "Training speed: HEAD working tree" in summary
    assert "one\\_hidden" in summary
    assert "not measured" not in summary


def test_pushes_are_recorded_on_a_branch_with_a_page(run_job, origin):
    run_job("record", **{"github.event.before": run_git(origin, "rev-parse", "main~1")})
    before = run_git(origin, "rev-parse", "main")
    change(origin, "third")
    run_job("record", **{"github.event.before": before})
    assert run_git(origin, "ls-tree", "--name-only", "speed-history").split() == [
        "history.html",
        "history.jsonl",
    ]
    run_git(origin, "checkout", "--quiet", "speed-history")
    entries = [one for one in history.read(origin / "history.jsonl") if one.metric == "step"]
    assert [entry.subject for entry in entries] == ["first", "second", "third"]
    assert "third" in (origin / "history.html").read_text()


def test_an_unknown_expression_is_not_run():
    with pytest.raises(KeyError, match=r"github\.head_ref"):
        _environment({"HEAD": "${{ github.head_ref }}"}, {})


def test_the_recipe_for_gitlab_is_a_command_that_is_accepted():
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "ci.md").read_text(), re.DOTALL)
    job, comment = (yaml.safe_load(block) for block in blocks)
    *setup, line = job["training speed"]["script"]
    assert setup == ["make setup data"]
    words = shlex.split(line)
    arguments = parser().parse_args(words[1:])
    assert str(arguments.output) in job["training speed"]["artifacts"]["paths"]
    for script in comment["after_script"]:
        subprocess.run(["bash", "-n", "-c", script], check=True)
