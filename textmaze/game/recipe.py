"""A family of games: every setting with its meaning and its limits, read from TOML."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textmaze.errors import GameError
from textmaze.settings import build, override, setting

SPLITS = ("train", "valid", "test")
MAX_FILE_BYTES = 1_000_000  # a recipe or theme is a page of text; more is a mistake or an attack


@dataclass(frozen=True)
class Recipe:
    """A family of mazes of our own."""

    title: str = setting("", "the name that people read")
    summary: str = setting("", "one line that says what to expect")
    topology: str = setting("grid", "how rooms hang together", choices=("grid", "corridor"))
    rooms: int = setting(25, "how many rooms a maze has", low=2, high=1000)
    loops: float = setting(0.0, "share of the walls between neighbouring rooms that are opened, so that ways "
                                "meet again; 0 makes a tree", low=0.0, high=1.0)
    goal: str = setting("coin", "what wins: taking the coin, or reaching the exit", choices=("coin", "exit"))
    theme: str = setting("dungeon", "whose words are used: a file in games/themes")
    wordings: str = setting("split", "which share of the theme's words is used: the one of the split that is "
                                     "played, or one by name", choices=("split", *SPLITS))
    max_steps: int = setting(100, "commands until an episode is cut off", low=1, high=100_000)


@dataclass(frozen=True)
class Challenge:
    """A family of games that TextWorld makes and tells."""

    title: str = setting("", "the name that people read")
    summary: str = setting("", "one line that says what to expect")
    challenge: str = setting("tw-coin_collector", "the TextWorld challenge",
                             choices=("tw-coin_collector",))
    level: int = setting(1, "the challenge's own difficulty level", low=1, high=300)
    max_steps: int = setting(100, "commands until an episode is cut off", low=1, high=100_000)


KINDS: dict[str, type[Recipe] | type[Challenge]] = {"maze": Recipe, "textworld": Challenge}


def read_recipe(path: Path, overrides: Mapping[str, Any] | None = None) -> Recipe | Challenge:
    """The recipe in a TOML file, with overrides laid over it."""
    values = read_toml(path)
    kind = values.pop("kind", "maze")
    if kind not in KINDS:
        raise GameError(f"{path.name}: kind must be one of {', '.join(KINDS)}, not {kind!r}.")
    recipe: Recipe | Challenge = build(KINDS[kind], values, path.name)
    return override(recipe, overrides, path.name) if overrides else recipe


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as a dict, or one sentence that says why not."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise GameError(f"{path} is larger than {MAX_FILE_BYTES:,} bytes, too large for a TOML file of ours.")
        return tomllib.loads(data.decode("utf-8"))
    except OSError as error:
        raise GameError(f"{path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise GameError(f"{path} is not UTF-8 text.") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise GameError(f"{path} is not valid TOML: {error}.") from None
