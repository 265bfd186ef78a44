"""The harness: configures, isolates, times, records and compares training runs."""
