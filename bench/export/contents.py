"""What is exported of a record: its curves, results, parameters and times."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from bench.console import shorten
from bench.nested import flatten
from bench.records import RunRecord

CURVES = ("train_loss", "validation_loss", "validation_accuracy", "training_set_loss")
SUMMARY = (
    "test_accuracy", "test_loss", "examples_per_second", "flops_utilisation", "peak_memory_bytes",
)  # fmt: skip


def time_problem(record: RunRecord) -> str | None:
    """Return the fault in a record's times; None if both are valid."""
    for name in ("started_at", "finished_at"):
        value = getattr(record, name)
        try:
            datetime.fromisoformat(value).timestamp()
        except (ValueError, OverflowError):
            return f"{record.run_id}: {name}={value}: not a time"
    return None


def points(record: RunRecord) -> Iterator[tuple[str, int, float, float]]:
    """Yield the points of all curves: name, epoch, value, time in seconds since 1970."""
    time = started(record)
    for epoch in record.epochs:
        time += epoch.train_seconds + epoch.evaluate_seconds
        for name in CURVES:
            value = getattr(epoch, name)
            if value is not None:
                yield name, epoch.epoch, value, time


def summary(record: RunRecord) -> dict[str, float]:
    """Return the known results of a run."""
    results = {name: getattr(record, name) for name in SUMMARY}
    seconds = {
        f"{name}_seconds": value for name, value in msgspec.to_builtins(record.seconds).items()
    }
    return {name: value for name, value in (results | seconds).items() if value is not None}


def parameters(record: RunRecord) -> dict[str, Any]:
    """Return the configuration and versions of a run, with names that all tools allow."""
    content = flatten({**record.config, "made_with": record.made_with})
    return {
        ".".join(
            re.sub(r"[^\w-]", "_", part, flags=re.ASCII)[:80] for part in name.split(".")
        ): value
        for name, value in content
    }


def error(record: RunRecord) -> dict[str, str]:
    """Return why a run has no result; empty if it has one."""
    return {} if record.error is None else {"error": shorten(record.error.message, 5000)}


def folders(records: Sequence[RunRecord]) -> list[str]:
    """Return a different folder for each run."""
    folders: dict[str, None] = {}
    for record in records:
        parts = (re.sub(r"[^\w.-]", "_", part, flags=re.ASCII) for part in record.run_id.split("/"))
        folder = "/".join(part.lstrip(".")[:200] or "_" for part in parts)
        while folder in folders:
            folder += "_"
        folders[folder] = None
    return list(folders)


def started(record: RunRecord) -> float:
    """Return the start of a run in seconds since 1970."""
    return datetime.fromisoformat(record.started_at).timestamp()


def finished(record: RunRecord) -> float:
    """Return the end of a run in seconds since 1970."""
    return datetime.fromisoformat(record.finished_at).timestamp()
