"""The answer that a sweep ends with is the headline of its report."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

from bench.markdown import plain
from bench.report.answer import answer
from bench.report.findings.findings import findings
from bench.report.findings.headline import headline
from bench.report.frames.analysis import analyse
from bench.sweep.summary import print_summary
from tests.report.conftest import make_record, sweep_of, write_records

RECORDS = tuple(
    make_record(name, seed=seed, examples_per_second=speed + seed)
    for name, speed in (("numpy", 1100.0), ("keras_jax", 100.0))
    for seed in (0, 1)
)


def test_it_is_the_headline_in_plain_text():
    sweep = sweep_of(*RECORDS)
    assert answer(sweep) == plain(headline(findings(analyse(sweep))))
    assert answer(sweep).startswith("numpy is 11.0 times as fast as keras_jax (2 seeds")


def test_one_implementation_has_none():
    assert answer(sweep_of(*RECORDS[:2], make_record("keras", status="failed"))) == ""
    assert answer(sweep_of()) == ""


def test_a_sweep_prints_it_before_the_command_of_the_report(tmp_path, capsys):
    folder = tmp_path / "night"
    write_records(folder, RECORDS)
    jobs = [SimpleNamespace(run_id=record.run_id, sweep_folder=folder) for record in RECORDS]
    assert print_summary(jobs) == 0
    *lines, last = capsys.readouterr().out.rstrip().splitlines()
    assert last == f"Results: {folder}   Report: bench-report {folder}"
    assert " ".join(lines[-2:]).startswith("numpy is 11.0 times as fast as keras_jax (2 seeds")


def test_a_sweep_of_one_implementation_ends_without_pandas(tmp_path):
    write_records(tmp_path / "night", RECORDS[:2])
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from bench.report.answer import answer\n"
        "from bench.results import store\n"
        f"assert answer(store.read_sweep(Path({str(tmp_path / 'night')!r}))) == ''\n"
        "assert 'pandas' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
