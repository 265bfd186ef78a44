"""Text from anywhere, on its way to a terminal."""


def printable(words: object) -> str:
    """Write as escapes whatever would steer a terminal, or turn the direction of writing."""
    text = str(words)
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def shorten(text: str, max_characters: int) -> str:
    """Cut a text that is longer than that many characters, and end it with three dots."""
    return text if len(text) <= max_characters else f"{text[: max_characters - 3]}..."


def first_line(text: str) -> str:
    """Return the first line of a message, at most 300 characters, without control characters."""
    return shorten(printable((text.splitlines() or [""])[0]), 300)
