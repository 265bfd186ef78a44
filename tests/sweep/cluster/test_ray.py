"""`bench launcher=ray` on a real Ray cluster of two nodes. Faults: tests/chaos/test_clusters.py."""

from __future__ import annotations

import pytest

from tests.clusters.processes import free_ports
from tests.clusters.sweeps import check_whole_blocks, read
from tests.conftest import TINY


def test_blocks_are_executed_whole_on_both_nodes(ray, start, tmp_path):
    process = start(*ray.words, "seed=0,1")
    assert process.wait(timeout=240) == 0, (tmp_path / "output").read_text()
    sweep = read(tmp_path)
    assert set(check_whole_blocks(sweep.records, n_blocks=2).values()) == {1}
    assert len({record.node for record in sweep.records}) == 2
    assert not list((sweep.folder / "attempts").glob("block-*"))


def test_an_address_without_a_cluster_is_named(run):
    pytest.importorskip("ray")
    (port,) = free_ports(1)
    ended = run("bench", *TINY, "launcher=ray", f"launcher.address=127.0.0.2:{port}")
    assert ended.returncode == 2
    assert f"launcher.address=127.0.0.2:{port}: " in ended.stderr
    assert "Traceback" not in ended.stderr
