"""mypy knows the types of what a user imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import bench

SCRIPT = """\
import bench

reveal_type(bench.load_runs("results/default"))
reveal_type(bench.load_curves(bench.load_records(["a", "b"])))
reveal_type(bench.run(["implementation=numpy"])[0].seconds.train)
reveal_type(bench.load_records("a")[1:])
reveal_type(bench.compare("a")[0].claim)
reveal_type(bench.plot.speed("a"))
bench.run(learning_rate=0.1)
bench.plot.loss_curves("a", y="speed")
"""
EXPECTED = [
    'DataFrame"',
    'DataFrame"',
    'Revealed type is "float"',
    'Revealed type is "bench.api.sources.Records"',
    'Revealed type is "Literal[',
    'Revealed type is "matplotlib.axes._axes.Axes"',
    'Unexpected keyword argument "learning_rate"',
    'Argument "y" to "loss_curves" has incompatible type',
]


def test_mypy_finds_types_and_mistakes_in_a_users_script(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file=", "script.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    printed = [line for line in ended.stdout.splitlines() if line.startswith("script.py:")]
    messages = [line for line in printed if ": error:" in line or "Revealed" in line]
    assert len(messages) == len(EXPECTED), ended.stdout + ended.stderr
    for line, expected in zip(messages, EXPECTED, strict=True):
        assert expected in line
    assert Path(bench.__file__).with_name("py.typed").exists()
