"""Imports run downwards, the contract stays small, and commands that train nothing start fast."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import yaml

import bench
from bench import registry

FRAMEWORKS = ("tensorflow", "keras", "torch", "jax", "sklearn", "cupy", "numba")
BENCH = Path(bench.__file__).parent
ROOT = BENCH.parent
CONF = ROOT / "conf"
BENCH_FILES = sorted(BENCH.rglob("*.py"))
IMPLEMENTATION_FILES = sorted((ROOT / "implementations").rglob("*.py"))

GROUND = {
    "colours",
    "console",
    "decisions",
    "errors",
    "files",
    "git",
    "imports",
    "markdown",
    "plotting",
    "statistics",
    "terminal",
}
RECORDS = {"contract", "nested", "records", "scores"}
COMMANDS = {
    "sweep", "parity", "regression", "report", "doctor", "export", "gpu", "commands", "testing",
    "new_implementation",
}  # fmt: skip
# What each folder or module of bench/ may import of bench/, in addition to its own folder.
MAY_IMPORT = {
    "contract": set(),
    "nested": {"records"},
    "records": set(),
    "scores": {"records"},
    **dict.fromkeys(GROUND, RECORDS | GROUND),
    "registry": RECORDS | GROUND,
    "machine": RECORDS | GROUND,
    "results": RECORDS | GROUND,
    "data": RECORDS | GROUND | {"machine"},
    "config": RECORDS | GROUND | {"machine", "registry", "data"},
    "training": RECORDS | GROUND | {"machine", "data", "config"},
    "provenance": RECORDS | GROUND | {"machine", "registry", "config"},
    "process": RECORDS
    | GROUND
    | {"machine", "registry", "data", "config", "training", "provenance"},
    "report": RECORDS | GROUND | {"results", "config.identity"},
    "export": RECORDS | GROUND | {"results", "machine", "config.identity"},
}
BELOW_COMMANDS = set(MAY_IMPORT) - COMMANDS
MAY_IMPORT |= {
    "parity": BELOW_COMMANDS,
    "sweep": BELOW_COMMANDS | {"parity", "report"},
    "regression": BELOW_COMMANDS,
    "doctor": BELOW_COMMANDS | {"sweep"},
    "new_implementation": BELOW_COMMANDS,
    "testing": BELOW_COMMANDS | {"parity"},
    "gpu": BELOW_COMMANDS,
    "commands": BELOW_COMMANDS | COMMANDS,
    "api": BELOW_COMMANDS | {"sweep", "report"},
    "plot": RECORDS | GROUND | {"report", "api"},
}


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


def imported_of_bench(path: Path) -> set[tuple[str, ...]]:
    """Return the modules of bench/ that a file imports, as the parts of their paths."""
    found = set()
    for name in imported(path):
        parts = name.split(".")
        if parts[0] != "bench" or len(parts) < 2:
            continue
        # `from bench.x import name`: the name may be no module.
        while not (BENCH.joinpath(*parts[1:]).is_dir() or module_file(parts).is_file()):
            parts.pop()
        if len(parts) > 1:
            found.add(tuple(parts[1:]))
    return found


def module_file(parts: list[str]) -> Path:
    return BENCH.joinpath(*parts[1:-1], f"{parts[-1]}.py")


def unit(path: Path) -> str:
    """Return the folder or module of bench/ that a file belongs to."""
    return path.relative_to(BENCH).with_suffix("").parts[0]


@pytest.mark.parametrize("path", BENCH_FILES, ids=lambda path: str(path.relative_to(BENCH)))
def test_imports_run_downwards(path):
    own = unit(path)
    if own == "__init__":
        return
    allowed = MAY_IMPORT[own] | {own}
    wrong = {
        ".".join(parts)
        for parts in imported_of_bench(path)
        if parts[0] not in allowed and ".".join(parts) not in allowed
    }
    assert not wrong


@pytest.mark.parametrize(
    "folder",
    sorted({path.parent.parent for path in BENCH_FILES} - {BENCH, ROOT}),
    ids=lambda path: path.name,
)
def test_packages_of_a_folder_import_each_other_in_one_direction(folder):
    inside = folder.relative_to(BENCH).parts
    imports = defaultdict(set)
    for path in folder.glob("*/**/*.py"):
        own = path.relative_to(folder).parts[0]
        for parts in imported_of_bench(path):
            is_inside = parts[: len(inside)] == inside and len(parts) > len(inside)
            if is_inside and (folder / parts[len(inside)]).is_dir():
                imports[own].add(parts[len(inside)])
    TopologicalSorter({own: used - {own} for own, used in imports.items()}).prepare()


def test_a_sweep_uses_only_the_parity_package_and_the_answer_of_a_report():
    for path in (BENCH / "sweep").glob("*.py"):
        inner = {parts for parts in imported_of_bench(path) if parts[0] in {"parity", "report"}}
        assert inner <= {("parity",), ("report", "answer")}, path


def test_the_identity_of_a_run_needs_the_standard_library_msgspec_and_records_only():
    for path in (BENCH / "config" / "identity.py", BENCH / "nested.py", BENCH / "records.py"):
        assert imported_of_bench(path) <= {("nested",), ("records",)}
        names = {name.split(".")[0] for name in imported(path)}
        assert names <= {*sys.stdlib_module_names, "bench", "msgspec"}


@pytest.mark.parametrize("path", BENCH_FILES, ids=lambda path: str(path.relative_to(BENCH)))
def test_the_harness_imports_no_framework(path):
    assert not {name.split(".")[0] for name in imported(path)} & set(FRAMEWORKS)


@pytest.mark.parametrize(
    "path", IMPLEMENTATION_FILES, ids=lambda path: str(path.relative_to(ROOT / "implementations"))
)
def test_an_implementation_imports_only_the_contract_and_its_own_package(path):
    allowed = {"bench.contract"}
    if path.parent.name != "implementations":
        allowed.add(f"implementations.{path.parent.name}")
    for name in imported(path):
        if name.split(".")[0] in {"bench", "implementations"}:
            assert any(f"{name}.".startswith(f"{start}.") for start in allowed), name


def test_the_contract_needs_only_the_standard_library_and_numpy():
    names = {name.split(".")[0] for name in imported(BENCH / "contract.py")}
    assert names <= {*sys.stdlib_module_names, "numpy"}


@pytest.mark.parametrize(
    "path", sorted((CONF / "implementation").glob("*.yaml")), ids=lambda path: path.stem
)
def test_an_implementation_file_names_itself_and_a_module(path):
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert content["name"] == path.stem
    assert content["module"] in registry.modules()


@pytest.mark.parametrize("words", [["--help"], ["-sc", "query=bash"]])
def test_commands_that_train_nothing_import_no_slow_module(words):
    watch = (
        "import sys, atexit\n"
        "from bench.sweep.command import main\n"
        "atexit.register(lambda: print('LOADED', *sys.modules, file=sys.stderr))\n"
        f"sys.argv = ['bench', *{words!r}]\n"
        "main()\n"
    )
    completed = subprocess.run(
        [sys.executable, "-c", watch],
        capture_output=True,
        text=True,
        check=True,
        env={"COMP_LINE": "bench implementation=", "PATH": "/usr/bin:/bin"},
    )
    loaded = set(completed.stderr.partition("LOADED")[2].split())
    assert "hydra" in loaded
    assert not loaded & {*FRAMEWORKS, "numpy", "pandas", "matplotlib", "scipy"}
    assert "numpy" in completed.stdout or words[0] != "-sc"
