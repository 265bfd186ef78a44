"""Execute an attempt in a worker of Ray, and yield its files. The worker imports this module."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench.data import copies
from bench.data.datasets import SYNTHETIC
from bench.results import store
from bench.sweep.cluster.messages import OUTCOME_NAME, REQUEST_NAME, BlockRequest
from bench.sweep.cluster.node import UNTIL_INPUT_ENDS

HEARTBEAT_SECONDS = 5.0
POLL_SECONDS = 0.5
OUTPUT_NAME = "node.log"  # what the process of the block has printed
File = tuple[str, bytes]  # path below a folder, contents


def execute(request: bytes, name: str, datasets: Sequence[Any]) -> Iterator[list[File]]:
    """Execute a block in a process of its own, which ends with this worker.

    Args:
        request: the block, as JSON.
        name: of this node in the cluster.
        datasets: one reference to the files of the datasets, which are fetched if needed.

    Yields:
        New files; an empty list says that the node is alive. The outcome comes last.
    """
    environment = dict(os.environ)
    if not environment.get("CUDA_VISIBLE_DEVICES"):  # Ray hides GPUs that were not asked for
        environment.pop("CUDA_VISIBLE_DEVICES", None)
    with tempfile.TemporaryDirectory(prefix="mlp-bench-attempt-") as parent:
        folder = Path(parent) / "attempt"
        folder.mkdir()
        (folder / REQUEST_NAME).write_bytes(request)
        _fetch_datasets(request, datasets, Path(parent))
        command = [sys.executable, "-m", "bench.sweep.cluster.node", str(folder), name]
        with (folder / OUTPUT_NAME).open("wb") as output:
            process = subprocess.Popen(  # noqa: S603
                [*command, UNTIL_INPUT_ENDS],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
            )
        try:
            last = [OUTPUT_NAME, OUTCOME_NAME]
            sent = {REQUEST_NAME, *last}
            last_sign = float("-inf")
            while process.poll() is None:
                files = _new_files(folder, sent)
                if files or time.monotonic() - last_sign > HEARTBEAT_SECONDS:
                    last_sign = time.monotonic()
                    yield files
                time.sleep(POLL_SECONDS)
            yield _new_files(folder, sent)
            yield [
                (each, (folder / each).read_bytes()) for each in last if (folder / each).exists()
            ]
        finally:
            process.kill()
            process.wait()


def _fetch_datasets(request: bytes, datasets: Sequence[Any], folder: Path) -> None:
    """Write the datasets that the head has sent, if one of them is not on this node."""
    import ray

    configs = msgspec.json.decode(request, type=BlockRequest).configs
    needed = {each.dataset for each in configs if each.dataset.name != SYNTHETIC}
    if all(copies.find(settings) for settings in needed):
        return
    for name, contents in ray.get(datasets[0]):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(contents)


def _new_files(folder: Path, sent: set[str]) -> list[File]:
    """Return the files of finished runs that were not sent yet, and add them to `sent`.

    What is still being written has a name that begins with a point.
    """
    found = []
    for record in sorted(folder.glob(f"[!.]*/{store.RECORD_NAME}")):
        if record.parent.name not in sent:
            sent.add(record.parent.name)
            found += [path for path in record.parent.iterdir() if path.is_file()]
    for path in folder.glob("[!.]*"):
        if path.is_file() and path.name not in sent:
            sent.add(path.name)
            found.append(path)
    return [(str(path.relative_to(folder)), path.read_bytes()) for path in found]
