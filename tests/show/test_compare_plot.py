"""Tables and plots of comparisons."""

import math
import re

import pytest
from rich.console import Console

from textmaze.learn.compare import METRICS, Figure, Row
from textmaze.show.compare_plot import comparison_plot, curve_plot
from textmaze.show.grid import Grid, comparison_grids, markdown_grid, rich_grid, with_interval

NAMES = (*METRICS, "of_base")
ROWS = [Row(agent, game, 3, 20, {name: Figure(0.5, 0.25, 0.75) for name in NAMES})
        for game in ("here", "there") for agent in ("one", "two")]
UNKNOWN = Row("one", "here", 1, 1, {name: Figure(math.nan) for name in NAMES})


@pytest.mark.parametrize(("figure", "text"), [
    (Figure(0.5, 0.25, 0.75), "0.50 (0.25-0.75)"), (Figure(1.0), "1.00"), (Figure(math.nan), "-")])
def test_a_figure_has_its_interval_behind_it_where_there_is_one(figure, text):
    assert with_interval(figure) == text


def test_each_game_has_a_table_with_a_row_for_each_agent():
    grids = comparison_grids(ROWS, "title")
    assert [grid.title for grid in grids] == ["title, here", "title, there"]
    assert [[row[0] for row in grid.rows] for grid in grids] == [["one", "two"]] * 2
    assert comparison_grids(ROWS[:2], "title")[0].title == "title"


def test_names_are_no_markup():
    grid = Grid("[b]a|b[/b]", ("agent", "success"), (("x|y [red]", "1"),))
    console = Console(width=80)
    with console.capture() as capture:
        console.print(rich_grid(grid))
    assert "[b]a|b[/b]" in capture.get()
    assert "x|y [red]" in capture.get()
    assert markdown_grid(grid).count("\\|") == 2


def test_names_are_broken_in_a_narrow_terminal_and_intervals_are_not():
    heads = ("test", "agent", *("success",) * 4, "success by seed")
    figure = "0.99 (0.98-1.00)"
    grid = Grid("title", heads, (("level 220", "trained on it", *(figure,) * 4, "0.99 0.98 1.00"),), names=2)
    console = Console(width=80)
    with console.capture() as capture:
        console.print(rich_grid(grid))
    assert capture.get().count("(0.98-1.00)") == 4
    assert "…" not in capture.get()


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], [UNKNOWN]])
def test_a_comparison_is_a_picture_and_the_same_one_each_time(rows):
    picture = comparison_plot(rows, "title")
    assert re.match(rb"\x89PNG", picture)
    assert picture == comparison_plot(rows, "title")


def test_a_picture_shows_the_figures():
    assert comparison_plot(ROWS[:2], "title") != comparison_plot([ROWS[0], UNKNOWN], "title")


def test_curves_are_a_picture_with_a_panel_for_each_kind():
    points = [(0.0, Figure(1.0, 0.9, 1.0)), (0.5, Figure(0.5, 0.4, 0.6))]
    one, two = ({name: {"agent": points} for name in names} for names in (["typos"], ["typos", "dropped"]))
    pictures = [curve_plot(curves, "title", "share", "success") for curves in (one, two)]
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    widths = [int.from_bytes(picture[16:20]) for picture in pictures]
    assert widths[0] < widths[1]
