"""What a checked configuration says of a run: its id, and the hash of what it does."""

import re

from bench.config.compose import compose_runs


def config_of(*words):
    (config,) = compose_runs(words, default_name="unnamed")
    return config


def test_the_run_id_is_readable_and_safe():
    config = config_of("learning_rate=1e6", "seed=7")
    assert re.fullmatch(r"numpy-one_hidden-lr1e06-seed7-[0-9a-f]{8}", config.run_id)


def test_the_hash_covers_what_a_run_does_and_not_where_it_is_written():
    base = config_of()
    same = config_of("sweep_name=other", "results_folder=x", "timeout_seconds=9")
    other = config_of("architecture.hidden_sizes=[127]")
    assert (base.hash, base.run_id) == (same.hash, same.run_id)
    assert base.hash != other.hash
    assert base.run_id != other.run_id
