"""Execute a block on this node: `python -m bench.sweep.cluster.node FOLDER NAME`.

FOLDER contains the request, and gets the results. The runs are executed in a local temporary
folder, as a sweep of its own. The folder `datasets` next to FOLDER contains the datasets that the
head has sent.
"""

from __future__ import annotations

import os
import platform
import shutil
import signal
import sys
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

import msgspec

from bench import files
from bench.config import user_files
from bench.errors import BenchError
from bench.machine import facts
from bench.results import checksummed, store
from bench.sweep import planning, scheduler
from bench.sweep.cluster import fitness
from bench.sweep.cluster.messages import (
    DATASETS,
    OUTCOME_NAME,
    REQUEST_NAME,
    STARTED_NAME,
    BlockRequest,
    Outcome,
    Started,
)
from bench.sweep.jobs import Job
from bench.sweep.progress import TimeLeft

UNTIL_INPUT_ENDS = "--until-input-ends"


def main(folder: Path, name: str) -> int:
    """Execute the block of a request, and write its results and its outcome.

    Args:
        folder: the folder of the attempt.
        name: of this node in the cluster; "" for the host's name.

    Returns:
        The exit status: 0 if all runs have records.
    """
    started = Started(node=facts.node_id(name), host=platform.node())
    try:
        with (folder / STARTED_NAME).open("xb") as file:
            file.write(msgspec.json.encode(started))
    except FileExistsError:
        print(f"{folder}: was started before; an attempt is executed once")
        return 1
    request = msgspec.json.decode((folder / REQUEST_NAME).read_bytes(), type=BlockRequest)
    try:
        if request.examine:
            found = fitness.examine(request, folder.parent / DATASETS)
            outcome = Outcome(status="complete", facts=found)
        else:
            _execute(request, folder, started.node)
            outcome = Outcome(status="complete")
    except fitness.UnfitError as error:
        outcome = Outcome(status="refused", reason=str(error))
    except (BenchError, OSError) as error:
        outcome = Outcome(status="failed", reason=str(error))
    files.write_atomically(folder / OUTCOME_NAME, msgspec.json.encode(outcome))
    print(outcome.status, outcome.reason)
    return int(outcome.status != "complete")


def _execute(request: BlockRequest, folder: Path, node: str) -> None:
    """Execute the runs in a temporary folder, and copy what each has written to `folder`.

    Raises:
        UnfitError: cores, code, libraries or dataset differ from the head's.
        FileError: a file can't be written.
    """
    configs = fitness.check(request, folder.parent / DATASETS)
    with tempfile.TemporaryDirectory(prefix="mlp-bench-block-") as scratch:
        configs = [msgspec.structs.replace(each, results_folder=scratch) for each in configs]
        user_folder = user_files.find_user_folder(request.user_folder)
        planned, _ = planning.plan(configs, "", request.requested_at, user_folder)
        sweep_folder = planned[0].sweep_folder
        for verdict in request.verdicts:
            path = store.verdict_path(sweep_folder, verdict)
            files.write_atomically(path, checksummed.encode(verdict))
        jobs = [replace(job, node=node, attempt=request.attempt) for job in planned]
        scheduler.execute_sweep(jobs, TimeLeft(jobs, ()), lambda job: _copy(job, folder))


def _copy(job: Job, folder: Path) -> None:
    """Copy the files of a finished run, and of the sweep, to the folder of the attempt.

    They get their names when they are complete.
    """
    partial = folder / f".{job.run_id}"
    shutil.copytree(job.folder, partial, ignore=shutil.ignore_patterns(files.LOCK_NAME))
    partial.rename(folder / job.run_id)
    for pattern in (store.DATASET_FILES, store.VERDICT_FILES):
        for path in job.sweep_folder.glob(pattern):
            files.write_atomically(folder / path.name, path.read_bytes())


def _end_with_input() -> None:
    """Kill this process when its standard input ends, because the process that started it has."""
    while os.read(sys.stdin.fileno(), 1):  # a reader of `sys.stdin` would hold a lock at exit
        pass
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    if UNTIL_INPUT_ENDS in sys.argv[3:]:
        threading.Thread(target=_end_with_input, daemon=True).start()
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
