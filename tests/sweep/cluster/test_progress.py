"""The status of a sweep on several machines."""

from __future__ import annotations

import pytest

from bench.sweep.cluster.dispatcher import Dispatcher
from bench.sweep.cluster.progress import LOG_SECONDS, ClusterProgress


class Clock:
    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def sweep(clock):
    """A sweep of five blocks of which an earlier command has completed one, in 100 s."""
    dispatcher = Dispatcher("abcd", max_attempts=3)
    return dispatcher, ClusterProgress(dispatcher, 5, [100.0], clock)


def test_the_status_names_blocks_time_left_and_nodes(sweep, clock, capsys):
    dispatcher, progress = sweep
    assert progress.status() == "1 of 5 blocks done, 0 running, 4 waiting"
    first, second, third = (dispatcher.place() for _ in range(3))  # the third waits for a node
    progress.note_start(first, "n1")
    progress.note_start(second, "n2")
    clock.seconds = 50
    progress.note_start(second, "n2")  # again
    assert progress.status() == (
        "1 of 5 blocks done, 2 running, 2 waiting, about 2 min left; "
        "n1 0 done, running 50 s; n2 0 done, running 50 s"
    )
    dispatcher.accept(first)
    progress.print_complete(first, "2 done")
    dispatcher.lose(second, "n2", "other versions", "refused")
    progress.print_end(second, "refused")
    assert capsys.readouterr().out == (
        "[2/5] a, attempt 1: complete on n1: 2 done\n[2/5] b, attempt 1: refused\n"
    )
    progress.note_start(third, "n1")
    # The median of 50 s and 100 s, for this block and the two that wait.
    assert progress.status() == (
        "2 of 5 blocks done, 1 running, 2 waiting, about 4 min left; "
        "n1 1 done, running 0 s; n2 0 done, left out"
    )
    clock.seconds = 1000
    assert progress.seconds_left(n_waiting=0) == 0.0


def test_blocks_that_are_given_up_are_not_done(clock):
    dispatcher = Dispatcher("a", max_attempts=1)
    progress = ClusterProgress(dispatcher, 1, [], clock)
    attempt = dispatcher.place()
    progress.note_start(attempt, "n1")
    dispatcher.lose(attempt, "n1", "node failure")
    progress.print_end(attempt, "given up")
    assert progress.status() == "0 of 1 blocks done, 0 running, 0 waiting, 1 given up"


def test_a_log_gets_a_status_once_a_minute_if_it_has_changed(sweep, clock, capsys):
    dispatcher, progress = sweep
    progress.show()
    progress.show()
    progress.note_start(dispatcher.place(), "n1")
    progress.show()
    clock.seconds = LOG_SECONDS
    progress.show()
    progress.clear()
    printed = capsys.readouterr().out
    assert printed.count("\n") == 2
    assert printed.endswith("about 6 min left; n1 0 done, running 60 s\n")
    assert "\x1b" not in printed


def test_a_terminal_shows_one_line(sweep, clock, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    dispatcher, _ = sweep
    progress = ClusterProgress(dispatcher, 5, [], clock)
    attempt = dispatcher.place()
    progress.note_start(attempt, "n" * 200)
    progress.show()
    progress.show()
    shown = capsys.readouterr().out
    assert shown.count("blocks done") == 2
    assert "\n" not in shown
    assert all(len(line) < 100 for line in shown.split("\r\x1b[2K"))
    dispatcher.accept(attempt)
    progress.print_complete(attempt, "1 done")
    assert capsys.readouterr().out.startswith("\r\x1b[2K[2/5] a, attempt 1")
