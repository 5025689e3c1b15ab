"""A family of games: every setting with its meaning and its limits, read from TOML."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textmaze.errors import GameError, SettingError
from textmaze.settings import build, override, setting, shown

SPLITS = ("train", "valid", "test")
MAX_DOTS = 100  # in a line: tomllib needs memory quadratic in the depth of a dotted key
MAX_FILE_BYTES = 1_000_000  # a recipe or theme is a page of text; more is a mistake or an attack
MOST_MAPPED = 100  # rooms: longer maps would be longer than an observation may be


@dataclass(frozen=True)
class Recipe:
    """A family of mazes of our own."""

    title: str = setting("", "the name that people read")
    summary: str = setting("", "one line that says what to expect")

    # The shape.
    topology: str = setting("grid", "how rooms hang together: a winding maze on a grid, a cave that grew in all "
                                    "directions (planar), a chain with dead ends beside it (tree), or a chain alone "
                                    "(corridor)",
                            choices=("grid", "planar", "tree", "corridor"))
    rooms: int = setting(25, "how many rooms a maze has", low=2, high=5000)
    floors: int = setting(1, "on how many floors they lie, joined by stairs; for grid and planar", low=1, high=9)
    loops: float = setting(0.0, "share of the walls between neighbouring rooms that are opened, so that ways "
                                "meet again; 0 makes a tree; for grid and planar", low=0.0, high=1.0)
    branches: int = setting(1, "how many dead ends lie beside each room of the chain; for tree", low=0, high=2)
    one_way: float = setting(0.0, "share of the passages that can be gone in one direction only; every room can still "
                                  "be reached from every other", low=0.0, high=1.0)

    # What bars the way.
    doors: int = setting(0, "how many closed doors there are, without a lock", low=0, high=3)
    locks: int = setting(0, "how many locked doors stand on the way to the goal; the key to each lies beyond the one "
                            "before", low=0, high=3)
    gates: int = setting(0, "how many gates on the way to the goal open and shut by themselves", low=0, high=3)
    cycle: int = setting(4, "after how many turns gates and patrols begin again; a gate is open for half of them",
                         low=2, high=12)
    patrols: int = setting(0, "how many patrols walk a round", low=0, high=2)
    caught: str = setting("lost", "what follows when a patrol meets the player: the game is lost, or goes on from "
                                  "where it began", choices=("lost", "back"))

    # What is read.
    cues: float = setting(0.0, "share of the rooms in which something hints at the way to the goal", low=0.0, high=1.0)
    lies: float = setting(0.0, "share of these hints that are false; their style betrays them", low=0.0, high=1.0)
    things: int = setting(0, "how many things lie about that are of no use", low=0, high=4)
    alike: float = setting(0.0, "share of the rooms that have one name and one description", low=0.0, high=1.0)
    dark: float = setting(0.0, "share of the rooms where nothing is seen without the lamp that lies somewhere",
                          low=0.0, high=1.0)
    frame: str = setting("compass", "whether ways are told and taken by the compass, or as seen by the player: left, "
                                    "right, forward and back", choices=("compass", "egocentric"))

    # What wins.
    goal: str = setting("coin", "taking the coin, reaching the exit, or finding something and delivering it",
                        choices=("coin", "exit", "deliver"))
    directions: bool = setting(False, "whether the objective tells the way to the goal")
    wrong: float = setting(0.0, "share of the steps that these directions get wrong", low=0.0, high=1.0)
    map: bool = setting(False, "whether the player carries a map of all rooms, and knows where the goal is")

    theme: str = setting("dungeon", "whose words are used: a file in games/themes")
    wordings: str = setting("split", "which share of the theme's words is used: the one of the split that is "
                                     "played, or one by name", choices=("split", *SPLITS))
    max_steps: int = setting(100, "commands until an episode is cut off", low=1, high=100_000)

    def __post_init__(self) -> None:
        """Refuse what cannot go together."""
        spacious = self.topology in ("grid", "planar")
        for name, free in (("floors", 1), ("loops", 0.0)):
            if not spacious and getattr(self, name) != free:
                raise SettingError(f"{name} can be set for the topologies grid and planar only, "
                                   f"not for {self.topology}.")
        if self.map and self.rooms > MOST_MAPPED:
            raise SettingError(f"A map can show at most {MOST_MAPPED} rooms, and rooms is {self.rooms}.")


@dataclass(frozen=True)
class Challenge:
    """A family of games that TextWorld makes and tells, with the settings that TextWorld gives it."""

    title: str = setting("", "the name that people read")
    summary: str = setting("", "one line that says what to expect")
    max_steps: int = setting(100, "commands until an episode is cut off", low=1, high=100_000)

    challenge = ""  # TextWorld's name for it; no setting


@dataclass(frozen=True)
class CoinCollector(Challenge):
    """Find the coin at the end of a chain of rooms. No map is in two splits."""

    level: int = setting(1, "1 to 100: a chain of that many rooms; 101 to 150: a dead end beside each room of a chain "
                            "of level - 100; 201 to 233: two beside each of level - 200", low=1, high=300)

    challenge = "tw-coin_collector"


@dataclass(frozen=True)
class TreasureHunter(Challenge):
    """Take the thing that the objective names; another one loses. No map is in two splits."""

    level: int = setting(1, "1 to 10: 5 rooms; 11 to 20: 10 rooms, with doors and containers; 21 to 30: 20 rooms, "
                            "some locked; the way grows with the level. TextWorld takes 10 s to make a game of level "
                            "25, and minutes from level 28", low=1, high=30)

    challenge = "tw-treasure_hunter"


@dataclass(frozen=True)
class Simple(Challenge):
    """Leave the bedroom, find a food and put it on the stove. The house is always the same; no two splits have a game
    in which the same foods and the key lie in the same places and the same food is wanted.
    """

    rewards: str = setting("balanced", "how many steps of the way pay", choices=("dense", "balanced", "sparse"))
    goal: str = setting("detailed", "how much the objective tells", choices=("detailed", "brief", "none"))
    foods: str = setting("split", "which foods are wanted: in the split test some that no other has, or always those "
                                  "of one split", choices=("split", "train", "test"))

    challenge = "tw-simple"


@dataclass(frozen=True)
class Cooking(Challenge):
    """Read the recipe in the kitchen, prepare its ingredients, cook and eat the meal. No map is in two splits; where
    the kitchen is all there is, no kitchen with its things and its recipe. And as long as `foods` is "split", valid and
    test have foods, and ways to prepare them, that train has not.
    """

    recipe: int = setting(1, "how many ingredients the recipe has", low=1, high=5)
    take: int = setting(0, "how many of them must be found; the others are carried from the start", low=0, high=5)
    go: int = setting(1, "how many rooms there are: 1, 6, 9 or 12", low=1, high=12)
    open: bool = setting(False, "whether doors and containers are closed at first")
    cook: bool = setting(False, "whether ingredients need to be cooked")
    cut: bool = setting(False, "whether ingredients need to be cut")
    drop: bool = setting(False, "whether only a few things can be carried")
    recipe_seed: int = setting(0, "another recipe in the same house, of what lies there; 0 for the usual one",
                               low=0, high=2**31 - 1)
    foods: str = setting("split", "TextWorld's own split of foods and preparations: the one that is played, always the "
                                  "same one, or all", choices=("split", *SPLITS, "all"))

    challenge = "tw-cooking"

    def __post_init__(self) -> None:
        """Refuse what TextWorld refuses."""
        if self.go not in (1, 6, 9, 12):
            raise SettingError(f"go must be 1, 6, 9 or 12, not {self.go}.")
        if self.take > self.recipe:
            raise SettingError(f"take must be at most recipe, which is {self.recipe}, not {self.take}.")
        if self.recipe_seed and not self.take:
            raise SettingError("recipe_seed needs ingredients that are to be found: set take.")


@dataclass(frozen=True)
class Limits:
    """What can be set for a single game that comes from a file."""

    max_steps: int = setting(100, "commands until an episode is cut off", low=1, high=100_000)


KINDS: dict[str, type[Recipe] | type[Challenge]] = {
    "maze": Recipe,
    **{kind.challenge: kind for kind in (CoinCollector, TreasureHunter, Simple, Cooking)},
}


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
