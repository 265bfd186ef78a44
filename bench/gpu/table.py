"""The table of a session's records, in Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from bench.markdown import block, table, text
from bench.nested import setting
from bench.records import RunRecord, Verdict
from bench.results.store import Sweep

HEADINGS = (
    "layers", "batch", "implementation", "parity", "epoch (ms)", "examples/s", "memory (MB)",
    "share of the card's float32 peak", "runs",
)  # fmt: skip
MAX_LOG_CHARACTERS = 6000
Case = tuple[str, int, str]  # layers, batch size, implementation


def page(sweep: Sweep, logs: Mapping[str, str]) -> str:
    """Return the machine, the table, and the end of each log under its heading.

    Args:
        sweep: records of one machine.
        logs: text by heading.
    """
    verdicts = {verdict.key: verdict for verdict in sweep.verdicts}
    cases: dict[Case, list[RunRecord]] = {}
    for record in sweep.records:
        cases.setdefault(_case(record), []).append(record)
    rows = [_row(case, cases[case], verdicts) for case in sorted(cases, key=_order)]
    parts = [f"# {text(sweep.name)}", _machine(sweep.records), table(HEADINGS, rows, n_words=4)]
    parts += [
        "Median over epochs and runs; memory is the peak of the implementation's own allocator."
    ]
    parts += [f"## {name}\n\n{block(log, MAX_LOG_CHARACTERS)}" for name, log in logs.items()]
    return "\n\n".join(parts) + "\n"


def _case(record: RunRecord) -> Case:
    hidden = record.config["architecture"]["hidden_sizes"]
    layers = "-".join(map(str, (784, *hidden, 10)))
    return layers, record.config["batch_size"], record.config["implementation"]["name"]


def _order(case: Case) -> tuple[int, Case]:
    return len(case[0]), case


def _row(case: Case, records: Sequence[RunRecord], verdicts: Mapping[str, Verdict]) -> list[str]:
    layers, batch_size, name = case
    first = [text(layers), str(batch_size), text(name)]
    done = [record for record in records if record.status == "done"]
    if not done:
        error = records[0].error
        reason = f"{records[0].status}: {error.message if error else ''}"
        return [*first, text(reason), *["-"] * (len(HEADINGS) - 5), "0"]
    keys = [record.parity_key or "" for record in done]
    found = [verdicts[key] for key in keys if key in verdicts]
    parity = "not checked" if len(found) < len(done) else "passed"
    if not all(verdict.passed for verdict in found):
        parity = "**not passed**"
    speed = statistics.median(record.examples_per_second or 0.0 for record in done)
    memory = [record.peak_memory_bytes for record in done if record.peak_memory_bytes]
    peak = done[0].environment.get("gpu_peak_flops_per_second")
    share = speed * done[0].flops_per_example / peak if peak else None
    return [
        *first,
        parity,
        f"{1000 * (done[0].examples_per_epoch or 0) / speed:.1f}",
        f"{speed:,.0f}",
        f"{max(memory) / 1e6:,.0f}" if memory else "-",
        "-" if share is None else f"{share:.2%}",
        str(len(done)),
    ]


def _machine(records: Sequence[RunRecord]) -> str:
    """Name the device, the processor and the versions of the libraries."""
    done = [record for record in records if record.status == "done"]
    names = {str(record.environment.get("gpu") or "no GPU") for record in done}
    peaks = {record.environment.get("gpu_peak_flops_per_second") for record in done} - {None}
    facts = {
        "GPU": ", ".join(sorted(names)) or "no finished run",
        "its float32 peak": ", ".join(f"{peak / 1e12:.1f} TFLOP/s" for peak in peaks if peak),
        "driver": _values(done, "gpu driver"),
        "processor": _values(done, "processor"),
        "cores of a run": _values(done, "number of cores"),
        "versions": ", ".join(
            sorted({f"{name} {version}" for record in done for name, version in _versions(record)})
        ),
        "dataset": ", ".join(sorted({str(setting(record, "dataset", "name")) for record in done})),
    }
    return "\n".join(f"- {name}: {text(value)}" for name, value in facts.items() if value)


def _values(records: Sequence[RunRecord], key: str) -> str:
    return ", ".join(
        sorted({record.made_with[key] for record in records if key in record.made_with})
    )


def _versions(record: RunRecord) -> list[tuple[str, str]]:
    imported = record.environment.get("imported") or {}
    names = ("cupy", "jax", "keras", "numpy", "tensorflow", "torch")
    return [(name, version) for name, version in imported.items() if name.startswith(names)]
