"""Texts of strangers, such as a game's, as they may be shown: nothing in them steers a terminal."""


def printable(text: str) -> str:
    """A text with a blank for everything that cannot be seen, but for the ends of its lines."""
    return "\n".join(map(printable_line, text.split("\n")))


def printable_line(text: str) -> str:
    """A text on one line, with a blank for everything that cannot be seen."""
    return "".join(mark if mark.isprintable() else " " for mark in text)
