"""One maze: rooms, the ways between them, and all that is put there. Immutable, and plain JSON on disk."""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property

from textmaze.game.layout import Layout

FORMAT = "textmaze-maze-2"
GOALS = ("coin", "exit", "deliver")
ITEM_KINDS = ("key", "lamp", "parcel", "thing")
CUE_KINDS = ("inviting", "warning", "inviting_doubtful", "warning_doubtful")

# The share of all layouts that belongs to each split. A layout's hash decides, so no layout is in two.
_SPLIT_ENDS = (("train", 0.6), ("valid", 0.8), ("test", 1.0))


@dataclass(frozen=True)
class Room:
    """A room: its name, its place (to the east, to the north, up), and where each way leads.

    `exits` holds one room index for each of `WAYS`, -1 where there is none. `look` is the room whose wordings are
    used: its own index, or that of a room that it cannot be told from. In a dark room nothing is seen without the lamp.
    """

    name: str
    at: tuple[int, ...]
    exits: tuple[int, ...]
    look: int
    dark: bool = False


@dataclass(frozen=True)
class Item:
    """Something that can be taken; at first it lies in a room. What it is good for is its kind: see `ITEM_KINDS`."""

    name: str
    kind: str
    room: int


@dataclass(frozen=True)
class Door:
    """A door in the passage that leads from `room` in direction `way`, closed at first, and locked if it has a key."""

    name: str
    room: int
    way: int
    key: int  # an item, or -1


@dataclass(frozen=True)
class Gate:
    """A gate in the passage from `room` in direction `way`: open from turn `opens` of the cycle for half of it."""

    name: str
    room: int
    way: int
    opens: int


@dataclass(frozen=True)
class Patrol:
    """Somebody who is in room `route[turn]` at each turn of the cycle."""

    name: str
    route: tuple[int, ...]


@dataclass(frozen=True)
class Cue:
    """A hint in a room for or against one of its ways."""

    room: int
    way: int
    kind: str  # one of CUE_KINDS, which are lists of a theme


@dataclass(frozen=True)
class Maze:
    """A maze with everything that decides what is played and what is read."""

    rooms: tuple[Room, ...]
    start: int
    goal: int  # where the coin lies, the exit is, or the parcel must be brought
    goal_kind: str  # one of GOALS
    frame: str  # "compass" or "egocentric"
    items: tuple[Item, ...]
    doors: tuple[Door, ...]
    gates: tuple[Gate, ...]
    patrols: tuple[Patrol, ...]
    cycle: int  # turns until gates and patrols begin again
    caught: str  # what a patrol does to the player: "lost", or "back" to the start
    cues: tuple[Cue, ...]
    directions: tuple[int, ...]  # the ways that the objective tells, if any; they may be wrong
    map: bool  # whether the player carries a map
    theme: str
    wordings: str  # whose share of the theme's words: train, valid or test
    voice: int  # which of the wordings each room uses
    seed: int
    split: str

    @cached_property
    def layout_hash(self) -> str:
        """A name for the shape alone: rooms renamed or renumbered give the same hash, another shape another."""
        return layout_hash(Layout((), tuple(room.exits for room in self.rooms), self.start, self.goal))

    @property
    def bars(self) -> "tuple[Door | Gate, ...]":
        """What may bar a passage."""
        return (*self.doors, *self.gates)

    @property
    def things(self) -> "tuple[Item | Door | Gate | Patrol, ...]":
        """Everything that has a name, but for rooms."""
        return (*self.items, *self.bars, *self.patrols)

    @property
    def timed(self) -> bool:
        """Whether anything moves by itself, so that turns count."""
        return bool(self.gates or self.patrols)

    def to_json(self) -> str:
        """The maze as JSON text, the same bytes for the same maze."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n"


def layout_hash(layout: Layout) -> str:
    """SHA-256 of the layout's graph, walked breadth-first from the start in the order of `WAYS`."""
    stairs = any(len(exits) > 4 and (exits[4] >= 0 or exits[5] >= 0) for exits in layout.exits)
    ways = slice(None) if stairs else slice(4)  # a flat maze's hash does not tell that there might be stairs
    number = {layout.start: 0, -1: -1}  # a wall stays a wall
    queue = [layout.start]
    shape = []
    for room in queue:
        for target in layout.exits[room][ways]:
            if target not in number:
                number[target] = len(queue)
                queue.append(target)
            shape.append(number[target])
    shape.append(number[layout.goal])
    return hashlib.sha256(",".join(map(str, shape)).encode()).hexdigest()


def split_of(hash_: str) -> str:
    """The split that a layout with this hash belongs to."""
    share = int(hash_[:8], 16) / 2**32
    return next(split for split, end in _SPLIT_ENDS if share < end)
