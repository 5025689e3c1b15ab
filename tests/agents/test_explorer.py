"""The explorer: understands every warning, and gives way to who walks about."""

import dataclasses

import pytest

from textmaze.catalog import game_files, load_game, make_agent
from textmaze.env.rollout import Observation, rollout
from textmaze.files import shipped_folder
from textmaze.game.mazes import MazeGame
from textmaze.game.theme import load_theme
from textmaze.learn.evaluate import evaluate

THEMES = sorted(path.stem for path in (shipped_folder("games") / "themes").glob("*.toml"))
SIDES = {"compass": ("north", "east"), "egocentric": ("forward", "right")}


def explorer():
    return make_agent("explorer", {}, 0)[1]


def chosen(sentence, frame="compass"):
    """The first command in a room with two ways, in a game where time passes."""
    one, other = SIDES[frame]
    text = f"-= Hall =-\nA hall. Passages lead {one} and {other}. {sentence}"
    agent = explorer()
    agent.begin((0,))
    seen = Observation(0, text, text, "You are carrying nothing.", "Find it.", (f"go {one}", f"go {other}", "wait"))
    return agent.act([seen])[0]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("frame", SIDES)
def test_a_way_of_which_a_warning_tells_is_not_taken(theme, frame):
    one, other = SIDES[frame]
    assert chosen("Nothing stirs.", frame) == f"go {one}"
    for kind in ("patrol_near", "patrol_far"):
        for sentence in getattr(load_theme(theme), kind):
            side = "front" if frame == "egocentric" and "the {way}" in sentence else one
            assert chosen(sentence.format(patrol="ogre", way=side), frame) == f"go {other}"


@pytest.mark.parametrize("frame", SIDES)
def test_who_listens_escapes(frame):
    game = MazeGame("minotaur", dataclasses.replace(load_game("minotaur").recipe, frame=frame))
    assert evaluate(explorer(), game, range(20), name="explorer", split="test").success >= 0.9


@pytest.mark.parametrize("name", [name for name in game_files() if isinstance(load_game(name), MazeGame)
                                  and name != "catacombs"])
def test_nearly_every_shipped_maze_is_won(name):
    assert evaluate(explorer(), load_game(name), range(20), name="explorer", split="valid").success >= 0.9


def test_the_same_game_is_played_alike_each_time():
    played = [[record.command for records in rollout(load_game("minotaur"), explorer(), [3, 5], split="valid")
               for record in records] for _ in range(2)]
    assert played[0] == played[1]
