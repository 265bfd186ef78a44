"""Findings on several nodes and kinds of machine."""

import json
import math
import random
import statistics
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

from bench.report.contents.document import document
from bench.report.findings.findings import findings, sentences
from bench.report.findings.headline import headline
from bench.report.findings.tiles import tiles
from bench.report.frames.analysis import analyse
from bench.report.frames.odd_nodes import node_values, odd_nodes
from tests.report.conftest import ENVIRONMENT, make_record, sweep_of

AMD, INTEL = "AMD EPYC 7xx3", "Intel Xeon 8480"
T = {1: 12.706205, 5: 2.570582}  # Student's t at 0.975, from a printed table


def on_nodes(cpu_model, n_nodes, speeds, *, architectures=("one_hidden",), slow=(), cores=(0, 1)):
    """Return three blocks on each node; nodes and runs differ by 2 and 1 %."""
    draw, records = random.Random(cpu_model), []  # noqa: S311
    for node in range(n_nodes):
        factor = math.exp(draw.gauss(0, 0.01)) * (0.8 if node in slow else 1)
        for name, speed in speeds.items():
            suits = draw.gauss(0, 0.02)
            for architecture in architectures:
                for seed in range(3):
                    record = make_record(
                        name, architecture, seed=10 * node + seed,
                        examples_per_second=speed * factor * math.exp(suits + draw.gauss(0, 0.01)),
                        environment={**ENVIRONMENT, "cpu_model": cpu_model, "cores": [*cores]},
                    )  # fmt: skip
                    node_id = f"node-{cpu_model[:3]}-{node}"
                    run_id = f"{record.run_id}-{node_id}"
                    records.append(replace(record, node=node_id, run_id=run_id))
    return records


def found_in(records):
    return findings(analyse(sweep_of(*records)))


def asked(found, question, claim=None):
    return [one for one in found if one.question == question and claim in (None, one.claim)]


def log_ratios(records, subject, baseline, cpu_model):
    """Return log(speed of subject / speed of baseline) by node and seed, computed by hand."""
    speeds = {
        (one.config["implementation"]["name"], one.node, one.config["seed"]): math.log(
            one.examples_per_second
        )
        for one in records
        if one.environment["cpu_model"] == cpu_model
    }
    ratios = {}
    for (name, node, seed), value in speeds.items():
        if name == subject:
            ratios.setdefault(node, []).append(value - speeds[baseline, node, seed])
    return ratios


TWO_KINDS = [
    *on_nodes(AMD, 6, {"numba": 1150.0, "jax": 1000.0}),
    *on_nodes(INTEL, 2, {"numba": 1000.0, "jax": 1400.0}),
]


def test_kinds_of_machine_stand_side_by_side():
    found = found_in(TWO_KINDS)
    words = []
    for kind, names in ((AMD, ("numba", "jax")), (INTEL, ("jax", "numba"))):
        ratios = log_ratios(TWO_KINDS, *names, kind)
        means = [statistics.fmean(one) for one in ratios.values()]
        half = T[len(means) - 1] * statistics.stdev(means) / math.sqrt(len(means))
        low, high = (math.exp(statistics.fmean(means) + side * half) for side in (-1, 1))
        words.append(
            f"on {kind} ({len(means)} nodes, {low:.2f} to {high:.2f} times as fast as {names[1]})"
        )
    assert headline(found).replace("\\", "") == (
        f"one_hidden: numba leads {words[0]}, jax {words[1]}. They learn the same: test accuracies "
        "agree within 0.3 points."
    )
    (one,) = asked(found, "kinds")
    assert (one.claim, one.condition, one.value, one.n_nodes) == (
        "different",
        "one_hidden",
        None,
        8,
    )
    assert {lead.machine for lead in asked(found, "speed")} == {AMD, INTEL}
    tile = tiles(found)[0]
    assert (tile.answer, tile.detail) == (
        "depends on the machine",
        f"numba on {AMD}; jax on {INTEL}",
    )


def test_a_kind_with_one_node_speaks_for_this_node_only():
    found = found_in([
        *on_nodes(AMD, 3, {"numba": 1500.0, "jax": 1000.0}),
        *on_nodes(INTEL, 1, {"numba": 1500.0, "jax": 1000.0}),
    ])  # fmt: skip
    assert f"and on {INTEL} (1 node, so for this node only: 1.5" in headline(found)
    assert asked(found, "kinds")[0].claim == "same"
    (one_node,) = asked(found, "nodes", "one_node")
    assert one_node.condition == f"one_hidden, machine {INTEL}"
    assert "hold for this machine" in one_node.sentence
    alone = found_in(on_nodes(INTEL, 1, {"numba": 1500.0, "jax": 1000.0}))
    assert not asked(alone, "kinds")
    assert asked(alone, "nodes", "one_node")


def test_the_number_of_cores_makes_another_kind():
    found = found_in([
        *on_nodes(AMD, 2, {"numba": 1500.0, "jax": 1000.0}),
        *on_nodes(AMD, 2, {"numba": 1000.0, "jax": 1500.0}, cores=range(8)),
    ])  # fmt: skip
    assert f"numba leads on {AMD} with 2 cores (2 nodes" in headline(found)
    assert f"jax on {AMD} with 8 cores (2 nodes" in headline(found)


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ({"numba": 1000.0, "jax": 1000.0}, "numba and jax **can't be told apart** (2 nodes"),
        ({"numba": 1000.0}, f"on {INTEL}, only numba has a rank"),
    ],
)
def test_a_kind_without_a_leader_says_so(second, words):
    found = found_in(
        [
            *on_nodes(AMD, 4, {"numba": 1500.0, "jax": 1000.0}),
            *on_nodes(INTEL, 2, second),
        ]
    )
    assert words in headline(found).replace("jax and numba", "numba and jax")
    assert asked(found, "kinds")[0].level == "attention"


def test_many_settings_are_counted_for_each_kind():
    some = ("one_hidden", "two_hidden", "three", "four", "five")
    found = found_in([
        *on_nodes(AMD, 3, {"numba": 1500.0, "jax": 1000.0}, architectures=some),
        *on_nodes(INTEL, 3, {"numba": 1000.0, "jax": 1500.0}, architectures=some),
    ])  # fmt: skip
    words = headline(found)
    assert f"On {AMD}, numba is the fastest under 5 of 5 conditions" in words
    assert f"On {INTEL}, jax is the fastest under 5 of 5 conditions" in words


def test_the_ratio_of_each_node_and_their_spread():
    records = on_nodes(AMD, 6, {"numba": 1150.0, "jax": 1000.0, "keras": 100.0})
    found = found_in(records)
    ratios = log_ratios(records, "numba", "jax", AMD)
    means = {node: statistics.fmean(some) for node, some in ratios.items()}
    (spread,) = [one for one in asked(found, "nodes", "spread") if one.baseline == "jax"]
    assert spread.value == pytest.approx(100 * math.expm1(statistics.stdev(means.values())))
    squares = sum((one - means[node]) ** 2 for node, some in ratios.items() for one in some)
    half = 2.178813 * math.sqrt(squares / 12 / 3)  # t with 6 x (3 - 1) degrees of freedom
    by_node = {one.node: one for one in asked(found, "nodes", "on_node") if one.baseline == "jax"}
    assert by_node.keys() == means.keys()
    for node, one in by_node.items():
        assert one.value == pytest.approx(math.exp(means[node]))
        assert (one.low, one.high) == pytest.approx(
            (math.exp(means[node] - half), math.exp(means[node] + half))
        )
    low, high = math.exp(min(means.values())), math.exp(max(means.values()))
    (line,) = [line for line in sentences(found) if line.startswith("From node to node")]
    assert line.startswith(
        f"From node to node, numba is {low:.2f} to {high:.2f} times as fast as jax: nodes differ "
        f"by {spread.value:.1f} %"
    )
    content = document(analyse(sweep_of(*records)), found, {}, [])
    (speed,) = [section for section in content.sections if section.name == "speed"]
    ((_, rows),) = speed.blocks[0].groups
    assert len(rows) == len(means)
    assert {row.cells[0] for row in rows} == set(means)
    assert rows[0].cells[3].startswith(f"{by_node[rows[0].cells[0]].value:.2f} (")


def test_a_slow_node_is_named():
    speeds = {"numba": 1150.0, "jax": 1000.0}
    records = on_nodes(AMD, 8, speeds, slow=[2], architectures=("one_hidden", "two_hidden"))
    found = found_in(records)
    (odd,) = asked(found, "machine", "odd")
    assert (odd.node, odd.level, odd.unit, odd.n_nodes) == ("node-AMD-2", "attention", "ratio", 7)
    assert odd.low < odd.value < odd.high
    assert odd.value == pytest.approx(0.8, abs=0.04)
    assert set(odd.run_ids) == {one.run_id for one in records if one.node == odd.node}
    assert odd.sentence.startswith("**node-AMD-2 is slower than the other 7 nodes of its kind**")
    (tile,) = [one for one in tiles(found) if one.title == "Are the speeds reliable?"]
    assert (tile.answer, tile.level) == ("1 odd node", "attention")
    assert not asked(found, "repeats")  # of one node, they agree
    assert json.dumps([asdict(one) for one in found])


def test_few_nodes_of_a_kind_name_none():
    records = [
        *on_nodes(AMD, 3, {"numba": 1150.0, "jax": 1000.0}, slow=[2]),
        *on_nodes(INTEL, 3, {"numba": 1150.0, "jax": 1000.0}),
    ]
    assert not asked(found_in(records), "machine", "odd")


NAMES = [f"n{node}" for node in range(8)]


def named_in(slow=0.0, *, n_sweeps=300, n_runs=9, spread=0.02, heavy=False, few=None):
    """Return the shares of sweeps that name the first, and any other, of 8 simulated nodes."""
    generator = np.random.default_rng(8)
    n_first = n_others = 0
    runs = np.array([few or n_runs, *[n_runs] * (len(NAMES) - 1)])
    for _ in range(n_sweeps):
        nodes = generator.standard_t(3, 8) / math.sqrt(3) if heavy else generator.normal(size=8)
        values = spread * nodes + 0.03 * math.sqrt(math.pi / 2) / np.sqrt(runs) * generator.normal(
            size=8
        )
        values[0] += math.log(1 - slow)
        variance = 0.03**2 * math.pi / 2 / runs
        found = odd_nodes(pd.DataFrame({"value": values, "variance": variance}, NAMES))
        n_first += any(one.node == "n0" for one in found)
        n_others += any(one.node != "n0" or not slow for one in found)
    return n_first / n_sweeps, n_others / n_sweeps


@pytest.mark.parametrize(
    "circumstance",
    [{}, {"heavy": True}, {"spread": 0.08}, {"spread": 0.0, "few": 1}, {"n_runs": 2}],
    ids=str,
)
def test_alike_nodes_are_named_in_at_most_5_percent_of_sweeps(circumstance):
    assert named_in(**circumstance)[1] <= 0.05


@pytest.mark.parametrize(("spread", "at_least"), [(0.01, 0.99), (0.02, 0.97), (0.03, 0.8)])
def test_a_node_that_is_20_percent_slower_is_named(spread, at_least):
    named, others = named_in(slow=0.2, spread=spread)
    assert named >= at_least
    assert others <= 0.05


def test_the_value_of_a_node_does_not_depend_on_which_blocks_it_executed():
    speed = {("a", 0): 100.0, ("b", 0): 1000.0, ("a", 1): 50.0, ("b", 1): 400.0}
    runs = pd.DataFrame(
        [
            {"node": f"n{node}", "condition": condition, "implementation": name,
             "examples_per_second": speed[name, condition] * (0.8 if node == 3 else 1)}
            for node in range(8) for condition in {node % 2, 1} for name in "ab"
            for _ in range(3)
        ]
    )  # fmt: skip
    values = node_values(runs)
    assert values["value"].to_dict() == pytest.approx(
        {f"n{node}": math.log(0.8) if node == 3 else 0.0 for node in range(8)}
    )
    assert [one.node for one in odd_nodes(values)] == ["n3"]
