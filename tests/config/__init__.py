"""Tests of bench/config."""

import pytest

from bench.config.compose import compose_runs
from bench.config.errors import ConfigError


def compose(*words, **options):
    return compose_runs(words, default_name="unnamed", **options)


def refusal(*words, **options) -> str:
    """Return the one line with which a command line is refused."""
    with pytest.raises(ConfigError) as caught:
        compose(*words, **options)
    message = str(caught.value)
    assert message.isprintable()
    return message
