"""The base class of the errors that a user can solve."""


class BenchError(Exception):
    """What the user asked for is impossible; the message says why and what to do."""

    def _render_traceback_(self) -> list[str]:
        """Return what IPython and Jupyter show: the message, without a traceback."""
        return [f"{type(self).__name__}: {self}"]
