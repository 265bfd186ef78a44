import os
import subprocess
import sys

import pytest

from bench import imports, registry


def test_the_modules_of_implementations_are_found():
    assert {"numpy_mlp", "keras_mlp"} <= set(registry.modules())


@pytest.mark.parametrize("name", ["os", "bench.sweep.command", "../numpy_mlp", "numpy_mlp.os", ""])
def test_only_modules_of_implementations_are_loaded(name):
    with pytest.raises(KeyError):
        registry.load(name)


def test_looking_for_missing_modules_imports_none():
    program = (
        "import sys; from bench.registry import missing;"
        "assert missing(['tensorflow', 'no_such_framework']) == ('no_such_framework',);"
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_sources_of_an_implementation_leave_out_the_harness():
    found = registry.sources("notebook_mlp")
    assert imports.PROJECT / "implementations" / "notebook_mlp.py" in found
    assert not any(path.is_relative_to(imports.PROJECT / "bench") for path in found)


def test_every_file_of_a_package_is_a_source(tmp_path, monkeypatch):
    package = tmp_path / "implementations" / "own"
    (package / "__pycache__").mkdir(parents=True)
    for name in ("__init__.py", "kernels.cu", "unused.py", "__pycache__/x.pyc"):
        (package / name).write_text("")
    monkeypatch.setattr(imports, "PROJECT", tmp_path)
    assert {path.name for path in registry.sources("own")} == {
        "__init__.py",
        "kernels.cu",
        "unused.py",
    }


@pytest.fixture
def clash(tmp_path):
    """Run a program with another package called `implementations` first on the path."""
    other = tmp_path / "implementations"
    other.mkdir()
    (other / "__init__.py").write_text("")

    def run_python(program: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-c", program],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"PYTHONPATH": str(tmp_path)},
        )

    return run_python, other


def test_the_projects_implementations_are_loaded_despite_others_on_the_path(clash):
    run_python, _ = clash
    completed = run_python(
        "from bench import registry; print(registry.load('notebook_mlp').__module__)"
    )
    assert completed.stdout == "implementations.notebook_mlp\n", completed.stderr


def test_another_package_that_was_imported_first_is_named(clash):
    run_python, other = clash
    completed = run_python(
        "import implementations\nfrom bench import registry\nregistry.load('numpy_mlp')"
    )
    assert f"ImportError: {other} was imported as implementations" in completed.stderr
