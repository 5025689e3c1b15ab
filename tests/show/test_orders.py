"""Orders: what the program is told, and when a line is meant for the game."""

import pytest

from textmaze.catalog import game_files, load_game
from textmaze.errors import TextmazeError
from textmaze.game.mazes import MazeGame
from textmaze.show.orders import ORDERS, Order, help_page, read_order

COMMANDS = ("go north", "take map", "look", "help")


@pytest.mark.parametrize(("line", "order"), [
    ("map", Order("map")), (" MAP ", Order("map")), ("/map", Order("map")), ("/ map", Order("map")),
    ("save", Order("save")), ("save Here", Order("save", ("Here",))), ("q", Order("quit")), ("?", Order("help")),
    ("help", Order("help")), ("transcript on my.jsonl", Order("transcript", ("on", "my.jsonl"))),
])
def test_orders_are_known_in_any_case_with_and_without_a_slash(line, order):
    assert read_order(line, COMMANDS) == order


@pytest.mark.parametrize("line", ["", "go north", "take map", "map the house", "save the old man", "undo it",
                                  "transcript please", "look", "quit smoking now"])
def test_everything_else_is_the_games(line):
    assert read_order(line, COMMANDS) is None


def test_a_games_own_word_comes_first_and_the_slash_before_it():
    commands = (*COMMANDS, "save princess", "map")
    assert read_order("save princess", commands) is None
    assert read_order("map", commands) is None
    assert read_order("/save princess", commands) == Order("save", ("princess",))
    assert "/save [NAME]" in help_page("", commands)
    assert " /map " in help_page("", commands)
    assert " undo " in help_page("", commands)


def test_no_shipped_maze_has_such_a_word_but_help():
    for name in game_files():
        game = load_game(name)
        if isinstance(game, MazeGame):
            verbs = {command.partition(" ")[0] for command in game.table("train", 0).commands}
            assert verbs & set(ORDERS) == {"help"}


def test_a_slash_before_what_is_no_order_says_what_is_one():
    with pytest.raises(TextmazeError, match="did you mean 'undo'"):
        read_order("/undoo", COMMANDS)
    with pytest.raises(TextmazeError, match="/map, /hint"):
        read_order("/", COMMANDS)
    with pytest.raises(TextmazeError, match="transcript on FILE"):
        read_order("/transcript please", COMMANDS)
