"""report.md: the answers, the tables and the plots of one sweep."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
import pandas as pd

from bench.contract import RunRecord
from bench.report import fairness, tables
from bench.report.answers import answers, troubles
from bench.report.markup import code, table, text
from bench.report.pictures import best_runs
from bench.report.terminal import SYNTHETIC, is_synthetic, setting, shown
from bench.store import Sweep

REPEATED = (
    ("implementation", "name"), ("architecture", "name"), ("recipe", "name"), ("dataset", "name"),
    ("learning_rate",), ("batch_size",), ("epochs",), ("seed",), ("validation_fraction",),
    ("shuffle",), ("evaluate_training_set",), ("device",), ("threads",),
)  # fmt: skip

MOST_PAIRS = 5
MOST_RUNS = 100  # listed in report.md; pull requests take 65,536 characters


def sections(sweep: Sweep, runs: pd.DataFrame, comparison: pd.DataFrame) -> dict[str, Any]:
    """Return all that a page says, in Markdown, by the names that the templates use."""
    synthetic = is_synthetic(sweep.records)
    validated = runs["validation_accuracy"].notna().any()
    return {
        "sweep_name": sweep.folder.name,
        "synthetic": synthetic,
        "stamp": f" ({SYNTHETIC})" if synthetic else "",
        "answers": answers(sweep, runs, comparison),
        "chosen_on": "validation accuracy after the last epoch" if validated else "training loss",
        "comparison": _comparison(comparison),
        "rates": _rates(runs, comparison),
        "ledger": _ledger(runs),
        "confused": _confused(sweep),
        "parity": fairness.parity(sweep.verdicts),
        "fairness": fairness.sheet(sweep.records, runs),
        "runs": _runs(sweep.records),
        "n_runs": len(sweep.records),
        "troubles": troubles(sweep.records),
        "missing": sweep.missing,
        "unreadable": sweep.unreadable,
        "commands": [command(record) for record in sweep.records],
        "environment": _environment(sweep.records),
    }


def markdown(said: Mapping[str, Any], plots: Mapping[str, str]) -> str:
    """Return report.md.

    Args:
        said: what `sections` returns.
        plots: captions by file name, in the order in which they are shown.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bench.report"),
        trim_blocks=True,
        autoescape=False,  # noqa: S701
    )  # every value goes through the filters below; Markdown is not HTML
    environment.filters |= {"text": text, "code": code}
    template = environment.get_template("report.md.j2")
    page = template.render(said, plots=plots, most_runs=MOST_RUNS)
    return re.sub(r"\n{3,}", "\n\n", page)


def _comparison(comparison: pd.DataFrame) -> str:
    if comparison.empty:
        return ""
    named = tables.varying(comparison)
    headings = [
        *(name.replace("_", " ") for name in named), "implementation", "rank", "parity",
        "learning rate", "validation accuracy", "test accuracy", "seeds", "examples/s", "ratio",
        "ceiling", "target", "s to target", "with warm-up", "warm-up s", "train s", "total s",
        "peak memory MB",
    ]  # fmt: skip
    rows = []
    for row in tables.rows(comparison):
        speed = f"{row.examples_per_second:,.0f} ({row.examples_per_second_min:,.0f} to "
        rows.append([
            *(text(getattr(row, name)) for name in named),
            text(row.implementation),
            number(row.rank, ".0f"),
            row.parity if row.parity == tables.PASSED else f"**{row.parity}**",
            f"{row.learning_rate:g}",
            number(row.validation_accuracy, ".4f"),
            accuracy(row),
            str(row.n_seeds),
            f"{speed}{row.examples_per_second_max:,.0f})",
            number(row.ratio, ".2f"),
            number(row.flops_utilisation, ".0%"),
            number(row.target, ".2f"),
            reached(row, "seconds_to_target"),
            reached(row, "cold_seconds_to_target"),
            number(row.warm_up_seconds, ".2f"),
            number(row.train_seconds, ".1f"),
            number(row.total_seconds, ".1f"),
            number(row.peak_memory_bytes / 1e6, ",.0f"),
        ])  # fmt: skip
    return table(headings, rows, n_words=len(named) + 1)


def reached(row: Any, column: str) -> str:
    """Show the seconds it took to reach the accuracy that the row's condition is timed to."""
    if pd.isna(row.target):
        return "-"
    seconds = getattr(row, column)
    taken = "not reached" if pd.isna(seconds) else f"{seconds:.1f}"
    some = "" if row.n_reached in (0, row.n_seeds) else f" ({row.n_reached} of {row.n_seeds})"
    return taken + some


def accuracy(row: Any) -> str:
    """Show a mean test accuracy with what is known of its error."""
    if pd.isna(row.test_accuracy):
        return "-"
    if not pd.isna(row.test_accuracy_half_width):
        return f"{row.test_accuracy:.4f} ± {row.test_accuracy_half_width:.4f}"
    return f"{row.test_accuracy:.4f}"


def _rates(runs: pd.DataFrame, comparison: pd.DataFrame) -> str:
    """Lay out test accuracy: a row per condition and implementation, a column per rate."""
    if comparison.empty:
        return ""
    named = tables.varying(runs)
    rates = sorted(runs["learning_rate"].dropna().unique())
    by_cell = comparison.set_index([*tables.CONDITIONS, "implementation"])["learning_rate"]
    chosen: dict[Any, float] = by_cell.to_dict()
    rows = []
    for key, group in runs.groupby([*tables.CONDITIONS, "implementation"], dropna=False):
        cells = []
        for rate in rates:
            tried = group[group["learning_rate"] == rate]
            mean = tried["test_accuracy"].mean()
            if tried.empty:
                cells.append("-")
            elif pd.isna(mean):
                cells.append(", ".join(dict.fromkeys(tried["status"])))
            else:
                best = chosen.get(key) == rate
                cells.append(f"**{mean:.4f}**" if best else f"{mean:.4f}")
        first = group.iloc[0]
        rows.append([*(text(first[name]) for name in named), text(first["implementation"]), *cells])
    headings = [*(name.replace("_", " ") for name in named), "implementation"]
    headings += [f"rate {rate:g}" for rate in rates]
    return table(headings, rows, n_words=len(named) + 1)


def _ledger(runs: pd.DataFrame) -> str:
    """Lay out where the time of finished runs went: means, a row an implementation."""
    done = runs[runs["status"] == "done"]
    if done.empty:
        return ""
    means = done.groupby("implementation")[[f"{part}_seconds" for part in tables.PARTS]].mean()
    rows = [
        [
            text(name),
            str((done["implementation"] == name).sum()),
            *(f"{value:.2f}" for value in line),
            f"{sum(line):.2f}",
        ]
        for name, line in zip(means.index, means.to_numpy().tolist(), strict=True)
    ]
    return table(
        ["implementation", "runs", *(part.replace("_", " ") for part in tables.PARTS), "total"],
        rows,
    )


def _confused(sweep: Sweep) -> str:
    """Lay out, for each implementation's best run, the classes it mistakes most."""
    names = {summary.fingerprint: summary.class_names for summary in sweep.datasets}
    rows = []
    for record in best_runs(sweep.records):
        classes = names.get(record.dataset_fingerprint or "")
        matrix = record.confusion_matrix
        if classes is None or not matrix:
            continue
        mistaken = sorted(
            (
                (count, classes[truth], classes[predicted])
                for truth, line in enumerate(matrix[: len(classes)])
                for predicted, count in enumerate(line[: len(classes)])
                if truth != predicted and count
            ),
            reverse=True,
        )
        listed = "; ".join(
            f"{text(truth)} taken for {text(predicted)} {count}"
            for count, truth, predicted in mistaken[:MOST_PAIRS]
        )
        right = sum(matrix[number][number] for number in range(len(matrix)))
        rows.append(
            [
                text(setting(record, "implementation", "name")),
                listed,
                str(sum(map(sum, matrix)) - right),
            ]
        )
    return (
        table(["implementation", "most mistaken", "all mistakes"], rows, n_words=2) if rows else ""
    )


def _runs(records: Sequence[RunRecord]) -> list[str]:
    """Lay out a line a run, below two lines of headings."""
    headings = [
        "run", "status", "epochs", "test accuracy", "examples/s", "ceiling", "train s", "total s",
    ]  # fmt: skip
    rows = [
        [
            code(record.run_id),
            record.status.replace("_", " "),
            str(max(len(record.epochs) - 1, 0)),
            shown(record.test_accuracy, ".4f"),
            shown(record.examples_per_second, ",.0f"),
            shown(record.flops_utilisation, ".0%"),
            shown(record.seconds.train, ".1f"),
            shown(record.seconds.total, ".1f"),
        ]
        for record in records
    ]
    return table(headings, rows, n_words=2).splitlines()


def _environment(records: Sequence[RunRecord]) -> str:
    """Lay out what the runs' environments say, and every value where they differ."""
    labels = {
        "cpu_model": "processor", "platform": "system", "python": "Python",
        "libraries": "libraries", "git_commit": "commit",
    }  # fmt: skip
    rows = []
    for key, label in labels.items():
        values = dict.fromkeys(_plain(record.environment.get(key)) for record in records)
        listed = "; ".join(value for value in values if value)
        rows.append([label, text(listed) if listed else "-"])
    ceilings = [
        value / 1e9
        for record in records
        for value in _mapping(record.environment.get("ceiling_flops_per_second")).values()
        if isinstance(value, int | float)
    ]
    if ceilings:
        span = f"{min(ceilings):,.0f} to {max(ceilings):,.0f} GFLOP/s"
        rows.append(["ceiling, float32 matrix multiplication", span])
    return table(["", ""], rows, n_words=2)


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {version}" for name, version in sorted(value.items()))
    return "" if value is None else str(value)


def _mapping(value: object) -> Mapping[Any, Any]:
    return value if isinstance(value, dict) else {}


def command(record: RunRecord) -> str:
    """Return the command that repeats a run."""
    words = {path[0]: setting(record, *path) for path in REPEATED}
    sizes = _mapping(record.config.get("architecture")).get("hidden_sizes")
    if isinstance(sizes, list | tuple):
        words["architecture.hidden_sizes"] = "[" + ",".join(map(str, sizes)) + "]"
    for name, value in _mapping(
        _mapping(record.config.get("implementation")).get("options")
    ).items():
        words[f"implementation.options.{name}"] = value
    if words["dataset"] == "synthetic":
        for name in ("training_size", "test_size", "seed"):
            words[f"dataset.{name}"] = setting(record, "dataset", name)
    line = " ".join(f"{key}={value}" for key, value in words.items() if value is not None)
    if not re.fullmatch(r"[\w.,=+\[\] -]+", line, re.ASCII):
        return f"(no command: {text(record.run_id)} has settings that are not ours)"
    return f"bench {line}".replace("[", "'[").replace("]", "]'")


def number(value: float | None, form: str) -> str:
    """Format a number of a table; a dash stands for one that there is not."""
    return "-" if value is None or pd.isna(value) else format(value, form)
