"""The figures of `bench.plot` show the values of the records; no setting of matplotlib changes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import bench
from bench.records import RunError
from tests.report.conftest import SUMMARY, make_record, write  # noqa: F401  # a fixture

EVERY = list(bench.plot.__all__)
RATES = (0.01, 0.1)
ERROR = RunError(type="E", message="no")


@pytest.fixture
def ax():
    return Figure().subplots()


@pytest.fixture
def folder(write):  # noqa: F811
    return write(
        *(
            make_record(name, "one_hidden", rate, accuracy=0.8 + rate / 10 + speed / 1e5,
                        examples_per_second=speed, colour=colour)
            for name, speed, colour in (("numpy", 1200.0, "#0072B2"), ("keras", 300.0, "#D55E00"))
            for rate in RATES
        ),
        make_record("torch", status="failed", error=ERROR, colour="#009E73"),
    )  # fmt: skip


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts if text.get_text()]


def legend(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


@pytest.mark.parametrize("name", EVERY)
def test_every_figure_takes_a_folder_records_and_frames_and_returns_the_axes(name, folder, ax):
    draw = getattr(bench.plot, name)
    records = bench.load_records(folder)
    assert draw(folder, ax=ax) is ax
    titles = {ax.get_title()}
    for source in (records, bench.load_runs(records), bench.load_curves(records)):
        titles.add(draw(source, ax=Figure().subplots()).get_title())
    assert len(titles) == 1
    ax.figure.savefig("/dev/null", format="png")


@pytest.mark.parametrize("name", EVERY)
def test_a_new_figure_belongs_to_pyplot_and_an_existing_one_is_not_changed(
    name, folder, monkeypatch
):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    from matplotlib import pyplot

    existing = pyplot.figure()
    settings = dict(mpl.rcParams)
    try:
        drawn = getattr(bench.plot, name)(folder)
        assert isinstance(drawn, Axes)
        assert drawn.figure.number in pyplot.get_fignums()
        assert drawn.figure is not existing
        assert existing.axes == []
        assert dict(mpl.rcParams) == settings
    finally:
        pyplot.close("all")


def test_given_axes_need_no_pyplot(folder):
    program = (
        "import bench, sys; from matplotlib.figure import Figure\n"
        f"for name in {EVERY!r}:\n"
        f"    getattr(bench.plot, name)({str(folder)!r}, ax=Figure().subplots())\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_each_run_has_a_curve_in_the_colour_of_its_implementation(folder, ax):
    bench.plot.loss_curves(folder, ax=ax)
    curves = [line for line in ax.get_lines() if len(line.get_xdata())]
    assert len(curves) == 5  # one of them before training only
    assert curves[0].get_ydata().tolist() == [2.5 / number for number in range(1, 5)]
    assert legend(ax) == ["keras", "numpy", "torch", "rate 0.01", "rate 0.1"]
    colours = {to_hex(line.get_color()).upper() for line in curves}
    assert colours == {"#0072B2", "#D55E00", "#009E73"}
    assert ax.get_ylabel() == "validation loss"


def test_one_implementation_has_a_colour_for_each_rate(folder, ax):
    runs = bench.load_curves(folder)
    bench.plot.loss_curves(runs[runs["implementation"] == "numpy"], ax=ax, x="train_seconds_so_far")
    assert legend(ax) == ["rate 0.01", "rate 0.1"]
    assert len({to_hex(line.get_color()) for line in ax.get_lines()}) == 2
    assert ax.get_xlabel() == "seconds of training"


def test_without_a_validation_set_the_training_loss_is_drawn(write, ax):  # noqa: F811
    record = make_record()
    epochs = tuple(replace(epoch, validation_loss=None) for epoch in record.epochs)
    bench.plot.loss_curves(write(replace(record, epochs=epochs)), ax=ax)
    assert ax.get_ylabel() == "training loss"


def test_learning_rates_are_bars_of_mean_accuracy_and_failures_are_named(write, ax):  # noqa: F811
    folder = write(
        make_record("numpy", learning_rate=0.1, accuracy=0.8),
        make_record("numpy", learning_rate=0.1, seed=1, accuracy=0.9),
        make_record("numpy", learning_rate=1.0, status="diverged"),
    )
    bench.plot.learning_rates(folder, ax=ax)
    assert [bar.get_height() for bar in ax.patches] == pytest.approx([0.85, 0])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.1", "1"]
    assert " × diverged" in texts(ax)
    assert ax.get_ylabel() == "validation accuracy"


def test_speed_shows_every_run_and_the_mean_of_the_report(folder, ax):
    bench.plot.speed(folder, ax=ax)
    rows = [label.get_text() for label in ax.get_yticklabels()]
    assert rows[-1] == "numpy"  # the fastest at the top
    assert set(rows) == {"numpy", "keras", "torch"}
    assert {"600", "150", "× failed"} == set(texts(ax))
    points = [line for line in ax.get_lines() if line.get_marker() == "o"]
    assert [sorted(line.get_xdata()) for line in points] == [[150, 150], [600, 600]]
    assert ax.get_xlabel() == "examples per second"


def test_labels_distinguish_conditions(write):  # noqa: F811
    folder = write(make_record("numpy", "one_hidden"), make_record("numpy", "two_hidden"))
    ax = bench.plot.speed(folder, ax=Figure().subplots())
    assert {label.get_text() for label in ax.get_yticklabels()} == {
        "numpy, one_hidden",
        "numpy, two_hidden",
    }
    ax = bench.plot.learning_rates(folder, ax=Figure().subplots())
    assert legend(ax) == ["numpy, one_hidden", "numpy, two_hidden"]
    ax = bench.plot.loss_curves(folder, ax=Figure().subplots())
    assert legend(ax) == ["one_hidden", "two_hidden"]


def test_the_confusion_matrix_is_that_of_the_best_run_or_of_the_one_named(folder, ax):
    bench.plot.confusion_matrix(folder, ax=ax)
    assert ax.get_title() == "numpy (one_hidden, rate 0.1)"
    (image,) = ax.images
    np.testing.assert_allclose(np.diag(image.get_array()), 0.79)
    assert [label.get_text() for label in ax.get_xticklabels()] == list(SUMMARY.class_names)
    keras = next(r.run_id for r in bench.load_records(folder) if r.run_id.startswith("keras"))
    other = bench.plot.confusion_matrix(folder, run_id=keras, ax=Figure().subplots())
    assert other.get_title() == "keras (one_hidden, rate 0.01)"


def test_predictions_have_predicted_and_true_names_and_frames_around_mistakes(folder, ax):
    bench.plot.predictions(folder, ax=ax)
    assert texts(ax) == ["Kind 0\ntrue: Kind 0", "Kind 1\ntrue: Kind 1", "Kind 2\ntrue: Kind 3"]
    assert len(ax.patches) == 1
    assert len(texts(bench.plot.predictions(folder, n_images=2, ax=Figure().subplots()))) == 2


@pytest.mark.parametrize("name", EVERY)
def test_names_with_dollars_are_drawn_as_they_are(name, write, ax):  # noqa: F811
    folder = write(make_record("a$_{$"), make_record("b$^$", "x$\\frac$", 0.01))
    getattr(bench.plot, name)(folder, ax=ax)
    ax.figure.savefig("/dev/null", format="png")


@pytest.mark.parametrize("name", EVERY)
def test_without_a_result_an_error_says_so(name, write, ax):  # noqa: F811
    folder = write(replace(make_record(status="skipped", error=ERROR), epochs=()))
    if name == "learning_rates":
        bench.plot.learning_rates(folder, ax=ax)
        assert texts(ax) == [" × skipped"]
        return
    with pytest.raises(bench.BenchError, match=r"no run (is done|has a)"):
        getattr(bench.plot, name)(folder, ax=ax)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda folder: bench.plot.loss_curves(folder, y="speed"), "y='speed': must be one of"),
        (lambda folder: bench.plot.loss_curves(folder, x="time"), "x='time': must be one of"),
        (lambda folder: bench.plot.predictions(folder, run_id="a"), "run_id='a': not among"),
        (lambda folder: bench.plot.predictions(folder, n_images=0), "must be at least 1"),
    ],
)
def test_a_wrong_argument_is_explained(folder, draw, message):
    with pytest.raises(bench.BenchError, match=message):
        draw(folder)


def test_figures_of_synthetic_data_say_so(write):  # noqa: F811
    folder = write(make_record(dataset="synthetic"))
    for name in ("loss_curves", "learning_rates", "speed"):
        ax = getattr(bench.plot, name)(folder, ax=Figure().subplots())
        assert ax.get_title().endswith("(synthetic data)")
