"""Progress lines of a sweep: which run it is at, how its epochs go, how much time is left."""

from __future__ import annotations

import statistics
from collections import Counter, deque
from collections.abc import Iterable, Sequence

from bench.console import printable
from bench.records import FINISHED, RunRecord, Verdict, setting
from bench.sweep.jobs import Job, is_current
from bench.terminal import in_words
from bench.training.result import EpochEnded

MAX_DURATIONS = 20  # of each kind of run: the latest tell most
Kind = tuple[str, str]  # names of implementation and architecture


class TimeLeft:
    """Estimates how long the runs that are still to be made will take.

    A run is estimated by the mean of those that have finished with the same implementation and
    architecture; else by those of the same implementation; else by all.
    """

    def __init__(self, jobs: Sequence[Job], records: Iterable[RunRecord]) -> None:
        """Learn durations from records.

        Args:
            jobs: all runs of the command.
            records: those that the sweep has already.
        """
        self._durations: dict[Kind, deque[float]] = {}
        earlier = {record.run_id: record for record in records}
        for record in earlier.values():
            self._learn(record)
        self._waiting = {}
        for job in jobs:
            if job.run_id not in earlier or not is_current(earlier[job.run_id], job):
                self._waiting[job.folder] = _kind(job)
        self._n_waiting = Counter(self._waiting.values())

    def count(self, job: Job, record: RunRecord | None = None) -> None:
        """Take one run off those that are still to be made.

        Args:
            job: the run.
            record: its record, if it has just been made.
        """
        kind = self._waiting.pop(job.folder, None)
        if kind is not None:
            self._n_waiting[kind] -= 1
        if record is not None:
            self._learn(record)

    @property
    def seconds(self) -> float | None:
        """The estimate; None as long as no run has finished."""
        if not self._durations:
            return None
        return sum(n * self._mean(kind) for kind, n in self._n_waiting.items())

    def __str__(self) -> str:
        """Return the estimate in words; empty if there is none."""
        seconds = self.seconds
        if seconds is None:
            return ""
        return (
            f"about {seconds / 60:.0f} min left" if seconds >= 90 else f"about {seconds:.0f} s left"
        )

    def _learn(self, record: RunRecord) -> None:
        if record.status in FINISHED:
            names = (setting(record, group, "name") for group in ("implementation", "architecture"))
            implementation, architecture = map(str, names)
            kind = implementation, architecture
            self._durations.setdefault(kind, deque(maxlen=MAX_DURATIONS))
            self._durations[kind].append(record.seconds.total)

    def _mean(self, kind: Kind) -> float:
        known = self._durations
        if kind in known:
            return statistics.fmean(known[kind])
        like = [values for (name, _), values in known.items() if name == kind[0]]
        return statistics.fmean(map(statistics.fmean, like or known.values()))


def _kind(job: Job) -> Kind:
    return job.config.implementation.name, job.config.architecture.name


def print_heading(job: Job, remark: str) -> None:
    """Print which run of how many this is, with a remark such as the time that is left."""
    print(
        f"[{job.number}/{job.n_runs}] {job.label}" + (f"  ({remark})" if remark else ""),
        flush=True,
    )


def print_waiting() -> None:
    """Print why nothing happens."""
    print(
        "    waiting for another run on this machine to end (share_machine=true runs beside it)",
        flush=True,
    )


def print_noise(reasons: Sequence[str]) -> None:
    """Print why the speed of a run is in doubt, if it is."""
    if reasons:
        listed = "; ".join(reasons)
        print(f"    noisy: {listed} (bench-doctor says what to do)", flush=True)


def print_verdict(verdict: Verdict) -> None:
    """Print the result of the parity ladder."""
    print(f"    parity: {verdict.implementation} {printable(in_words(verdict))}", flush=True)


def print_epoch(ended: EpochEnded, n_epochs: int) -> None:
    """Print the metrics of an epoch.

    Args:
        ended: the epoch.
        n_epochs: of the run.
    """
    epoch = ended.epoch

    def shown(value: float | None) -> str:
        return "not finite" if value is None else f"{value:.4f}"

    line = f"    epoch {epoch.epoch}/{n_epochs}  loss {shown(epoch.train_loss)}"
    if epoch.training_set_loss is not None:
        line += f"  after it {shown(epoch.training_set_loss)}"
    if epoch.validation_accuracy is not None:
        line += (
            f"  validation loss {shown(epoch.validation_loss)}"
            f"  accuracy {epoch.validation_accuracy:.4f}"
        )
    if ended.examples_per_second is not None:
        line += f"  {ended.examples_per_second:,.0f} examples/s"
    print(line, flush=True)
