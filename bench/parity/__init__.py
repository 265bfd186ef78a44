"""Does an implementation compute what its recipe says? The checks, and their verdicts."""

from bench.parity.verdicts import ensure_verdict, pending_verdict

__all__ = ["ensure_verdict", "pending_verdict"]
