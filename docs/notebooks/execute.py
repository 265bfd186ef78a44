"""Execute the notebooks of this folder and store their outputs: `make notebooks`."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent


def execute(path: Path, working_folder: Path) -> nbformat.NotebookNode:
    """Execute a notebook.

    Args:
        path: the notebook.
        working_folder: where its kernel runs; bench writes its results below this folder.

    Returns:
        The notebook with its outputs, without what depends on the machine: times, versions, and
        messages on standard error, which are shown in the terminal.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    notebook = nbformat.read(path, as_version=4)
    metadata = notebook.metadata.copy()
    NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(working_folder)}},
    ).execute()
    notebook.metadata = metadata
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    return notebook


def main() -> None:
    """Execute the named notebooks of this folder, or all.

    With NOTEBOOK_SETTINGS=short, the notebooks use few random images and few epochs; they run in a
    temporary folder, and their outputs are not stored.
    """
    names = sys.argv[1:] or sorted(path.stem for path in FOLDER.glob("*.ipynb"))
    for name in names:
        path = FOLDER / f"{name}.ipynb"
        print(f"executing {path.name} ...", flush=True)
        if os.environ.get("NOTEBOOK_SETTINGS") == "short":
            with tempfile.TemporaryDirectory() as folder:
                execute(path, Path(folder))
        else:
            nbformat.write(execute(path, FOLDER), path)


if __name__ == "__main__":
    main()
