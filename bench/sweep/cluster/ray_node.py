"""Execute an attempt in a worker of Ray, and yield its files. The worker imports this module."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.results import store
from bench.sweep.cluster.messages import OUTCOME_NAME, REQUEST_NAME
from bench.sweep.cluster.node import UNTIL_INPUT_ENDS

HEARTBEAT_SECONDS = 5.0
File = tuple[str, bytes]  # path below the folder of the attempt, contents


def execute(request: bytes, name: str) -> Iterator[list[File]]:
    """Execute a block in a process of its own, which ends with this worker.

    Args:
        request: the block, as JSON.
        name: of this node in the cluster.

    Yields:
        New files; an empty list says that the node is alive. The outcome comes last.
    """
    environment = dict(os.environ)
    if not environment.get("CUDA_VISIBLE_DEVICES"):  # Ray hides GPUs that were not asked for
        environment.pop("CUDA_VISIBLE_DEVICES", None)
    with tempfile.TemporaryDirectory(prefix="mlp-bench-attempt-") as folder:
        (Path(folder) / REQUEST_NAME).write_bytes(request)
        command = [sys.executable, "-m", "bench.sweep.cluster.node", folder, name]
        process = subprocess.Popen(  # noqa: S603
            [*command, UNTIL_INPUT_ENDS], stdin=subprocess.PIPE, env=environment
        )
        try:
            sent = {REQUEST_NAME, OUTCOME_NAME}
            while process.poll() is None:
                yield _new_files(Path(folder), sent)
                time.sleep(HEARTBEAT_SECONDS)
            yield _new_files(Path(folder), sent)
            yield [(OUTCOME_NAME, (Path(folder) / OUTCOME_NAME).read_bytes())]
        finally:
            process.kill()
            process.wait()


def _new_files(folder: Path, sent: set[str]) -> list[File]:
    """Return the files of finished runs that were not sent yet, and add them to `sent`."""
    found = []
    for record in sorted(folder.glob(f"*/{store.RECORD_NAME}")):
        if record.parent.name not in sent:
            sent.add(record.parent.name)
            found += [path for path in record.parent.iterdir() if path.is_file()]
    for path in folder.iterdir():
        if path.is_file() and path.name not in sent:
            sent.add(path.name)
            found.append(path)
    return [(str(path.relative_to(folder)), path.read_bytes()) for path in found]
