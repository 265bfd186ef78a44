"""Check that an implementation computes the equations of its recipe, and store the verdict."""

from bench.parity.verdicts import ensure_verdict, pending_verdict, run_checks

__all__ = ["ensure_verdict", "pending_verdict", "run_checks"]
