"""The length of a slice: how many training steps a side makes before the other one's turn."""

from __future__ import annotations

from pathlib import Path

from bench.regression.cases import N_BATCH_SETS, Case, write_batches
from bench.regression.sides.process import SideProcess

SLICE_SECONDS = 0.05
FIRST_SLICE_FLOPS = 1e9  # for measuring how long a step takes
MAX_STEPS = 10_000  # for training that does almost nothing


def find_n_steps(process: SideProcess, case: Case, folder: Path, min_steps: int) -> int:
    """Measure how many steps take about `SLICE_SECONDS`; write as many batches.

    Args:
        process: trains the case.
        case: `write_data` has written its data.
        folder: contains the data and the folder of the case.
        min_steps: minimum number of steps.

    Raises:
        CaseError: the process can't train the case, or diverges.
        OutOfTimeError: the budget was used up before that.
    """
    guess = max(min_steps, round(FIRST_SLICE_FLOPS / case.flops_per_step))
    write_batches(case, guess, folder)
    process.request(open=case.name)
    # Minimum of a few: the first is slow, and another process may disturb one.
    seconds: float = min(process.request(slice=number)["seconds"] for number in range(N_BATCH_SETS))
    n_steps = min(max(min_steps, round(guess * SLICE_SECONDS / seconds)), MAX_STEPS)
    write_batches(case, n_steps, folder)
    return n_steps
