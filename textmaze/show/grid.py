"""Tables of text that a terminal and a Markdown page show alike, and the table of a comparison."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:  # a table of results needs no torch
    from textmaze.learn.compare import Figure, Row

UNKNOWN = "-"


@dataclass(frozen=True)
class Grid:
    """Text in rows and columns; the first `names` columns hold names, the others figures."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    names: int = 1


def rich_grid(grid: Grid) -> Table:
    table = Table(title=escape(grid.title), title_justify="left", title_style="bold", header_style="dim",
                  box=SIMPLE_HEAD, padding=0)  # so that it fits a usual terminal
    # An interval goes below its figure, as a terminal is narrow.
    rows = [[cell if place < grid.names else cell.replace(" (", "\n(") for place, cell in enumerate(row)]
            for row in grid.rows]
    for place, head in enumerate(grid.heads):
        whole = place >= grid.names and not any(" " in row[place] for row in rows)  # else names are what is broken
        table.add_column(escape(head.replace(" ", "\n") if whole else head), no_wrap=whole,
                         justify="left" if place < grid.names else "right")
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def markdown_grid(grid: Grid) -> str:
    """The table below its title, with an empty line at its end."""
    lines = [grid.heads, ["---" if place < grid.names else "---:" for place in range(len(grid.heads))], *grid.rows]
    table = "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)
    return f"## {_cell(grid.title)}\n\n{table}\n\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def with_interval(figure: "Figure", digits: int = 2) -> str:
    """`0.97 (0.95-0.99)`; the interval is left out where there is none."""
    if math.isnan(figure.value):
        return UNKNOWN
    interval = "" if math.isnan(figure.low) else f" ({figure.low:.{digits}f}-{figure.high:.{digits}f})"
    return f"{figure.value:.{digits}f}{interval}"


# Metrics by the heads of their columns, with the digits behind the point.
COLUMNS = {
    "success": ("success", 2), "spl": ("SPL", 2), "of_base": ("of explorer's", 2), "steps": ("steps", 1),
    "revisits": ("revisits", 2),
}


def comparison_grids(rows: "Sequence[Row]", title: str) -> list[Grid]:
    """A table of each game's rows, in their order; where there are several games, with the game in its title."""
    heads = ("agent", *(head for head, _ in COLUMNS.values()), "seeds")
    games = list(dict.fromkeys(row.game for row in rows))
    return [
        Grid(f"{title}, {game}" if len(games) > 1 else title, heads, tuple(
            (row.agent, *(with_interval(row.figures[name], digits) for name, (_, digits) in COLUMNS.items()),
             str(row.seeds))
            for row in rows if row.game == game
        ))
        for game in games
    ]
