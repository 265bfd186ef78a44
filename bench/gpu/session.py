"""Run the commands of a session, one after the other; keep the results of interrupted ones."""

from __future__ import annotations

import importlib.util
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from bench.config.compose import compose_runs
from bench.config.schema import RunConfig
from bench.gpu import table
from bench.machine.facts import default_cores
from bench.process.availability import reason_impossible
from bench.results import store

ROOT = Path(__file__).parents[2]
# When each command must have ended, as shares of the time. One that ends early leaves its rest to
# the next.
PARITY_UNTIL, SWEEP_UNTIL, COMPARISON_UNTIL = 0.25, 0.75, 0.98
ENDING_SECONDS = 15.0  # for an interrupted command to end, before it is killed
MAX_THREADS = 4  # fewer than all cores, so that several parity checks run at the same time
INTERRUPTED = 130  # exit status of a command of this project
TABLE = "table.md"
PARITY_LOG, SWEEP_LOG, COMPARISON_LOG = "ladder.log", "speed.log", "comparison.log"


def run(overrides: Sequence[str], seconds: float) -> int:
    """Run parity checks, sweep and comparison.

    Args:
        overrides: of the sweep, such as `dataset.path=FOLDER`.
        seconds: time for everything.

    Returns:
        The exit status of the sweep; 0 if it was interrupted and a run is finished.

    Raises:
        ConfigError: `bench` would refuse the overrides.
    """
    start = time.monotonic()

    def left(share: float) -> float:
        return max(1.0, start + share * seconds - time.monotonic() - ENDING_SECONDS)

    words = ["sweep=gpu", f"threads={min(MAX_THREADS, len(default_cores()))}", *overrides]
    configs = compose_runs(words, default_name="gpu")
    config = configs[0]
    folder = Path(config.results_folder, config.sweep_name).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    if names := _possible(configs):
        options = [f"--implementation={','.join(names)}", f"--device={config.device}"]
        options += [f"--threads={len(config.cores)}"]
        run_command("bench-parity", options, left(PARITY_UNTIL), folder / PARITY_LOG)
    status = run_command("bench", words, left(SWEEP_UNTIL), folder / SWEEP_LOG)
    _write_table(folder)
    if case := _case(folder):
        budget_seconds = max(1.0, left(COMPARISON_UNTIL) - ENDING_SECONDS)
        options = [str(ROOT), str(ROOT), f"--budget={budget_seconds:.0f}s", f"--cases={case}"]
        if importlib.util.find_spec("matplotlib"):  # it draws one of the files in this folder
            options += [f"--output={folder / 'comparison'}"]
        run_command("bench-compare", options, left(COMPARISON_UNTIL), folder / COMPARISON_LOG)
        _write_table(folder)
    print((folder / TABLE).read_text(encoding="utf-8"))
    print(f"{time.monotonic() - start:.0f} s in all; results: {folder}", flush=True)
    return 0 if case and status == INTERRUPTED else status


def run_command(command: str, words: Sequence[str], seconds: float, log_path: Path) -> int:
    """Run one of the project's commands; return its exit status.

    Args:
        command: its name, such as `bench-parity`.
        words: its arguments.
        seconds: it is interrupted after this time, as by Ctrl-C.
        log_path: its output is written to this file, and printed.
    """
    print(f"\n{shlex.join([command, *words])}", flush=True)
    program = f"import sys, mlp_bench; sys.exit(mlp_bench.{command.replace('-', '_')}())"
    search_path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-P", "-c", program, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(search_path)},
    )
    timers = [
        threading.Timer(seconds, process.send_signal, [signal.SIGINT]),
        threading.Timer(seconds + ENDING_SECONDS, process.kill),
    ]
    for timer in timers:
        timer.daemon = True
        timer.start()
    with process, log_path.open("w", encoding="utf-8") as log:
        assert process.stdout is not None  # noqa: S101
        for line in process.stdout:
            print(line, end="", flush=True)
            log.write(line)
    for timer in timers:
        timer.cancel()
    return process.returncode


def _possible(configs: Sequence[RunConfig]) -> list[str]:
    """Return the implementations that can run here; print why the others can't."""
    reasons = {config.implementation.name: reason_impossible(config) for config in configs}
    for name, reason in reasons.items():
        print(f"{name}: {reason or 'its packages are installed'}", flush=True)
    return [name for name, reason in reasons.items() if not reason]


def _case(folder: Path) -> str:
    """Return a case for `bench-compare`: that of the first finished run; "" if there is none."""
    for record in store.read_sweep(folder).records:
        if record.status == "done":
            config = record.config
            dataset = {
                f"dataset.{key}": value
                for key, value in config["dataset"].items()
                if key == "path" and value is not None
            }
            settings = {
                "implementation": config["implementation"]["name"],
                "architecture": config["architecture"]["name"],
                "dataset": config["dataset"]["name"],
                **dataset,
                **{key: config[key] for key in ("batch_size", "device", "threads")},
                "learning_rate": 0.01,
            }
            return shlex.join(f"{key}={value}" for key, value in settings.items())
    return ""


def _write_table(folder: Path) -> None:
    """Write the table of the sweep, and the end of the output of the other commands."""
    logs = {
        heading: (folder / log).read_text(encoding="utf-8")
        for heading, log in (("Parity", PARITY_LOG), ("Comparison", COMPARISON_LOG))
        if (folder / log).exists()
    }
    page = table.page(store.read_sweep(folder), logs)
    (folder / TABLE).write_text(page, encoding="utf-8")
