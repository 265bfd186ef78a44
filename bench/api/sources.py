"""Where the public functions read from: folders of sweeps, their records, or frames of them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias, overload

import pandas as pd

from bench.console import counted
from bench.errors import BenchError
from bench.records import RunRecord
from bench.results import store
from bench.results.merging import read_sweeps

Folder: TypeAlias = "str | os.PathLike[str]"
Source: TypeAlias = "Folder | Sequence[Folder] | Records | pd.DataFrame"
FOLDERS = "folders"  # the key of `DataFrame.attrs` with the folders of a frame's sweeps


@dataclass(frozen=True, repr=False)
class Records(Sequence[RunRecord]):
    """The records of one or several sweeps, in the order of their runs.

    A slice and `filter` return `Records`, too: they keep what findings and pictures need besides
    the records, which are the verdicts of the parity checks and the summaries of the datasets.

    Attributes:
        sweep: the records, verdicts and summaries, and the files that could not be read.
        folders: the folders of the sweeps, absolute.
    """

    sweep: store.Sweep
    folders: tuple[Path, ...]

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.sweep.records)

    @overload
    def __getitem__(self, place: int) -> RunRecord: ...

    @overload
    def __getitem__(self, place: slice) -> Records: ...

    def __getitem__(self, place: int | slice) -> RunRecord | Records:
        """Return one record, or the records of a slice."""
        chosen = self.sweep.records[place]
        return self._with(chosen) if isinstance(chosen, tuple) else chosen

    def filter(self, keep: Callable[[RunRecord], bool]) -> Records:
        """Return the records for which `keep` is true."""
        return self._with(tuple(filter(keep, self.sweep.records)))

    def _with(self, records: tuple[RunRecord, ...]) -> Records:
        if records == self.sweep.records:
            return self
        # Runs without a record are no part of a choice of records.
        return replace(self, sweep=replace(self.sweep, records=records, missing=()))

    def __repr__(self) -> str:
        """Return how many records there are, and how their runs ended."""
        statuses = Counter(record.status for record in self)
        ended = ", ".join(f"{number} {status}" for status, number in statuses.items())
        return f"<{counted(len(self), 'record')} of {self.sweep.name}: {ended or 'none'}>"


def records_of(source: Source) -> Records:
    """Return the records of a folder, of several folders, or of a frame.

    Args:
        source: the folder of a sweep, such as `results/default`; several folders; records, which
            are returned unchanged; or a frame that `load_runs` or `load_curves` returned, or rows
            of it: its runs are read again.

    Raises:
        BenchError: a folder is not the folder of a sweep, or a frame is of unknown origin.
    """
    if isinstance(source, Records):
        return source
    if isinstance(source, pd.DataFrame):
        return _records_of_frame(source)
    given = [source] if isinstance(source, str | os.PathLike) else list(source)
    if not given or any(isinstance(each, RunRecord) for each in given):
        raise BenchError(
            "give a folder, a frame or Records; a list of records lacks the parity verdicts and "
            "the data: use a slice, or records.filter(lambda record: ...)"
        )
    if "" in given:
        raise BenchError("'': is empty; give the folder of a sweep, such as results/default")
    folders = [Path(each).expanduser() for each in given]
    sweep = read_sweeps(folders)
    return Records(sweep, tuple(folder.absolute() for folder in folders))


def _records_of_frame(frame: pd.DataFrame) -> Records:
    folders = frame.attrs.get(FOLDERS)
    if not folders or "run_id" not in frame:
        raise BenchError(
            "this frame does not say which sweep it is from: it must have the column run_id and "
            "the `attrs` of load_runs or load_curves, which merge and concat of pandas may drop; "
            "give the folder or the records instead"
        )
    run_ids = set(frame["run_id"])
    return records_of(folders).filter(lambda record: record.run_id in run_ids)
