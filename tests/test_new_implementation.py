"""The steps of docs/new_implementation.md, as a reader would do them, and the command of step 1."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bench.contract import Implementation
from bench.new_implementation import command, template
from bench.regression.exit_statuses import CANT_TELL, NOT_SLOWER

PAGE = (Path(__file__).parents[1] / "docs" / "new_implementation.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```(?:python|yaml)\n# (my/\S+)\n(.*?)```", PAGE, re.DOTALL))
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()
]
YAML, FLAX, TEST, PLAIN = (
    "my/implementation/flax.yaml", "my/implementations/flax_mlp.py", "my/test_flax.py",
    "my/implementations/plain_mlp.py",
)  # fmt: skip
SHORT = ("epochs=1", "dataset.training_size=500", "threads=1", "architecture.hidden_sizes=[16]")


def files_of(name: str) -> dict[str, str]:
    """Return the files that a reader writes for Flax, or for NumPy with another name."""
    flax = {path: FILES[path] for path in (FLAX, YAML, TEST)}
    if name == "flax":
        return flax
    yaml = re.sub(r"^(requires|libraries): .*", r"\1: []", FILES[YAML], flags=re.MULTILINE)
    return {
        PLAIN: FILES[PLAIN],
        YAML.replace("flax", name): yaml.replace("flax", name),
        TEST.replace("flax", name): FILES[TEST].replace("flax", name),
    }


def test_the_page_has_the_files_and_commands():
    assert set(FILES) == {FLAX, YAML, TEST, PLAIN}
    first_words = [line.split()[0] for line in COMMANDS]
    assert first_words == [
        "pip", "bench", "bench-parity", "bench-parity", "bench", "bench-report", "bench-compare",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["flax", "plain"])
def test_the_steps_of_the_page_work(name, run, tmp_path):
    if name == "flax" and not all(map(importlib.util.find_spec, ("flax", "optax"))):
        pytest.skip("flax and optax are not installed")
    _, create, check, check_again, sweep, report, compare = (
        shlex.split(line.replace("flax", name), comments=True) for line in COMMANDS
    )
    completed = run(*create)
    assert completed.returncode == 0, completed.stderr
    completed = run(*check, "--recipe=relu_softmax_sgd")
    assert (completed.returncode, completed.stderr) == (1, "")
    assert "was not checked: write MLP.setup" in completed.stdout
    for path, text in files_of(name).items():
        assert not path.startswith("my/impl") or (tmp_path / path).exists()  # of step 1
        (tmp_path / path).write_text(text, encoding="utf-8")
    completed = run(*check_again, "--recipe=relu_softmax_sgd")  # the test below checks all recipes
    assert completed.returncode == 0, completed.stdout
    completed = run(*sweep, *SHORT)
    assert completed.returncode == 0, completed.stderr
    completed = run(*report, "--format=md")
    assert completed.returncode == 0, completed.stderr
    completed = run(*compare, "--budget=30s", "--precision=99%")
    assert completed.returncode in (NOT_SLOWER, CANT_TELL), completed.stderr
    assert f"implementation={name} fails" not in completed.stdout
    pytest_command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "my"]
    completed = subprocess.run(pytest_command, cwd=tmp_path, capture_output=True, text=True)
    assert completed.returncode == 0, completed.stdout


def test_the_package_of_the_page_contains_all_its_files(tmp_path):
    toml, layout = re.search(r"```toml\n(.*?)```\n+```\n(.*?)```", PAGE, re.DOTALL).groups()
    for name in layout.split():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(toml if path.suffix == ".toml" else "", encoding="utf-8")
    build = "from setuptools import build_meta; print(build_meta.build_wheel('.'))"
    subprocess.run([sys.executable, "-c", build], cwd=tmp_path, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert {*layout.split()} - {*zipfile.ZipFile(wheel).namelist()} == {"pyproject.toml"}


def new_implementation(call, *words):
    return call(command.main, "new-implementation", *words)


def test_the_next_commands_name_the_folder(call, tmp_path):
    folder = tmp_path / "with a blank"
    status, out, _ = new_implementation(call, "mine", folder)
    assert status == 0
    assert f"bench-parity '--config-dir={folder}' --implementation mine" in out
    assert {path.name for path in folder.rglob("*.*")} == {"mine.yaml", "mine_mlp.py"}


def test_an_existing_file_is_kept(call, tmp_path):
    path = tmp_path / "implementations" / "mine_mlp.py"
    path.parent.mkdir()
    path.write_text("precious")
    status, _, err = new_implementation(call, "mine", tmp_path)
    assert status == 2
    assert err == f"bench new-implementation: {path}: exists; choose another NAME\n"
    assert path.read_text() == "precious"
    assert not (tmp_path / "implementation").exists()


@pytest.mark.parametrize(
    ("name", "reason"), [("Mine", "small letters"), ("a/b", "small letters"), ("numpy", "exists")]
)
def test_a_name_that_can_not_be_used_is_refused(name, reason, call, tmp_path):
    status, out, err = new_implementation(call, name, tmp_path)
    assert (status, out) == (2, "")
    assert reason in err
    assert not list(tmp_path.iterdir())


def test_a_folder_that_can_not_be_written_is_named(call, tmp_path):
    (tmp_path / "file").touch()
    status, _, err = new_implementation(call, "mine", tmp_path / "file")
    assert status == 2
    assert f"{tmp_path}/file" in err
    assert "can't be written" in err


def test_the_template_has_the_methods_of_the_contract():
    public = {name for name in vars(Implementation) if not name.startswith("_")}
    assert public == {name for name in vars(template.MLP) if not name.startswith("_")}
