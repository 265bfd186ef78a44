"""The harness: configures, isolates, times, records and compares training runs."""

__version__ = "0.1.0"
DISTRIBUTION = "mlp-bench"  # tells this package from others of its name
