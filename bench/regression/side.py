"""One side of a comparison: `python -P side.py CORES FOLDER`, a line in, a line out.

A program by itself: of the project it imports only `bench.contract` and `implementations`, from
the tree that it is pointed at, which may be an older revision, with an interpreter that may have
nothing but NumPy and the framework. All else it is told in FOLDER, whose name it has per cell:
problem.json, images.npy, labels.npy, batches.npy and parameters-*.npy.

    {"open": "cell"}         build and warm up; train a few steps    -> how far they moved it
    {"open_nudged": "cell"}  the same, from weights that are a unit in the last place away
    {"block": 3}             train on the third slice of the batches -> its seconds and loss
    {"learnt": "cell"}                                               -> how far all has moved it
"""

import os
import select
import signal
import sys

if hasattr(os, "sched_setaffinity"):  # before a library sizes its pools by what it finds
    os.sched_setaffinity(0, {int(core) for core in sys.argv[1].split(",")})

if os.fork() == 0:  # a watch: should who asks be killed, all end that are here, also who hangs
    os.close(1)
    asked = select.poll()
    asked.register(0, 0)  # of events, only the end of what can be asked
    asked.poll()
    os.killpg(0, signal.SIGKILL)

import gc
import importlib
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

N_PROJECTIONS = 16
N_FIRST_STEPS = 10  # so few that rounding has not grown, whatever the learning rate


class Side:
    """Answers for one cell at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, name: str, *, nudged: bool = False) -> dict[str, Any]:
        """Build what is asked for; return how far a few steps have moved it."""
        from bench.contract import Layer, Problem, Recipe

        folder = self.folder / name
        told = json.loads((folder / "problem.json").read_text(encoding="utf-8"))
        kind = importlib.import_module(f"implementations.{told['module']}").MLP
        self.initial = tuple(
            Layer(
                _nudged(np.load(folder / f"weights-{n}.npy"), nudged),
                np.load(folder / f"bias-{n}.npy"),
            )
            for n in range(len(told["layer_sizes"]) - 1)
        )
        problem = Problem(
            train_images=np.load(self.folder / "images.npy"),
            train_labels=np.load(self.folder / "labels.npy"),
            layer_sizes=tuple(told["layer_sizes"]),
            recipe=Recipe(**told["recipe"]),
            learning_rate=told["learning_rate"],
            device=told["device"],
            threads=told["threads"],
            options=told["options"],
        )
        self.batches = np.load(folder / "batches.npy")  # (blocks, steps, batch size)
        self.model = kind()
        self.model.setup(problem, self.initial)
        self.model.warm_up(self.batches[0])
        self.model.train_epoch(self.batches[0, :N_FIRST_STEPS])
        told = self.learnt(name)
        gc.collect()
        gc.disable()  # the same for both sides
        return told

    def open_nudged(self, name: str) -> dict[str, Any]:
        """Do the same from weights that differ by no more than rounding does."""
        return self.open(name, nudged=True)

    def block(self, number: int) -> dict[str, Any]:
        """Train one block; return its seconds and loss."""
        batches = self.batches[number % len(self.batches)]
        start = time.perf_counter()
        loss = self.model.train_epoch(batches)
        return {"seconds": time.perf_counter() - start, "loss": _finite(loss)}

    def learnt(self, _name: str) -> dict[str, Any]:
        """Return how far all training so far has moved the parameters."""
        return {"moved": _moved(self.initial, self.model.parameters())}


def _nudged(array: Any, nudged: bool) -> Any:
    """Return the next numbers up or down, at random, if this is asked for."""
    if not nudged:
        return array
    upwards = np.random.default_rng(0).random(array.shape) < 0.5
    return np.nextafter(array, np.where(upwards, np.inf, -np.inf).astype(array.dtype))


def _moved(initial: Any, now: Any) -> list[float]:
    """Return projections of the update on directions that both sides draw alike."""
    moved = np.concatenate(
        [
            (np.asarray(new, np.float64) - np.asarray(old, np.float64)).ravel()
            for old_layer, new_layer in zip(initial, now, strict=True)
            for old, new in zip(old_layer, new_layer, strict=True)
        ]
    )
    random = np.random.default_rng(0)
    projections = [float(random.standard_normal(len(moved)) @ moved) for _ in range(N_PROJECTIONS)]
    return [_finite(value) for value in (np.linalg.norm(moved), *projections)]


def _finite(value: Any) -> float:
    """Return a number for JSON, which knows no infinity: what has diverged is far from the rest."""
    return float(np.nan_to_num(float(value), nan=1e100, posinf=1e100, neginf=-1e100))


def main() -> None:
    """Answer until nobody asks."""
    channel = os.fdopen(os.dup(1), "w")
    os.register_at_fork(after_in_child=channel.close)  # it ends with this process
    os.dup2(2, 1)  # what a framework prints is no answer
    side = Side(Path(sys.argv[2]))
    for line in sys.stdin:
        try:
            ((asked, value),) = json.loads(line).items()
            answer = getattr(side, asked)(value)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever a revision does wrong
            answer = {"error": f"{type(error).__name__}: {error}"}
        channel.write(json.dumps(answer) + "\n")
        channel.flush()
    os.killpg(0, signal.SIGKILL)  # and with it, whatever it has started


if __name__ == "__main__":
    main()
