"""A sweep on Fashion-MNIST on two nodes: the report's ratios, computed a second time from records.

Takes minutes for each engine, so that it is executed with CHAOS=full only.
"""

from __future__ import annotations

import json
import math
import statistics
import time

import pytest

from tests.chaos.conftest import FULL
from tests.clusters.ray import ray as ray
from tests.clusters.slurm import slurm as slurm

# Eight blocks of three runs; each trains on 6,000 images.
SWEEP = (
    "-m", "implementation=numpy,notebook,keras", "seed=0,1,2,3,4,5,6,7", "threads=1", "epochs=3",
    "validation_fraction=0.9", "share_machine=true", "sweep_name=night",
)  # fmt: skip
QUANTILE = 12.7062047  # of t with one degree of freedom, 0.975: two nodes


def ratios_of(folder):
    """Return the ratio of each pair of implementations, with its interval; from JSON alone.

    Log ratio within each block, mean for each node, mean over nodes with a t-interval.
    """
    speeds, nodes = {}, {}
    for path in folder.glob("*/record.json"):
        record = json.loads(path.read_text())
        seconds = [epoch["train_seconds"] for epoch in record["epochs"] if epoch["epoch"]]
        speed = statistics.median(record["examples_per_epoch"] / each for each in seconds)
        name = record["config"]["implementation"]["name"]
        speeds.setdefault(record["block"], {})[name] = math.log(speed)
        nodes.setdefault(record["block"], set()).add(record["node"])
    assert len(speeds) == 8
    assert all(len(block) == 3 for block in speeds.values())
    assert all(len(node) == 1 for node in nodes.values())
    found = {}
    for subject in ("numpy", "notebook", "keras"):
        for baseline in {"numpy", "notebook", "keras"} - {subject}:
            by_node = {}
            for block, (node,) in nodes.items():
                difference = speeds[block][subject] - speeds[block][baseline]
                by_node.setdefault(node, []).append(difference)
            means = [statistics.fmean(differences) for differences in by_node.values()]
            assert len(means) == 2
            mean = statistics.fmean(means)
            half = QUANTILE * statistics.stdev(means) / math.sqrt(len(means))
            found[subject, baseline] = [math.exp(x) for x in (mean, mean - half, mean + half)]
    return found


@pytest.mark.skipif(not FULL, reason="takes minutes; CHAOS=full executes it")
@pytest.mark.parametrize("engine", ["slurm", "ray"])
def test_ratios_of_the_report_are_those_of_the_records(engine, request, run, tmp_path, capsys):
    cluster = request.getfixturevalue(engine)
    start = time.monotonic()
    ended = run("bench", *SWEEP, *cluster.words, env=cluster.environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    seconds = time.monotonic() - start
    folder = tmp_path / "results" / "night"
    assert run("bench-report", str(folder), "--format=json").returncode == 0
    findings = json.loads((folder / "report" / "findings.json").read_text())["findings"]
    expected, compared = ratios_of(folder), set()
    for finding in findings:
        if finding["question"] == "speed" and finding["unit"] == "ratio":
            pair = finding["subject"], finding["baseline"]
            values = [finding[key] for key in ("value", "low", "high")]
            assert values == pytest.approx(expected[pair], rel=1e-6)
            assert finding["method"] == "nodes"
            compared.add(frozenset(pair))
            with capsys.disabled():
                value, low, high = values
                print(
                    f"\n{engine}: {' / '.join(pair)} {value:.4g} ({low:.4g} to {high:.4g})", end=""
                )
    assert len(compared) >= 2
    with capsys.disabled():
        print(f"\n{engine}: {seconds:.0f} s")
