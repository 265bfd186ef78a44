"""Any value is safe or refused in one line; nothing is written outside the results folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from bench.config.compose import compose_runs
from bench.config.errors import ConfigError
from bench.sweep import jobs
from tests.chaos.conftest import FULL, SEED, TRIED

KEYS = (
    "learning_rate", "batch_size", "epochs", "seed", "sweep_name", "threads", "device", "recipe",
    "implementation", "implementation.name", "implementation.module", "implementation.colour",
    "implementation.install", "implementation.requires", "architecture", "architecture.name",
    "architecture.hidden_sizes", "dataset", "dataset.path", "dataset.name", "recipe.loss",
    "memory_limit", "timeout_seconds", "hydra/launcher", "hydra.run.dir", "experiment", "sweep",
    "+new", "++new", "~seed", "hydra.searchpath",
)  # fmt: skip
PIECES = (
    "/", "..", "../../etc/passwd", "\n", "$", "${env:HOME}", "${oc.env:HOME}", "`id`", "$(id)", "'",
    '"', "\\", "\0", "é", "漢字", "\u202e", "🙂", "x" * 10_000, "-", ".", "~", "*", "[", "{", "}",
    "_target_", "os.system", "!!python/object", "null", "nan", "inf", "1e999", "-1", "0", "a=b",
    "<script>", "%s", "{0}", ";", "|", "&", " ", "\t", "\r", "\x1b[2J", "numpy", "synthetic",
)  # fmt: skip
VALUES = st.one_of(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join), st.text(max_size=50)
)
N_EXAMPLES = 1000 if FULL else 40


@pytest.fixture(scope="module", autouse=True)
def count_values():
    TRIED["hostile values"] += N_EXAMPLES


@seed(SEED)
@given(key=st.sampled_from(KEYS), value=VALUES, quoted=st.booleans())
@settings(max_examples=N_EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_hostile_value_is_safe_or_refused_in_one_line(key, value, quoted, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    word = f'{key}="{escaped}"' if quoted else f"{key}={value}"
    try:
        configs = compose_runs([word], default_name="hostile")
    except ConfigError as error:
        assert str(error).strip()
        assert str(error).isprintable()
        assert len(str(error)) < 1000
    else:
        results = (tmp_path / "results").resolve()
        for config in configs:
            folder = jobs.folder_of(config)
            assert (folder / config.run_id).resolve().parent.parent == results
            assert Path(folder / config.run_id).name.isascii()
    assert list(tmp_path.iterdir()) == []
