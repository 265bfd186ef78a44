"""What the head and a node send each other, as JSON: a block to execute, and its outcome."""

from __future__ import annotations

from typing import Literal

import msgspec

from bench.config.schema import RunConfig
from bench.records import Verdict

REQUEST_NAME = "request.json"
STARTED_NAME = "started.json"
OUTCOME_NAME = "outcome.json"  # written last
DATASETS = "datasets"  # folder next to those of attempts: a folder of files for each dataset


class BlockRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A block for a node.

    Attributes:
        configs: the runs of the block.
        code: fingerprints of code and libraries on the head, one mapping per run.
        verdicts: results of the parity ladder that are known, so that a node need not repeat them.
        requested_at: when the command started, ISO 8601, UTC.
        attempt: number of the attempt, from 1.
        allow_mixed: execute with other versions than the head's.
        user_folder: the folder given with --config-dir; nodes need it under the same path.
        examine: execute nothing, but describe the node.
    """

    configs: tuple[RunConfig, ...]
    code: tuple[dict[str, str], ...]
    verdicts: tuple[Verdict, ...] = ()
    requested_at: str = ""
    attempt: int = 1
    allow_mixed: bool = False
    user_folder: str | None = None
    examine: bool = False


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """A node has begun with an attempt. An attempt is never executed twice."""

    node: str
    host: str


class NodeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A node that was examined.

    Attributes:
        n_cores: cores that a run may use.
        processor: its name.
        same_code: code, libraries and Python are the head's.
        dataset: where the node finds it; "" if it is missing.
        lock: the state of the machine's lock.
        problems: in words; none if the node would execute these runs.
    """

    n_cores: int
    processor: str
    same_code: bool
    dataset: str
    lock: Literal["free", "held", "unusable"]
    problems: tuple[str, ...]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The end of an attempt.

    Attributes:
        status: "complete" if every run has a record; "refused" if the node does not fit.
        reason: why it is not complete, in words.
        facts: of a node that was examined.
    """

    status: Literal["complete", "refused", "failed"]
    reason: str = ""
    facts: NodeFacts | None = None
