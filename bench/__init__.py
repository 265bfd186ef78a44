"""The harness: configures, isolates, times, records and compares training runs.

`import bench` gives the names of `PUBLIC`, which docs/python.md explains. Each is loaded on its
first use, so that the import stays quick; `__init__.pyi` has their types. An import statement here
would also make the code behind these names part of the fingerprint of every run.
"""

from importlib import import_module as _import_module
from pathlib import Path as _Path

__version__ = "0.2.0"
DISTRIBUTION = "mlp-bench"  # other distributions have a package `bench`, too

# The folder of YAML files: bench/conf if installed, else conf/ next to bench/.
_INSTALLED = _Path(__file__).resolve().parent / "conf"
CONF = _INSTALLED if _INSTALLED.is_dir() else _INSTALLED.parents[1] / "conf"

PUBLIC = {  # names and the modules that define them
    "BenchError": "bench.errors",
    "Finding": "bench.report.findings.finding",
    "Findings": "bench.api.comparing",
    "Records": "bench.api.sources",
    "RunRecord": "bench.records",
    "compare": "bench.api.comparing",
    "load_curves": "bench.api.loading",
    "load_records": "bench.api.loading",
    "load_runs": "bench.api.loading",
    "plot": "bench",
    "run": "bench.api.running",
}
__all__ = [*PUBLIC, "__version__"]  # all are strings


def __getattr__(name: str) -> object:
    """Load a public name on its first use (PEP 562)."""
    if name not in PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if PUBLIC[name] == __name__:  # a module of this package
        return _import_module(f"{__name__}.{name}")
    value = getattr(_import_module(PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return all names, also those that are not loaded."""
    return sorted({*globals(), *PUBLIC})
