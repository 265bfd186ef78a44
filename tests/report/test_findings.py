"""The sentences that a report opens with state what the numbers show."""

import math
import re

import pytest

from bench.records import RunError
from bench.report.analysis import analyse
from bench.report.findings import findings
from tests.report.conftest import ENVIRONMENT, make_record, sweep_of


def words_of(*records, **more):
    """Return the sentences of a report of these records, without Markdown's backslashes."""
    return "\n".join(findings(analyse(sweep_of(*records, **more)))).replace("\\", "")


def runs_of(name, speeds, **settings):
    return [
        make_record(name, seed=seed, examples_per_second=speed, **settings)
        for seed, speed in enumerate(speeds)
    ]


def test_an_implementation_is_the_fastest_if_the_pairs_show_it():
    ours, theirs = (1000.0, 1100.0, 1210.0), (500.0, 550.0, 600.0)
    words = words_of(*runs_of("numpy", ours), *runs_of("keras", theirs))
    found = re.search(
        r"\*\*numpy is the fastest\*\*, at 550 examples/s: ([\d.]+) times as fast as keras \(95 % "
        r"interval over 3 pairs of the same seed: ([\d.]+) to ([\d.]+)\)", words
    )  # fmt: skip
    ratio, low, high = map(float, found.groups())
    logs = [math.log(one / other) for one, other in zip(ours, theirs, strict=True)]
    assert ratio == round(math.exp(sum(logs) / 3), 2)
    assert 1 < low <= ratio <= high


def test_a_lead_smaller_than_the_spread_of_the_pairs_is_not_called_fastest():
    words = words_of(
        *runs_of("numpy", (1000.0, 1300.0, 1000.0)),
        *runs_of("keras", (1000.0, 1000.0, 1200.0)),
    )  # fmt: skip
    assert "numpy has the highest speed" in words
    assert "but is **not shown to be the fastest**" in words
    found = re.search(r"([\d.]+) times .*?: ([\d.]+) to ([\d.]+), which includes 1", words)
    ratio, low, high = map(float, found.groups())
    assert low <= 1 <= ratio <= high


def test_runs_at_other_learning_rates_are_not_pairs():
    slow = [
        make_record("numpy", learning_rate=0.5, seed=seed, accuracy=0.1, examples_per_second=1.0)
        for seed in range(3)
    ]
    records = [*runs_of("numpy", (1000.0, 1010.0, 990.0)), *runs_of("keras", (500.0,) * 3)]
    words = words_of(*records, *slow)
    assert "2.00 times as fast as keras (95 % interval over 3 pairs" in words


def test_one_seed_gives_no_interval():
    words = words_of(*runs_of("numpy", (1000.0,)), *runs_of("keras", (500.0,)))
    assert (
        "not shown to be the fastest**: 2.00 times as fast as keras (one seed, so no interval)"
        in words
    )
    assert (
        "One seed gives no interval; the size of the test set alone, 10,000 images, gives" in words
    )


def test_a_repeated_seed_is_one_pair():
    records = [*runs_of("numpy", (1000.0,)), *runs_of("numpy", (1100.0,), evaluate=1)]
    object.__setattr__(records[1], "run_id", "again")
    assert "(one seed, so no interval)" in words_of(*records, *runs_of("keras", (500.0,)))


def test_without_speeds_no_implementation_is_the_fastest():
    records = [*runs_of("numpy", (1000.0,)), *runs_of("keras", (500.0,))]
    for record in records:
        object.__setattr__(record, "examples_per_second", None)
    words = words_of(*records)
    assert "fast" not in words.replace("fashion", "")
    assert "nan" not in words


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [
        ((0.0, 0.0001, -0.0001), "the same within 0.3 points"),
        ((0.0001, 0.0001, 0.0001), "different, but within 0.3 points"),
        ((0.02, 0.021, 0.02), "**different by more than 0.3 points**"),
        ((0.003, 0.004, 0.002), "different, perhaps by more than 0.3 points"),
        ((0.01, -0.01, 0.0), "too few pairs to show whether within 0.3 points"),
    ],
)
def test_accuracies_are_compared_with_what_parity_allows(differences, verdict):
    theirs = [make_record("numpy", seed=seed, test_accuracy=0.8) for seed in range(3)]
    ours = [
        make_record("keras", seed=seed, test_accuracy=0.8 + difference)
        for seed, difference in enumerate(differences)
    ]
    words = words_of(*theirs, *ours)
    assert f"keras {100 * sum(differences) / 3:+.2f} (95 % interval over 3 pairs" in words
    assert verdict in words


def test_agreement_is_decided_at_the_best_rates_of_each_condition():
    records = [
        make_record(name, architecture, rate, seed, accuracy=0.8 + rate, test_accuracy=accuracy)
        for name, architecture, rate, accuracy in (
            ("numpy", "one_hidden", 0.1, 0.80), ("keras", "one_hidden", 0.1, 0.80),
            ("numpy", "one_hidden", 0.01, 0.50), ("keras", "one_hidden", 0.01, 0.70),
            ("numpy", "two_hidden", 0.1, 0.80), ("keras", "two_hidden", 0.1, 0.90),
        )
        for seed in (0, 1)
    ]  # fmt: skip
    words = words_of(*records)
    assert re.search(r"one_hidden: test accuracy .* numpy, .*: keras \+0\.00 .*the same", words)
    assert re.search(r"two_hidden: test accuracy .* numpy, .*: keras \+10\.00 .*different", words)


def test_a_best_rate_at_which_seeds_failed_is_named():
    records = [make_record(seed=seed, status="diverged") for seed in range(1, 5)]
    words = words_of(make_record(), *records)
    assert "0.1 for numpy (**only 1 of 5 seeds have a result**)" in words
    assert "4 runs of numpy diverged" in words


@pytest.mark.parametrize(
    ("noisy", "settings", "sentence"),
    [
        (False, {}, "The machine was quiet in all 1 run"),
        (True, {}, "**The machine was not quiet** in 1 of 1 run"),
        (None, {}, "**Whether the machine was quiet is unknown** for 1 of 1 run"),
        (False, {"share_machine": True}, "**1 of 1 run shared the machine**"),
    ],
)
def test_how_quiet_the_machine_was_is_stated_even_if_it_is_not_known(noisy, settings, sentence):
    record = make_record(environment=ENVIRONMENT | {"noisy": noisy}, **settings)
    words = words_of(record)
    assert sentence in words
    assert words.count("uiet") == (0 if settings else 1)


def test_the_recorded_reasons_of_noise_are_counted():
    reasons = (["others used 12% of the cores"], ["others used 30% of the cores", "quota"], "odd")
    records = [
        make_record(seed=seed, environment=ENVIRONMENT | {"noisy": True, "noisy_reasons": some})
        for seed, some in enumerate(reasons)
    ]
    assert (
        "**The machine was not quiet** in 3 of 3 runs: others used 12% to 30% of the cores "
        "(2 runs); quota (1 run). Their speeds may be too low."
    ) in words_of(*records)


def test_failed_and_skipped_runs_are_named_with_the_first_reason():
    first, second = (RunError(type="E", message=message) for message in ("no\nluck", "other"))
    missing = RunError(type="Unavailable", message="jax not installed; pip install jax")
    words = words_of(
        make_record(), make_record("torch", status="failed", error=first),
        make_record("torch", seed=1, status="failed", error=second),
        make_record("jax", status="skipped", error=missing),
    )  # fmt: skip
    assert "**Runs: 1 done, 2 failed, 1 skipped.**" in words
    assert "2 runs of torch failed: no\n" in words
    assert "1 run of jax skipped: jax not installed; pip install jax" in words


def test_proven_and_failed_parity_are_stated():
    words = words_of(make_record(), make_record("keras", parity="failed"))
    assert "Parity is proven for numpy: they compute what the recipe says" in words
    assert "Without a rank: keras; what they compute is **not what the recipe says**" in words


def test_machines_cores_and_versions_that_differ_are_named():
    other = {"cpu_model": "Other <b>", "cores": [0], "noisy": False}
    records = [make_record(), make_record("keras", environment=other), make_record(seed=1)]
    object.__setattr__(records[0], "made_with", {"numpy": "1.0"})
    object.__setattr__(records[2], "made_with", {"numpy": "2.0"})
    words = words_of(*records)
    assert "**The runs are from 2 kinds of machine** (A processor; Other &#60;b&#62;)" in words
    assert "**The runs had different numbers of cores** (1, 2)" in words
    assert "Runs of numpy used different code or versions** (numpy 1.0, 2.0)" in words


def test_many_conditions_get_few_sentences():
    words = words_of(*(make_record(architecture=f"mlp_{number}") for number in range(40)))
    assert "For 28 more conditions: see the comparison." in words
    assert words.count("the only implementation with a rank") == 12


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"missing": ("a",)}, "**1 planned run is not finished.**"),
        ({"missing": ("a", "b")}, "**2 planned runs are not finished.**"),
        ({"unreadable": ("a",)}, "**Left out: 1 file or folder that cannot be used**"),
        ({"copies": ("a", "b")}, "2 duplicate records are ignored"),
    ],
)
def test_what_is_left_out_is_counted(more, sentence):
    assert sentence in words_of(make_record(), **more)


def test_a_sweep_without_records_is_stated():
    assert words_of() == "**There is no record here**, so there is nothing to report."


def test_different_versions_are_stated_only_of_runs_that_are_taken_together():
    records = [
        make_record(seed=seed, environment=ENVIRONMENT | {"cores": list(range(n_cores))})
        for seed, n_cores in enumerate((1, 2, 2))
    ]
    for record, version in zip(records, ("1.0", "2.0", "2.0"), strict=True):
        object.__setattr__(record, "made_with", {"number of cores": version, "numpy": version})
    words = words_of(*records)
    assert "runs are compared only with the same number" in words
    assert "are averaged" not in words
    object.__setattr__(records[2], "made_with", {"number of cores": "2.0", "numpy": "3.0"})
    assert "used different code or versions** (numpy 2.0, 3.0) and" in words_of(*records)


def test_an_accuracy_of_one_has_a_standard_error_above_zero():
    records = [make_record(name, accuracy=1.0, test_accuracy=1.0) for name in ("numpy", "keras")]
    words = words_of(*records)
    assert "gives an accuracy a standard error of 0.01 points" in words


def test_an_accuracy_of_guessing_is_named():
    words = words_of(make_record(accuracy=0.1003, test_accuracy=0.1), make_record("keras"))
    assert "**No more accurate than guessing**: numpy." in words
