"""`bench new-implementation`: the two files of a new implementation."""
