"""Every finding in findings.json, recomputed from the record files by other means."""

from __future__ import annotations

import base64
import json
import math
import random
import statistics
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import SCRIPTS
from tests.report.conftest import make_record, write_records

# Student's t at 0.975, from a printed table, by degrees of freedom.
T = {2: 4.302653, 4: 2.776445, 10: 2.228139}
NORMAL = 1.959964
N_IMAGES = 10_000
SPEEDS = {"numpy": 1100.0, "keras": 100.0}
BEST = 0.1
RATES = (0.01, 0.03, BEST)


def packed(wrong):
    """Return one bit per image as bytes."""
    bits = "".join("1" if number in wrong else "0" for number in range(N_IMAGES))
    return bytes(int(bits[start : start + 8], 2) for start in range(0, N_IMAGES, 8))


def one_record(name, architecture, rate, seed, *, images):
    draw = random.Random(f"{name} {architecture} {rate} {seed}")  # noqa: S311
    common = random.Random(f"{architecture} {seed}")  # noqa: S311
    wrong = set(common.sample(range(N_IMAGES), 1500)) ^ set(draw.sample(range(N_IMAGES), 30))
    record = make_record(
        name, architecture, rate, seed, accuracy=0.8 + rate / 10,
        test_accuracy=1 - len(wrong) / N_IMAGES,
        examples_per_second=SPEEDS[name] * math.exp(draw.gauss(0, 0.05)),
    )  # fmt: skip
    return replace(record, test_mistakes=packed(wrong)) if images else record


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Return a function: the findings and the records, as plain JSON, of a sweep of these seeds."""

    def written(seeds, images, rates=RATES):
        folder = tmp_path_factory.mktemp("results") / "fixture"
        write_records(folder, [
            one_record(name, architecture, rate, seed, images=images)
            for name in SPEEDS
            for architecture in ("one_hidden", "two_hidden")
            for rate in rates
            for seed in seeds
        ])  # fmt: skip
        ended = subprocess.run(
            [SCRIPTS / "bench-report", folder, "--format=json,terminal"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        stored = [json.loads(path.read_text()) for path in folder.glob("*/record.json")]
        return json.loads((folder / "report/findings.json").read_text()), stored, ended.stdout

    return written


def by_key(stored, architecture, name, value):
    """Return a value of the runs of one implementation, by learning rate and seed."""
    return {
        (record["config"]["learning_rate"], record["config"]["seed"]): value(record)
        for record in stored
        if record["config"]["architecture"]["name"] == architecture
        and record["config"]["implementation"]["name"] == name
    }


def differences(stored, architecture, value):
    """Return numpy minus keras for each pair of runs."""
    ours, theirs = (by_key(stored, architecture, name, value) for name in SPEEDS)
    assert ours.keys() == theirs.keys()
    return {key: ours[key] - theirs[key] for key in ours}


def found_for(content, architecture, question):
    return next(
        one for one in content["findings"]
        if one["question"] == question and one["condition"] == architecture and one["baseline"]
    )  # fmt: skip


def pooled_error(pairs_by_architecture):
    """Return the standard deviation of a pair over both architectures, and its freedom."""
    squares = sum(
        (pair - statistics.fmean(pairs)) ** 2
        for pairs in pairs_by_architecture.values() for pair in pairs
    )  # fmt: skip
    freedom = sum(len(pairs) - 1 for pairs in pairs_by_architecture.values())
    return math.sqrt(squares / freedom), freedom


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_the_ratios_of_speed(report, seeds):
    content, stored, printed = report(seeds, images=True)
    architectures = ("one_hidden", "two_hidden")
    logs = {
        name: list(differences(stored, name, lambda r: math.log(r["examples_per_second"])).values())
        for name in architectures
    }
    deviation, freedom = pooled_error(logs)
    for name in architectures:
        found = found_for(content, name, "speed")
        ratio = math.exp(statistics.fmean(logs[name]))
        half = T[freedom] * deviation / math.sqrt(len(logs[name]))
        assert (found["subject"], found["baseline"], found["claim"]) == (
            "numpy",
            "keras",
            "fastest",
        )
        assert found["value"] == pytest.approx(ratio)
        assert found["low"] == pytest.approx(ratio * math.exp(-half), rel=1e-5)
        assert found["high"] == pytest.approx(ratio * math.exp(half), rel=1e-5)
        assert found["n_pairs"] == 3 * len(seeds)
        low, high = ratio * math.exp(-half), ratio * math.exp(half)
        words = " ".join(printed.split())
        pairs = "3 learning rates" if len(seeds) == 1 else f"3 learning rates x {len(seeds)} seeds"
        assert (
            f"{name}: numpy is {ratio:.1f} times as fast as keras ({pairs}, 95 % interval "
            f"{low:.1f} to {high:.1f}, spread pooled over conditions)."
        ) in words
        number = f"{ratio:.1f} times as fast as keras" if name == "one_hidden" else f"{ratio:.1f} t"
        assert number in content["headline"]
        assert f"{low:.1f} to {high:.1f})" in content["headline"]
        assert f"; {pairs} each. " in content["headline"]
    assert printed.splitlines()[-1].startswith("Report: ")


def test_the_ratio_without_an_outlier(tmp_path):
    records = [
        one_record(name, architecture, rate, 0, images=False)
        for name in SPEEDS for architecture in ("one_hidden", "two_hidden") for rate in RATES
    ]  # fmt: skip
    records[1] = replace(records[1], examples_per_second=0.4 * records[1].examples_per_second)
    write_records(tmp_path / "fixture", records)
    subprocess.run([SCRIPTS / "bench-report", tmp_path / "fixture", "--format=json"], check=True)
    stored = [json.loads(path.read_text()) for path in tmp_path.glob("fixture/*/record.json")]
    content = json.loads((tmp_path / "fixture/report/findings.json").read_text())
    logs = differences(stored, "one_hidden", lambda one: math.log(one["examples_per_second"]))
    found = found_for(content, "one_hidden", "speed")
    assert found["value"] == pytest.approx(math.exp(statistics.fmean(logs.values())))
    del logs[RATES[1], 0]
    without = math.exp(statistics.fmean(logs.values()))
    assert found["without_run"] == records[1].run_id
    assert found["value_without"] == pytest.approx(without)
    assert f"; {without:.2f} without the outlier `{records[1].run_id}`)" in found["sentence"]
    other = found_for(content, "two_hidden", "speed")
    assert (other["without_run"], other["value_without"], other["freedom"]) == ("", None, 4)


def gains(record, other):
    """Return 1 for each image that only the first is right on, -1 if only the other is."""
    masks = [base64.b64decode(one["test_mistakes"]) for one in (record, other)]
    bits = [
        [byte >> (7 - place) & 1 for byte in mask for place in range(8)][:N_IMAGES]
        for mask in masks
    ]
    return [theirs - ours for ours, theirs in zip(*bits, strict=True)]


def test_one_pair_compares_accuracies_image_by_image(report):
    content, stored, _ = report((0,), images=True, rates=(BEST,))
    for name in ("one_hidden", "two_hidden"):
        runs = [by_key(stored, name, who, lambda record: record)[BEST, 0] for who in SPEEDS]
        only = gains(*reversed(runs))  # keras minus numpy
        mean = statistics.fmean(only)
        discordant = sum(map(abs, only)) + 1
        error = math.sqrt(discordant - N_IMAGES * mean**2) / N_IMAGES
        found = found_for(content, name, "accuracy")
        assert (found["subject"], found["baseline"]) == ("keras", "numpy")
        assert found["value"] == pytest.approx(100 * mean)
        assert found["low"] == pytest.approx(100 * (mean - NORMAL * error), abs=1e-4)
        assert found["high"] == pytest.approx(100 * (mean + NORMAL * error), abs=1e-4)
        equal = found["low"] >= -0.3 and found["high"] <= 0.3
        assert (found["claim"] == "equal") == equal


def test_one_seed_compares_accuracies_at_all_rates(report):
    """Pairs and images are crossed: t for the pairs, the normal distribution for the images."""
    content, stored, _ = report((0,), images=True)
    only = {}
    for name in ("one_hidden", "two_hidden"):
        numpy, keras = (by_key(stored, name, who, lambda record: record) for who in SPEEDS)
        only[name] = [gains(keras[rate, 0], numpy[rate, 0]) for rate in RATES]
    points = {name: [100 * statistics.fmean(gain) for gain in some] for name, some in only.items()}
    deviation, freedom = pooled_error(points)
    for name, some in only.items():
        of_image = [statistics.fmean(gain) for gain in zip(*some, strict=True)]
        mean = statistics.fmean(of_image)
        of_images = statistics.pvariance(of_image) / N_IMAGES
        both = sum(
            (value - of_image[image] - points[name][pair] / 100 + mean) ** 2
            for pair, gain in enumerate(some) for image, value in enumerate(gain)
        ) / (2 * 3 * N_IMAGES**2)  # fmt: skip
        known = 100 * math.sqrt(max(0, of_images - both) + 1 / 3 / N_IMAGES**2)
        excess = (T[freedom] * deviation) ** 2 / 3 - (4 / freedom * known) ** 2
        half = math.sqrt((NORMAL * known) ** 2 + max(0, excess))
        found = found_for(content, name, "accuracy")
        assert (found["n_pairs"], found["n_seeds"], found["learning_rates"]) == (3, 1, [*RATES])
        assert found["value"] == pytest.approx(100 * mean)
        assert found["low"] == pytest.approx(100 * mean - half, abs=1e-4)
        assert found["high"] == pytest.approx(100 * mean + half, abs=1e-4)


def test_without_images_the_seeds_are_the_pairs(report):
    content, stored, _ = report((0, 1, 2), images=False)
    points = {
        name: [
            -100 * value
            for (rate, _), value in differences(stored, name, lambda r: r["test_accuracy"]).items()
            if rate == BEST
        ]
        for name in ("one_hidden", "two_hidden")
    }
    deviation, freedom = pooled_error(points)
    for name in points:
        found = found_for(content, name, "accuracy")
        half = T[freedom] * deviation / math.sqrt(3)
        mean = statistics.fmean(points[name])
        assert found["value"] == pytest.approx(mean)
        assert found["low"] == pytest.approx(mean - half, abs=1e-5)
        assert found["high"] == pytest.approx(mean + half, abs=1e-5)
        assert found["n_pairs"] == 3


def test_rates_endings_and_noise(report):
    content, stored, _ = report((0,), images=True)
    for name in ("one_hidden", "two_hidden"):
        rates = {
            one["subject"]: one["value"] for one in content["findings"]
            if one["question"] == "learning_rate" and one["condition"] == name and one["subject"]
        }  # fmt: skip
        for who in SPEEDS:
            scores = by_key(
                stored, name, who, lambda record: record["epochs"][-1]["validation_accuracy"]
            )
            assert rates[who] == max(scores, key=scores.get)[0]
    (runs,) = [one for one in content["findings"] if one["question"] == "runs"]
    assert runs["value"] == sum(record["status"] == "done" for record in stored)
    assert runs["claim"] == "complete"
    (quiet,) = [one for one in content["findings"] if one["question"] == "quiet"]
    noisy = [record for record in stored if record["environment"]["noisy"]]
    assert (quiet["claim"], len(noisy)) == ("quiet", 0)
    page = (Path(__file__).parents[3] / "docs" / "findings.md").read_text(encoding="utf-8")
    for key in {*content, *runs}:
        assert f"`{key}`" in page
    for one in content["findings"]:
        assert f"`{one['claim']}`" in page
    questions = [tile["question"] for tile in content["tiles"]]
    assert questions == ["speed", "quiet", "accuracy", "parity", "learning_rate", "runs"]


def test_the_ratios_of_speed_on_several_nodes(tmp_path):
    node_of_seed = {0: "node-a", 1: "node-a", 2: "node-b", 3: "node-c", 4: "node-c"}
    records = [
        replace(one_record(name, "one_hidden", BEST, seed, images=False), node=node)
        for name in SPEEDS
        for seed, node in node_of_seed.items()
    ]
    write_records(tmp_path / "fixture", records)
    subprocess.run([SCRIPTS / "bench-report", tmp_path / "fixture", "--format=json"], check=True)
    stored = [json.loads(path.read_text()) for path in tmp_path.glob("fixture/*/record.json")]
    speeds = {
        (record["config"]["implementation"]["name"], record["config"]["seed"]): record[
            "examples_per_second"
        ]
        for record in stored
    }
    by_node = {}
    for record in stored:
        seed = record["config"]["seed"]
        ratio = math.log(speeds["numpy", seed] / speeds["keras", seed])
        by_node.setdefault(record["node"], {})[seed] = ratio
    means = [statistics.fmean(ratios.values()) for ratios in by_node.values()]
    half = T[2] * statistics.stdev(means) / math.sqrt(3)
    content = json.loads((tmp_path / "fixture/report/findings.json").read_text())
    found = found_for(content, "", "speed")
    assert (found["method"], found["n_pairs"]) == ("nodes", 5)
    assert found["value"] == pytest.approx(math.exp(statistics.fmean(means)))
    assert found["low"] == pytest.approx(math.exp(statistics.fmean(means) - half))
    assert found["high"] == pytest.approx(math.exp(statistics.fmean(means) + half))
    assert "5 pairs on 3 nodes, 95 % interval" in found["sentence"]
