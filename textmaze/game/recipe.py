"""A family of games: every setting with its meaning and its limits, read from TOML."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textmaze.errors import GameError
from textmaze.settings import build, override, setting, shown

SPLITS = ("train", "valid", "test")
MAX_DOTS = 100  # in a line: tomllib needs memory quadratic in the depth of a dotted key
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


@dataclass(frozen=True)
class Limits:
    """What can be set for a single game that comes from a file."""

    max_steps: int = setting(100, "commands until an episode is cut off", low=1, high=100_000)


KINDS: dict[str, type[Recipe] | type[Challenge]] = {"maze": Recipe, "textworld": Challenge}


def read_recipe(path: Path, overrides: Mapping[str, Any] | None = None) -> Recipe | Challenge:
    """The recipe in a TOML file, with overrides laid over it."""
    values = read_toml(path)
    kind = values.pop("kind", "maze")
    if not isinstance(kind, str) or kind not in KINDS:
        raise GameError(f"{path.name}: kind must be one of {', '.join(KINDS)}, not {shown(kind)}.")
    recipe: Recipe | Challenge = build(KINDS[kind], values, path.name)
    return override(recipe, overrides, path.name) if overrides else recipe


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as a dict, or one sentence that says why not."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise GameError(f"{path} is larger than {MAX_FILE_BYTES:,} bytes, too large for a TOML file of ours.")
        if any(line.count(b".") > MAX_DOTS for line in data.split(b"\n")):
            raise GameError(f"{path} has a line with more than {MAX_DOTS} dots, which no TOML file of ours needs.")
        return tomllib.loads(data.decode("utf-8"))
    except OSError as error:
        raise GameError(f"{path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise GameError(f"{path} is not UTF-8 text.") from None
    except (ValueError, RecursionError) as error:  # a TOMLDecodeError, or a number with too many digits
        raise GameError(f"{path} is not valid TOML: {error}.") from None
