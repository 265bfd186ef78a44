"""Check one implementation in a new process."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.config.compose import choices, compose_runs
from bench.config.schema import RunConfig
from bench.config.user_files import find_user_folder
from bench.contract import UnavailableError
from bench.parity import pending_verdict, run_checks
from bench.process.availability import reason_impossible
from bench.process.limits import Limits
from bench.process.supervisor import Supervisor
from bench.records import Verdict
from bench.terminal import describe_verdict
from bench.testing.worker import CheckResult

TIMEOUT_SECONDS = 600.0
MAX_LOG_BYTES = 2_000


def check_implementation(
    name: str,
    *,
    config_dir: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    parity: bool = True,
) -> None:
    """Check that an implementation does what `bench.contract` says, with every recipe it claims.

    The implementation is imported in a new process, as in a run. Warnings of its framework, and
    other frameworks that this process has imported, have no influence.

    Args:
        name: the name of its YAML file, without `.yaml`.
        config_dir: the folder that contains `implementation/` and `implementations/`; None for an
            implementation of the project or of an installed package.
        device: "cpu" or "gpu".
        parity: whether to run rungs 1 to 3 of the parity checks, too, as `bench-parity` does.

    Raises:
        AssertionError: a check fails; the message lists all that fail.
        UnavailableError: a library or the device is missing on this machine.
        ConfigError: the YAML file is refused.
    """
    configs = _configs(name, config_dir, device)
    with Supervisor() as supervisor:
        failures = _check_contract(configs, supervisor)
        if parity and not failures:
            failures = _check_parity(configs, supervisor)
    if failures:
        raise AssertionError("\n  ".join([f"{name} fails {len(failures)} checks:", *failures]))


def _configs(name: str, config_dir: str | os.PathLike[str] | None, device: str) -> list[RunConfig]:
    """Return a configuration for each recipe that the implementation claims."""
    folder = None if config_dir is None else os.fspath(config_dir)
    recipes = ",".join(choices("recipe", find_user_folder(folder)))
    configs = compose_runs(
        [f"implementation={name}", f"recipe={recipes}", f"device={device}", "threads=1"],
        default_name="testing",
        multirun=True,
        config_folder=folder,
    )
    reasons = [reason_impossible(config) for config in configs]
    if all(reasons):
        raise UnavailableError(reasons[0])
    return [config for config, reason in zip(configs, reasons, strict=True) if not reason]


def _check_contract(configs: Sequence[RunConfig], supervisor: Supervisor) -> list[str]:
    """Return a line for each check that fails."""
    results: list[CheckResult] = []
    with tempfile.TemporaryDirectory() as folder:
        log_path = Path(folder) / "log.txt"
        process_end = supervisor.run_in_process(
            "bench.testing.worker",
            msgspec.json.encode(configs),
            log_path,
            lambda line: results.append(msgspec.json.decode(line, type=CheckResult)),
            cores=configs[0].cores,
            preload=configs[0].preload,
            backend=configs[0].backend,
            limits=Limits(total_seconds=TIMEOUT_SECONDS),
        )
        log = log_path.read_text(encoding="utf-8", errors="replace")[-MAX_LOG_BYTES:]
    if any(result.unavailable for result in results):
        raise UnavailableError(results[-1].problem)
    failures = [f"{result.check}: {result.problem}" for result in results if result.problem]
    if process_end.returncode != 0:
        failures.append(f"{process_end.exceeded_limit or process_end.cause}; its output:\n{log}")
    return failures


def _check_parity(configs: Sequence[RunConfig], supervisor: Supervisor) -> list[str]:
    """Return a line for each recipe with which the parity checks fail."""
    verdicts: list[Verdict] = []
    pending = [pending_verdict(config) for config in configs]
    run_checks(configs, pending, verdicts.append, supervisor)
    return [
        f"parity with {config.recipe.name}: {describe_verdict(verdict)}"
        for config, verdict in zip(configs, verdicts, strict=True)
        if not verdict.passed
    ]
