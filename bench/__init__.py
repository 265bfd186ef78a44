"""The harness: configures, isolates, times, records and compares training runs."""

from pathlib import Path as _Path

__version__ = "0.2.0"
DISTRIBUTION = "mlp-bench"  # other distributions have a package `bench`, too

# The folder of YAML files: bench/conf if installed, else conf/ next to bench/.
_INSTALLED = _Path(__file__).resolve().parent / "conf"
CONF = _INSTALLED if _INSTALLED.is_dir() else _INSTALLED.parents[1] / "conf"
