"""Sweeps on several machines: the head places blocks on nodes and commits their results."""
