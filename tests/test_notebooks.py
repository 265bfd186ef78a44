"""The notebooks run with short settings, and their stored outputs are complete and current."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "notebooks"
NAMES = ("from_scratch", "keras", "compare")
MAX_TOTAL_BYTES = 2**20


def read(name: str) -> nbformat.NotebookNode:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def code_cells(name: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in read(name).cells if cell.cell_type == "code"]


def texts(name: str) -> list[str]:
    """Return every text among the stored outputs of a notebook."""
    found = []
    for output in (output for cell in code_cells(name) for output in cell.outputs):
        found += [output.get("text", "")]
        found += [data for kind, data in output.get("data", {}).items() if "image" not in kind]
    return found


def test_every_notebook_is_tested():
    assert sorted(NAMES) == sorted(path.stem for path in FOLDER.glob("*.ipynb"))


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_with_short_settings_and_stores_nothing(name, tmp_path):
    before = (FOLDER / f"{name}.ipynb").read_bytes()
    completed = subprocess.run(
        [sys.executable, FOLDER / "execute.py", name],
        cwd=tmp_path,
        env=os.environ | {"NOTEBOOK_SETTINGS": "short"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    assert (FOLDER / f"{name}.ipynb").read_bytes() == before


@pytest.mark.parametrize("name", NAMES)
def test_the_stored_outputs_are_those_of_one_complete_run(name):
    cells = code_cells(name)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert all(output.output_type != "error" for output in outputs)
    assert all(output.get("name") != "stderr" for output in outputs)
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 3


@pytest.mark.parametrize("name", ["from_scratch", "keras"])
def test_the_stored_accuracy_is_that_of_the_original_notebook(name):
    found = re.search(
        r"test accuracy,? +(0\.\d+),?(?: original notebook)? +(0\.\d+)", "\n".join(texts(name))
    )
    ours, original = map(float, found.groups())
    assert ours == pytest.approx(original, abs=0.015)  # seeds differ by 0.01


@pytest.mark.parametrize("name", NAMES)
def test_the_stored_outputs_name_no_folder_and_no_host(name):
    for text in texts(name):
        assert not re.search(r"(?<![\w.])/(home|root|tmp|work|usr|var|opt|Users|private)/", text)
        assert socket.gethostname() not in text


def test_the_stored_files_are_small():
    assert sum(path.stat().st_size for path in FOLDER.glob("*.ipynb")) < MAX_TOTAL_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_code_that_it_shows_is_that_of_the_implementation_today(name):
    for text in texts(name):
        if shown := re.match(r"`(implementations/\w+\.py)`.*?```python\n(.*)```", text, re.DOTALL):
            lines = {line.strip() for line in (ROOT / shown[1]).read_text().splitlines()}
            changed = [line for line in shown[2].splitlines() if line.strip() not in lines]
            assert not changed, f"{shown[1]} has changed; run: make notebooks"


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name):
    for cell in read(name).cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\(([^)#:]+)\)", cell.source):
                assert (FOLDER / target).exists(), target
