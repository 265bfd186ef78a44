"""Every imported file is found, and the imported bytes are hashed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench import imports


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small project: an implementation, its helpers, and a user's module outside it."""
    files = {
        "implementations/__init__.py": "",
        "implementations/plain_mlp.py": "import os, numpy\nfrom implementations import helper\n",
        "implementations/helper.py": "def later():\n    from . import lazy\n",
        "implementations/lazy.py": "import users_module\n",
        "implementations/unused.py": "",
        "implementations/broken.py": "def (",
        "lib/users_module.py": "",
    }
    for name, source in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
    monkeypatch.setattr(imports, "PROJECT", tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    imports._folder_of_user_module.cache_clear()
    yield tmp_path
    imports._folder_of_user_module.cache_clear()


def names(found) -> set[str]:
    return {path.name for path in found}


def test_imports_are_followed_also_inside_functions_and_into_the_users_own_modules(project):
    assert names(imports.sources("implementations.plain_mlp")) == {
        "__init__.py",
        "plain_mlp.py",
        "helper.py",
        "lazy.py",
        "users_module.py",
    }


def test_installed_libraries_are_not_followed(project):
    (project / "lib" / "users_module-1.0.dist-info").mkdir()
    assert "users_module.py" not in names(imports.sources("implementations.plain_mlp"))


def test_a_file_that_is_no_python_is_still_a_source(project):
    assert names(imports.sources("implementations.broken")) == {"__init__.py", "broken.py"}


def run_python(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program that records what it imports of the project in `folder`."""
    setup = (
        "import sys; from pathlib import Path; from bench import imports;"
        f"imports.PROJECT = Path({str(folder)!r}); imports.record(); import implementations\n"
    )
    return subprocess.run(
        [sys.executable, "-c", setup + program], capture_output=True, text=True, check=False
    )


def test_what_was_imported_counts_even_when_the_file_is_edited_later(project):
    program = (
        "path = imports.PROJECT / 'implementations/helper.py'\n"
        "import implementations.helper\n"
        "before = path.read_bytes()\n"
        "path.write_text('edited = True')\n"
        "assert imports.sources('implementations.helper')[path] == before\n"
    )
    completed = run_python(program, project)
    assert completed.returncode == 0, completed.stderr


def test_pythons_cache_of_an_older_source_is_not_used(project):
    """Python does not notice an edit that keeps the size and the time of a file."""
    program = (
        "import os\n"
        "path = imports.PROJECT / 'implementations/unused.py'\n"
        "for value in (1, 2):\n"
        "    path.write_text(f'value = {value}')\n"
        "    os.utime(path, (1, 1))\n"
        "    sys.modules.pop('implementations.unused', None)\n"
        "    import implementations.unused as module\n"
        "    assert module.value == value\n"
    )
    completed = run_python(program, project)
    assert completed.returncode == 0, completed.stderr


@pytest.mark.parametrize(
    ("sealed", "reason"),
    [
        ("{path: b'older'}", "was edited after this run had started"),
        ("{Path('other'): b''}", "is not among the source files of this run"),
    ],
)
def test_code_that_the_fingerprint_does_not_cover_is_not_imported(project, sealed, reason):
    program = (
        "path = imports.PROJECT / 'implementations/unused.py'\n"
        f"imports.seal({sealed})\n"
        "import implementations.unused\n"
    )
    completed = run_python(program, project)
    assert completed.returncode == 1
    assert reason in completed.stderr


def test_a_folder_added_to_the_path_is_no_installed_library(tmp_path):
    program = (
        "import sys; from pathlib import Path; from bench import imports\n"
        f"on_path, added = (Path({str(tmp_path)!r}) / name for name in ('on_path', 'added'))\n"
        "sys.path.append(str(on_path))\n"
        "imports.record()\n"
        "(added / 'vendored-1.0.dist-info').mkdir(parents=True)\n"
        "sys.path.append(str(added))\n"
        "print(imports.libraries_changed())\n"
        "(on_path / 'installed-1.0.dist-info').mkdir(parents=True)\n"
        "print(imports.libraries_changed())\n"
    )
    completed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert completed.stdout.split() == ["False", "True"]
