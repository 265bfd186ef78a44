"""The answers in a few words at the top of the page."""

from bench.records import RunError
from bench.report.findings.findings import findings
from bench.report.findings.headline import headline
from bench.report.findings.tiles import tiles
from bench.report.frames.analysis import analyse
from tests.report.conftest import ENVIRONMENT, make_record, sweep_of
from tests.report.findings.asking import SAME, runs_of


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
        "numpy is the fastest under 4 of 4 conditions, 1.98 to 3.47 times as fast as the "
        f"next. {SAME}"
    )
    made = {tile.question: (tile.answer, tile.level) for tile in tiles(found)}
    assert made == {
        "speed": ("numpy", "good"), "accuracy": ("yes", "good"),
        "learning_rate": ("0.1", "neutral"), "parity": ("yes", "good"),
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
    assert (made["parity"].answer, made["parity"].detail) == ("no", "not the recipe's: jax")
    assert (made["quiet"].answer, made["quiet"].word) == ("only roughly", "caution")
    assert (made["runs"].answer, made["runs"].detail) == ("7 done, 1 not", "torch")


def test_a_tile_says_which_difference_in_accuracy_is_possible():
    records = [
        make_record(name, seed=seed, test_accuracy=0.8 + gain, examples_per_second=speed)
        for name, speed, gains in (("numpy", 9.0, (0, 0, 0)), ("keras", 1.0, (0.01, -0.01, 0.003)))
        for seed, gain in enumerate(gains)
    ]
    found = findings(analyse(sweep_of(*records)))
    (tile,) = [one for one in tiles(found) if one.question == "accuracy"]
    (pair,) = [one for one in found if one.question == "accuracy"]
    assert (tile.answer, tile.level) == ("no difference found, equality not shown", "neutral")
    assert tile.detail.startswith("test accuracies are 0.10 percentage points apart (3 seeds, lear")
    most = float(tile.detail.partition("chance, but ")[2].split()[0])
    assert max(-pair.low, pair.high) <= most < max(-pair.low, pair.high) + 0.01


def test_a_tile_names_the_best_rate_that_differs():
    best = {("numpy", "one_hidden"): 0.01, ("numpy", "two_hidden"): 0.1,
            ("keras", "one_hidden"): 0.01, ("keras", "two_hidden"): 0.01}  # fmt: skip
    records = [
        make_record(name, architecture, rate, accuracy=0.9 if rate == highest else 0.8)
        for (name, architecture), highest in best.items() for rate in (0.001, 0.01, 0.1)
    ]  # fmt: skip
    found = findings(analyse(sweep_of(*records)))
    (tile,) = [one for one in tiles(found) if one.question == "learning_rate"]
    assert (tile.answer, tile.detail) == (
        "0.01 in most cases",
        "but 0.1 for numpy with two_hidden; it is the highest rate tried: a higher one may be "
        "better",
    )
