"""Clusters for the tests of one file, and sweeps on them."""

from tests.clusters.ray import ray
from tests.clusters.slurm import slurm
from tests.clusters.sweeps import start

__all__ = ["ray", "slurm", "start"]
