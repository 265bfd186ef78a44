"""Checks of an implementation, for tests inside and outside the project.

from bench.testing import check_implementation

def test_mine():
    check_implementation("mine", config_dir="my")
"""

from bench.testing.check import check_implementation

__all__ = ["check_implementation"]
