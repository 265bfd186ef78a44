"""The base class of the errors that a user can solve."""


class BenchError(Exception):
    """What the user asked for is impossible; the message says why and what to do."""
