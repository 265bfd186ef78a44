"""Clusters for the tests of one file."""

from tests.clusters import ray, slurm

__all__ = ["ray", "slurm"]
