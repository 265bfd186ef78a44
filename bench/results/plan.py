"""The plan of a sweep: which runs it consists of, in which order."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.files import FileError, locked, remove_temporary_files, write_atomically
from bench.results.checksummed import SCHEMA_VERSION, NewerError, encode, read

PLAN_NAME = "sweep.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepPlan:
    """The runs of a sweep in the order of their execution; written before the first run."""

    schema_version: int
    sweep_name: str
    run_ids: tuple[str, ...]


def add_to_plan(sweep_folder: Path, run_ids: Sequence[str]) -> tuple[SweepPlan, str | None]:
    """Append runs to a sweep's plan; several processes may do so at once.

    Args:
        sweep_folder: created if it does not exist.
        run_ids: the runs, in the order of their execution.

    Returns:
        The plan, and why an earlier plan was unreadable and had to be renamed, or None.

    Raises:
        NewerError: the plan was written by a later version.
        FileError: the plan can't be written.
    """
    path = sweep_folder / PLAN_NAME
    damage = None
    with locked(sweep_folder):
        remove_temporary_files(path)
        earlier: tuple[str, ...] = ()
        if path.exists():
            try:
                earlier = read(path, SweepPlan).run_ids
            except NewerError:
                raise
            except FileError as error:
                damage = str(error)
                path.rename(path.with_name(f"earlier-sweep-{time.time_ns()}.json"))
        plan = SweepPlan(
            schema_version=SCHEMA_VERSION,
            sweep_name=sweep_folder.name,
            run_ids=tuple(dict.fromkeys([*earlier, *run_ids])),
        )
        write_atomically(path, encode(plan))
    return plan, damage
