"""The process of one side: send it a request and wait for the answer, with a timeout."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from bench.config.schema import Instructions
from bench.machine import usage
from bench.process.environment import WORKING_FOLDER, child_environment
from bench.regression.sides.checkout import Side, last_lines

PROGRAM = Path(__file__).with_name("program.py")
MAX_ANSWER_SECONDS = 120.0  # to build a model or to train a slice


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """The conditions that all pairs of a session share.

    Attributes:
        folder: contains the problems that the sides read.
        until: when the session ends, on the clock of `time.monotonic`.
        randomness: decides which side goes first, and on which cores it starts. It has no seed,
            and no effect on the models.
    """

    folder: Path
    until: float
    randomness: random.Random = field(default_factory=random.Random)

    @property
    def remaining_seconds(self) -> float:
        """Time until the session ends; negative after its end."""
        return self.until - time.monotonic()


class CaseError(Exception):
    """A side can't train a case; the message says which side, and why."""

    def __init__(self, side: str, reason: str) -> None:
        """Keep the side that failed, base, head or a configuration, and the reason."""
        super().__init__(f"{side.upper()}: {reason}")
        self.side, self.reason = side, reason


def check_finite(
    side: str,
    values: Iterable[float | None],
    reason: str = "diverges; choose a lower learning rate",
) -> None:
    """Check losses and updates of a side; JSON has no infinity or NaN, so they are None.

    Raises:
        CaseError: one of them is not finite.
    """
    if any(value is None for value in values):
        raise CaseError(side, reason)


class OutOfTimeError(Exception):
    """The budget of the session ran out in the middle of a pair."""


class SideProcess:
    """The process of one side, and the processes that it starts.

    Attributes:
        name: base, head or a configuration.
        own_cores: cores for building models, while the other side does the same.
    """

    def __init__(
        self,
        name: str,
        side: Side,
        cores: Sequence[int],
        conditions: Conditions,
        instructions: Instructions = "auto",
    ) -> None:
        """Start the process on these cores; libraries may use these instructions."""
        self.name = name
        self.own_cores = cores
        self._until = conditions.until
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `close`
        environment = child_environment(len(cores), instructions=instructions)
        search_path = [str(side.tree), *filter(None, [environment.get("PYTHONPATH")])]
        arguments = (",".join(map(str, cores)), conditions.folder, str(time.monotonic()))
        self._process = subprocess.Popen(  # noqa: S603
            [side.python, "-P", PROGRAM, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=environment | {"PYTHONPATH": os.pathsep.join(search_path)},
            cwd=WORKING_FOLDER,
            start_new_session=True,  # one process group, to be killed together
        )

    def move(self, cores: Sequence[int]) -> None:
        """Move all its processes and threads to these cores, where the system supports that."""
        if hasattr(os, "sched_setaffinity"):
            for process in (self._process.pid, *usage.descendants(self._process.pid)):
                with suppress(FileNotFoundError, ProcessLookupError):  # it has exited
                    for thread in Path(f"/proc/{process}/task").iterdir():
                        os.sched_setaffinity(int(thread.name), cores)

    def pause(self) -> None:
        """Stop its threads."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue its threads."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self._process.poll() is None:
            self._process.send_signal(number)

    def send(self, **request: Any) -> None:
        """Send a request."""
        assert self._process.stdin is not None  # noqa: S101
        with suppress(BrokenPipeError):  # exited; `receive` reports it
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        """Wait for the answer to a request.

        Raises:
            CaseError: the answer is an error, or there is none.
            OutOfTimeError: the budget of the session ran out.
        """
        assert self._process.stdout is not None  # noqa: S101
        remaining_seconds = self._until - time.monotonic()
        timeout_seconds = max(0.0, min(remaining_seconds, MAX_ANSWER_SECONDS))
        if not select.select([self._process.stdout], [], [], timeout_seconds)[0]:
            if remaining_seconds < MAX_ANSWER_SECONDS:
                raise OutOfTimeError
            raise CaseError(self.name, f"no answer within {MAX_ANSWER_SECONDS:g} s")
        line = self._process.stdout.readline()
        if not line:
            raise CaseError(self.name, self._cause_of_exit())
        answer: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
        if "error" in answer:
            raise CaseError(self.name, answer["error"])
        return answer

    def request(self, **request: Any) -> dict[str, Any]:
        """Send a request and wait for the answer, as `receive` does."""
        self.send(**request)
        return self.receive()

    def peak_memory_bytes(self) -> int:
        """Return the peak of the process plus the private memory of the processes it started."""
        answer = self.request(memory=None)
        others = set(usage.descendants(self._process.pid)) - {answer["watchdog"]}
        return int(answer["memory_bytes"]) + usage.private_memory_bytes(others)

    def _cause_of_exit(self) -> str:
        status = self._process.wait()
        end = (
            f"was killed by signal {-status}" if status < 0 else f"ended with exit status {status}"
        )
        self._stderr.seek(0)
        printed = last_lines(self._stderr.read().decode(errors="replace"))
        return f"its process {end}: {printed or 'it printed nothing to standard error'}"

    def close(self) -> None:
        """Kill the process and all processes that it started; a second call does nothing."""
        if self._stderr.closed:
            return
        with suppress(ProcessLookupError):  # all have exited
            os.killpg(self._process.pid, signal.SIGKILL)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None  # noqa: S101
            with suppress(BrokenPipeError):  # the process did not read the request
                stream.close()
        self._process.wait()
        self._stderr.close()
