"""What a run's numbers come from: code, libraries, and the machine."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bench
from bench import imports, registry
from bench.config.schema import RunConfig
from bench.git import GitError, run_git
from bench.machine import facts, gpu

PACKAGE = Path(bench.__file__)
IMPLEMENTATION, HARNESS = "code of the implementation", "code of the harness"
LADDER = "code of the parity ladder"
MACHINE_KEYS = ("processor", "number of cores", "gpu")  # the last of runs on a GPU only
# What runs in the processes of a run and of its parity checks; the rest follows from the imports.
HARNESS_MODULES = (
    "bench.process.environment", "bench.process.fork_server", "bench.process.worker",
)  # fmt: skip
LADDER_MODULES = ("bench.parity.ladder_worker",)

# Variables that every run inherits although they choose which code is loaded, or on which GPU it
# runs. Their values are a part of what a run was made with.
SEARCH_PATH_VARIABLES = ("DYLD_LIBRARY_PATH", "LD_LIBRARY_PATH", "PYTHONPATH")
GPU_VARIABLES = (
    "CUDA_DEVICE_ORDER", "CUDA_HOME", "CUDA_PATH", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES",
)  # fmt: skip
STARTUP_MODULES = ("sitecustomize", "usercustomize")  # Python imports these before anything else
HASHED = ("code of ", "variable ", "module ")  # beginnings of names whose values are hashes
HASH_LENGTH = 12


class CodeChangedError(Exception):
    """This process has imported something else than the fingerprints say."""


def run_fingerprint(config: RunConfig) -> dict[str, str]:
    """Return what a run made now would be made with: code, libraries, and the machine."""
    return {
        **code_fingerprint(config),
        "processor": facts.cpu_model(),
        "number of cores": str(len(config.cores)),
    }


def code_fingerprint(config: RunConfig) -> dict[str, str]:
    """Return fingerprints of the code, and the versions of the libraries."""
    hashes = code_hashes(config.implementation.module)
    libraries = library_versions(config)
    return {
        **{name: hashes[name][:HASH_LENGTH] for name in (IMPLEMENTATION, HARNESS)},
        **{name: version or "not installed" for name, version in libraries.items()},
    }


def library_versions(config: RunConfig) -> dict[str, str | None]:
    """Return versions by distribution, None where not installed, and what else can change results.

    That is the GPU and its driver where the run uses one, and what a run inherits from the
    environment of its user.
    """
    implementation = config.implementation
    return {
        "python": platform.python_version(),
        **facts.versions(implementation.libraries),
        **(_of_gpu(implementation.gpu_libraries) if config.device == "gpu" else {}),
        **_inherited(config.device),
    }


def _of_gpu(libraries: tuple[str, ...]) -> dict[str, str | None]:
    names = {one.name for one in importlib.metadata.distributions()}
    runtime = sorted(name for name in names if name.startswith("nvidia-"))
    versions = facts.versions((*libraries, *runtime))
    return versions | dict(gpu.describe())


def _inherited(device: str) -> dict[str, str]:
    """Return a hash for each inherited variable or startup file that can change what is loaded."""
    names = (*SEARCH_PATH_VARIABLES, *(GPU_VARIABLES if device == "gpu" else ()))
    contents = {f"variable {name}": os.environ.get(name, "").encode() for name in names}
    for name in STARTUP_MODULES:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            contents[f"module {name}"] = Path(spec.origin).read_bytes()
    return {
        name: hashlib.sha256(content).hexdigest()[:HASH_LENGTH]
        for name, content in contents.items()
        if content
    }


def code_hashes(module: str) -> dict[str, str]:
    """Return the SHA-256 of each part of the code that takes part in a run or its parity check.

    Args:
        module: of the implementation.
    """
    return {
        IMPLEMENTATION: _hash_of(registry.sources(module)),
        HARNESS: _hash_of(imports.sources(*HARNESS_MODULES)),
        LADDER: _hash_of(imports.sources(*LADDER_MODULES)),
    }


def _hash_of(sources: Mapping[Path, bytes]) -> str:
    digests = [hashlib.sha256(source).hexdigest() for _, source in sorted(sources.items())]
    return hashlib.sha256(" ".join(digests).encode("ascii")).hexdigest()


def verify_imports(module: str, expected: Mapping[str, str]) -> None:
    """In the process of a run: see that what is imported is what the fingerprints were taken of.

    Args:
        module: of the implementation; it has been imported.
        expected: hashes as from `code_hashes`, or their beginnings.

    Raises:
        CodeChangedError: a file was edited, or a library exchanged, between the two.
    """
    found = code_hashes(module)
    for name, digest in expected.items():
        if not found[name].startswith(digest):
            raise CodeChangedError(f"the {name} has changed")
    if imports.libraries_changed():
        raise CodeChangedError("libraries were installed or removed")
    imports.seal(imports.sources(*HARNESS_MODULES, *LADDER_MODULES) | registry.sources(module))


def code_version() -> dict[str, Any]:
    """Return the git commit of this checkout and whether its code has uncommitted changes.

    A new file in the folders of code is a change; files elsewhere are not.

    Returns:
        `git_commit` (str) and `git_dirty` (bool); both None where the code was installed rather
        than checked out.
    """
    folder = PACKAGE.parent
    folders = [folder, *(folder.parent / name for name in ("implementations", "conf"))]
    try:
        run_git(folder, "ls-files", "--error-unmatch", PACKAGE.name)
        commit = run_git(folder, "rev-parse", "--verify", "HEAD")
        changes = run_git(folder, "status", "--porcelain", "--", *map(str, folders))
    except GitError:
        return {"git_commit": None, "git_dirty": None}
    return {"git_commit": commit, "git_dirty": bool(changes)}


def what_changed(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Name what differs between two results of `run_fingerprint`; "" if nothing does."""
    if not then:
        return "it does not say which code and versions it was made with"
    changed = []
    for name in dict.fromkeys([*then, *now]):
        old, new = then.get(name), now.get(name)
        if old == new:
            continue
        if name.startswith(HASHED):
            changed.append(f"the {name} has changed")
        else:
            changed.append(f"{name} was {old or 'not recorded'} and is {new or 'not used'}")
    return ", ".join(changed)
