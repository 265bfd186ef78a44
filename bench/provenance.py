"""Fingerprints of everything that a run's numbers depend on: code, libraries and the machine."""

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
from bench.config import plugins
from bench.config.schema import RunConfig
from bench.git import GitError, run_git
from bench.machine import facts, gpu

PACKAGE = Path(bench.__file__)
IMPLEMENTATION, HARNESS = "code of the implementation", "code of the harness"
LADDER = "code of the parity ladder"
MACHINE_KEYS = ("processor", "number of cores", "gpu")  # "gpu": only for runs on a GPU
# The modules that the processes of a run and of its parity checks start with. Their imports are
# followed.
HARNESS_MODULES = (
    "bench.process.environment", "bench.process.fork_server", "bench.process.worker",
)  # fmt: skip
LADDER_MODULES = ("bench.parity.ladder_worker",)

# Every run inherits these variables. They select the code that is loaded, or the GPU, so their
# values belong to the fingerprints.
SEARCH_PATH_VARIABLES = ("DYLD_LIBRARY_PATH", "LD_LIBRARY_PATH", "PYTHONPATH")
GPU_VARIABLES = (
    "CUDA_DEVICE_ORDER", "CUDA_HOME", "CUDA_PATH", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES",
)  # fmt: skip
STARTUP_MODULES = ("sitecustomize", "usercustomize")  # Python imports these before anything else
HASHED = ("code of ", "variable ", "module ")  # names with these prefixes have a hash as value
HASH_LENGTH = 12


class CodeChangedError(Exception):
    """The imported code or libraries do not match the fingerprints."""


def run_fingerprint(config: RunConfig) -> dict[str, str]:
    """Return the fingerprints for a run started now: of code, libraries and the machine."""
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
    """Return everything except the project's code and the processor that can change results.

    Returns:
        Versions of libraries, None if not installed; GPU and driver if the run uses them; hashes
        of inherited variables and startup files.
    """
    implementation = config.implementation
    return {
        "python": platform.python_version(),
        **plugins.version_of(implementation.module),
        # A configuration may forget to list some.
        **facts.versions_of_modules(
            {
                *(*implementation.requires, config.backend),
                *registry.imported_modules(implementation.module),
            }
        ),
        **facts.versions(implementation.libraries),
        **(_of_gpu(implementation.gpu_libraries) if config.device == "gpu" else {}),
        **_inherited(config.device),
    }


def _of_gpu(libraries: tuple[str, ...]) -> dict[str, str | None]:
    """Return versions of those that are installed; of a library for several CUDAs, one is."""
    names = {distribution.name for distribution in importlib.metadata.distributions()}
    runtime = sorted(name for name in names if name.startswith("nvidia-"))
    installed = {
        name: version for name, version in facts.versions((*libraries, *runtime)).items() if version
    }
    return {**installed, **gpu.describe()}


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
    """Return the SHA-256 of the code of the implementation, the harness and the parity ladder.

    Args:
        module: the implementation's module.
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
    """In the process of a run, check that imported code matches its fingerprints.

    Args:
        module: the implementation's module; it must already be imported.
        expected: hashes from `code_hashes`, or their first digits.

    Raises:
        CodeChangedError: a file or a library has changed since the fingerprints were computed.
    """
    hashes = code_hashes(module)
    for name, digest in expected.items():
        if not hashes[name].startswith(digest):
            raise CodeChangedError(f"the {name} has changed")
    if imports.libraries_changed():
        raise CodeChangedError("libraries were installed or removed")
    imports.seal(imports.sources(*HARNESS_MODULES, *LADDER_MODULES) | registry.sources(module))


def code_version() -> dict[str, Any]:
    """Return the git commit of this checkout and whether its code has uncommitted changes.

    New files count if they are in bench/, implementations/ or conf/.

    Returns:
        `git_commit` (str) and `git_dirty` (bool); both None if the code is installed and not a
        checkout.
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
    """Return the differences between two results of `run_fingerprint`, in words; "" for none."""
    return ", ".join(differences(then, now))


def differences(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return each difference between two results of `run_fingerprint`, in words."""
    if not then:
        return ["code and versions are not recorded"]
    changed = []
    for name in dict.fromkeys([*then, *now]):
        old, new = then.get(name), now.get(name)
        if old == new:
            continue
        if name.startswith(HASHED):
            changed.append(f"the {name} has changed")
        else:
            changed.append(f"{name} was {old or 'not recorded'} and is {new or 'not used'}")
    return changed
