"""What a run's numbers come from: the code that is timed, and the libraries under it."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import bench
from bench import registry
from bench.config.schema import RunConfig
from bench.machine import facts

PACKAGE = Path(bench.__file__)
TIMED = ("contract.py", "data", "machine", "process", "training")  # files and folders of bench/
# Variables that every run inherits although they choose which code is loaded, or on which GPU it
# runs. Their values are a part of what a run was made with.
SEARCH_PATH_VARIABLES = ("DYLD_LIBRARY_PATH", "LD_LIBRARY_PATH", "PYTHONPATH")
GPU_VARIABLES = (
    "CUDA_DEVICE_ORDER", "CUDA_HOME", "CUDA_PATH", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES",
)  # fmt: skip
MACHINE_KEYS = ("processor", "number of cores")  # what a run was made with besides code
IMPLEMENTATION, HARNESS = "code of the implementation", "code of the harness"


def of_run(config: RunConfig) -> dict[str, str]:
    """Return what a run made now would come from: its code, and the machine it is timed on."""
    return {
        **of_code(config),
        "processor": facts.cpu_model(),
        "number of cores": str(len(config.cores)),
    }


def of_code(config: RunConfig) -> dict[str, str]:
    """Return hashes of the code, and the versions of the libraries."""
    versions = facts.versions(config.implementation.libraries)
    return {
        IMPLEMENTATION: hash_of([registry.source(config.implementation.module)])[:12],
        HARNESS: hash_of(code_files(TIMED))[:12],
        "python": platform.python_version(),
        **{name: version or "not installed" for name, version in versions.items()},
    }


def code_version() -> dict[str, Any]:
    """Return the git commit of this checkout and whether its code has uncommitted changes.

    A new file in the folders of code is a change; files elsewhere are not.

    Returns:
        `git_commit` (str) and `git_dirty` (bool); both None where the code was installed rather
        than checked out.
    """
    folder = PACKAGE.parent
    commit = dirty = None
    git = shutil.which("git")

    def run_git(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603
            [str(git), "-C", str(folder), *words], capture_output=True, text=True, check=False
        )

    if git and run_git("ls-files", "--error-unmatch", PACKAGE.name).returncode == 0:
        commit = run_git("rev-parse", "HEAD").stdout.strip() or None
        folders = [folder, *(folder.parent / name for name in ("implementations", "conf"))]
        dirty = bool(run_git("status", "--porcelain", "--", *map(str, folders)).stdout.strip())
    return {"git_commit": commit, "git_dirty": dirty}


def code_files(names: Iterable[str]) -> list[Path]:
    """Return files of `bench/`, and for a folder every Python file below it, in a fixed order."""
    folder = Path(bench.__file__).parent
    paths = [folder / name for name in names]
    return [
        file
        for path in paths
        for file in ([path] if path.is_file() else sorted(path.rglob("*.py")))
    ]


def hash_of(paths: Iterable[Path]) -> str:
    """Return the SHA-256 of some files' contents."""
    content = hashlib.sha256()
    for path in paths:
        content.update(path.read_bytes())
    return content.hexdigest()


def what_changed(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Say in words what is not as it was; "" where all is."""
    if not then:
        return "it does not say which code and versions it was made with"
    changed = []
    for name in dict.fromkeys([*then, *now]):
        old, new = then.get(name), now.get(name)
        if old == new:
            continue
        if name in (IMPLEMENTATION, HARNESS):
            changed.append(f"the {name} has changed")
        else:
            changed.append(f"{name} was {old or 'not recorded'} and is {new or 'not used'}")
    return ", ".join(changed)
