"""Finds agents and games by name or by path, in a checkout and in an installed package alike."""

import importlib.util
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from textmaze.errors import GameError, TextmazeError, UnknownNameError
from textmaze.files import shipped_folder

if TYPE_CHECKING:
    from textmaze.game.table import Game


def game_files() -> dict[str, Path]:
    """The shipped recipes by name."""
    return {path.stem: path for path in sorted(shipped_folder("games").glob("*.toml"))}


def agent_files() -> dict[str, Path]:
    """The shipped agents by name."""
    return {path.stem: path for path in sorted(shipped_folder("agents").glob("*.py"))}


def load_game(spec: str, overrides: Mapping[str, Any] | None = None) -> "Game":
    """The game that `spec` names: a recipe's name, a .toml, a maze .json, or a TextWorld .z8 with its .json."""
    from textmaze.game.maze import read_maze
    from textmaze.game.recipe import Challenge, Recipe, read_recipe
    from textmaze.game.table import MazeGame, SingleMaze
    from textmaze.settings import override

    path = Path(spec)
    if path.suffix == ".z8":
        from textmaze.game.story import StoryGame

        limits = override(Challenge(), overrides or {}, path.name)
        return StoryGame(path.stem, path, limits.max_steps)
    if path.suffix == ".json":
        recipe = override(Recipe(), overrides or {}, path.name)
        return SingleMaze(path.stem, read_maze(path), recipe.max_steps)
    if path.suffix != ".toml":
        known = game_files()
        if spec not in known:
            raise UnknownNameError("game", spec, known)
        path = known[spec]
    elif not path.is_file():
        raise GameError(f"There is no game file {spec!r}.")
    found = read_recipe(path, overrides)
    if isinstance(found, Challenge):
        from textmaze.game.story import ChallengeGame

        return ChallengeGame(path.stem, found)
    return MazeGame(path.stem, found)


def load_agent(spec: str) -> ModuleType:
    """The agent file that `spec` names, a shipped name or a path to a .py, as a module.

    Agents are code, so a path is run: give only files that you trust.
    """
    path = Path(spec)
    if path.suffix != ".py":
        known = agent_files()
        if spec not in known:
            raise UnknownNameError("agent", spec, known)
        path = known[spec]
    elif not path.is_file():
        raise TextmazeError(f"There is no agent file {spec!r}.")
    # Dataclasses look their module up in sys.modules while its body runs, so it must be there before.
    name = "textmaze_agent_" + re.sub(r"\W", "_", str(path.resolve()))
    if name in sys.modules:
        return sys.modules[name]
    found = importlib.util.spec_from_file_location(name, path)
    assert found is not None
    assert found.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(found)
    try:
        found.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    for attribute in ("Settings", "make"):
        if not hasattr(module, attribute):
            del sys.modules[name]
            raise TextmazeError(f"{spec} is not an agent: it lacks {attribute}, see agents/wander.py for what it takes.")
    return module


def first_line(module: ModuleType) -> str:
    """What an agent file says of itself in the first line of its docstring."""
    return (module.__doc__ or "").strip().partition("\n")[0]
