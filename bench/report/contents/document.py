"""The content of a report, for every format: title, findings, and one section per question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.console import counted, printable
from bench.markdown import text
from bench.nested import lookup
from bench.records import RunRecord
from bench.report.contents import comparison_table, fairness, tables
from bench.report.contents.all_runs import all_runs
from bench.report.contents.blocks import (
    HISTORY,
    Block,
    Bullets,
    Figure,
    Folded,
    Section,
    Table,
    Text,
)
from bench.report.contents.finding_tables import accuracy_table, node_table
from bench.report.contents.tables import folded_if_long
from bench.report.findings.finding import Finding, Tile
from bench.report.findings.headline import further_sentences, headline
from bench.report.findings.tiles import tiles
from bench.report.frames import dataframes
from bench.report.frames.analysis import Analysis
from bench.terminal import record_datasets

FAIRNESS = (
    "All implementations get the same initial parameters, order of the examples, equations and "
    "cores; the same part of a run is timed, and the same code evaluates it. An implementation "
    'that leaves a core idle is slower for that reason too: see "cores kept busy". Three parity '
    "checks compare each implementation, with this code and these versions, with a reference in "
    "float64: its gradients, one step of training, and fifty steps. Rounding errors grow with the "
    "steps, so the limit for fifty steps is 3 times the difference that the last digit of the "
    "initial parameters makes. The results hold for this machine, batch size and these layers; "
    "they say nothing about much larger models or other devices."
)
MAX_ARCHITECTURES = 3  # whose layers the subtitle names
SYNTHETIC_WARNING = (
    "Synthetic data. All results below are from generated images, not from Fashion-MNIST."
)
OTHER_DATASET_WARNING = "Not Fashion-MNIST. Results below are from {}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A report without its format. `headline`, `sentences` and `sources` are Markdown.

    `sentences` are the findings that the headline does not state.
    """

    title: str
    subtitle: str
    warning: str
    headline: str
    tiles: Sequence[Tile]
    sentences: Sequence[str]
    sections: Sequence[Section]
    sources: str


def document(
    analysis: Analysis,
    found: Sequence[Finding],
    figures: Mapping[str, Sequence[Figure]],
    notices: Sequence[str],
) -> Document:
    """Arrange a report.

    Args:
        analysis: the analysis of any number of records.
        found: its findings.
        figures: the figures by section.
        notices: sentences on what the charts do not contain.
    """
    records = analysis.sweep.records
    sections = _sections(analysis, found, figures, notices) if records else []
    sections.append(all_runs(analysis))
    sections += _section("data", "Data", figures.get("data", ()))
    return Document(
        title=f"{printable(analysis.sweep.name)}{analysis.stamp}",
        subtitle=_subtitle(analysis),
        warning=_warning(records),
        headline=headline(found),
        tiles=tiles(found),
        sentences=further_sentences(found),
        sections=[section for section in sections if section.blocks],
        sources=_sources(analysis, figures),
    )


def _sources(analysis: Analysis, figures: Mapping[str, Sequence[Figure]]) -> str:
    """Return where the content of the report comes from."""
    sources = {
        "parity": ("`parity-*.json`", bool(analysis.sweep.verdicts)),
        "the data": ("`dataset-*.json`", bool(analysis.sweep.datasets)),
        "the speed over commits": (
            "the history of `bench-compare`",
            any(one.name == HISTORY for some in figures.values() for one in some),
        ),
    }
    listed = "".join(f"; {what} from {file}" for what, (file, exists) in sources.items() if exists)
    return (
        "Every speed, time and accuracy is computed from the `record.json` files of the sweep"
        f"{listed}. `bench-report --format=csv` writes `runs.csv`, one row per run, and "
        "`curves.csv`, one row per epoch."
    )


def _warning(records: Sequence[RunRecord]) -> str:
    """Return the warning of data other than Fashion-MNIST, or nothing."""
    others = record_datasets(records) - {"fashion_mnist"}
    if "synthetic" in others:
        return SYNTHETIC_WARNING
    return OTHER_DATASET_WARNING.format(printable(", ".join(sorted(others)))) if others else ""


def _subtitle(analysis: Analysis) -> str:
    """Return when and where the runs were made."""
    dates = sorted(record.started_at[:10] for record in analysis.sweep.records if record.started_at)
    machines = [str(name) for name in analysis.runs["machine"].dropna().unique()]
    cores = [f"{count:.0f}" for count in sorted(analysis.runs["cores"].dropna().unique())]
    datasets, batch_sizes, epochs, seeds = (
        [dataframes.plain(value) for value in analysis.runs[name].dropna().unique()]
        for name in ("dataset", "batch_size", "epochs", "seed")
    )
    parts = [
        " or ".join(datasets),
        f"batch size {batch_sizes[0]}" if len(batch_sizes) == 1 else "",
        f"{epochs[0]} epochs" if len(epochs) == 1 else "",
        *_layers(analysis),
        " to ".join(dict.fromkeys([dates[0], dates[-1]])) if dates else "",
        machines[0] if len(machines) == 1 else f"{len(machines)} machines" if machines else "",
        f"{' or '.join(cores)} {'core' if cores == ['1'] else 'cores'}" if cores else "",
        counted(len(analysis.sweep.records), "run"),
        counted(len(seeds), "seed") if seeds else "",
    ]
    return " \u00b7 ".join(filter(None, map(printable, parts)))


def _layers(analysis: Analysis) -> list[str]:
    """Return the hidden layers of each of a few architectures, in words."""
    sizes = {
        view.architecture: lookup(view.record.config, "architecture", "hidden_sizes")
        for view in analysis.views
    }
    if len(sizes) > MAX_ARCHITECTURES:
        return []
    return [
        f"{name}: {counted(len(some), 'hidden layer')} of {' and '.join(map(str, some))}"
        for name, some in sizes.items()
        if isinstance(some, list) and some and "hidden_sizes" not in name
    ]


def _section(name: str, title: str, blocks: Sequence[Block]) -> list[Section]:
    """Return the section if it has content."""
    return [Section(name, title, blocks)] if blocks else []


def _sections(
    analysis: Analysis,
    found: Sequence[Finding],
    figures: Mapping[str, Sequence[Figure]],
    notices: Sequence[str],
) -> list[Section]:
    """Return the sections about the runs, one per question."""

    def of(name: str) -> list[Block]:
        return list(figures.get(name, ()))

    has_result = not analysis.comparison.empty
    compared: list[Block] = []
    if has_result:
        table = comparison_table.comparison(analysis)
        compared = [
            table,
            Folded("What the columns mean", [Bullets(definitions(table))], is_printed=True),
        ]
    curves, more_curves = of("curves")[:2], of("curves")[2:]
    curves += [folded_if_long("Differences in test accuracy", one) for one in accuracy_table(found)]
    speed = [*of("speed"), *node_table(found), *(Text(notice) for notice in notices)]
    rates = of("rates")
    if has_result and analysis.runs["learning_rate"].nunique() > 1:
        rates.append(tables.rates(analysis))
    time = of("time")
    if "done" in analysis.runs["status"].array:
        time.append(Folded("Seconds by activity", [tables.time_by_part(analysis)]))
    mistakes: list[Block] = []
    if has_result and (table := tables.mistakes(analysis)).groups:
        mistakes = [folded_if_long("Mistakes by implementation", table),
                    *_folded("Confusion matrices", of("confusions")),
                    *_folded("Predictions", of("predictions"))]  # fmt: skip
    fair: list[Block] = [Text(FAIRNESS)]
    if analysis.sweep.verdicts:
        fair.append(fairness.parity(analysis))
    else:
        fair.append(Text("**No verdict is stored with this sweep**, so no implementation has a "
                         "rank.", "attention"))  # fmt: skip
    return [
        *_section("comparison", "Comparison", [*of("summary"), *compared]),
        *_section("speed", "Speed", speed),
        *_section("curves", "Accuracy", [*curves, *_folded("More learning curves", more_curves)]),
        *_section("rates", "Learning rates", rates),
        *_section("time", "Time and memory", time),
        *_section("mistakes", "Mistakes", mistakes),
        Section("fair", "Is it fair?", [*fair, fairness.sheet(analysis)]),
        Section("environment", "Environment", [fairness.environment(analysis.sweep.records)]),
    ]


def _folded(summary: str, blocks: Sequence[Block]) -> list[Block]:
    return [Folded(summary, blocks)] if blocks else []


def definitions(table: Table) -> list[str]:
    """Return the definitions of a table's columns, in Markdown."""
    return [
        f"**{text(column.heading)}**: {text(column.definition)}"
        for column in table.columns
        if column.definition and not column.is_extra
    ]
