"""Which blocks a later command leaves out."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from bench.sweep.cluster import head, node, requests
from bench.sweep.cluster.attempts import Attempts
from bench.sweep.cluster.launcher import Placement
from bench.sweep.cluster.messages import BlockRequest
from tests.sweep.conftest import record_of


@pytest.mark.parametrize(
    ("changes", "complete"),
    [
        ({}, True),
        ({"status": "skipped"}, True),
        ({"status": "failed"}, False),
        ({"node": "node-b"}, False),
        ({"made_with": {"numpy": "0.1"}}, False),
    ],
)
def test_a_block_is_complete_with_records_of_one_node_and_the_current_code(plan, changes, complete):
    jobs = plan(0, 1)
    records = [record_of(job, node="node-a") for job in jobs]
    assert not requests.is_complete(jobs, {records[0].run_id: records[0]})
    records[1] = dataclasses.replace(records[1], **changes)
    found = {record.run_id: record for record in records}
    assert requests.is_complete(jobs, found) is complete


def test_nodes_with_other_versions_may_complete_a_block_if_that_is_allowed(plan, composed):
    allowed = msgspec.structs.replace(composed.launcher, allow_mixed=True)
    jobs = plan(0, launcher=allowed)
    record = record_of(jobs[0], node="node-a", made_with={"numpy": "0.1"})
    assert requests.is_complete(jobs, {record.run_id: record})


class OneNode:
    """A launcher with one node; the test says where its attempts are."""

    def __init__(self):
        self.placements = {}
        self.cancelled = []

    def n_free(self, excluded):
        return 1 - len(self.placements)

    def start(self, folders, excluded):
        self.placements |= dict.fromkeys(folders, Placement(running=True, node="a"))
        return dict.fromkeys(folders, "7")

    def resume(self, attempt, engine_id):
        """Do nothing: the test says what is active."""

    def active(self):
        return dict(self.placements)

    def cancel(self, attempts):
        for attempt in attempts:
            del self.placements[attempt]
            self.cancelled.append(attempt)


@pytest.fixture
def head_of(plan):
    """Return a head of one block with a launcher, and the attempts."""

    def make(launcher, *seeds):
        jobs = plan(*seeds or (0,))
        attempts = Attempts(jobs[0].sweep_folder)
        return head.Head(jobs, launcher, attempts, jobs[0].sweep_folder), attempts

    return make


def test_a_requeued_job_is_cancelled_and_its_block_placed_again(head_of):
    launcher = OneNode()
    sweep, attempts = head_of(launcher)
    sweep.poll()
    (first,) = launcher.placements
    sweep.poll()  # sees that it runs
    launcher.placements[first] = Placement(running=False, node=None)
    sweep.poll()
    assert launcher.cancelled == [first]
    assert [attempt.number for attempt in launcher.placements] == [2]
    assert node.main(attempts.folder_of(first), "a") == 1  # SLURM may start it later: it ends


def test_a_job_whose_id_was_not_written_does_not_begin_later(head_of):
    sweep, attempts = head_of(OneNode())
    sweep.poll()
    (lost,) = attempts.existing()
    (attempts.folder_of(lost) / "job").unlink()
    again, _ = head_of(OneNode())
    again.poll()
    assert [attempt.number for attempt in attempts.existing()] == [1, 2]
    assert node.main(attempts.folder_of(lost), "a") == 1


def test_a_block_with_an_outcome_is_committed_although_the_engine_lists_its_job(head_of):
    launcher = OneNode()  # SLURM lists a job for a while after its supervisor was killed
    sweep, attempts = head_of(launcher)
    sweep.poll()
    (attempt,) = launcher.placements
    assert node.main(attempts.folder_of(attempt), "a") == 0
    sweep.poll()
    assert sweep._dispatcher.complete == {attempt.block}


def test_parity_is_checked_for_the_first_block_only(head_of):
    launcher = OneNode()
    sweep, attempts = head_of(launcher, 0, 1)
    sweep.poll()
    (first,) = launcher.placements
    assert node.main(attempts.folder_of(first), "a") == 0
    launcher.placements.clear()
    sweep.poll()
    (second,) = launcher.placements
    request = (attempts.folder_of(second) / "request.json").read_bytes()
    assert len(msgspec.json.decode(request, type=BlockRequest).verdicts) == 1
