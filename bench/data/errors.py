"""The exception of this folder."""

from bench.errors import BenchError


class DatasetError(BenchError):
    """A dataset can't be found or used; the message names the file or place and the reason."""
