"""The report as its users get it: the command, and what it writes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from bench.console import printable
from bench.records import RunError
from bench.report import command
from tests.report.conftest import make_record

RATES = (0.01, 0.1)
REPORT = Path(command.__file__).parent
HOSTILE = "<script>alert(1)</script> | `x` [a](b) $\\frac$ 'q' \"q\" \u202e\x1b[2J\U0001f600"


@pytest.fixture
def report(write, call, leave_out_pictures):
    """Write records and report on them; returns the page's text, the folder and what is printed."""

    def make(*records, pictures=False, **options):
        if not pictures:  # which take most of the time
            leave_out_pictures()
        folder = write(*records, **options)
        status, out, err = call(command.main, folder, "--format=md,csv,terminal")
        assert (status, err) == (0, "")
        assert all(len(line) <= 100 for line in out.splitlines()[:-1])
        page = folder / "report" / "report.md"
        return page.read_text(encoding="utf-8"), folder / "report", out

    return make


@pytest.fixture
def sweep():
    """Two implementations, two architectures, two rates."""
    return [
        make_record(
            name, architecture, rate, accuracy=0.8 + rate / 10, test_accuracy=test_accuracy,
            examples_per_second=speed, colour=colour,
        )
        for name, speed, test_accuracy, colour in (
            ("numpy", 1200.0, 0.81, "#0072B2"), ("keras", 300.0, 0.80, "#D55E00"),
        )
        for architecture in ("one_hidden", "two_hidden")
        for rate in RATES
    ]  # fmt: skip


def rows(page: str, name: str) -> list[list[str]]:
    """Return the cells of the table whose caption starts with a name."""
    lines = page.partition(f"\n{name}")[2].partition("\n\n")[2].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_it_writes_a_page_tables_and_pictures(report, sweep):
    page, folder, _ = report(*sweep, pictures=True)
    figures_of_page = set(re.findall(r"\]\(figures/([a-z_]+\.png)\)", page))
    assert figures_of_page == {path.name for path in (folder / "figures").glob("*.png")}
    assert figures_of_page >= {
        "accuracy_against_speed.png", "speed_ratios.png", "training_speed.png",
        "accuracy_by_seconds.png", "loss_by_epochs.png", "accuracy_by_learning_rate.png",
        "time_by_part.png", "confusion_numpy.png", "predictions_keras.png", "sample_images.png",
    }  # fmt: skip
    for path in (folder / "figures").glob("*.png"):
        with Image.open(path) as picture:
            assert picture.width >= 800
            assert picture.height >= 150  # a chart of two rows
            assert len(picture.convert("L").getcolors(2**16) or ()) > 10
    assert len(pd.read_csv(folder / "runs.csv")) == 8
    assert len(pd.read_csv(folder / "curves.csv")) == 8 * 4


def test_without_proven_parity_there_is_no_rank_and_the_page_says_why(report):
    page, _, printed = report(
        make_record("numpy", examples_per_second=1000.0),
        make_record("keras", examples_per_second=9000.0, parity="failed"),
        make_record("other", examples_per_second=5000.0, parity="judged"),
    )
    table = {cells[0]: cells for cells in rows(page, "Comparison: ")[2:]}
    assert [[table[name][1], table[name][-1]] for name in ("numpy", "keras", "other")] == [
        ["1", "passed"], ["-", "**failed**"], ["-", "**not checked**"],
    ]  # fmt: skip
    assert table["keras"][2] == "4,500"
    assert table["keras"][3] == "9.00x faster"
    assert "Without a rank: keras; the equations are **not those of the recipe**" in page
    assert "numpy is the only implementation with a rank" in page
    assert "keras is the fastest" not in page
    proofs = {cells[0]: cells for cells in rows(page, "Parity: ")}
    assert proofs["keras"][4].replace("\\", "") == "**2.5e-01 (limit 1.0e-05)**"
    assert len(re.findall(r"^(keras|other) has no rank: parity ", printed, re.MULTILINE)) == 2


def test_a_failed_run_has_its_status_in_place_of_its_result(report):
    error = RunError(
        type="ValueError", message="first line\nsecond line", traceback="Traceback\n  of two lines"
    )
    page, _, _ = report(
        make_record(learning_rate=0.1),
        make_record(learning_rate=0.2, status="failed", error=error),
        make_record(learning_rate=1e6, status="diverged"),
    )
    by_rate = rows(page, "Test accuracy by learning rate: ")
    assert by_rate[2][1:] == ["0.7900", "**failed**", "**diverged**"]
    (failed,) = [row for row in rows(page, "Runs.") if row[1] == "**failed**"]
    assert failed[2] == "first line"
    assert "second line" not in page
    assert "```text\nTraceback\n  of two lines\n```" in page
    assert "**Runs: 1 done, 1 failed, 1 diverged.**" in page


def test_an_implementation_without_a_finished_run_has_a_row_with_its_status(report):
    error = RunError(type="E", message="no memory left")
    records = [make_record(), make_record("torch", status="out_of_memory", error=error)]
    records.append(make_record("jax", status="skipped", error=error, environment={}))
    page, _, printed = report(*records)
    for name in ("Comparison: ", "Seconds by activity: "):
        lines = {line[0]: line for line in rows(page, name)}
        assert "**out of memory**" in lines["torch"]
        assert "**skipped**" in lines["jax"]
    reasons = {line[0].split("-")[0]: line[1:3] for line in rows(page, "Runs.")[2:]}
    assert reasons["`torch"] == ["**out of memory**", "no memory left"]
    assert reasons["`jax"] == ["**skipped**", "no memory left"]
    assert re.search(r"torch .* out of memory", printed)
    assert "jax has no finished run (one_hidden): skipped: no memory left" in printed


def test_only_failures_are_a_page_that_says_so(report):
    error = RunError(type="X", message="no luck")
    page, _, out = report(make_record(status="failed", error=error))
    assert "**No run has a result**" in page
    assert "no luck" in out


def test_one_run_is_enough(report):
    page, _, _ = report(make_record())
    assert "the only implementation with a rank" in page
    assert rows(page, "Comparison: ")[2][4] == "0.7900 ±0.0080"


def test_synthetic_data_is_stamped_on_everything(report):
    page, _, out = report(make_record(dataset="synthetic"))
    assert "synthetic data" in page.splitlines()[0]
    assert page.splitlines()[2].startswith("> **Synthetic data.")
    assert "synthetic data" in out


def test_a_sweep_half_way_names_what_is_missing_and_what_is_damaged(report, write):
    folder = write(make_record(), planned=("never-run", "cut-off"))
    (folder / "cut-off").mkdir()
    (folder / "cut-off" / "record.json").write_text('{"schema_version": 1,')
    page, _, _ = report(make_record(seed=5))
    assert "**1 planned run is not finished.**" in page
    assert "`never-run`" in page
    assert "cut-off" in page
    assert "damaged" in page


def test_hostile_names_are_text(report):
    record = make_record(HOSTILE, "one_hidden", colour="red;</script>")
    object.__setattr__(record, "run_id", "safe")
    page, folder, printed = report(record, pictures=True)
    assert "<script>" not in page.replace("`" + HOSTILE.replace("\x1b", "\\x1b"), "")
    assert "\x1b" not in page
    assert not set("\x1b\u202e") & set(printed)
    assert all(re.fullmatch(r"[\w.-]+", path.name, re.ASCII) for path in folder.iterdir())
    listed = pd.read_csv(folder / "runs.csv")["implementation"].tolist()
    assert listed == [printable(HOSTILE)]


def test_an_error_message_cannot_control_the_terminal(report):
    error = RunError(type="E", message="\x1b]0;title\x07 \u202e and \x9b2J")
    record = make_record(HOSTILE, status="failed", error=error)
    object.__setattr__(record, "run_id", "safe")
    _, _, printed = report(record)
    assert r"\x1b]0;title\x07 \u202e and \x9b2J" in " ".join(printed.split())
    assert all(one.isprintable() or one == "\n" for one in printed)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "nowhere: no such folder"),
        (["."], "no records, so there is nothing to report"),
        ([], "the following arguments are required"),
        (["--wrong"], "unrecognized arguments|required"),
    ],
)
def test_nothing_to_report_is_one_line_and_status_2(run, words, message):
    ended = run("bench-report", *words)
    assert ended.returncode == 2
    assert re.search(message, ended.stderr)
    assert "Traceback" not in ended.stderr


def test_help_waits_for_nothing_heavy():
    program = (
        "import sys; sys.argv = ['bench-report', '--help']\n"
        "from bench.report.command import main\n"
        "try: main()\n"
        "except SystemExit: print(*sys.modules, file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not {"pandas", "matplotlib", "scipy"} & set(ended.stderr.split())
    assert "results/default" in ended.stdout


def test_a_report_needs_no_framework():
    paths = [path.relative_to(REPORT).with_suffix("") for path in REPORT.rglob("[a-z]*.py")]
    modules = ",".join(f"bench.report.{'.'.join(path.parts)}" for path in paths)
    program = f"import sys, {modules}; print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "bench.report.pages.html_report" in ended.stdout
    assert not {"tensorflow", "keras", "torch", "jax", "sklearn"} & set(ended.stdout.split())
