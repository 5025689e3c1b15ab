"""A maze that is played live is the same maze as in a table, but that its distances are not known."""

import dataclasses
import random

import pytest
from hypothesis import given, settings
from mazes import mazes

from textmaze.env.single import INFO, MazeEnv
from textmaze.env.vector import MazeVectorEnv
from textmaze.errors import GameError
from textmaze.game.generate import make_maze
from textmaze.game.live_maze import LiveMaze
from textmaze.game.mazes import MazeGame
from textmaze.game.recipe import Recipe
from textmaze.game.table import maze_table

HUGE = Recipe(rooms=500, locks=3, doors=3, things=4, gates=1, cycle=12, frame="egocentric", max_steps=60)
TOLD = ("admissible_commands", "description", "inventory", "objective")


@given(mazes())
@settings(deadline=None, max_examples=30)
def test_a_live_maze_says_and_does_what_its_table_says_and_does(maze):
    table, live = maze_table(maze), LiveMaze(maze)
    assert live.commands == table.commands
    assert live.texts[live.objective] == table.texts[table.objective]
    here, there, rng = table.start, live.start, random.Random(0)
    for _ in range(60):
        for name in TOLD:
            assert INFO[name](table, here) == INFO[name](live, there)
        column = rng.randrange(len(table.commands))
        assert table.texts[table.feedback[here, column]] == live.texts[live.feedback[there, column]]
        assert table.reward[here, column] == live.reward[there, column]
        here, there = int(table.successor[here, column]), live.successor[there, column]
        assert bool(table.terminal[here]) == live.terminal[there]
        assert live.distance[there] == (0 if table.won[here] else -1)
        assert live.best_command(there) is None


def test_a_maze_with_too_many_states_is_played_live_and_says_so():
    table = MazeGame("huge", HUGE).table("train", 0)
    assert table.live
    assert "played live" in table.note
    assert not MazeGame("small", Recipe()).table("train", 0).live


def test_live_mazes_play_the_same_alone_and_among_many():
    game, rng = MazeGame("huge", HUGE), random.Random(1)
    single, many = MazeEnv(game), MazeVectorEnv(2, game, autoreset_mode="Disabled")
    text, info = single.reset(seed=0)
    texts, infos = many.reset(seed=0)
    assert texts[0] == text
    for _ in range(40):
        command = rng.choice(info["admissible_commands"])
        text, reward, *_, info = single.step(command)
        texts, rewards, *_, infos = many.step([command, "look"])
        assert (texts[0], rewards[0]) == (text, reward)
        assert infos["admissible_commands"][0] == info["admissible_commands"]


def test_a_maze_of_which_nobody_can_be_sure_that_it_can_be_won_is_refused():
    with pytest.raises(GameError, match="too many states to make sure that it can be won"):
        make_maze(dataclasses.replace(HUGE, patrols=1), "train", 0)
