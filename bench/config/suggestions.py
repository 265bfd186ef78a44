"""What may have been meant by a name that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence

MIN_SIMILARITY = 0.6  # of difflib; below, words that only share a few letters would be suggested
MIN_PREFIX = 3

# Names that other tools use.
SYNONYMS = {
    "alpha": "learning_rate", "backend": "implementation", "cores": "threads", "cuda": "device",
    "data": "dataset", "framework": "implementation", "gpu": "device", "jobs": "threads",
    "layers": "architecture.hidden_sizes", "library": "implementation", "model": "architecture",
    "name": "sweep_name", "out": "results_folder", "output_dir": "results_folder",
    "steps": "epochs", "units": "architecture.hidden_sizes", "val_split": "validation_fraction",
    "workers": "threads",
}  # fmt: skip


def nearest(name: str, candidates: Sequence[str]) -> str:
    """Return "; did you mean ...?" with the likeliest candidate, or "" if none is likely.

    Args:
        name: what was written.
        candidates: what exists, such as keys, nested ones with dots.
    """
    written = name.lower().replace("-", "_")
    if SYNONYMS.get(written) in candidates:
        return f"; did you mean {SYNONYMS[written]}?"
    # Keys of the whole configuration come before those of a section.
    names = {
        candidate: candidate for candidate in sorted(candidates, key=lambda key: key.count("."))
    }
    if "." not in written:
        for candidate in list(names):
            names.setdefault(candidate.rpartition(".")[2], candidate)
        rules: Sequence[Callable[[str, str], bool]] = (
            _is_equal,
            _are_initials,
            _is_prefix,
            _is_similar,
            _shares_word,
            _is_abbreviation,
        )
    else:
        names = {name: candidate for name, candidate in names.items() if "." in name}
        rules = (_is_similar,)
    for is_likely in rules:
        likely = [name for name in names if is_likely(written, name)]
        if likely:
            best = max(likely, key=lambda name: _similarity(written, name))
            return f"; did you mean {names[best]}?"
    return ""


def _is_equal(written: str, candidate: str) -> bool:
    return written == candidate


def _are_initials(written: str, candidate: str) -> bool:
    return "_" in candidate and written == "".join(word[:1] for word in candidate.split("_"))


def _is_prefix(written: str, candidate: str) -> bool:
    shorter, longer = sorted((written, candidate), key=len)
    return len(shorter) >= MIN_PREFIX and longer.startswith(shorter)


def _is_similar(written: str, candidate: str) -> bool:
    return _similarity(written, candidate) >= MIN_SIMILARITY


def _similarity(written: str, candidate: str) -> float:
    return difflib.SequenceMatcher(None, written, candidate).ratio()


def _shares_word(written: str, candidate: str) -> bool:
    return any(
        len(word) >= MIN_PREFIX and any(_is_prefix(word, other) for other in candidate.split("_"))
        for word in written.split("_")
    )


def _is_abbreviation(written: str, candidate: str) -> bool:
    """Say whether all letters occur in this order, the first one first, as in `tf` or `bsz`."""
    letters = iter(candidate)
    return (
        len(written) >= 2
        and written[0] == candidate[:1]
        and all(letter in letters for letter in written.replace("_", ""))
    )
