"""The dispatcher: single steps, and 1,000 blocks on 50 simulated nodes with failures."""

from __future__ import annotations

import heapq
import random
from collections import Counter

import pytest

from bench.sweep.cluster.dispatcher import MAX_LOSSES_PER_NODE, Attempt, Dispatcher


def test_a_block_is_tried_again_before_new_ones_and_then_given_up():
    dispatcher = Dispatcher(["a", "b"], max_attempts=2)
    first = dispatcher.place()
    assert first == Attempt("a", 1)
    assert dispatcher.lose(first, "n1", "node failure")
    second = dispatcher.place()
    assert second == Attempt("a", 2)
    assert not dispatcher.lose(second, "n2", "node failure")
    assert dispatcher.given_up == {"a": "node failure"}
    assert dispatcher.accept(dispatcher.place())
    assert dispatcher.finished
    assert dispatcher.place() is None


def test_late_results_of_an_attempt_that_was_given_up_are_refused():
    dispatcher = Dispatcher(["a"], max_attempts=3)
    first = dispatcher.place()
    dispatcher.lose(first, "n1", "silent for 60 s")
    second = dispatcher.place()
    assert not dispatcher.accept(first)
    assert dispatcher.accept(second)
    assert not dispatcher.accept(first)
    assert not dispatcher.accept(second)
    assert dispatcher.complete == {"a"}


def test_a_node_that_fails_twice_is_left_out_and_an_incompatible_one_at_once():
    dispatcher = Dispatcher("abc", max_attempts=9)
    for _ in range(MAX_LOSSES_PER_NODE):
        assert "bad" not in dispatcher.excluded_nodes
        dispatcher.lose(dispatcher.place(), "bad", "node failure")
    assert dispatcher.excluded_nodes == {"bad"}
    dispatcher.lose(dispatcher.place(), "other", "numpy was 2.0 and is 2.1", "refused")
    assert dispatcher.excluded_nodes == {"bad", "other"}


def test_a_refusal_does_not_count_as_an_attempt():
    dispatcher = Dispatcher("a", max_attempts=1)
    for number in range(1, 6):
        attempt = dispatcher.place()
        assert attempt.number == number
        assert dispatcher.lose(attempt, f"n{number}", "other code", "refused")
    dispatcher.give_up_waiting("no node is left")
    assert dispatcher.given_up == {"a": "no node is left"}


def test_an_attempt_that_could_not_be_started_does_not_count():
    dispatcher = Dispatcher("ab", max_attempts=1)
    for _ in range(3):
        dispatcher.withdraw(dispatcher.place())
    assert dispatcher.n_waiting == 2
    attempt = dispatcher.place()
    assert attempt == Attempt("a", 4)
    assert dispatcher.accept(attempt)


def test_a_command_continues_after_the_attempts_of_an_earlier_one():
    dispatcher = Dispatcher(["a", "b"], max_attempts=2, earlier={"a": 3, "b": 1})
    dispatcher.resume(Attempt("b", 1))
    assert dispatcher.place() == Attempt("a", 4)
    assert dispatcher.place() is None
    assert dispatcher.accept(Attempt("b", 1))


@pytest.mark.parametrize("seed", range(5))
def test_a_thousand_blocks_on_fifty_nodes_with_failures(seed):
    randomness = random.Random(seed)  # noqa: S311
    blocks = [f"block-{number}" for number in range(1000)]
    nodes = [f"n{number}" for number in range(50)]
    failure_rates = dict.fromkeys(nodes, 0.002) | dict.fromkeys(nodes[:4], 0.9)
    incompatible = set(nodes[4:6])
    dispatcher = Dispatcher(blocks, max_attempts=5)
    idle, events, finished_by = set(nodes), [], Counter()
    n_late = clock = 0
    while not dispatcher.finished:
        for node in sorted(idle - dispatcher.excluded_nodes):
            if (attempt := dispatcher.place()) is None:
                break
            idle.remove(node)
            duration = randomness.expovariate(1 / 300)
            fails = randomness.random() < failure_rates[node]
            ending = "refused" if node in incompatible else "lost" if fails else "complete"
            heapq.heappush(events, (clock + duration, node, attempt, ending))
        # Work conserving: a node that may be used is idle only if no block is waiting.
        assert not dispatcher.n_waiting or not idle - dispatcher.excluded_nodes
        clock, node, attempt, ending = heapq.heappop(events)
        if ending == "late":
            n_late += 1
            assert not dispatcher.accept(attempt)
            continue
        idle.add(node)
        if ending == "complete":
            assert dispatcher.accept(attempt)
            finished_by[attempt.block] += 1
        else:
            dispatcher.lose(attempt, node, "node failure", ending)
            if randomness.random() < 0.5:  # it was not dead: its results come later
                heapq.heappush(events, (clock + 60, node, attempt, "late"))
    assert n_late > 0
    assert set(nodes[:6]) <= dispatcher.excluded_nodes
    assert dispatcher.complete | set(dispatcher.given_up) == set(blocks)
    assert not dispatcher.given_up
    assert finished_by == dict.fromkeys(blocks, 1)
