"""`import bench` is quick, complete and typed, and no part of what identifies a run."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import bench
from bench import imports, provenance

ROOT = Path(bench.__file__).parent


def loaded_by(program: str) -> set[str]:
    """Return the names of all modules that a new interpreter has loaded after a program."""
    ended = subprocess.run(
        [sys.executable, "-I", "-c", f"{program}; import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(ended.stdout.split())


def test_the_import_loads_the_standard_library_and_one_file():
    new = loaded_by("import bench") - loaded_by("import importlib, pathlib")
    assert new == {"bench"}


def test_frames_need_no_framework_and_no_figures():
    loaded = loaded_by("import bench; bench.load_runs; bench.compare; bench.run")
    frameworks = {"tensorflow", "keras", "torch", "jax", "sklearn", "numba"}
    assert "pandas" in loaded
    assert not loaded & {*frameworks, "matplotlib.pyplot"}


def test_public_names_are_found_and_listed():
    assert set(bench.PUBLIC) <= set(dir(bench))
    for name in bench.PUBLIC:
        assert getattr(bench, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        bench.nothing  # noqa: B018
    with pytest.raises(ImportError):
        from bench import nothing  # noqa: F401


def test_the_types_list_the_same_names():
    tree = ast.parse((ROOT / "__init__.pyi").read_text(encoding="utf-8"))
    imported = {
        alias.asname: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module != "pathlib"
        for alias in node.names
    }
    assert imported == bench.PUBLIC
    assert (ROOT / "py.typed").exists()


def test_every_public_name_is_documented():
    page = (ROOT.parent / "docs" / "python.md").read_text(encoding="utf-8")
    for name in bench.PUBLIC:
        assert f"bench.{name}" in page or f"`{name}`" in page, name
    for name in bench.plot.__all__:
        assert f"`bench.plot.{name}(" in page


def test_the_code_behind_public_names_is_no_part_of_a_runs_fingerprint():
    sources = imports.sources(*provenance.HARNESS_MODULES, *provenance.LADDER_MODULES)
    folders = {path.relative_to(ROOT).parts[0] for path in sources if path.is_relative_to(ROOT)}
    assert "__init__.py" in folders
    assert not folders & {"api", "plot", "report", "sweep"}
