"""What is shown, word for word, and nothing that could steer a terminal."""

import io

import pytest
from rich.console import Console

from textmaze.show.screen import Screen, show


@pytest.mark.parametrize("terminal", [True, False])
def test_a_games_text_is_shown_as_it_is_and_cannot_steer_the_terminal(terminal):
    output = io.StringIO()
    console = Console(file=output, force_terminal=terminal, width=80, no_color=True)
    show(console, "[bold]Loud[/bold] :smile: 12 'x' \x1b[2J\x07\u202e", "bold")
    assert output.getvalue().rstrip() == "[bold]Loud[/bold] :smile: 12 'x'  [2J"


def test_prose_is_never_wider_than_can_be_read():
    output = io.StringIO()
    Screen(Console(file=output, force_terminal=True, width=200, no_color=True)).say("word " * 100)
    assert max(map(len, output.getvalue().splitlines())) <= 80


def test_what_is_drawn_is_printed_as_it_stands_however_narrow_the_screen():
    output = io.StringIO()
    Screen(Console(file=output, force_terminal=True, width=20, no_color=True)).draw(["x" * 30, "[b]  y"], "y")
    assert output.getvalue() == f"{'x' * 30}\n[b]  y\n\n"
