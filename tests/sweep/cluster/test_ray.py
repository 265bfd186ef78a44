"""`bench launcher=ray` on a real Ray cluster of two nodes. Faults: tests/chaos/test_clusters.py."""

from __future__ import annotations

import os
import re
import socket
import threading

import pytest

from tests.clusters.processes import MAX_WAIT_SECONDS, free_ports
from tests.clusters.sweeps import check_whole_blocks, read
from tests.conftest import TINY
from tests.processes import wait_for


def test_blocks_are_executed_whole_on_both_nodes(ray, start, tmp_path):
    process = start(*ray.words, "seed=0,1")
    wait_for(lambda: any(map(ray.workers_on, ray.nodes)), MAX_WAIT_SECONDS)
    pids = [pid for node in ray.nodes for pid in ray.workers_on(node)]
    # Ray gives its workers low priority, with which runs would be slower.
    assert {os.getpriority(os.PRIO_PROCESS, pid) for pid in pids} == {os.nice(0)}
    assert process.wait(timeout=240) == 0, (tmp_path / "output").read_text()
    sweep = read(tmp_path)
    assert set(check_whole_blocks(sweep.records, n_blocks=2).values()) == {1}
    assert len({record.node for record in sweep.records}) == 2
    assert not list((sweep.folder / "attempts").glob("block-*"))


def test_the_doctor_examines_each_node(ray, run):
    words = ("implementation=numpy", "dataset=synthetic", "threads=4000")
    ended = run("bench-doctor", *ray.words, *words)
    assert ended.returncode == 1, ended.stderr
    assert ended.stdout.count(": threads=4000: must be auto, or 1 to ") == 2
    assert len(re.findall(" alive +same +synthetic +", ended.stdout)) == 2
    assert "no 'bench'" in ended.stdout  # the head
    assert "Nodes that are fit for these runs: 0 of 2." in ended.stdout


def test_an_address_without_a_cluster_is_named(run):
    pytest.importorskip("ray")
    (port,) = free_ports(1)
    ended = run("bench", *TINY, "launcher=ray", f"launcher.address=127.0.0.2:{port}")
    assert ended.returncode == 2
    assert f"launcher.address=127.0.0.2:{port}: " in ended.stderr
    assert "Traceback" not in ended.stderr


def test_another_server_at_the_address_is_named(run):
    pytest.importorskip("ray")

    def answer():
        connection, _ = server.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer, daemon=True).start()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        ended = run("bench-doctor", "--launcher=ray", f"launcher.address={address}")
    assert ended.returncode == 2
    assert f"launcher.address={address}: can't connect: another program answers" in ended.stderr
