"""The harness: configures, isolates, times, records and compares training runs."""

from pathlib import Path as _Path

__version__ = "0.2.0"
DISTRIBUTION = "mlp-bench"  # tells this package from others of its name

# The YAML files of the configuration: in this package once installed, beside it in a checkout.
_INSTALLED = _Path(__file__).resolve().parent / "conf"
CONF = _INSTALLED if _INSTALLED.is_dir() else _INSTALLED.parents[1] / "conf"
