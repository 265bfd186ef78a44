"""Suggest an existing name for a misspelt one."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

MIN_LETTERS = 3  # of the common part of two names, such as `arch` and `architecture`

# Abbreviations, and names that other tools use.
ALIASES = {
    "alpha": "learning_rate", "backend": "implementation", "bs": "batch_size", "bsz": "batch_size",
    "cores": "threads", "cuda": "device", "data": "dataset", "framework": "implementation",
    "gpu": "device", "jobs": "threads", "layers": "architecture.hidden_sizes",
    "library": "implementation", "lr": "learning_rate", "model": "architecture",
    "name": "sweep_name", "out": "results_folder", "output_dir": "results_folder",
    "steps": "epochs", "tf": "tensorflow", "units": "architecture.hidden_sizes",
    "val_split": "validation_fraction", "workers": "threads",
}  # fmt: skip


def nearest(name: str, candidates: Sequence[str]) -> str:
    """Return "; did you mean ...?" with the most similar candidate, or "" if none is similar.

    Args:
        name: the misspelt name.
        candidates: existing names; of a nested key, the last part is enough.
    """
    written = name.lower().replace("-", "_")
    if ALIASES.get(written) in candidates:
        return f"; did you mean {ALIASES[written]}?"
    section, _, last = written.rpartition(".")
    names = {} if section else {candidate: candidate for candidate in candidates}
    for candidate in candidates:
        parent, _, candidate_last = candidate.rpartition(".")
        if not section or parent == section:
            names.setdefault(candidate_last, candidate)
    parts = [
        other
        for other in names
        if min(len(last), len(other)) >= MIN_LETTERS and (last in other or other in last)
    ]
    similar = difflib.get_close_matches(last, parts, n=1, cutoff=0)
    similar = similar or difflib.get_close_matches(last, names, n=1)
    return f"; did you mean {names[similar[0]]}?" if similar else ""
