"""The sentences that a report opens with state what the numbers show."""

import math
import statistics
from dataclasses import replace

import pytest

from bench.records import RunError, Seconds
from bench.report.contents import tables
from bench.report.findings.findings import findings, sentences
from bench.report.findings.headline import further_sentences, headline
from bench.report.findings.tiles import tiles
from bench.report.frames.analysis import analyse
from tests.report.conftest import ENVIRONMENT, make_record, sweep_of


def words_of(*records, **more):
    """Return the sentences of a report of these records, without Markdown's backslashes."""
    return "\n".join(sentences(findings(analyse(sweep_of(*records, **more))))).replace("\\", "")


def runs_of(name, speeds, **settings):
    return [
        make_record(name, seed=seed, examples_per_second=speed, **settings)
        for seed, speed in enumerate(speeds)
    ]


def found_in(*records):
    """Return the findings of a report of these records by question, claim, subject and baseline."""
    return {
        (one.question, one.claim, one.subject, one.baseline): one
        for one in findings(analyse(sweep_of(*records)))
        if not one.summary
    }


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
        "numpy is 2.01 times as fast as keras (3 pairs, 95 % interval 1.98 to 2.03)."
    )


def test_an_interval_that_includes_1_is_called_so():
    words = words_of(
        *runs_of("numpy", (1000.0, 1300.0, 1000.0)),
        *runs_of("keras", (1000.0, 1000.0, 1200.0)),
    )  # fmt: skip
    assert words.startswith("numpy and keras **can't be told apart** (ratio 1.03; 3 pairs, 95 %")


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
    assert "1 pair; epochs alone spread by 119 %" in words_of(*records)


def test_a_repeated_seed_is_one_pair():
    records = [*runs_of("numpy", (1000.0,)), *runs_of("numpy", (1100.0,), evaluate=1)]
    object.__setattr__(records[1], "run_id", "again")
    assert "(ratio 2.10; 1 pair;" in words_of(*records, *runs_of("keras", (500.0,)))


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


def test_the_headline_names_the_fastest_of_each_condition():
    def of(architectures, *speeds):
        records = [
            make_record(name, architecture, seed=seed, examples_per_second=speed * (1 + seed / 100))
            for architecture in architectures
            for name, speed in speeds
            for seed in (0, 1)
        ]
        return headline(findings(analyse(sweep_of(*records)))).replace("\\", "")

    two = (("numpy", 1100.0), ("keras", 100.0))
    assert of(["one_hidden"], *two).startswith("numpy is 11.0 times as fast as keras (2 pairs")
    three = of(["one_hidden"], *two, ("torch", 550.0))
    assert three == (
        "numpy is the fastest, at 553 examples/s: 2.00 times as fast as torch, the next (2 pairs, "
        "95 % interval 2.00 to 2.00), and 11.0 times as fast as keras, the slowest."
    )
    both = of(["one_hidden", "two_hidden"], *two)  # the same in each
    assert both.startswith("numpy is 11.0 times as fast as keras (2 pairs")
    records = [
        make_record(name, architecture, seed=seed, examples_per_second=speed * (1 + seed / 100))
        for architecture, ratio in (("one_hidden", 11.0), ("two_hidden", 6.2))
        for name, speed in (("numpy", 100 * ratio), ("keras", 100.0))
        for seed in (0, 1)
    ]
    assert headline(findings(analyse(sweep_of(*records)))).replace("\\", "") == (
        "numpy is the fastest: 11.0 times as fast as keras with one_hidden (2 pairs, 95 % interval "
        "11.0 to 11.0), 6.20 times with two_hidden (2 pairs, 95 % interval 6.20 to 6.20)."
    )


@pytest.mark.parametrize(
    ("differences", "claim", "answer"),
    [
        ((0.0, 0.0001, -0.0001), "equal", "keras and numpy are equally accurate within 0.3 points"),
        ((0.0001, 0.0001, 0.0001), "equal", "are equally accurate within 0.3 points (+0.01 points"),
        ((0.02, 0.021, 0.02), "better", "**keras is more accurate than numpy, by more than 0.3 p"),
        ((-0.02, -0.021, -0.02), "worse", "**keras is less accurate than numpy, by more than 0.3"),
        ((0.003, 0.004, 0.002), "better", "keras is more accurate than numpy (+0.30 points, 95 %"),
        (
            (0.01, -0.01, 0.0),
            "cant_tell",
            "keras and numpy **can't be told apart** in accuracy; they differ",
        ),
    ],
)
def test_accuracies_are_compared_with_what_parity_allows(differences, claim, answer):
    theirs = [make_record("numpy", seed=seed, test_accuracy=0.8) for seed in range(3)]
    ours = [
        make_record("keras", seed=seed, test_accuracy=0.8 + difference, examples_per_second=1.0)
        for seed, difference in enumerate(differences)
    ]
    found = found_in(*theirs, *ours)["accuracy", claim, "keras", "numpy"]
    assert found.value == pytest.approx(100 * sum(differences) / 3)
    assert (found.n_pairs, found.unit) == (3, "points")
    words = words_of(*theirs, *ours)
    assert answer in words
    assert "; 3 seeds, learning rate 0.1)" in words


def test_accuracies_are_compared_at_the_same_learning_rate():
    records = [
        make_record(name, learning_rate=rate, accuracy=accuracy, test_accuracy=accuracy,
                    examples_per_second=speed, seed=seed)
        for name, speed, accuracies in (("numpy", 9.0, (0.80, 0.81)), ("keras", 1.0, (0.84, 0.83)))
        for rate, accuracy in zip((0.01, 0.1), accuracies, strict=True)
        for seed in (0, 1)
    ]  # fmt: skip
    found = found_in(*records)["accuracy", "better", "keras", "numpy"]
    assert found.value == pytest.approx(2.0)  # at 0.1, not 3.0 at each one's best
    assert found.learning_rates == (0.1, 0.1)
    assert {name.split("lr")[1] for name in found.run_ids} == {
        f"0.1-seed{seed}-fashion_" for seed in (0, 1)
    }
    (tile,) = [one for one in tiles(findings(analyse(sweep_of(*records)))) if one.question ==
               "accuracy"]  # fmt: skip
    assert tile.detail.endswith("learning rate 0.1")


def test_without_a_common_rate_the_best_are_compared_and_named():
    records = [
        make_record("numpy", learning_rate=0.1, test_accuracy=0.8, examples_per_second=9.0),
        make_record("keras", learning_rate=0.03, test_accuracy=0.9, examples_per_second=1.0),
        make_record("keras", learning_rate=0.1, status="diverged"),
    ]
    found = found_in(*records)["accuracy", "better", "keras", "numpy"]
    assert found.learning_rates == (0.03, 0.1)
    assert "best against best: learning rates 0.03 and 0.1)" in words_of(*records)


@pytest.mark.parametrize(
    ("best", "words"),
    [(0.01, "It is the lowest rate tried: a lower one may be better."), (0.03, ""),
     (0.1, "It is the highest rate tried: a higher one may be better.")],
)  # fmt: skip
def test_a_best_rate_at_the_edge_of_the_rates_tried_is_named(best, words):
    records = [
        make_record(name, learning_rate=rate, accuracy=0.9 if rate == best else 0.8)
        for name in ("numpy", "keras") for rate in (0.01, 0.03, 0.1)
    ]  # fmt: skip
    ending = f" **{words}**" if words else ""
    assert f"The best learning rate is {best}.{ending}\n" in words_of(*records)
    (tile,) = [one for one in tiles(findings(analyse(sweep_of(*records)))) if one.question ==
               "learning_rate"]  # fmt: skip
    assert tile.level == ("attention" if words else "neutral")


def test_a_rate_that_diverged_is_a_rate_tried():
    records = [make_record(learning_rate=rate, accuracy=0.8 + rate) for rate in (0.03, 0.1)]
    assert "may be better" in words_of(*records)
    records.append(make_record(learning_rate=3.0, status="diverged"))
    assert "may be better" not in words_of(*records)


def test_the_headline_on_a_single_implementation_names_its_cores_once():
    record = make_record("numpy", environment=ENVIRONMENT | {"cores_kept_busy": 1.9})
    found = findings(analyse(sweep_of(record)))
    assert headline(found).endswith(" Cores kept busy while training, of 2: numpy 1.9.")


def test_the_headline_ends_with_the_cores_that_were_kept_busy():
    busy = {"numpy": 1.94, "torch": 1.5, "keras": 1.02}
    records = [
        make_record(name, seed=seed, examples_per_second=100 * count * (1 + seed / 100),
                    environment=ENVIRONMENT | {"cores_kept_busy": count})
        for name, count in busy.items() for seed in (0, 1)
    ]  # fmt: skip
    found = findings(analyse(sweep_of(*records)))
    assert headline(found).endswith(" Cores kept busy while training, of 2: numpy 1.9, torch 1.5.")
    assert "Cores kept busy while training, of 2: keras 1.0, numpy 1.9, torch 1.5." in words_of(
        *records
    )
    values = {one.subject: one.value for one in found if one.question == "cores"}
    assert values == pytest.approx(busy | {"": 2.0})


def test_the_findings_below_a_headline_do_not_repeat_it():
    records = [*runs_of("numpy", (1000.0, 1010.0)), *runs_of("keras", (500.0, 500.0))]
    found = findings(analyse(sweep_of(*records)))
    assert headline(found) in sentences(found)
    assert sentences(found)[1:] == further_sentences(found)


def test_agreement_is_decided_at_the_best_rates_of_each_condition():
    records = [
        make_record(name, architecture, rate, seed, accuracy=0.8 + rate, test_accuracy=accuracy,
                    examples_per_second=speed)
        for name, speed, architecture, rate, accuracy in (
            ("numpy", 9.0, "one_hidden", 0.1, 0.80), ("keras", 1.0, "one_hidden", 0.1, 0.80),
            ("numpy", 9.0, "one_hidden", 0.01, 0.50), ("keras", 1.0, "one_hidden", 0.01, 0.70),
            ("numpy", 9.0, "two_hidden", 0.1, 0.80), ("keras", 1.0, "two_hidden", 0.1, 0.90),
        )
        for seed in (0, 1)
    ]  # fmt: skip
    words = words_of(*records)
    assert "one_hidden: keras and numpy are equally accurate within 0.3 points (+0.00" in words
    assert "two_hidden: **keras is more accurate than numpy, by more than 0.3 points**" in words


@pytest.mark.parametrize(("rate", "number"), [(0.1, 0), (0.2, 1)])
def test_a_best_rate_is_a_finding_only_where_several_were_tried(rate, number):
    words = words_of(make_record(learning_rate=0.1), make_record(learning_rate=rate, seed=1))
    assert words.count("best learning rate") == number


def test_without_a_validation_set_the_training_loss_chooses_the_rate():
    records = []
    for rate, loss in ((0.001, 0.9), (0.1, 0.4), (1.0, 2.3)):
        record = make_record("notebook", learning_rate=rate)
        epochs = [replace(one, validation_accuracy=None, train_loss=loss) for one in record.epochs]
        records.append(replace(record, epochs=tuple(epochs)))
    assert (
        "The best learning rate of notebook is 0.1 by training loss, since there is no validation "
        "set.\n"
    ) in words_of(*records)


def test_a_best_rate_that_all_share_is_one_sentence():
    records = [
        make_record(name, learning_rate=rate, accuracy=0.8 + rate)
        for name in ("numpy", "keras")
        for rate in (0.01, 0.1)
    ]
    assert "\nThe best learning rate is 0.1. **It is the highest" in words_of(*records)


def test_conditions_are_sorted_by_number():
    records = [make_record(batch_size=size) for size in (512, 2048, 128, 32)]
    assert [label.split()[-1] for label in analyse(sweep_of(*records)).conditions] == [
        "32", "128", "512", "2048",
    ]  # fmt: skip


def test_a_best_rate_at_which_seeds_failed_is_named():
    records = [make_record(seed=seed, status="diverged") for seed in range(1, 5)]
    words = words_of(make_record(), *records)
    assert "best learning rate of numpy is 0.1. **Only 1 of 5 seeds have a result.**" in words
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


def test_repeats_that_differ_in_speed_are_named_or_counted():
    steady, uneven = runs_of("numpy", (100.0, 101.0)), runs_of("keras", (100.0, 130.0))
    assert "repeats" not in words_of(*steady).lower()
    assert "**Repeats of keras differ in speed** by up to 1.3 times (50 to 65" in words_of(*uneven)
    more = [*runs_of("jax", (100.0, 150.0)), *runs_of("torch", (100.0, 200.0))]
    words = words_of(*steady, *uneven, *more)
    assert "by more than 1.25 times in 3 of 4 cases, by up to 2.0 times (torch)" in words
    assert "Repeats of" not in words
    assert "The machine was quiet in all 8 runs" in words
    (tile,) = [one for one in tiles(findings(analyse(sweep_of(*steady, *uneven))))
               if one.question == "quiet"]  # fmt: skip
    assert tile.answer == "less so: repeats differ"


def test_pairs_of_different_times_are_counted():
    early = [make_record(name, seed=seed) for name in ("numpy", "keras") for seed in (0, 1)]
    at = {"started_at": "2026-01-01T02:30:00+00:00"}
    edited = [*early[:3], replace(early[3], **at)]
    assert "different times" not in words_of(*early)
    # All runs of the other seed were made later: no pair has a pause in it.
    assert "different times" not in words_of(early[0], replace(early[1], **at), *edited[2:])
    # A run that ended without a result lies between them.
    slow = replace(make_record("torch", seed=1, status="timeout"), seconds=Seconds(total=9000.0))
    assert "different times" not in words_of(*edited, slow)
    sentence = "**Compared runs were made at different times**, up to 2.5 hours apart, in 1 of 2 c"
    assert sentence in words_of(*edited)
    found = found_in(*edited)["machine", "apart", "", ""]
    assert set(found.run_ids) == {early[1].run_id, early[3].run_id}
    found = tiles(findings(analyse(sweep_of(*edited))))
    (tile,) = [one for one in found if one.question == "quiet"]
    assert (tile.answer, tile.level) == ("less so", "attention")


def test_the_run_that_differs_from_its_repeats_is_named():
    records = [*runs_of("numpy", (1000.0, 500.0, 1100.0)), *runs_of("keras", (90.0, 100.0, 100.0))]
    slow = records[1].run_id
    assert f"`{slow}` differs most." in words_of(*records)
    analysis = analyse(sweep_of(*records))
    ((_, rows),) = tables.runs(analysis).groups
    was = {row.cells[0].text: row.cells[-1].text for row in rows}
    assert was.pop(slow) == "quiet, but slower than its repeats"
    assert set(was.values()) == {"quiet"}
    tile = tiles(findings(analysis))[0]
    assert (tile.answer, tile.level) == ("numpy", "neutral")
    assert tile.detail.endswith("repeats differ")


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
    words = words_of(*(
        make_record(architecture=f"mlp_{number}", examples_per_second=100.0 * number + 100)
        for number in range(40)
    ))  # fmt: skip
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


def test_many_conditions_have_a_short_headline_and_one_tile_a_question():
    records = [
        make_record(name, batch_size=size, seed=seed, learning_rate=rate, accuracy=0.8 + rate,
                    examples_per_second=speed * size * (1 + seed / 50 * (name == "jax")))
        for name, speeds in (("numpy", (4.0, 5.0, 6.0, 7.0)), ("jax", (2.0,) * 4))
        for size, speed in zip((32, 128, 512, 2048), speeds, strict=True)
        for seed in (0, 1)
        for rate in (0.01, 0.1)
    ]  # fmt: skip
    found = findings(analyse(sweep_of(*records)))
    assert headline(found) == (
        "numpy is the fastest under 4 of 4 conditions, 1.98 to 3.47 times as fast as the next."
    )
    made = {tile.question: (tile.answer, tile.level) for tile in tiles(found)}
    assert made == {
        "speed": ("numpy", "good"), "accuracy": ("yes, within 0.3 points", "good"),
        "learning_rate": ("0.1", "attention"), "parity": ("passed", "good"),
        "quiet": ("yes", "good"), "runs": ("32 done", "good"),
    }  # fmt: skip


def test_tiles_name_what_is_wrong():
    error = RunError(type="E", message="no luck")
    records = [
        *runs_of("numpy", (1000.0, 1300.0, 1000.0)), *runs_of("keras", (1000.0, 1000.0, 1200.0)),
        make_record("torch", status="failed", error=error),
        make_record("jax", parity="failed", environment=ENVIRONMENT | {"noisy": True}),
    ]  # fmt: skip
    made = {tile.question: tile for tile in tiles(findings(analyse(sweep_of(*records))))}
    assert made["speed"].answer == "can't be told"
    assert (made["parity"].answer, made["parity"].detail) == ("failed", "jax")
    assert (made["quiet"].answer, made["quiet"].word) == ("less so", "look closer")
    assert (made["runs"].answer, made["runs"].detail) == ("7 done, 1 not", "torch")


def test_an_accuracy_of_guessing_is_named():
    words = words_of(make_record(accuracy=0.1003, test_accuracy=0.1), make_record("keras"))
    assert "**No more accurate than guessing**: numpy." in words
