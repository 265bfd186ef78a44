"""Metrics other than the time of a step; all metrics share one error rate."""

from __future__ import annotations

import argparse
import re

import numpy as np
import pytest

from bench.decisions import FIRST_LOOK, LOOKS, decide
from bench.regression.cases import parse_cases
from bench.regression.metrics import METRICS, chosen, parse_metrics, parse_smallest
from bench.regression.outcome import Outcome
from bench.regression.pair_record import Pair, Readings
from tests.regression.conftest import CASE, CASES

DEFAULT = {"step": 0.03, "memory": 0.05, "warm_up": 0.1}
# Standard deviations of log ratios, measured with jax and tensorflow on a machine with a load of 6
# to 10 on two cores; and BASE's readings.
SPREADS = {"step": 0.026, "memory": 0.002, "warm_up": 0.07}
READINGS = {"step": 0.05, "memory": 6e8, "warm_up": 2.8}
N_SESSIONS = 300


def pair(number, base=READINGS, **factors):
    """Return a pair whose readings of HEAD are those of BASE times a factor."""
    seconds = base["step"]
    return Pair(
        cell=CASE, number=number, base_seconds=(seconds,),
        head_seconds=(seconds * factors.get("step", 1.0),), first_difference=0.0,
        losses_difference=0.0, last_difference=0.0,
        readings={
            METRICS[name].readings: Readings((base[name],), (base[name] * factors.get(name, 1.0),))
            for name in ("memory", "warm_up")
        },
    )  # fmt: skip


@pytest.fixture(scope="module")
def case():
    return parse_cases(CASES)[0]


def answers_of_session(case, randomness, **increases):
    """Return the answer for each metric of two cases, with noise of a busy machine.

    The times of one pair in fifty are 30 % off, as when another process disturbs them.
    """
    outcomes = [Outcome(case, smallest=DEFAULT), Outcome(case, smallest=DEFAULT)]
    answers = {}
    for number in range(max(LOOKS)):
        for outcome in outcomes:
            outcome.pairs.append(
                pair(
                    number,
                    **{
                        name: (1 + increases.get(name, 0.0))
                        * np.exp(randomness.normal(0, spread))
                        * (1.3 if name != "memory" and randomness.random() < 0.02 else 1)
                        for name, spread in SPREADS.items()
                    },
                )
            )
        if number + 1 in (FIRST_LOOK, *LOOKS):
            keys = [(n, name) for n in range(2) for name in DEFAULT]
            found = decide(
                {(n, name): outcomes[n].estimate_of(name) for n, name in keys},
                {(n, name): outcomes[n].limits(name)[1] for n, name in keys},
                last=number + 1 == max(LOOKS),
            )
            answers = {key: answers.get(key) or found[key] for key in keys}
        if answers and all(answers.values()):
            break
    return answers


def test_equal_sides_raise_no_alarm_over_all_metrics_and_cases(case):
    randomness = np.random.default_rng(0)
    sessions = [answers_of_session(case, randomness) for _ in range(N_SESSIONS)]
    # With twelve false alarms in a thousand sessions, the upper bound would exceed the stated rate.
    assert sum("slower" in answers.values() for answers in sessions) <= 1
    memory = [answers[0, "memory"] for answers in sessions]
    assert memory.count("not slower") == N_SESSIONS


@pytest.mark.parametrize(("metric", "increase"), [("memory", 0.05), ("warm_up", 0.1)])
def test_an_increase_that_matters_is_found_in_its_metric_only(case, metric, increase):
    randomness = np.random.default_rng(1)
    sessions = [answers_of_session(case, randomness, **{metric: increase}) for _ in range(100)]
    found = sum(answers[0, metric] == "slower" for answers in sessions)
    assert found >= 95
    others = [a for answers in sessions for (_, name), a in answers.items() if name != metric]
    assert others.count("slower") <= 1


def test_an_increase_of_less_than_50_ms_of_warm_up_never_matters(case):
    outcome = Outcome(case, smallest=DEFAULT)
    base = READINGS | {"warm_up": 0.001}
    outcome.pairs += [pair(n, base, warm_up=10 + n / 10) for n in range(20)]
    margin, smallest = outcome.limits("warm_up")
    assert margin == smallest == pytest.approx(50)
    answer = decide({"warm_up": outcome.estimate_of("warm_up")}, smallest)
    assert answer == {"warm_up": "not slower"}
    outcome.pairs[:] = [pair(n, base, warm_up=100 + n / 10) for n in range(20)]
    answer = decide({"warm_up": outcome.estimate_of("warm_up")}, outcome.limits("warm_up")[1])
    assert answer == {"warm_up": "slower"}


def test_metrics_and_increases_that_matter_are_chosen_by_name():
    assert parse_metrics("memory,step,memory") == ("memory", "step")
    assert parse_smallest("2%") == {"step": 0.02}
    assert parse_smallest("step=2%,warm_up=20%") == {"step": 0.02, "warm_up": 0.2}
    assert chosen(("step", "memory"), {"memory": 0.5}) == {"step": 0.03, "memory": 0.5}


@pytest.mark.parametrize(
    ("metric", "reading", "text"),
    [
        ("memory", 1.2345e9, "1,234 MB"), ("step", 0.0002345, "234 µs"),
        ("warm_up", 0.0123, "12.3 ms"), ("start_up", 12.345, "12.35 s"),
    ],
)  # fmt: skip
def test_a_reading_has_a_unit(metric, reading, text):
    assert METRICS[metric].format(reading) == text


@pytest.mark.parametrize(
    ("parse", "text", "reason"),
    [
        (parse_metrics, "step,time", "'time': must be one of step, memory, warm_up"),
        (parse_metrics, "", "'': must be one of"),
        (parse_smallest, "time=3%", "'time': must be one of"),
        (parse_smallest, "warm_up=2%", "'2%': must be more than 3% and up to 100%"),
        (lambda text: chosen(("step",), parse_smallest(text)), "memory=9%", "add it to --metrics"),
    ],
)
def test_a_wrong_metric_or_increase_is_refused(parse, text, reason):
    with pytest.raises(argparse.ArgumentTypeError, match=reason):
        parse(text)


def test_planted_memory_and_warm_up_are_found_in_real_processes(compare, tree):
    """12 MB of about 150 MB, and 1.2 s of warm-up instead of 0.3 s."""

    def planted(name, n_bytes, seconds):
        folder = tree(name, numpy_mlp=("pass", f"time.sleep({seconds})"))
        module = folder / "implementations" / "numpy_mlp.py"
        ballast = f"self.epochs = 0; self.ballast = np.ones({n_bytes} // 8)"
        text = module.read_text().replace("self.epochs = 0", ballast)
        module.write_text(text.replace("import numpy as np\n", "import time\nimport numpy as np\n"))
        return folder

    base, head = planted("base", 100_000_000, 0.3), planted("head", 112_000_000, 1.2)
    status, printed, content = compare(
        base, head, "--metrics", "step,memory,warm_up,start_up,evaluation", smallest="step=100%"
    )
    assert status == 1, printed
    (found,) = content["cells"]
    metrics = found["metrics"]
    assert (metrics["memory"]["answer"], metrics["warm_up"]["answer"]) == ("slower",) * 2, printed
    assert metrics["step"]["answer"] == found["answer"]
    assert 1.05 < metrics["memory"]["estimate"]["ratio"] < 1.12
    assert metrics["start_up"]["estimate"]["ratio"] > 1
    shown = re.search(r"step +([0-9.]+) (µs|ms) ", printed)
    step_seconds = float(shown[1]) * {"µs": 1e-6, "ms": 1e-3}[shown[2]]
    times = [
        seconds / found["n_steps"] for pair in found["pairs"] for seconds in pair["base_seconds"]
    ]
    assert 0.99 * min(times) <= step_seconds <= 1.01 * max(times)
    readings = found["pairs"][0]["readings"]
    assert len(readings["evaluation_seconds"]["head"]) == 8
    assert readings["memory_bytes"]["base"][0] > 100e6
