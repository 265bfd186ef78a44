"""Which implementation is fastest, and by how much."""

import math
import statistics

import pytest

from bench.report.findings.findings import findings
from bench.report.frames.analysis import analyse
from tests.report.conftest import make_record, sweep_of
from tests.report.findings.asking import found_in, runs_of, words_of


def test_the_ratio_of_speeds_has_an_interval_over_pairs():
    ours, theirs = (1000.0, 1100.0, 1210.0), (500.0, 550.0, 600.0)
    records = [*runs_of("numpy", ours), *runs_of("keras", theirs)]
    found = found_in(*records)["speed", "faster", "numpy", "keras"]
    logs = [math.log(one / other) for one, other in zip(ours, theirs, strict=True)]
    assert found.value == pytest.approx(math.exp(statistics.fmean(logs)))
    half = 4.302653 * statistics.stdev(logs) / math.sqrt(3)  # Student's t with 2 degrees
    assert found.low == pytest.approx(found.value / math.exp(half))
    assert found.high == pytest.approx(found.value * math.exp(half))
    assert (found.n_pairs, found.unit, found.level) == (3, "ratio", "good")
    assert words_of(*records).startswith(
        "numpy is 2.01 times as fast as keras (3 seeds, 95 % interval 1.98 to 2.03)."
    )


def test_an_interval_that_includes_1_is_called_so():
    words = words_of(
        *runs_of("numpy", (1000.0, 1300.0, 1000.0)),
        *runs_of("keras", (1000.0, 1000.0, 1200.0)),
    )  # fmt: skip
    assert words.startswith("numpy and keras **can't be told apart** (ratio 1.03; 3 seeds, 95 %")


def test_runs_at_other_learning_rates_are_pairs_too():
    records = [
        make_record(name, learning_rate=rate, accuracy=rate, examples_per_second=speed * factor)
        for name, speed in (("numpy", 1100.0), ("keras", 100.0))
        for rate, factor in ((0.1, 1.0), (0.2, 1.01), (0.3, 0.99))
    ]
    found = found_in(*records)["speed", "faster", "numpy", "keras"]
    assert (found.n_pairs, round(found.value, 6)) == (3, 11.0)
    table = analyse(sweep_of(*records)).comparison
    assert table["times_slower"].tolist() == pytest.approx([1, 11])


def test_conditions_share_the_spread_of_their_pairs():
    records = [
        make_record(name, architecture, seed=seed, examples_per_second=speed * (1 + seed * slope))
        for name, speed, slope in (("numpy", 200.0, 0.01), ("keras", 100.0, 0.02))
        for architecture in ("one_hidden", "two_hidden")
        for seed in (0, 1, 2)
    ]
    (alone,) = [one for one in findings(analyse(sweep_of(*records[:3], *records[6:9])))
                if one.claim == "faster"]  # fmt: skip
    both = [one for one in findings(analyse(sweep_of(*records))) if one.claim == "faster"]
    assert len(both) == 2
    for found in both:
        assert found.value == pytest.approx(alone.value)
        assert alone.low < found.low < found.value < found.high < alone.high


@pytest.mark.parametrize(("other", "claim"), [(10.0, "faster"), (900.0, "cant_tell")])
def test_a_single_pair_has_the_spread_of_its_epochs(other, claim):
    records = [*runs_of("numpy", (1000.0,)), *runs_of("keras", (other,))]
    found = found_in(*records)["speed", claim, "numpy", "keras"]
    assert (found.n_pairs, found.method) == (1, "epochs")
    assert found.low < found.value < found.high
    assert found.caveats
    assert "1 run each; epochs alone spread by 119 %" in words_of(*records)


def test_a_repeated_seed_is_one_pair():
    records = [*runs_of("numpy", (1000.0,)), *runs_of("numpy", (1100.0,), evaluate=1)]
    object.__setattr__(records[1], "run_id", "again")
    assert "(ratio 2.10; 1 run each;" in words_of(*records, *runs_of("keras", (500.0,)))


def test_implementations_that_cannot_be_told_apart_share_their_ranks():
    speeds = {"a": 300.0, "b": 101.0, "c": 100.0, "d": 50.0}
    wobble = {"a": 0.0, "b": 0.01, "c": -0.03, "d": 0.005}
    records = [
        make_record(name, seed=seed, examples_per_second=speed * (1 + (seed - 1) * wobble[name]))
        for name, speed in speeds.items()
        for seed in (0, 1, 2)
    ]
    table = analyse(sweep_of(*records)).comparison.set_index("implementation")
    ranks = table[["rank", "last_rank"]].to_numpy().tolist()
    assert ranks == [[1, 1], [2, 3], [2, 3], [4, 4]]


def test_without_speeds_no_implementation_is_the_fastest():
    records = [*runs_of("numpy", (1000.0,)), *runs_of("keras", (500.0,))]
    for record in records:
        object.__setattr__(record, "examples_per_second", None)
    words = words_of(*records)
    assert "fast" not in words.replace("fashion", "")
    assert "nan" not in words
