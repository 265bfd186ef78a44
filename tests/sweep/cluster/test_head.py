"""Which blocks a later command leaves out."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from bench.sweep.cluster import head
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
    assert not head._is_complete(jobs, {records[0].run_id: records[0]})
    records[1] = dataclasses.replace(records[1], **changes)
    found = {record.run_id: record for record in records}
    assert head._is_complete(jobs, found) is complete


def test_nodes_with_other_versions_may_complete_a_block_if_that_is_allowed(plan, composed):
    allowed = msgspec.structs.replace(composed.launcher, allow_mixed=True)
    jobs = plan(0, launcher=allowed)
    record = record_of(jobs[0], node="node-a", made_with={"numpy": "0.1"})
    assert head._is_complete(jobs, {record.run_id: record})
