"""Which files a node of Ray sends, and how its process ends."""

from __future__ import annotations

import subprocess
import sys

from bench.sweep.cluster import ray_node


def test_files_are_sent_once_and_when_they_are_complete(tmp_path):
    for name in ("a/record.json", "a/run.log", ".b/record.json", "parity.json", ".parity.json.x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    sent = set()
    names = sorted(name for name, _ in ray_node._new_files(tmp_path, sent))
    assert names == ["a/record.json", "a/run.log", "parity.json"]
    (tmp_path / ".b").rename(tmp_path / "b")
    assert ray_node._new_files(tmp_path, sent) == [("b/record.json", b".b/record.json")]


def test_the_process_of_a_block_ends_while_its_input_is_open(tmp_path):
    (tmp_path / "started.json").touch()  # an attempt that is given up
    command = [sys.executable, "-m", "bench.sweep.cluster.node", tmp_path, "a"]
    with subprocess.Popen(
        [*command, ray_node.UNTIL_INPUT_ENDS],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr.read() == b""
        assert process.wait() == 1
