"""Several sweeps read as one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from bench.records import RunRecord
from bench.results.plan import PLAN_NAME
from bench.results.store import RECORD_NAME, StoreError, Sweep, read_sweep
from bench.scores import decisive_verdicts

MAX_HINTS = 10


def read_sweeps(folders: Sequence[Path]) -> Sweep:
    """Read one or several sweeps as one.

    Args:
        folders: the folders of one or more sweeps.

    Raises:
        StoreError: a folder is not a sweep's; the message names the sweeps below or above it.
    """
    sweeps = [read_sweep(folder) for folder in folders]
    for sweep in sweeps:
        if not (sweep.plan or sweep.records or sweep.unreadable):
            raise StoreError(f"{sweep.folder}: {_why_not_a_sweep(sweep.folder)}")
    return merged(sweeps)


def _why_not_a_sweep(folder: Path) -> str:
    """Return why a folder is not a sweep's, and which folders to give instead."""
    if (folder / RECORD_NAME).exists():
        return f"the folder of one run; give the folder of its sweep: {folder.resolve().parent}"
    sweeps = {path.parents[1] for path in folder.glob(f"*/*/{RECORD_NAME}")}
    sweeps |= {path.parent for path in folder.glob(f"*/{PLAN_NAME}")}
    if not sweeps:
        return "no records, so there is nothing to report; 'bench' writes results/<sweep_name>"
    names = sorted(str(path) for path in sweeps)
    first = ", ".join(names[:MAX_HINTS])
    more = f" and {len(names) - MAX_HINTS} more" if len(names) > MAX_HINTS else ""
    return f"not a sweep, but contains sweeps; give one or several of them: {first}{more}"


def merged(sweeps: Sequence[Sweep]) -> Sweep:
    """Combine several sweeps into one; run_ids then start with the sweep's name: `sweep/run`.

    A folder that is given twice is read once; a record copied from one sweep to another is
    ignored.

    Args:
        sweeps: one or more; a single sweep is returned unchanged.
    """
    sweeps = list({sweep.folder.resolve(): sweep for sweep in sweeps}.values())
    if len(sweeps) == 1:
        return sweeps[0]
    names = _distinct_names([sweep.folder.resolve() for sweep in sweeps])
    records: dict[bytes, RunRecord] = {}
    copies = [line for sweep in sweeps for line in sweep.copies]
    for name, sweep in zip(names, sweeps, strict=True):
        for record in sweep.records:
            content = msgspec.json.encode(replace(record, run_id="", sweep_name=""))
            run_id = f"{name}/{record.run_id}"
            if content in records:
                first = records[content].run_id
                copies.append(f"{run_id}: duplicate of run {first}; ignored")
            else:
                records[content] = replace(record, run_id=run_id)
    return Sweep(
        folder=Path(" + ".join(names)),
        name=" + ".join(names),
        plan=None,
        records=tuple(records.values()),
        unreadable=tuple(line for sweep in sweeps for line in sweep.unreadable),
        missing=tuple(
            f"{name}/{run_id}"
            for name, sweep in zip(names, sweeps, strict=True)
            for run_id in sweep.missing
        ),
        datasets=tuple(
            {
                summary.fingerprint: summary for sweep in sweeps for summary in sweep.datasets
            }.values()
        ),
        verdicts=decisive_verdicts(verdict for sweep in sweeps for verdict in sweep.verdicts),
        copies=tuple(copies),
        n_without_checksum=sum(sweep.n_without_checksum for sweep in sweeps),
    )


def _distinct_names(folders: Sequence[Path]) -> list[str]:
    """Return the shortest ends of the folders' paths that are distinct."""
    for n_parts in itertools.count(1):
        names = ["/".join(folder.parts[-n_parts:]) for folder in folders]
        if len(set(names)) == len(names):
            return names
    raise AssertionError("different paths differ in their parts")
