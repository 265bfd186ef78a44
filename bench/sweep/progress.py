"""Progress lines of a sweep: the current run, its epochs, the time left."""

from __future__ import annotations

import statistics
from collections import Counter, deque
from collections.abc import Iterable, Sequence

from bench.console import printable
from bench.nested import setting
from bench.records import FINISHED, RunRecord, Verdict
from bench.sweep.jobs import Job, is_current
from bench.terminal import describe_verdict
from bench.training.result import EpochEnded

MAX_DURATIONS = 20  # for each kind of run, the latest
Kind = tuple[str, str]  # names of implementation and architecture


class TimeLeft:
    """Estimates the duration of the runs that are not finished.

    The estimate for a run is the mean of finished runs with the same implementation and
    architecture; otherwise with the same implementation; otherwise of all.
    """

    def __init__(self, jobs: Sequence[Job], records: Iterable[RunRecord]) -> None:
        """Add the durations of existing records.

        Args:
            jobs: all runs of the command.
            records: the existing records of the sweep.
        """
        self._durations: dict[Kind, deque[float]] = {}  # seconds
        earlier = {record.run_id: record for record in records}
        for record in earlier.values():
            self._add_duration(record)
        self._unfinished = {}
        for job in jobs:
            if job.run_id not in earlier or not is_current(earlier[job.run_id], job):
                self._unfinished[job.folder] = _kind(job)

    def count(self, job: Job, record: RunRecord | None = None) -> None:
        """Count a run as finished.

        Args:
            job: the run.
            record: the record of the run, if it was executed now.
        """
        self._unfinished.pop(job.folder, None)
        if record is not None:
            self._add_duration(record)

    @property
    def seconds(self) -> float | None:
        """The estimate; None until a run has finished."""
        if not self._durations:
            return None
        return sum(n * self._mean(kind) for kind, n in Counter(self._unfinished.values()).items())

    def __str__(self) -> str:
        """Return the estimate in words; empty if there is none."""
        seconds = self.seconds
        if seconds is None:
            return ""
        return f"about {in_words(seconds)} left"

    def _add_duration(self, record: RunRecord) -> None:
        if record.status in FINISHED:
            implementation = setting(record, "implementation", "name")
            kind = str(implementation), str(setting(record, "architecture", "name"))
            durations = self._durations.setdefault(kind, deque(maxlen=MAX_DURATIONS))
            durations.append(record.seconds.total)

    def _mean(self, kind: Kind) -> float:
        known = self._durations
        if kind in known:
            return statistics.fmean(known[kind])
        like = [values for (name, _), values in known.items() if name == kind[0]]
        return statistics.fmean(map(statistics.fmean, like or known.values()))


def in_words(seconds: float) -> str:
    """Return a duration in seconds, minutes or hours."""
    if seconds >= 100 * 60:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def _kind(job: Job) -> Kind:
    return job.config.implementation.name, job.config.architecture.name


def print_heading(job: Job, remark: str) -> None:
    """Print the position of a run in the sweep, its label, and a remark such as the time left."""
    print(f"[{job.number}/{job.n_runs}] {job.label}" + (f"  ({remark})" if remark else ""))


def print_verdict(verdict: Verdict) -> None:
    """Print the result of the parity ladder."""
    print(f"    parity: {verdict.implementation} {printable(describe_verdict(verdict))}")


def print_epoch(message: EpochEnded, n_epochs: int) -> None:
    """Print the metrics of an epoch.

    Args:
        message: the epoch.
        n_epochs: number of epochs of the run.
    """
    epoch = message.epoch

    line = f"    epoch {epoch.epoch}/{n_epochs}  loss {_format_loss(epoch.train_loss)}"
    if epoch.training_set_loss is not None:
        line += f"  after it {_format_loss(epoch.training_set_loss)}"
    if epoch.validation_accuracy is not None:
        line += (
            f"  validation loss {_format_loss(epoch.validation_loss)}"
            f"  accuracy {epoch.validation_accuracy:.4f}"
        )
    if message.examples_per_second is not None:
        line += f"  {message.examples_per_second:,.0f} examples/s"
    print(line)


def _format_loss(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.4f}"
