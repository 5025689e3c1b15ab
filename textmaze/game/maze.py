"""One maze: rooms and the ways between them, start and goal. Immutable, and plain JSON on disk."""

import hashlib
import json
import random
from collections import deque
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from textmaze.errors import GameError, UnknownNameError
from textmaze.game.layout import DIRECTIONS, Layout, lay_out, steps_from
from textmaze.game.recipe import MAX_FILE_BYTES, SPLITS, Recipe
from textmaze.game.theme import Theme, load_theme

FORMAT = "textmaze-maze-1"
MAX_ROOMS = 10_000

# The share of all layouts that belongs to each split. A layout's hash decides, so no layout is in two.
_SPLIT_ENDS = (("train", 0.6), ("valid", 0.8), ("test", 1.0))
_ATTEMPTS = 1000


@dataclass(frozen=True)
class Room:
    """A room: its name, its place on the grid (x to the east, y to the north), and where each direction leads.

    `exits` holds one room index for each of `DIRECTIONS`, -1 where there is a wall.
    """

    name: str
    at: tuple[int, int]
    exits: tuple[int, ...]


@dataclass(frozen=True)
class Maze:
    """A maze with everything that decides what is played and what is read."""

    rooms: tuple[Room, ...]
    start: int
    goal: int
    goal_kind: str  # "coin" or "exit"
    theme: str
    wordings: str  # whose share of the theme's words: train, valid or test
    voice: int  # which of the wordings each room uses
    seed: int
    split: str

    @cached_property
    def layout_hash(self) -> str:
        """A name for the shape alone: rooms renamed or renumbered give the same hash, another shape another."""
        return layout_hash(Layout(tuple(room.at for room in self.rooms), tuple(room.exits for room in self.rooms),
                                  self.start, self.goal))

    def to_json(self) -> str:
        """The maze as JSON text, the same bytes for the same maze."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str, where: str = "the maze file") -> "Maze":
        """The maze that `to_json` wrote; a stranger's file is checked before anything is built from it."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise GameError(f"{where} is not valid JSON: {error}.") from None
        if not isinstance(data, dict) or data.pop("format", None) != FORMAT:
            raise GameError(f"{where} is not a maze of this version: its format must be {FORMAT!r}.")
        names = [field.name for field in fields(cls)]
        if set(data) != set(names):
            raise GameError(f"{where} does not describe a maze: its keys must be {', '.join(names)}.")
        try:
            rooms = tuple(_room(room) for room in data.pop("rooms"))
            maze = cls(rooms=rooms, **data)
            _check(maze)
        except UnknownNameError as error:
            raise GameError(f"{where}: {error}") from None
        except (TypeError, ValueError) as error:
            raise GameError(f"{where} does not describe a maze: {error}.") from None
        return maze


def make_maze(recipe: Recipe, split: str, seed: int) -> Maze:
    """The maze number `seed` of a split. The same recipe, split and seed give the same maze on every platform."""
    theme = load_theme(recipe.theme)
    for attempt in range(_ATTEMPTS):
        # Seeding by text goes through SHA-512, and only `random()` is drawn from it: both are stable across
        # Python versions, which shuffle, sample and numpy's distributions do not promise.
        rng = random.Random(f"textmaze/{split}/{seed}/{attempt}")
        layout = lay_out(recipe.topology, recipe.rooms, recipe.loops, rng)
        if split_of(layout_hash(layout)) == split:
            break
    else:
        raise GameError(
            f"This recipe has too few different layouts to fill the split {split!r}; allow more rooms."
        )
    wordings = split if recipe.wordings == "split" else recipe.wordings
    names = _names(theme, wordings, len(layout.exits), rng)
    rooms = tuple(map(Room, names, layout.places, layout.exits))
    voice = int(rng.random() * 2**32)
    return Maze(rooms, layout.start, layout.goal, recipe.goal, recipe.theme, wordings, voice, seed, split)


def layout_hash(layout: Layout) -> str:
    """SHA-256 of the layout's graph, walked breadth-first from the start in the order of `DIRECTIONS`."""
    number = {layout.start: 0}
    queue = deque([layout.start])
    shape = []
    while queue:
        for target in layout.exits[queue.popleft()]:
            if target >= 0 and target not in number:
                number[target] = len(number)
                queue.append(target)
            shape.append(number[target] if target >= 0 else -1)
    shape.append(number[layout.goal])
    return hashlib.sha256(",".join(map(str, shape)).encode()).hexdigest()


def split_of(hash_: str) -> str:
    """The split that a layout with this hash belongs to."""
    share = int(hash_[:8], 16) / 2**32
    return next(split for split, end in _SPLIT_ENDS if share < end)


def read_maze(path: Path) -> Maze:
    """The maze in a JSON file."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES * 10 + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        raise GameError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    if len(data) > MAX_FILE_BYTES * 10:
        raise GameError(f"{path} is larger than {MAX_FILE_BYTES * 10:,} bytes, too large for a maze.")
    return Maze.from_json(data.decode("utf-8", errors="replace"), path.name)


def _names(theme: Theme, wordings: str, count: int, rng: random.Random) -> list[str]:
    """Different room names, "Mossy Vault"; where adjective and noun run out, a number sets rooms apart."""
    adjectives, nouns = theme.words("adjectives", wordings), theme.words("nouns", wordings)
    pairs = len(adjectives) * len(nouns)
    numerals = -(-count // pairs)
    drawn: dict[int, None] = {}  # a set that keeps the order
    while len(drawn) < count:
        drawn[int(rng.random() * pairs * numerals)] = None
    names = []
    for value in drawn:
        numeral, pair = divmod(value, pairs)
        name = f"{adjectives[pair // len(nouns)]} {nouns[pair % len(nouns)]}".title()
        names.append(f"{name} {numeral + 1}" if numeral else name)
    return names


def _room(data: Any) -> Room:
    if not isinstance(data, dict) or set(data) != {"name", "at", "exits"}:
        raise ValueError("a room has just name, at and exits")
    name, (x, y), exits = data["name"], data["at"], tuple(data["exits"])
    if not (isinstance(name, str) and 0 < len(name) <= 60 and name.isascii() and name.isprintable()):
        raise ValueError("a room's name must be 1 to 60 printable ASCII characters")
    if set(name) & set('[]"'):  # code to Inform 7, into which a maze can be exported
        raise ValueError("a room's name must be free of brackets and quotes")
    if len(exits) != len(DIRECTIONS) or not all(type(value) is int for value in (x, y, *exits)):
        raise ValueError(f"a room's exits must be {len(DIRECTIONS)} whole numbers")
    return Room(name, (x, y), exits)


def _check(maze: Maze) -> None:
    """Raise ValueError where the maze could not be played as the rules expect."""
    count = len(maze.rooms)
    if not 2 <= count <= MAX_ROOMS:
        raise ValueError(f"a maze has 2 to {MAX_ROOMS:,} rooms, not {count}")
    if len({room.name for room in maze.rooms}) < count:
        raise ValueError("two rooms have the same name")
    for number in (maze.start, maze.goal, maze.voice, maze.seed):
        if type(number) is not int:
            raise ValueError("start, goal, voice and seed must be whole numbers")
    if not (0 <= maze.start < count and 0 <= maze.goal < count and maze.start != maze.goal):
        raise ValueError("start and goal must be two different rooms")
    if maze.goal_kind not in ("coin", "exit"):
        raise ValueError("goal_kind must be coin or exit")
    if maze.wordings not in SPLITS or maze.split not in SPLITS:
        raise ValueError(f"wordings and split must be one of {', '.join(SPLITS)}")
    for index, room in enumerate(maze.rooms):
        for way, target in enumerate(room.exits):
            back = (way + len(DIRECTIONS) // 2) % len(DIRECTIONS)
            if target != -1 and not (0 <= target < count and maze.rooms[target].exits[back] == index):
                raise ValueError(f"the way {DIRECTIONS[way]} from {room.name!r} does not lead there and back")
    if steps_from(maze.start, [room.exits for room in maze.rooms])[maze.goal] < 0:
        raise ValueError("no way leads from the start to the goal")
    if not isinstance(maze.theme, str):
        raise ValueError("theme must be a name")
    load_theme(maze.theme)
