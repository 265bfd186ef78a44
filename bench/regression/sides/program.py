"""The program of one side: `python -P program.py CORES FOLDER STARTED`.

It reads a request per line and writes an answer per line. Of the project it imports only
`bench.contract` and `implementations`, from the tree in PYTHONPATH, which may be an older revision,
with an interpreter that may have nothing but NumPy and the framework. Everything else is in FOLDER:
the data, and a folder for each case. STARTED is the time of its start on the monotonic clock.

    {"open": "case"}            build, warm up, train a few steps  -> the update so far, and seconds
    {"open_perturbed": "case"}  the same from weights that differ by one unit in the last place
    {"slice": 3}                train on a set of batches          -> seconds and mean loss
    {"memory": null}                                               -> peak, and the watchdog's id
    {"update": null}                                               -> the update so far
    {"evaluate": null}          compute logits                     -> seconds
"""

import os
import select
import signal
import sys

if hasattr(os, "sched_setaffinity"):  # before a library sizes its thread pools by the cores
    os.sched_setaffinity(0, {int(core) for core in sys.argv[1].split(",")})

if (WATCHDOG := os.fork()) == 0:  # Kill this process group once the parent closes stdin.
    os.close(1)
    poll = select.poll()
    poll.register(0, 0)  # no events: only a hang-up is reported
    poll.poll()
    os.killpg(0, signal.SIGKILL)

import gc
import importlib
import json
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np

N_PROJECTIONS = 16
N_FIRST_STEPS = 10  # too few for rounding to grow, at any learning rate
MAX_EVALUATED = 10_000  # images: as many as the test set has


class Side:
    """Answers requests about one case at a time."""

    def __init__(self, folder: Path) -> None:
        """Keep the folder of the problems."""
        self.folder = folder
        self.starting_seconds = time.monotonic() - float(sys.argv[3])

    def open(self, name: str, *, perturbed: bool = False) -> dict[str, Any]:
        """Build a case and train a few steps; return the update."""
        from bench.contract import Layer, Problem, Recipe

        begin = time.monotonic()
        folder = self.folder / name
        problem = json.loads((folder / "problem.json").read_text(encoding="utf-8"))
        os.environ.update(problem.pop("environment"))  # before the import
        implementation = importlib.import_module(f"implementations.{problem.pop('module')}").MLP
        layer_sizes = tuple(problem.pop("layer_sizes"))
        self.initial = tuple(
            Layer(
                _perturb(np.load(folder / f"weights-{n}.npy"), perturbed),
                np.load(folder / f"bias-{n}.npy"),
            )
            for n in range(len(layer_sizes) - 1)
        )
        self.batches = np.load(folder / "batches.npy")  # (sets, steps, batch size)
        self.model = implementation()
        self.problem = Problem(
            train_images=np.load(self.folder / "images.npy"),
            train_labels=np.load(self.folder / "labels.npy"),
            layer_sizes=layer_sizes,
            recipe=Recipe(**problem.pop("recipe")),
            **problem,
        )
        self.model.setup(self.problem, self.initial)
        begin_warm_up = time.monotonic()
        self.model.warm_up(self.batches[0])
        end = time.monotonic()
        self.model.train_epoch(self.batches[0, :N_FIRST_STEPS])
        answer = self.update()
        answer["warm_up_seconds"] = end - begin_warm_up
        answer["start_up_seconds"] = self.starting_seconds + end - begin
        gc.collect()
        gc.disable()  # for both sides
        return answer

    def open_perturbed(self, name: str) -> dict[str, Any]:
        """Do the same as `open`, from slightly different initial weights."""
        return self.open(name, perturbed=True)

    def slice(self, number: int) -> dict[str, Any]:
        """Train one slice; return its seconds and mean loss."""
        batches = self.batches[number % len(self.batches)]
        start = time.perf_counter()
        loss = self.model.train_epoch(batches)
        return {"seconds": time.perf_counter() - start, "loss": _finite(loss)}

    def memory(self, _: None) -> dict[str, Any]:
        """Return the peak memory of this process, or of the GPU that it uses, in bytes."""
        if self.problem.device == "gpu" and (on_device := self.model.peak_device_memory_bytes()):
            return {"memory_bytes": on_device, "watchdog": WATCHDOG}
        status = Path("/proc/self/status")
        if status.exists():  # ru_maxrss would contain the peak of the parent
            lines = (line.split() for line in status.read_text(encoding="utf-8").splitlines())
            peak = next(int(line[1]) for line in lines if line and line[0] == "VmHWM:") * 1024
        else:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {"memory_bytes": peak, "watchdog": WATCHDOG}

    def evaluate(self, _: None) -> dict[str, Any]:
        """Compute the logits of some images; return the seconds."""
        images = self.problem.train_images[:MAX_EVALUATED]
        start = time.perf_counter()
        self.model.predict_scores(images)
        return {"seconds": time.perf_counter() - start}

    def update(self, _: None = None) -> dict[str, Any]:
        """Return the length of the update so far, and its projections on random directions."""
        update = np.concatenate(
            [
                (np.asarray(new, np.float64) - np.asarray(old, np.float64)).ravel()
                for old_layer, new_layer in zip(self.initial, self.model.parameters(), strict=True)
                for old, new in zip(old_layer, new_layer, strict=True)
            ]
        )
        randomness = np.random.default_rng(0)  # the same directions on both sides
        projections = [
            randomness.standard_normal(len(update)) @ update for _ in range(N_PROJECTIONS)
        ]
        return {"update": [_finite(value) for value in (np.linalg.norm(update), *projections)]}


def _perturb(array: Any, perturbed: bool) -> Any:
    """Return an array; if it is perturbed, each number's neighbour, at random up or down."""
    if not perturbed:
        return array
    upwards = np.random.default_rng(0).random(array.shape) < 0.5
    return np.nextafter(array, np.where(upwards, np.inf, -np.inf).astype(array.dtype))


def _finite(value: Any) -> float | None:
    """Return a number for JSON; None for infinity and NaN."""
    return float(value) if np.isfinite(float(value)) else None


def main() -> None:
    """Answer requests until stdin ends."""
    channel = os.fdopen(os.dup(1), "w")
    os.register_at_fork(after_in_child=channel.close)  # so that it ends with this process
    os.dup2(2, 1)  # output of a framework must not be taken for an answer
    side = Side(Path(sys.argv[2]))
    for line in sys.stdin:
        try:
            ((name, argument),) = json.loads(line).items()
            answer = getattr(side, name)(argument)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # a revision may raise anything
            answer = {"error": f"{type(error).__name__}: {error}"}
        channel.write(json.dumps(answer) + "\n")
        channel.flush()
    os.killpg(0, signal.SIGKILL)  # including processes that it started


if __name__ == "__main__":
    main()
