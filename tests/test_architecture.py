"""Who may import whom, and that adding an implementation edits nothing else."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import bench
import conf
import implementations

FRAMEWORKS = ("tensorflow", "keras", "torch", "jax", "sklearn", "cupy", "numba")
BENCH = Path(bench.__file__).parent
IMPLEMENTATIONS = Path(implementations.__file__).parent
CONF = Path(conf.__file__).parent
BENCH_FILES = sorted(BENCH.rglob("*.py"))
IMPLEMENTATION_FILES = sorted(IMPLEMENTATIONS.glob("*_mlp.py"))


def imported(path: Path) -> set[str]:
    """Return the modules that a file names in its imports, `from a import b` as a and a.b."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_there_is_something_to_look_at():
    assert len(BENCH_FILES) > 10
    assert len(IMPLEMENTATION_FILES) >= 2


@pytest.mark.parametrize("path", BENCH_FILES, ids=lambda path: str(path.relative_to(BENCH)))
def test_the_harness_neither_imports_nor_names_a_framework(path):
    assert not {name.split(".")[0] for name in imported(path)} & set(FRAMEWORKS)
    assert not [
        name
        for name in FRAMEWORKS
        if name in path.read_text(encoding="utf-8").lower()
        and path.name not in {"datasets.py", "fetching.py"}
    ]  # they name caches' folders


@pytest.mark.parametrize("path", IMPLEMENTATION_FILES, ids=lambda path: path.stem)
def test_an_implementation_knows_of_the_harness_only_its_contract(path):
    names = {name for name in imported(path) if name.split(".")[0] in {"bench", "implementations"}}
    assert all(name == "bench.contract" or name.startswith("bench.contract.") for name in names)


def test_the_contract_needs_only_the_standard_library_and_numpy():
    names = {name.split(".")[0] for name in imported(BENCH / "contract.py")}
    assert names <= {*sys.stdlib_module_names, "numpy"}


def test_reports_know_of_the_harness_only_records():
    allowed = (
        "bench.results.store",
        "bench.contract",
        "bench.report",
        "bench.results.history",
        "bench.console",
    )
    for path in sorted((BENCH / "report").rglob("*.py")):
        ours = {name for name in imported(path) if name.startswith(("bench.", "implementations"))}
        assert all(name.startswith(allowed) for name in ours), path


@pytest.mark.parametrize(
    "path", sorted((CONF / "implementation").glob("*.yaml")), ids=lambda path: path.stem
)
def test_an_implementations_file_names_itself_and_a_module(path):
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert content["name"] == path.stem
    assert (IMPLEMENTATIONS / f"{content['module']}.py").exists()


def test_implementations_have_colours_of_their_own():
    files = (CONF / "implementation").glob("*.yaml")
    colours = [yaml.safe_load(path.read_text(encoding="utf-8"))["colour"] for path in files]
    assert len(set(colours)) == len(colours)


@pytest.mark.parametrize("words", [["--help"], ["--cfg", "job"], ["-sc", "query=bash"]])
def test_answers_that_train_nothing_import_nothing_heavy(words):
    watch = (
        "import sys, atexit\n"
        "from bench.sweep.command import main\n"
        "atexit.register(lambda: print('LOADED', *sys.modules, file=sys.stderr))\n"
        f"sys.argv = ['bench', *{words!r}]\n"
        "main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", watch],
        capture_output=True,
        text=True,
        check=True,
        env={"COMP_LINE": "bench implementation=", "PATH": "/usr/bin:/bin"},
    )
    loaded = set(ended.stderr.partition("LOADED")[2].split())
    assert "hydra" in loaded
    assert not loaded & {*FRAMEWORKS, "numpy", "pandas", "matplotlib", "scipy"}
    assert "numpy" in ended.stdout or words[0] != "-sc"
