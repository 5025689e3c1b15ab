"""Suites: named games that belong together, so that one command measures an agent on all of them."""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmaze.catalog import game_files, load_game
from textmaze.errors import GameError, UnknownNameError
from textmaze.files import shipped_folder
from textmaze.game.mixture import Mixture
from textmaze.game.recipe import SPLITS, read_toml
from textmaze.settings import build, setting, shown

if TYPE_CHECKING:
    from textmaze.env.rollout import Agent
    from textmaze.game.table import Game
    from textmaze.learn.evaluate import Result

MOST_GAMES = 100


@dataclass(frozen=True)
class About:
    """What a suite says of itself, and which games of each recipe are played."""

    title: str = setting("", "the name that people read")
    summary: str = setting("", "one line that says what to expect")
    split: str = setting("test", "the split whose games are played", choices=SPLITS)
    seed: int = setting(0, "the number of the first game", low=0, high=2**31 - 1)
    episodes: int = setting(100, "how many games of each recipe are played, once each", low=1, high=100_000)


@dataclass(frozen=True)
class Named:
    """A recipe in a suite, without what is laid over it."""

    game: str = setting("", "a shipped recipe's name")
    label: str = setting("", "what tables call it, where that is not the recipe's name")


@dataclass(frozen=True)
class Entry:
    """One game of a suite."""

    label: str
    spec: str
    overrides: Mapping[str, Any]
    game: "Game"


@dataclass(frozen=True)
class Suite:
    """Games to be measured on, in the order in which they are told."""

    name: str
    about: About
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Row:
    """How an agent and the controls did on one game of a suite, or on the mean over its games."""

    label: str
    overrides: Mapping[str, Any]
    result: "Result"
    controls: "Mapping[str, Result]"


Measure = Callable[[str, "Agent", "Game", str, int, int], "Result"]  # name, agent, game, split, first seed, episodes


def suite_files() -> dict[str, Path]:
    """The shipped suites by name."""
    return dict(sorted((path.stem, path) for path in (shipped_folder("games") / "suites").glob("*.toml")))


def is_suite(spec: str) -> bool:
    """Whether `spec` names a suite where it may name any game: a shipped one, or a .toml that lists games."""
    if Path(spec).suffix == ".toml" and os.path.isfile(spec):
        return "games" in read_toml(Path(spec))
    name = spec.removesuffix(".toml")  # a shipped one may be called so too, wherever the reader stands
    return name in suite_files() and name not in game_files()


def summary(path: Path) -> str:
    """The line of a suite's file that says what it is; its games are not loaded."""
    return build(About, {key: value for key, value in read_toml(path).items() if key != "games"}, path.name).summary


def load_suite(spec: str, overrides: Mapping[str, Any] | None = None) -> Suite:
    """The suite that `spec` names: a shipped one's name, or a .toml; `overrides` are laid over each of its games."""
    known = suite_files()
    if Path(spec).suffix == ".toml" and os.path.isfile(spec):
        path = Path(spec)
    elif spec.removesuffix(".toml") in known:
        path = known[spec.removesuffix(".toml")]
    elif Path(spec).suffix != ".toml" or "\0" in spec:
        raise UnknownNameError("suite", spec, known)
    else:
        raise GameError(f"There is no suite file {spec!r}.")
    if path.stem in game_files():
        raise GameError(f"{path.name} cannot be a suite's file, as {path.stem} is the name of a recipe.")
    values = read_toml(path)
    games = values.pop("games", None)
    about = build(About, values, path.name)
    if not isinstance(games, list) or not 1 <= len(games) <= MOST_GAMES:
        raise GameError(f"{path.name}: games must be a list of 1 to {MOST_GAMES} tables, each begun by [[games]].")
    entries = tuple(_entry(game, overrides or {}, path.name) for game in games)
    labels = [entry.label for entry in entries]
    for label in labels:
        if labels.count(label) > 1:
            raise GameError(f"{path.name}: two games are called {label!r}; give one of them another label.")
    return Suite(path.stem, about, entries)


def mixture(suite: Suite) -> Mixture:
    """The games of a suite in turn, as one game."""
    return Mixture(suite.name, tuple(entry.game for entry in suite.entries))


def _entry(data: Any, overrides: Mapping[str, Any], where: str) -> Entry:
    if not isinstance(data, dict):
        raise GameError(f"{where}: games must hold tables, not {shown(data)}.")
    own = data.get("with", {})
    if not isinstance(own, dict):
        raise GameError(f"{where}: with must be a table of a recipe's settings, not {shown(own)}.")
    named = build(Named, {key: value for key, value in data.items() if key != "with"}, where)
    # A suite may come from a stranger, so it names no files.
    if named.game not in game_files():
        raise UnknownNameError(f"game for {where}", named.game, game_files())
    changes = {**own, **overrides}
    return Entry(named.label or named.game, named.game, changes, load_game(named.game, changes))


def measure_suite(
    suite: Suite, spec: str, make: Callable[[str, int], "tuple[str, Agent]"], controls: tuple[str, ...],
    measure: Measure, *, seed: int, episodes: int,
) -> list[Row]:
    """Measure the agent that `spec` names, and the controls beside it, on the same games of each recipe.

    Agents are made anew for each recipe, so a row is what measuring it alone would give.
    """
    rows = []
    for entry in suite.entries:
        name, agent = make(spec, seed)
        result = measure(name, agent, entry.game, suite.about.split, seed, episodes)
        beside = {
            control: result if control == name else measure(
                control, make(control, seed)[1], entry.game, suite.about.split, seed, episodes)
            for control in controls
        }
        rows.append(Row(entry.label, entry.overrides, result, beside))
    return rows


def mean_row(rows: Sequence[Row]) -> Row:
    """The mean over games, each of which counts the same; it has no interval."""
    controls = {name: _mean([row.controls[name] for row in rows]) for name in rows[0].controls}
    return Row("mean", {}, _mean([row.result for row in rows]), controls)


def _mean(results: "Sequence[Result]") -> "Result":
    values = {name: [getattr(result, name) for result in results]
              for name in ("success", "spl", "steps_mean", "shortest_mean")}
    means: dict[str, Any] = {  # unknown where one is
        name: sum(found) / len(found) if min(found) >= 0 else -1.0 for name, found in values.items()
    }
    return replace(results[0], game="mean", success_low=math.nan, success_high=math.nan, **means)


def to_dict(suite: Suite, rows: Sequence[Row], agent: str) -> dict[str, Any]:
    """Rows as what JSON can hold; `agent` is what the agent was called by."""
    result = mean_row(rows).result
    return {
        "suite": suite.name, "agent": agent, "split": result.split, "episodes": result.episodes,
        "success": result.success, "spl": result.spl,
        "games": [
            {"label": row.label, "with": dict(row.overrides), **row.result.to_dict(), "agent": agent,
             "controls": {name: control.to_dict() for name, control in row.controls.items()}}
            for row in rows
        ],
    }
