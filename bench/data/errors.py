"""The exception of this folder."""


class DatasetError(Exception):
    """A dataset can't be found or used; the message names the file or place and the reason."""
