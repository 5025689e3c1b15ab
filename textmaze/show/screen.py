"""The screen of the terminal game: prose wrapped and coloured where people look on, plain text elsewhere."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from textmaze.show.printable import printable

# What colours set apart. A heading is told by its form, so games read from TextWorld have it too.
STYLES = ((re.compile(r"^-= .* =-$", re.MULTILINE), "bold cyan"), (re.compile(r"\bcoin\b"), "yellow"))
WIDEST = 80  # characters: longer lines are hard to read


@dataclass(frozen=True)
class Screen:
    """Where a game is shown.

    Args:
        console: what is written to.
        plain: whether all is to be said in words, for whoever has a screen reader: nothing is drawn.
    """

    console: Console
    plain: bool = False

    @property
    def width(self) -> int:
        """Of what is drawn and wrapped, in characters; it changes with the window."""
        return min(self.console.width, WIDEST)

    @property
    def height(self) -> int:
        return self.console.height

    @property
    def unicode(self) -> bool:
        """Whether lines and bars can be drawn with the characters that are made for it."""
        return self.console.encoding.lower().startswith("utf")

    def say(self, text: str, style: str = "") -> None:
        """Print a text word for word, and a blank line."""
        show(self.console, text, style)

    def draw(self, lines: Sequence[str], here: str = "") -> None:
        """Print lines as they stand, and a blank line; `here` is a pattern of what stands out."""
        styled = Text("\n".join(lines))
        if here and not self.console.no_color:
            styled.highlight_regex(here, "bold cyan")
        self.console.print(styled, end="\n\n", no_wrap=True, crop=False, overflow="ignore", highlight=False)


def show(console: Console, text: str, style: str = "") -> None:
    """Print a text word for word, and a blank line: wrapped and coloured only where people look on."""
    styled = Text(printable(text).rstrip())
    if not console.no_color:  # rich would still write codes for bold
        styled.stylize(style)
        for pattern, its_style in STYLES:
            styled.highlight_regex(pattern, its_style)
    # In a file or a pipe, whole sentences on one line are easier to search.
    width = min(console.width, WIDEST) if console.is_terminal else None
    console.print(styled, end="\n\n", soft_wrap=not console.is_terminal, width=width, highlight=False)
