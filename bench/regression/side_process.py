"""Asking one side's process, line by line, and not waiting for ever."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from bench.machine import usage
from bench.process.environment import THREAD_VARIABLES
from bench.regression.sides import SideOfPair

PROGRAM = Path(__file__).with_name("side.py")
MAX_ANSWER_SECONDS = 120.0  # to get ready or to train a block; who takes longer, hangs

SideName = Literal["base", "head"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """What all pairs of a campaign have in common."""

    folder: Path  # with what the sides are told
    randomness: random.Random  # of who goes first, and where
    until: float  # by `time.monotonic`: no answer is waited for any longer


class CaseError(Exception):
    """A side can't train a cell; the message says which side, and what it says."""

    def __init__(self, side: SideName, reason: str) -> None:
        super().__init__(f"{side.upper()}: {reason}")
        self.side, self.reason = side, reason


class OutOfTimeError(Exception):
    """Time is up in the middle of a pair."""


class SideProcess:
    """One side's process, and those that it starts."""

    def __init__(
        self, which: SideName, side: SideOfPair, cores: Sequence[int], conditions: Conditions
    ) -> None:
        limits = dict.fromkeys(THREAD_VARIABLES, str(len(cores)))
        self.which = which
        self.own_cores = cores
        self.until = conditions.until
        self.process = subprocess.Popen(  # noqa: S603
            [side.python, "-P", PROGRAM, ",".join(map(str, cores)), conditions.folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | limits | {"PYTHONPATH": str(side.tree)},
            start_new_session=True,  # all of its processes are one group, to be ended together
        )

    def move(self, cores: Sequence[int]) -> None:
        """Move it to these cores, with all that it has started, where the system knows how."""
        if hasattr(os, "sched_setaffinity"):
            for process in (self.process.pid, *usage.descendants(self.process.pid)):
                with suppress(FileNotFoundError, ProcessLookupError):  # ended; `answer` tells how
                    for thread in Path(f"/proc/{process}/task").iterdir():
                        os.sched_setaffinity(int(thread.name), cores)

    def ask(self, **question: Any) -> None:
        """Send a question."""
        assert self.process.stdin is not None  # noqa: S101
        try:
            self.process.stdin.write(json.dumps(question).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return  # how it ended, `answer` tells

    def answer(self) -> dict[str, Any]:
        """Wait for the answer.

        Raises:
            CaseError: it is that something is wrong, or there is none.
            OutOfTimeError: the time of the campaign is up.
        """
        assert self.process.stdout is not None  # noqa: S101
        left = self.until - time.monotonic()
        patience = max(0.0, min(left, MAX_ANSWER_SECONDS))
        if not select.select([self.process.stdout], [], [], patience)[0]:
            if left < MAX_ANSWER_SECONDS:
                raise OutOfTimeError
            raise CaseError(self.which, f"no answer within {MAX_ANSWER_SECONDS:g} s")
        line = self.process.stdout.readline()
        if not line:
            raise CaseError(self.which, f"its process ended with {self.process.wait()}")
        answer: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
        if "error" in answer:
            raise CaseError(self.which, answer["error"])
        return answer

    def close(self) -> None:
        """End the process and those that it has started."""
        with suppress(ProcessLookupError):  # all have ended
            os.killpg(self.process.pid, signal.SIGKILL)
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None  # noqa: S101
            with suppress(BrokenPipeError):  # a question that was not read
                stream.close()
        self.process.wait()
