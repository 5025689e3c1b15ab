"""A maze as numbers: its commands, its states, and what can be seen in each, for any number of states at once.

A state is one whole number, its code: the room plus, in mixed radix, whatever else can change in this maze - the way
the player faces, the turn of the cycle, the state of each door, which items were taken. So a command adds something to
the code; what, says turn.py. Texts are told by codes too, and made into words by the narrator when somebody reads them.
"""

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from textmaze.game.layout import BACK, DIRECTIONS, WAYS
from textmaze.game.maze import Maze

Codes = NDArray[np.int64]

SEEN_FROM_PLAYER = ("forward", "right", "back", "left")  # in the order of turning by the compass
OPEN, CLOSED, LOCKED = 0, 1, 2  # doors
PLAYING, WON, LOST = 0, 1, 2

# Answers that do not depend on the state's look. Some speak of one thing, or of two.
SAYINGS = (
    "no_way", "not_here", "gate_shut", "door_closed", "door_locked", "opened", "open_already", "closed",
    "closed_already", "unlocked", "not_locked", "lacks", "does_not_fit", "taken", "taken_already", "took_coin",
    "delivered", "wrong_place", "plain", "coin_plain", "door_open", "map", "wait", "help", "over", "inventory",
    "objective", "caught",
)
_KINDS = 32
# What a text's code says: a look; an answer; a look after being taken back by a patrol, or after waiting.
LOOK, SAY, TAKEN_BACK, WAITED = range(4)
MOST_PATROLS = 8


class View(NamedTuple):
    """A state in its parts, or what is seen of it from the room where the player is."""

    room: int
    heading: int
    turn: int
    doors: tuple[int, ...]
    taken: int  # one bit for each item
    outcome: int  # PLAYING, WON or LOST


class Told(NamedTuple):
    """A text in its parts: the answer named `saying` about the things numbered `first` and `second`, then a look."""

    saying: str
    first: int
    second: int
    look: View | None


def commands(maze: Maze) -> dict[str, tuple[str, ...]]:
    """The commands of a maze by what they do, in the order of a table's columns."""
    stairs = any(max(room.exits[4:]) >= 0 for room in maze.rooms)
    ways = (*(DIRECTIONS if maze.frame == "compass" else SEEN_FROM_PLAYER), *(WAYS[4:] if stairs else ()))
    coin = ("coin",) if maze.goal_kind == "coin" else ()
    items = tuple(item.name for item in maze.items)
    parcels = tuple(item.name for item in maze.items if item.kind == "parcel")
    doors = tuple(door.name for door in maze.doors)
    keys = tuple(item.name for item in maze.items if item.kind == "key")
    locks = tuple(door.name for door in maze.doors if door.key >= 0)
    paper = ("map",) if maze.map else ()
    return {
        "go": tuple(f"go {way}" for way in ways),
        "take coin": tuple(f"take {name}" for name in coin),
        "take": tuple(f"take {name}" for name in items),
        "drop": tuple(f"drop {name}" for name in parcels),
        "open": tuple(f"open {name}" for name in doors),
        "close": tuple(f"close {name}" for name in doors),
        "unlock": tuple(f"unlock {door} with {key}" for door in locks for key in keys),
        "examine coin": tuple(f"examine {name}" for name in coin),
        "examine": tuple(f"examine {name}" for name in items),
        "examine door": tuple(f"examine {name}" for name in doors),
        "examine map": tuple(f"examine {name}" for name in paper),
        "look": ("look",), "inventory": ("inventory",), "wait": ("wait",), "help": ("help",),
    }


def gate_open(maze: Maze, gate: int, turn: int) -> bool:
    return (turn - maze.gates[gate].opens) % maze.cycle < maze.cycle // 2


def say(kind: str, first: Any = 0, second: int = 0) -> Any:
    """The code of an answer."""
    return 4 * (SAYINGS.index(kind) + _KINDS * (first + (second << 40))) + SAY


class Rules:
    """One maze as numbers and arrays.

    Attributes:
        groups, columns: the commands, and the columns of a table that they stand in, by what they do.
        rooms, headings, turns: how many there are of each; 1 where nothing can change.
        turn_unit, door_units, item_unit: what one turn, one step in the state of each door, and the first item add to
            a code; each further item adds twice as much.
        size: how many codes there are for states in which the game goes on; then come those where it is won, then lost.
        plain: whether a state is nothing but a room.
        has_dark: whether there are rooms where nothing is seen without the lamp.
        start: the first state.
    """

    def __init__(self, maze: Maze) -> None:
        self.maze = maze
        self.groups = commands(maze)
        self.commands = tuple(name for names in self.groups.values() for name in names)
        self.columns: dict[str, slice] = {}
        first = 0
        for kind, names in self.groups.items():
            self.columns[kind] = slice(first, first + len(names))
            first += len(names)
        self.rooms = len(maze.rooms)
        self.headings = 4 if maze.frame == "egocentric" else 1
        self.turns = maze.cycle if maze.timed else 1
        self.turn_unit = unit = self.rooms * self.headings
        unit *= self.turns
        units = []
        self.start = maze.start
        for door in maze.doors:
            units.append(unit)
            self.start += unit * (LOCKED if door.key >= 0 else CLOSED)
            unit *= 3 if door.key >= 0 else 2
        self.door_units = tuple(units)
        self.item_unit = unit
        self.size = unit << len(maze.items)
        self.plain = self.size == self.rooms
        self.has_dark = any(room.dark for room in maze.rooms)

    def view(self, code: int) -> View:
        """A code in its parts."""
        outcome, code = divmod(code, self.size)
        doors = tuple(code // unit % (3 if door.key >= 0 else 2)
                      for door, unit in zip(self.maze.doors, self.door_units, strict=True))
        return View(code % self.rooms, code // self.rooms % self.headings, code // self.turn_unit % self.turns,
                    doors, code // self.item_unit, outcome)

    def told(self, text: int) -> Told:
        """A text's code in its parts."""
        kind, code = text % 4, text // 4
        if kind == SAY:
            return Told(SAYINGS[code % _KINDS], code // _KINDS % (1 << 40), code // _KINDS >> 40, None)
        if kind == TAKEN_BACK:
            return Told("sent_back", code % MOST_PATROLS, 0, self.view(code // MOST_PATROLS))
        return Told("wait" if kind == WAITED else "", 0, 0, self.view(code))

    # -- what can be seen ----------------------------------------------------------------------------------------

    def look(self, codes: Codes) -> Codes:
        """The code of what `look` says in each state: the state without what cannot be seen from its room."""
        if self.plain:
            return 4 * codes
        outcome, codes = np.divmod(codes, self.size)
        room, taken = codes % self.rooms, codes // self.item_unit
        lit = ~self.dark[room] | self.holds_lamp(taken)
        seen = codes % self.turn_unit
        if self.turns > 1:
            seen = seen + self._sights[codes // self.turn_unit % self.turns, room] * self.turn_unit
        for door, unit in enumerate(self.door_units):
            seen = seen + np.where(lit & self.beside[door, room], self.door(codes, door), 0) * unit
        hidden = self._lie_in[room] ^ ((1 << len(self.maze.items)) - 1)
        seen = seen + np.where(lit, taken | hidden, ~self._lamp & ((1 << len(self.maze.items)) - 1)) * self.item_unit
        return np.asarray(4 * (seen + outcome * self.size))

    def inventory(self, codes: Codes) -> Codes:
        """The code of what `inventory` says."""
        if not self.maze.items:
            return np.full(len(codes), say("inventory"))
        outcome, codes = np.divmod(codes, self.size)
        taken = codes // self.item_unit
        return np.asarray(say("inventory", np.where(outcome == WON, taken & ~self._parcel, taken)))

    @cached_property
    def exits(self) -> NDArray[np.int64]:
        return np.array([room.exits for room in self.maze.rooms], dtype=np.int64)

    @cached_property
    def dark(self) -> NDArray[np.bool_]:
        return np.array([room.dark for room in self.maze.rooms])

    @cached_property
    def _lie_in(self) -> Codes:
        """For each room the items that lie there at first, and the lamp where it matters whether it is carried."""
        lie: Codes = np.where(self.dark, self._lamp, 0)
        for bit, item in enumerate(self.maze.items):
            lie[item.room] |= 1 << bit
        return lie

    @cached_property
    def _lamp(self) -> int:
        return sum(1 << bit for bit, item in enumerate(self.maze.items) if item.kind == "lamp")

    @cached_property
    def _parcel(self) -> int:
        return sum(1 << bit for bit, item in enumerate(self.maze.items) if item.kind == "parcel")

    def holds_lamp(self, taken: Codes) -> NDArray[np.bool_]:
        return np.asarray((taken & self._lamp) > 0)

    @cached_property
    def door_at(self) -> Codes:
        """(rooms, ways): the door that stands there, or -1."""
        return self._bars([(door.room, door.way) for door in self.maze.doors])

    @cached_property
    def gate_at(self) -> Codes:
        return self._bars([(gate.room, gate.way) for gate in self.maze.gates])

    def _bars(self, places: list[tuple[int, int]]) -> Codes:
        found = np.full((self.rooms, len(WAYS)), -1, dtype=np.int64)
        for number, (room, way) in enumerate(places):
            found[room, way] = found[self.exits[room, way], BACK[way]] = number
        return found

    @cached_property
    def beside(self) -> NDArray[np.bool_]:
        """(doors, rooms): whether the door can be seen from the room."""
        doors = np.arange(len(self.maze.doors))
        return np.asarray((self.door_at == doors[:, None, None]).any(axis=2))

    @cached_property
    def gate_open(self) -> NDArray[np.bool_]:
        """(gates, turns)."""
        return np.array([[gate_open(self.maze, gate, turn) for turn in range(self.turns)]
                         for gate in range(len(self.maze.gates))], dtype=bool).reshape(-1, self.turns)

    @cached_property
    def routes(self) -> Codes:
        """(patrols, turns): where each patrol is."""
        return np.array([patrol.route for patrol in self.maze.patrols], dtype=np.int64).reshape(-1, self.turns)

    @cached_property
    def _sights(self) -> Codes:
        """(turns, rooms): the first turn at which gates and patrols look the same from the room as at this turn."""
        sights = np.zeros((self.turns, self.rooms), dtype=np.int64)
        level = self.exits[:, :4]
        beyond = np.where(level[:, :, None] >= 0, level[level], -1)  # (rooms, ways, ways): the room after next
        for turn in range(self.turns):
            for gate, is_open in enumerate(self.gate_open[:, turn]):
                sights[turn] = 2 * sights[turn] + (self.gate_at == gate).any(axis=1) * is_open
            for there in self.routes[:, turn]:
                near = level == there
                far = (beyond == there).any(axis=2) & ~near.any(axis=1, keepdims=True)
                far[there] = False
                heard = np.where(near.any(axis=1), 16 + near.argmax(axis=1), far @ (1, 2, 4, 8))
                sights[turn] = 20 * sights[turn] + heard
        return np.asarray((sights[:, None] == sights[None]).argmax(axis=0))

    def door(self, codes: Codes, door: int) -> Codes:
        """The state of a door."""
        return np.asarray(codes // self.door_units[door] % (3 if self.maze.doors[door].key >= 0 else 2))
