"""Finds agents and games by name or by path, in a checkout and in an installed package alike."""

import ast
import hashlib
import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from textmaze.errors import GameError, RunError, SettingError, TextmazeError, UnknownNameError
from textmaze.files import shipped_folder
from textmaze.settings import build, override

if TYPE_CHECKING:
    from textmaze.env.rollout import Agent
    from textmaze.game.table import Game


def game_files() -> dict[str, Path]:
    """The shipped recipes by name."""
    return {path.stem: path for path in sorted(shipped_folder("games").glob("*.toml"))}


def agent_files() -> dict[str, Path]:
    """The shipped agents by name."""
    return {path.stem: path for path in sorted(shipped_folder("agents").glob("*.py"))}


def pretrained() -> dict[str, Path]:
    """The shipped runs by name: agents that have been trained already."""
    return {path.parent.name: path.parent for path in sorted(shipped_folder("agents").glob("pretrained/*/config.json"))}


def load_game(spec: str, overrides: Mapping[str, Any] | None = None) -> "Game":
    """The game that `spec` names: a recipe, a suite, a .toml, a maze .json, or a TextWorld .z8 with its .json.

    A suite is its games in turn, as a `Mixture`; what is laid over it is laid over each of them.
    """
    from textmaze.game.maze_file import read_maze
    from textmaze.game.mazes import MazeGame, SingleMaze
    from textmaze.game.recipe import Challenge, Limits, read_recipe
    from textmaze.suite import is_suite, load_suite, mixture, suite_files

    path = Path(spec)
    if "\0" in spec:  # no file can have such a name, and not every function that takes one says so
        raise UnknownNameError("game", spec, game_files())
    if path.suffix == ".z8":
        from textmaze.game.story import StoryGame

        limits = override(Limits(), overrides or {}, path.name)
        return StoryGame(path.stem, path, limits.max_steps)
    if path.suffix == ".json":
        limits = override(Limits(), overrides or {}, path.name)
        return SingleMaze(path.stem, read_maze(path), limits.max_steps)
    if is_suite(spec):
        return mixture(load_suite(spec, overrides))
    if path.suffix != ".toml":
        known = game_files()
        if spec in agent_files() or spec in pretrained():
            raise GameError(f"{spec!r} is an agent, not a game; where a command takes both, the agent comes first, and "
                            "train takes it by --agent.")
        if spec not in known:
            raise UnknownNameError("game", spec, {**known, **suite_files()})
        path = known[spec]
    elif not os.path.isfile(path):  # unlike Path's, it answers for any name, however long
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
        if spec in game_files():
            raise TextmazeError(f"{spec!r} is a game, not an agent; where a command takes both, the agent comes first.")
        if spec not in known:
            raise UnknownNameError("agent", spec, {**known, **pretrained()})
        path = known[spec]
    return _run(path, "agent", spec, _check_agent)


def run_named(settings: Any, changes: Mapping[str, Any]) -> None:
    """Run the .py files that `changes` names for settings that may be code.

    Only for what somebody has said himself, on a command line or in code of his own: a run folder, a mixture or a
    protocol may come from a stranger.
    """
    for field in fields(settings):
        value = changes.get(field.name)
        if field.metadata.get("code") and isinstance(value, str) and value.endswith(".py"):
            _run(Path(value), field.name, value, lambda module, spec: None)


def code_named(spec: str) -> ModuleType | None:
    """The module of a .py file that has been run in this process because somebody named it; else None."""
    return None if "\0" in spec else sys.modules.get(_module_name(Path(spec)))


def refuse_code(changes: Mapping[str, Any], where: str) -> None:
    """What a stranger's file lays over settings may name no code."""
    for name, value in changes.items():
        if isinstance(value, str) and value.endswith(".py"):
            raise SettingError(f"{where}: {name} names the code {value!r}; only you can, on the command line.")


def _module_name(path: Path) -> str:
    return f"textmaze_agent_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]}"


def _run(path: Path, kind: str, spec: str, check: Callable[[ModuleType, str], None]) -> ModuleType:
    """The file as a module, run once in a process."""
    if "\0" in spec or not os.path.isfile(path):
        raise TextmazeError(f"There is no {kind} file {spec!r}.")
    # Dataclasses look their module up in sys.modules while its body runs, so it must be there before.
    name = _module_name(path)
    if name in sys.modules:
        return sys.modules[name]
    found = importlib.util.spec_from_file_location(name, path)
    assert found is not None
    assert found.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(found)
    try:
        found.loader.exec_module(module)
        check(module, spec)
    except TextmazeError:
        del sys.modules[name]
        raise
    except Exception as error:
        del sys.modules[name]
        raise TextmazeError(f"The {kind} file {spec} cannot be loaded: {type(error).__name__}: {error}.") from error
    return module


def _check_agent(module: ModuleType, spec: str) -> None:
    for attribute in ("Settings", "make"):
        if not hasattr(module, attribute):
            raise TextmazeError(f"{spec} is not an agent: it lacks {attribute}; agents/wander.py shows what it takes.")
    if not is_dataclass(module.Settings):
        raise TextmazeError(f"{spec} is not an agent: its Settings must be a dataclass, as in agents/wander.py.")


def agent_settings(module: ModuleType, overrides: Mapping[str, Any], seed: int, where: str) -> Any:
    """An agent's settings with overrides laid over them; an agent that draws random numbers gets the seed."""
    settings = module.Settings()
    if hasattr(settings, "seed"):
        overrides = {"seed": seed, **overrides}
    made = override(settings, overrides, where)
    run_named(module.Settings, overrides)
    return made


def make_agent(spec: str, overrides: Mapping[str, Any], seed: int, code: str | None = None) -> "tuple[str, Agent]":
    """The agent that `spec` names - a shipped name, a .py file or a run folder - with its name, ready to play.

    Agents that are shipped trained have names too.

    `code` is the agent file of a run that was not trained with a shipped agent.
    """
    folder = run_folder(spec)
    if folder is None:
        if "/" in spec and not spec.endswith(".py"):
            raise TextmazeError(f"There is no run folder {spec!r}.")
        module = load_agent(spec)
        return Path(spec).stem, module.make(agent_settings(module, overrides, seed, spec))
    from textmaze.learn.checkpoint import load_model

    config, weights = load_model(folder)
    module = load_agent_of_run(folder, config["agent"], code)
    settings = override(build(module.Settings, config["settings"], spec), overrides, spec)
    run_named(module.Settings, overrides)
    return folder.name if spec in pretrained() else Path(config["agent"]).stem, module.make(settings, weights)


def load_agent_of_run(folder: Path, name: str, code: str | None) -> ModuleType:
    """The agent file that the run in a folder was trained with.

    A folder may come from a stranger, so by itself it can only name a shipped agent; for others somebody must say
    that the file `code` is to be run.
    """
    if code is None and name not in agent_files():
        raise RunError(f"{folder} was trained with the agent file {name!r}, not a shipped one: name it by --code.")
    return load_agent(code or name)


def is_run(spec: str) -> bool:
    """Whether `spec` names a run: a folder, or an agent that is shipped trained."""
    return run_folder(spec) is not None


def run_folder(spec: str) -> Path | None:
    """The folder of the run that `spec` names; a shipped agent is never hidden by a folder of its name."""
    if spec in agent_files():
        return None
    return pretrained().get(spec) or (Path(spec) if os.path.isdir(spec) else None)


def first_line(path: Path) -> str:
    """What an agent file says of itself in the first line of its docstring; nothing is run."""
    return (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").partition("\n")[0]


def card_line(folder: Path) -> str:
    """What the card of a shipped run says of it in its first line of text."""
    lines = (folder / "README.md").read_text("utf-8").splitlines()
    return next((line for line in lines if line and not line.startswith("#")), "")
