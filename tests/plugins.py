"""Implementations outside the project, for tests."""

from __future__ import annotations

from pathlib import Path

YAML = """\
name: {name}
module: {name}_mlp
claims: {{activation: [relu], output: [softmax], loss: [cross_entropy], optimizer: [sgd]}}
fairness: {{precision: float32, tf32: "off", compilation: none, data_path: rows gathered}}
"""
CODE = "from implementations.numpy_mlp import MLP as NumpyMLP\n\n\nclass MLP(NumpyMLP):\n    pass\n"


def write_plugin(folder: Path, name: str, code: str = CODE, yaml: str = YAML) -> Path:
    """Write the two files of an implementation that trains like `numpy`; return the folder."""
    files = {
        folder / "implementation" / f"{name}.yaml": yaml.format(name=name),
        folder / "implementations" / f"{name}_mlp.py": code,
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def write_installed_plugin(site: Path, name: str, package: str, entry: str | None = None) -> Path:
    """Write an implementation as pip would install it into a folder of packages.

    Args:
        site: the folder of packages.
        name: name of the implementation.
        package: name of its package, and of its distribution.
        entry: value of its entry point, if it is not the package.
    """
    write_plugin(site / package, name)
    (site / package / "__init__.py").write_text("raise AssertionError('was imported')\n")
    metadata = site / f"{package}-1.5.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.5\n")
    (metadata / "entry_points.txt").write_text(
        f"[mlp_bench.implementations]\n{name} = {entry or package}\n"
    )
    return site / package
