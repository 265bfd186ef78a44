"""Records with numbers that are easily recomputed, and a browser for the pages made of them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench import files
from bench.records import (
    DatasetSummary,
    EpochRecord,
    RunError,
    Rung,
    RunRecord,
    Seconds,
    Verdict,
)
from bench.report.charts.drawing import Drawing
from bench.report.charts.renderer import Renderer
from bench.report.frames.display_names import run_views
from bench.report.frames.runs import runs_frame
from bench.results import checksummed, store
from bench.results.plan import add_to_plan
from tests.conftest import SCRIPTS
from tests.report.browsing import CHROMIUM, drawn

HIDDEN_SIZES = {"two_hidden": [128, 64]}
FINGERPRINT = "0123abcd"
ENVIRONMENT = {
    "cpu_model": "A processor", "libraries": {"numpy": "2.0"}, "cores": [0, 1], "noisy": False,
}  # fmt: skip


def make_record(
    implementation: str = "numpy",
    architecture: str = "one_hidden",
    learning_rate: float = 0.1,
    seed: int = 0,
    *,
    accuracy: float = 0.8,
    test_accuracy: float = 0.79,
    examples_per_second: float = 1000.0,
    status: str = "done",
    dataset: str = "fashion_mnist",
    error: RunError | None = None,
    colour: str = "#0072B2",
    n_epochs: int = 3,
    parity: str = "passed",
    environment: Mapping[str, Any] = ENVIRONMENT,
    **settings: Any,
) -> RunRecord:
    """Return a record of three epochs of 100, 200 and 300 % of the given speed's seconds.

    Args:
        settings: of the configuration, in place of those that it has otherwise.
    """
    finished = status == "done"
    epochs = tuple(
        EpochRecord(
            epoch=number,
            train_loss=2.0 / (number + 1),
            validation_loss=2.5 / (number + 1),
            validation_accuracy=accuracy - 0.01 * (n_epochs - number),
            train_seconds=number * 1000 / examples_per_second,
            evaluate_seconds=0.1,
        )
        for number in range(n_epochs + 1)
    )
    return RunRecord(
        schema_version=checksummed.SCHEMA_VERSION,
        run_id=f"{implementation}-{architecture}-lr{learning_rate}-seed{seed}-{dataset[:8]}",
        sweep_name="fixture",
        status=status,
        error=error,
        started_at="2026-01-01T00:00:00+00:00",
        finished_at="2026-01-01T00:00:09+00:00",
        config={
            "implementation": {"name": implementation, "colour": colour, "options": {}},
            "architecture": {
                "name": architecture,
                "hidden_sizes": HIDDEN_SIZES.get(architecture, [128]),
            },
            "recipe": {"name": "relu_softmax_sgd"},
            "dataset": {"name": dataset},
            "learning_rate": learning_rate,
            "batch_size": 32,
            "epochs": n_epochs,
            "seed": seed,
            "device": "cpu",
            "threads": "auto",
            "validation_fraction": 0.1,
            **settings,
        },
        config_hash="0" * 64,
        environment=dict(environment),
        seconds=Seconds(train=6000 / examples_per_second, warm_up=0.25, total=9.0),
        parameter_count=101_770,
        flops_per_example=409_088,
        epochs=epochs if finished else epochs[:1],
        test_loss=0.5 if finished else None,
        test_accuracy=test_accuracy if finished else None,
        confusion_matrix=_confusion(test_accuracy) if finished else None,
        examples_per_epoch=1000 if finished else None,
        examples_per_second=examples_per_second / 2 if finished else None,
        flops_utilisation=0.5 if finished else None,
        peak_memory_bytes=123_000_000 if finished else None,
        dataset_fingerprint=FINGERPRINT if finished else None,
        sample_predictions=(0, 1, 2) if finished else (),
        parity_key=f"{implementation} {parity}",
    )


def make_verdict(implementation: str, parity: str = "passed") -> Verdict:
    """Return the verdict that a record of this implementation and parity needs."""
    return Verdict(
        schema_version=checksummed.SCHEMA_VERSION,
        key=f"{implementation} {parity}",
        implementation=implementation,
        source="0123456789abcdef",
        ladder="0" * 64,
        options={},
        equations={"activation": "relu", "output": "softmax"},
        device="cpu",
        threads=2,
        libraries={"numpy": "2.0"},
        processor="A processor",
        checked_at="2026-01-01T00:00:00+00:00",
        rungs=(
            Rung(number=1, distance=1e-7, bound=1e-5),
            Rung(number=2, distance=1e-7 if parity == "passed" else 0.25, bound=1e-5),
            Rung(number=3, distance=1e-6, bound=3e-6),
        ),
    )


def runs_of(*records: RunRecord) -> pd.DataFrame:
    """Return the frame of some runs."""
    return runs_frame(run_views(records), verdicts_for(records))


def sweep_of(*records: RunRecord, **settings: Any) -> store.Sweep:
    """Return a sweep of these records that is not on disk."""
    settings = {"plan": None, "unreadable": (), "missing": (), "datasets": (SUMMARY,)} | settings
    verdicts = tuple(verdicts_for(records))
    return store.Sweep(
        folder=Path("fixture"), name="fixture", records=records, verdicts=verdicts, **settings
    )


def verdicts_for(records: tuple[RunRecord, ...]) -> list[Verdict]:
    """Return the verdicts that records need, but for those that have none."""
    keys = dict.fromkeys(record.parity_key for record in records)
    named = [key.rsplit(" ", 1) for key in keys if key]
    return [make_verdict(*words) for words in named if words[1] in {"passed", "failed"}]


def _confusion(accuracy: float) -> tuple[tuple[int, ...], ...]:
    """Return a matrix of 10 x 1,000 images with that share on its diagonal."""
    right = round(1000 * accuracy)
    return tuple(
        tuple(right if row == column else (1000 - right if column == (row + 1) % 10 else 0)
              for column in range(10))
        for row in range(10)
    )  # fmt: skip


SUMMARY = DatasetSummary(
    name="fashion_mnist",
    fingerprint=FINGERPRINT,
    class_names=tuple(f"Kind {number}" for number in range(10)),
    train_class_counts=(6000,) * 10,
    test_class_counts=(1000,) * 10,
    train_images=bytes(range(256)) * 49 + bytes(20 * 784 - 256 * 49),
    train_labels=tuple(range(10)) * 2,
    test_images=bytes(3 * 784),
    test_labels=(0, 1, 3),
)


def write_records(folder: Path, records: Sequence[RunRecord]) -> None:
    """Write records as a sweep, with their verdicts and the summary of their data."""
    for record in records:
        store.write_record(folder, record)
    for number, verdict in enumerate(verdicts_for(tuple(records))):
        files.write_atomically(folder / f"parity-{number}.json", checksummed.encode(verdict))
    path = store.dataset_path(folder, SUMMARY.name, SUMMARY.fingerprint)
    files.write_atomically(path, checksummed.encode(SUMMARY))


@pytest.fixture
def leave_out_pictures(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function after which a report has no charts and pictures."""

    def leave_out() -> None:
        for method in ("specifications", "figures"):
            monkeypatch.setattr(Drawing, method, lambda _: {})
        for method in ("__init__", "draw", "wait", "__exit__"):
            monkeypatch.setattr(Renderer, method, lambda *_: None)

    return leave_out


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write records as a sweep, and return its folder."""

    def write_sweep(*records: RunRecord, planned: tuple[str, ...] = (), **extra: Any) -> Path:
        folder = tmp_path / "results" / "fixture"
        folder.mkdir(parents=True, exist_ok=True)
        write_records(folder, records)
        if planned:
            add_to_plan(folder, planned)
        return folder

    return write_sweep


def write_sweep(folder: Path, records) -> Path:
    """Write a sweep and its report; return the page."""
    write_records(folder, records)
    subprocess.run([SCRIPTS / "bench-report", folder], check=True, capture_output=True)
    return folder / "report" / "index.html"


@pytest.fixture(scope="session")
def ordinary(tmp_path_factory):
    """The page of an ordinary sweep: two implementations, architectures and rates; one failure."""
    error = RunError(type="ValueError", message="no luck\nmore", traceback="t" * 5000)
    records = [
        make_record(name, architecture, rate, accuracy=0.8 + rate / 10, examples_per_second=speed,
                    colour=colour)
        for name, speed, colour in (("numpy", 1200.0, "#0072B2"), ("keras", 300.0, "#D55E00"))
        for architecture in ("one_hidden", "two_hidden")
        for rate in (0.01, 0.1)
    ]  # fmt: skip
    records.append(make_record("torch", status="failed", error=error))
    return write_sweep(tmp_path_factory.mktemp("sweeps") / "ordinary", records)


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield opened
        opened.close()


@pytest.fixture
def visit(browser):
    """Open a page from disk, with all that it prints and asks for, and wait for its charts."""
    contexts = []

    def visit_page(path, width=1400, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        context.set_offline(True)
        contexts.append(context)
        page = context.new_page()
        page.messages, page.requests = [], []
        page.on("console", lambda message: page.messages.append(message.text))
        page.on("pageerror", lambda error: page.messages.append(str(error)))
        page.on("request", lambda request: page.requests.append(request.url))
        page.goto(path.as_uri())
        if options.get("java_script_enabled", True):
            drawn(page, 1)
        return page

    yield visit_page
    for context in contexts:
        context.close()
