"""The head of a sweep on several machines: place blocks, collect results, commit whole blocks.

Only the head writes to the sweep's folder. A block is committed when one attempt has a record for
each of its runs; results of other attempts stay where they are.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.console import printable
from bench.results import store
from bench.sweep.cluster.attempts import Attempts, held, last_numbers
from bench.sweep.cluster.dispatcher import Attempt, Dispatcher, Loss
from bench.sweep.cluster.launcher import (
    EngineEndedError,
    Launcher,
    LauncherError,
    Placement,
    connect,
)
from bench.sweep.cluster.progress import ClusterProgress
from bench.sweep.cluster.requests import is_complete, request_for
from bench.sweep.jobs import Job

POLL_SECONDS = 1.0
GRACE_POLLS = 5  # a file may become visible on the head some seconds after the job has ended
MAX_SILENT_POLLS = 120  # polls that the engine may leave unanswered


def execute_sweep(planned: Sequence[Job]) -> dict[str, str]:
    """Execute the blocks of a sweep that are not complete.

    Args:
        planned: all runs of the sweep, in the order of their blocks.

    Returns:
        The blocks that were given up, with reasons.

    Raises:
        LauncherError: the engine does not answer, or another command is executing this sweep.
        StoreError: a file can't be written.
    """
    sweep_folder = planned[0].sweep_folder
    attempts = Attempts(sweep_folder)
    with held(attempts.folder) as acquired:
        if not acquired:
            raise LauncherError(f"{sweep_folder}: another command is executing this sweep")
        attempts.finish_commits()
        launcher = connect(planned[0].config.launcher, attempts.folder)
        try:
            return Head(planned, launcher, attempts, sweep_folder).run()
        finally:
            launcher.close()


class Head:
    """The state of `execute_sweep`."""

    def __init__(
        self, planned: Sequence[Job], launcher: Launcher, attempts: Attempts, sweep_folder: Path
    ) -> None:
        """Find out which blocks are complete, and which attempts of earlier commands go on."""
        self._launcher, self._attempts = launcher, attempts
        self._jobs = {
            block: list(jobs) for block, jobs in itertools.groupby(planned, lambda job: job.block)
        }
        sweep = store.read_sweep(sweep_folder)
        records = {record.run_id: record for record in sweep.records}
        pending = [block for block, jobs in self._jobs.items() if not is_complete(jobs, records)]
        existing = attempts.existing()
        max_attempts = planned[0].config.launcher.attempts
        self._dispatcher = Dispatcher(pending, max_attempts, last_numbers(existing))
        durations = [
            sum(records[job.run_id].seconds.total for job in jobs)
            for block, jobs in self._jobs.items()
            if block not in pending
        ]
        self._progress = ClusterProgress(self._dispatcher, len(self._jobs), durations)
        self._polls_since_end: Counter[Attempt] = Counter()
        self._why_excluded: dict[str, str] = {}
        self._resume([attempt for attempt in existing if attempt.block in pending])
        if durations:
            print(f"{len(durations)} of {len(self._jobs)} blocks finished earlier, kept")

    def _resume(self, existing: Sequence[Attempt]) -> None:
        """Use what the nodes have done since an earlier command ended."""
        latest = {attempt.block: attempt for attempt in existing}
        for attempt in latest.values():
            engine_id = self._attempts.job(attempt)
            if engine_id is not None:
                self._launcher.resume(attempt, engine_id)
        active = self._launcher.active()
        for attempt in latest.values():
            if attempt in active or self._attempts.outcome(attempt) is not None:
                self._dispatcher.resume(attempt)
            else:  # its job may wait, if the earlier command was killed before it wrote the id
                self._attempts.prevent(attempt)

    def run(self) -> dict[str, str]:
        """Execute the blocks; return those that were given up, with reasons."""
        dispatcher = self._dispatcher
        if not dispatcher.finished:
            jobs = [job for block in self._jobs.values() for job in block]
            self._attempts.write_datasets({job.config.dataset: job.dataset_folder for job in jobs})
        n_silent = 0
        has_answered = False
        try:
            while not dispatcher.finished:
                try:
                    self.poll()
                    n_silent, has_answered = 0, True
                except LauncherError as error:
                    is_over = isinstance(error, EngineEndedError) or n_silent >= MAX_SILENT_POLLS
                    if is_over or not has_answered:
                        raise
                    if n_silent == 0:
                        self._progress.clear()
                        print(f"waiting for the engine: {printable(error)}")
                    n_silent += 1
                self._progress.show()
                if not dispatcher.finished:
                    time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            self._launcher.cancel(list(dispatcher.running.values()))
            raise
        finally:
            self._progress.clear()
        self._attempts.remove_datasets()
        return dispatcher.given_up

    def poll(self) -> None:
        """Collect attempts that have ended, and start others as far as the launcher takes them."""
        self._collect(self._launcher.active())
        if not self._dispatcher.finished:
            self._place()

    def _place(self) -> None:
        dispatcher = self._dispatcher
        excluded = dispatcher.excluded_nodes
        n_free = self._launcher.n_free(excluded)
        if n_free <= 0 and not dispatcher.running:
            dispatcher.give_up_waiting(self._why_no_node_is_left())
            return
        folders = {}
        verdicts = self._attempts.verdicts()
        for _ in range(min(n_free, dispatcher.n_waiting)):
            attempt = dispatcher.place()
            assert attempt is not None  # noqa: S101
            request = request_for(self._jobs[attempt.block], attempt, verdicts)
            folders[attempt] = self._attempts.write_request(attempt, request)
        if not folders:
            return
        started: dict[Attempt, str] = {}
        try:
            started = self._launcher.start(folders, excluded)
            for attempt, engine_id in started.items():
                self._attempts.write_job(attempt, engine_id)
        finally:
            for attempt in reversed([each for each in folders if each not in started]):
                dispatcher.withdraw(attempt)
                self._attempts.discard(attempt)

    def _why_no_node_is_left(self) -> str:
        if not self._why_excluded:
            return "no node takes part; `bench-doctor launcher=...` lists the nodes"
        nodes = [f"{node} ({reason})" for node, reason in sorted(self._why_excluded.items())]
        return f"no node is left; left out: {', '.join(nodes)}"

    def _collect(self, active: Mapping[Attempt, Placement]) -> None:
        """Commit attempts that have become complete, and note those that are lost."""
        for attempt in list(self._dispatcher.running.values()):
            placement = active.get(attempt)
            if placement is not None and not placement.running:
                if self._progress.node_of(attempt) is not None:
                    self._launcher.cancel([attempt])
                    self._lose(attempt, "its job was requeued", "lost")
                continue
            if placement is not None:
                self._progress.note_start(attempt, placement.node)
            else:
                self._polls_since_end[attempt] += 1
            outcome = self._attempts.outcome(attempt)  # final, also if the engine lists the attempt
            if outcome is None and self._polls_since_end[attempt] < GRACE_POLLS:
                continue
            if outcome is not None and outcome.status == "complete":
                self._commit(attempt)
            elif outcome is not None and outcome.status == "refused":
                self._lose(attempt, outcome.reason, "refused")
            else:
                reason = outcome.reason if outcome else "the node or the process ended"
                self._lose(attempt, reason, "lost")

    def _commit(self, attempt: Attempt) -> None:
        jobs = self._jobs[attempt.block]
        records = self._attempts.records(attempt)
        if records.keys() != {job.run_id for job in jobs}:
            self._lose(attempt, "its records are not those of the block", "lost")
            return
        if self._dispatcher.accept(attempt):
            self._attempts.commit(attempt)
            statuses = Counter(record.status for record in records.values())
            words = ", ".join(f"{n} {status}" for status, n in sorted(statuses.items()))
            found = [record.environment.get("noisy_reasons") for record in records.values()]
            if noisy := [reasons for reasons in found if reasons]:
                words += f"; {len(noisy)} noisy, the first because {noisy[0][0]}"
            self._progress.print_complete(attempt, words)

    def _lose(self, attempt: Attempt, reason: str, kind: Loss) -> None:
        node = self._progress.node_of(attempt)
        self._attempts.prevent(attempt)
        again = self._dispatcher.lose(attempt, node, reason, kind)
        if node in self._dispatcher.excluded_nodes:
            self._why_excluded[node] = reason
        what = "refused by" if kind == "refused" else "lost on"
        then = "will be tried again" if again else "given up"
        self._progress.print_end(attempt, f"{what} {node or 'the engine'}: {reason}; {then}")
