"""A map that grows while somebody walks: where one is, reckoned from the steps taken, and where each known way leads.

It is made from what a player reads, and from nothing else. A room is known by its heading and by where it lies.
"""

import functools
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from textmaze.env.rollout import Observation
from textmaze.game.layout import BACK, DIRECTIONS, STEPS, WAYS
from textmaze.game.narrator import ANSWERS, DARKNESS

# Where ways are told as the player sees them: how far to the right of the front each lies, in quarter turns.
SIDES = {"forward": 0, "front": 0, "right": 1, "back": 2, "left": 3}
_COMPASS = {name: way for way, name in enumerate(DIRECTIONS)}
_DARK = f"-= {DARKNESS} =-"
HERE = -1  # no way: what stands for the first step to where one is already


@dataclass(eq=False, slots=True)
class Room:
    """What is remembered of a room. Ways are by compass, as numbers of `WAYS`."""

    at: tuple[int, ...] = (0, 0, 0)  # to the east, to the north, up
    description: str = ""  # as it was read last; so are the next four
    inventory: str = ""
    commands: tuple[str, ...] = ()  # that were admissible
    facing: int = 0
    barred: bool = False  # whether a way was told of that could not be taken, or taken that was not told of
    ways: "dict[int, Room | None]" = field(default_factory=dict)  # where each leads; None: not taken yet
    tried: dict[str, int] = field(default_factory=dict)  # how often each command was given; ways by compass
    entrance: int = HERE  # the way back to where the player first came from


class Chart:
    """One episode's map."""

    def __init__(self) -> None:
        self.rooms: dict[tuple[str, tuple[int, ...]], Room] = {}  # by heading and place
        self.start = self.room = Room()
        self.facing = 0  # what the player faces at first is north
        self.compass = True  # whether ways are told by the compass
        self._heading = self._first = ""  # of this room, and of the first one
        self._way = HERE  # taken by the last command
        self._settled = False  # whether that is known

    def read(self, seen: Observation) -> None:
        """Take in what the last command led to."""
        heading = seen.description.partition("\n")[0]
        self._learn_names(seen.admissible)
        if not self._heading:
            self.rooms[heading, self.room.at], self._first = self.room, heading
        elif heading == self._first and _brought(seen):
            self.room, self.facing = self.start, 0
        elif self._way != HERE or heading != self._heading:
            self._arrive(seen, heading)
        self._heading, self._way = heading, HERE
        room = self.room
        room.description, room.inventory, room.commands = seen.description, seen.inventory, seen.admissible
        room.facing = self.facing
        room.ways = {**dict.fromkeys(self.steps(room)), **room.ways}  # in the order in which they are told
        level = {way for way in self.steps(room) if way < len(DIRECTIONS)}
        room.barred = self.told(seen.description, self.facing) != level

    def give(self, command: str) -> None:
        """Remember what is done now."""
        self._way = self.way(command, self.facing)
        key = self.key(command, self.facing)
        self.room.tried[key] = self.room.tried.get(key, 0) + 1

    def way(self, command: str, facing: int) -> int:
        """The way that a command takes for somebody who faces so, by compass; `HERE` if it takes none."""
        verb, _, name = command.partition(" ")
        if verb != "go":
            return HERE
        if name in WAYS:
            return WAYS.index(name)
        return self._absolute(SIDES[name], facing) if name in SIDES else HERE

    def beyond(self, command: str) -> Room | None:
        """The room that a command leads to from here: where it led before, or what lies in that place by reckoning."""
        way = self.way(command, self.facing)
        if way == HERE or self.room.ways.get(way) is not None:
            return self.room.ways.get(way)
        at = beside(self.room.at, way)
        return next((room for (_, place), room in reversed(self.rooms.items()) if place == at), None)

    def key(self, command: str, facing: int) -> str:
        """What a command is called in `Room.tried`: the same, however the player happens to face."""
        way = self.way(command, facing)
        return command if way == HERE else f"go {WAYS[way]}"

    def told(self, text: str, facing: int) -> set[int]:
        """The level ways, by compass, that a text tells of to somebody who faces so."""
        return {self._absolute(way, facing) for way in _told(text, self.compass)}

    def steps(self, room: Room) -> dict[int, str]:
        """The commands that led out of a room when it was read last, by way."""
        found = ((self.way(command, room.facing), command) for command in room.commands)
        return {way: command for way, command in found if way != HERE}

    def shut(self, room: Room) -> bool:
        """Whether a way was told of there that could not be taken."""
        return not self.told(room.description, room.facing) <= set(self.steps(room))

    def walks(self, shunned: Container[int] = ()) -> "Iterator[tuple[Room, int, int]]":
        """The rooms that known ways lead to, nearest first, with the number of steps and the first way; that is none of
        the shunned ones."""
        queue, found = [(self.room, 0, HERE)], {id(self.room)}
        for room, count, first in queue:
            yield room, count, first
            for way, target in room.ways.items():
                if target is not None and id(target) not in found and not (first == HERE and way in shunned):
                    found.add(id(target))
                    queue.append((target, count + 1, way if first == HERE else first))

    def _learn_names(self, commands: Sequence[str]) -> None:
        """Settle what ways are called as soon as a level one can be gone; a text may speak of a back in any game."""
        names = {command.removeprefix("go ") for command in commands if command.startswith("go ")}
        if not self._settled and names & (_COMPASS.keys() | SIDES.keys()):
            self.compass, self._settled = not names & SIDES.keys(), True

    def _arrive(self, seen: Observation, heading: str) -> None:
        if self._way == HERE or heading not in seen.text.partition("\n")[0]:
            # No step of one's own: we are back where we began, or a light has gone on or out.
            if heading == self._first and heading != self._heading:
                self.room, self.facing = self.start, 0
            return
        before, way = self.room, self._way
        at = beside(before.at, way)
        # What was dark when we were there first has its name now that there is light.
        known = before.ways.get(way) or self.rooms.get((heading, at)) or self.rooms.get((_DARK, at))
        room = known or Room(at, entrance=BACK[way])
        before.ways[way] = self.rooms[heading, at] = self.room = room
        if way < len(DIRECTIONS):
            self.facing = way
        back = BACK[way]
        if any(self.way(command, self.facing) == back for command in seen.admissible):
            room.ways[back] = before

    def _absolute(self, way: int, facing: int) -> int:
        return way if self.compass else (way + facing) % len(DIRECTIONS)


def ways_into(rooms: Iterable[Room]) -> dict[Room, list[tuple[Room, int]]]:
    """For each room, the known ways that lead there: the room that each leaves, and which of its ways it is."""
    into: dict[Room, list[tuple[Room, int]]] = {}
    for room in rooms:
        for way, target in room.ways.items():
            if target is not None:
                into.setdefault(target, []).append((room, way))
    return into


def walks_into(goal: Room, into: Mapping[Room, Sequence[tuple[Room, int]]]) -> Iterator[tuple[Room, int, Room]]:
    """The rooms from which known ways lead to another one, nearest first: each with the first way of a shortest walk,
    and the room that it leads to."""
    queue, found = [goal], {goal}
    for room in queue:
        for before, way in into.get(room, ()):
            if before not in found:
                found.add(before)
                queue.append(before)
                yield before, way, room


def beside(at: tuple[int, ...], way: int) -> tuple[int, ...]:
    """The place to which a way leads from another one; the same for `HERE`."""
    return at if way == HERE else tuple(map(sum, zip(at, STEPS[way], strict=True)))


def named(room: Room, objective: str) -> bool:
    """Whether an objective names a room, in whatever case."""
    return _names(objective, room.description.partition("\n")[0].strip("-= "))


def _brought(seen: Observation) -> bool:
    """Whether somebody has brought the player here: an answer that stands before what is seen says so, but for the one
    that says that time passes."""
    answer = seen.text.removesuffix(seen.description)
    return answer != seen.text and answer.strip() not in ("", ANSWERS["wait"])


@functools.lru_cache(maxsize=1 << 16)
def _told(text: str, compass: bool) -> frozenset[int]:
    """The level ways that a text names."""
    names = _COMPASS if compass else SIDES
    words = set(re.findall(r"[a-z]+", text.lower()))
    return frozenset(way for name, way in names.items() if name in words)


@functools.lru_cache(maxsize=1 << 16)
def _names(text: str, name: str) -> bool:
    return bool(name) and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) is not None
