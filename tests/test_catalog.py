"""Games and agents are found by name and by path, and whatever is not found is refused in one sentence."""

import dataclasses
import re
import sys
from types import ModuleType

import pytest

from textmaze.catalog import agent_files, first_line, game_files, load_agent, load_game
from textmaze.errors import GameError, SettingError, TextmazeError, UnknownNameError
from textmaze.game.mazes import MazeGame, SingleMaze
from textmaze.game.recipe import read_recipe

# Shaped like the agents that are shipped: a dataclass needs its module in sys.modules while the body runs.
AGENT = '''"""Does nothing.

Really nothing.
"""
from __future__ import annotations
from dataclasses import dataclass

@dataclass(frozen=True)
class Settings:
    words: int = 3

def make(settings):
    return settings.words
'''


@pytest.mark.parametrize("name", ["labyrinth", "corridor"])
def test_a_recipe_is_found_by_name_and_by_path(name):
    by_name, by_path = load_game(name), load_game(str(game_files()[name]))
    assert isinstance(by_name, MazeGame)
    assert by_name == by_path
    assert by_name.name == name
    assert by_name.recipe == read_recipe(game_files()[name])


@pytest.mark.parametrize("name", sorted(game_files()))
def test_every_shipped_recipe_can_be_read_and_says_what_it_is(name):
    recipe = read_recipe(game_files()[name])
    assert recipe.title
    assert recipe.summary


def test_settings_are_laid_over_a_recipe():
    game = load_game("labyrinth", {"rooms": "9", "loops": 0.5})
    assert (game.recipe.rooms, game.recipe.loops) == (9, 0.5)
    with pytest.raises(SettingError, match=r"rooms in labyrinth\.toml"):
        load_game("labyrinth", {"rooms": "none"})
    with pytest.raises(UnknownNameError, match="did you mean 'rooms'"):
        load_game("labyrinth", {"room": "9"})


def test_a_maze_file_is_a_game_whatever_the_seed(tmp_path):
    maze = load_game("corridor").maze("test", 4)
    (tmp_path / "mine.json").write_text(maze.to_json())
    game = load_game(str(tmp_path / "mine.json"), {"max_steps": "7"})
    assert isinstance(game, SingleMaze)
    assert (game.name, game.max_steps) == ("mine", 7)
    assert game.maze("train", 0) == game.maze("valid", 9) == maze


@pytest.mark.parametrize(("name", "nearest"), [("labyrith", "labyrinth"), ("Corridor", "corridor")])
def test_an_unknown_game_is_answered_with_the_nearest(name, nearest):
    with pytest.raises(UnknownNameError, match=f"There is no game named '{name}'; did you mean '{nearest}'"):
        load_game(name)


@pytest.mark.parametrize("spec", ["", "zzz", "../labyrinth", "themes/dungeon", "no\0name"])
def test_a_game_that_is_like_none_is_refused_with_what_is_known(spec):
    with pytest.raises(UnknownNameError, match=r"corridor, .*labyrinth"):
        load_game(spec)


@pytest.mark.parametrize("file", ["none.toml", "none.json", "none.z8", "folder.toml", "folder.json"])
def test_a_game_file_that_cannot_be_read_is_refused(tmp_path, file):
    if file.startswith("folder"):
        (tmp_path / file).mkdir()
    with pytest.raises(GameError, match=re.escape(file)):
        load_game(str(tmp_path / file)).table("test", 0)


@pytest.mark.parametrize("name", sorted(agent_files()))
def test_a_shipped_agent_is_found_by_name_and_by_path_and_says_what_it_does(name):
    module = load_agent(name)
    assert module is load_agent(str(agent_files()[name]))
    assert dataclasses.is_dataclass(module.Settings)
    assert callable(module.make)
    assert first_line(agent_files()[name]).endswith((".", ":"))


def test_an_agent_file_at_a_path_is_loaded_once_as_a_module(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(AGENT)
    module = load_agent(str(path))
    assert isinstance(module, ModuleType)
    assert module.make(module.Settings()) == 3
    assert sys.modules[module.Settings.__module__] is module
    assert load_agent(str(path)) is module
    assert first_line(path) == "Does nothing."


def test_two_agent_files_with_nearly_the_same_name_are_two_agents(tmp_path):
    for name, words in (("my-agent.py", 1), ("my_agent.py", 2)):
        (tmp_path / name).write_text(AGENT.replace("= 3", f"= {words}"))
    assert load_agent(str(tmp_path / "my-agent.py")).Settings().words == 1
    assert load_agent(str(tmp_path / "my_agent.py")).Settings().words == 2


def test_agents_load_beside_a_stranger_package_named_agents(monkeypatch):
    # A package of that name is in wide use, and must neither be shadowed nor shadow ours.
    stranger = ModuleType("agents")
    monkeypatch.setitem(sys.modules, "agents", stranger)
    for name in [name for name in sys.modules if name.startswith("textmaze_agent_")]:
        monkeypatch.delitem(sys.modules, name)
    assert load_agent("wander").make
    assert sys.modules["agents"] is stranger


def test_an_unknown_agent_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="There is no agent named 'wonder'; did you mean 'wander'"):
        load_agent("wonder")


def test_an_agent_path_without_a_file_is_refused(tmp_path):
    with pytest.raises(TextmazeError, match="There is no agent file"):
        load_agent(str(tmp_path / "none.py"))


@pytest.mark.parametrize(
    ("text", "lacking"),
    [("", "Settings"), ("def make(settings): ...", "Settings"), ("class Settings: ...", "make")],
)
def test_an_agent_file_that_lacks_something_is_refused_and_can_be_mended(tmp_path, text, lacking):
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(TextmazeError, match=f"is not an agent: it lacks {lacking}"):
        load_agent(str(path))
    # Another length, for Python's cache tells versions of a file apart by second and size.
    path.write_text(AGENT)
    assert load_agent(str(path)).make


def test_an_agent_file_that_fails_leaves_nothing_behind(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("raise ZeroDivisionError")
    before = set(sys.modules)
    with pytest.raises((TextmazeError, ZeroDivisionError)):
        load_agent(str(path))
    assert set(sys.modules) == before
