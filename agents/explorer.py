"""Searches depth first with a map in mind: the best that can be done where nothing hints at the way.

It reads only what a player reads. A room is known by its heading and by where it lies, reckoned from the steps taken.
Things are taken and doors opened at once, and nothing is undone; then the nearest way not taken yet comes next. A place
that the objective names, that is dark, or where a way is told of but barred is seen again with other things in hand;
where time passes, a barred way is also watched for a while, and somebody who walks about is mostly given way to.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from textmaze.env.rollout import Agent, Observation
from textmaze.game.layout import BACK, DIRECTIONS, STEPS, WAYS

SIDES = {"forward": 0, "front": 0, "right": 1, "back": 2, "left": 3}  # where ways are told as the player sees them
NO_DEEDS = ("go", "wait", "close", "lock", "drop", "put", "insert", "look", "inventory", "examine")
WATCH = 6  # turns that a barred way is watched: no gate of a recipe stays shut for longer
STAY = len(WAYS)  # no way, but a reason to be here


@dataclass(frozen=True)
class Settings:
    pass


@dataclass(eq=False)
class Room:
    """What is remembered of a room."""

    place: tuple[int, ...] = (0, 0, 0)  # to the east, to the north, up
    ways: dict[int, "Room | None"] = field(default_factory=dict)  # where each leads, by compass; None: not taken yet
    done: set[str] = field(default_factory=set)  # the deeds tried there
    looks: Counter[str] = field(default_factory=Counter)  # how often each description was read
    barred: bool = False  # a way is told of that cannot be taken
    again: bool = False  # it may have more to offer to somebody with other things in hand
    carried: str = ""  # on the last visit
    watched: int = 0


class Walk:
    """One episode."""

    def __init__(self) -> None:
        self.rooms: dict[tuple[str, tuple[int, ...]], Room] = {}  # by heading and place
        self.start = self.room = Room()
        self.first = self.heading = ""  # of the first room, and of this one
        self.names: dict[str, int] = {}  # what ways are called
        self.facing = 0  # by compass; what the player faced at first is north
        self.way = -1  # taken by the last command
        self.caught = self.rest = 0  # how often the player was brought back, and how long to wait for that

    def choose(self, seen: Observation) -> str:
        room, steps, told = self._arrive(seen), self._steps(seen), self._told(seen.description)
        named = self.heading.strip("-= ").lower() in seen.objective.lower()
        for deed in seen.admissible:
            verb = deed.partition(" ")[0]
            if deed not in room.done and (verb not in NO_DEEDS or (verb == "drop" and named)):
                room.done.add(deed)
                return deed
        room.ways = {**dict.fromkeys(steps), **room.ways}
        room.barred = not set(told) <= set(steps)
        room.again = named or room.barred or any(way < 4 and way not in told for way in steps)
        room.carried = seen.inventory
        timed, count = "wait" in seen.admissible, room.looks[seen.description]
        # Somebody may be where two sentences point, unless the room looks so always. Every other time it is risked.
        wary = timed and count % 2 and (count == 1 or len(room.looks) > 1)
        shy = {way for way in told if wary and told.count(way) > 1}
        way = self._next(seen.inventory, timed, shy)
        if self.rest:
            self.rest, way = self.rest - 1, STAY
        elif way < 0 or (shy and way not in steps):
            way = next((way for way in steps if way not in shy), STAY)
        if way in steps:
            self.way = way
            return steps[way]
        room.watched += 1
        return "wait" if timed else next(iter(seen.admissible), "wait")

    def _arrive(self, seen: Observation) -> Room:
        """The room on the map, put there if it is new."""
        heading = seen.description.partition("\n")[0]
        if not self.heading:
            self.rooms[heading, self.room.place], self.first = self.room, heading
            by_compass = re.search(rf"\b({'|'.join(DIRECTIONS)})\b", " ".join((seen.description, *seen.admissible)))
            self.names = {name: way for way, name in enumerate(DIRECTIONS)} if by_compass else SIDES
        elif heading == self.first and heading not in seen.text.partition("\n")[0] and (
            self.way >= 0 or heading != self.heading
        ):
            self.room, self.facing = self.start, 0  # somebody has brought us back
            self.caught += 1
            self.rest = self.caught % 4  # so that the next meeting is not at the same turn
        elif self.way >= 0:
            before, way = self.room, self.way
            place = tuple(map(sum, zip(before.place, STEPS[way], strict=True)))
            self.room = before.ways[way] or self.rooms.get((heading, place)) or Room(place)
            before.ways[way] = self.rooms[heading, place] = self.room
            self.facing = way if way < 4 else self.facing
            if BACK[way] in self._steps(seen):
                self.room.ways[BACK[way]] = before
        self.heading, self.way = heading, -1
        self.room.looks[seen.description] += 1
        return self.room

    def _steps(self, seen: Observation) -> dict[int, str]:
        """The commands that lead somewhere, by way."""
        return {self._way(command[3:]): command for command in seen.admissible if command.startswith("go ")}

    def _told(self, text: str) -> list[int]:
        """The level ways that a text tells of, each once for each sentence that does."""
        sentences = re.split(r"(?<=[.!?]) |\n", text)
        return [self._way(name) for sentence in sentences for name in self.names if re.search(rf"\b{name}\b", sentence)]

    def _way(self, name: str) -> int:
        return WAYS.index(name) if name in WAYS else (SIDES[name] + self.facing) % 4

    def _next(self, carried: str, timed: bool, shy: set[int]) -> int:
        """The first step to what is nearest of all that is worth a visit; -1 where nothing is."""
        worth = []
        for room, steps, first in self._reached(shy):
            for way, target in room.ways.items():
                if target is None and (first != STAY or way not in shy):
                    worth.append((steps, way if first == STAY else first))
            if room.again and room.carried != carried:
                worth.append((steps, first))
            if room.barred and timed and room.watched < WATCH:
                worth.append((steps + 2, first))
        return min(worth, key=lambda pair: pair[0], default=(0, -1))[1]

    def _reached(self, shy: set[int]) -> Iterator[tuple[Room, int, int]]:
        """The rooms that known ways lead to, nearest first, with the number of steps and the first of them."""
        queue, found = [(self.room, 0, STAY)], {self.room}
        for room, steps, first in queue:
            yield room, steps, first
            for way, target in room.ways.items():
                if target and target not in found and (first != STAY or way not in shy):
                    found.add(target)
                    queue.append((target, steps + 1, way if first == STAY else first))


class Explorer:
    infos: Sequence[str] = ()

    def __init__(self) -> None:
        self._walks: dict[int, Walk] = {}

    def begin(self, episodes: Sequence[int]) -> None:
        self._walks.update((slot, Walk()) for slot in episodes)

    def act(self, observations: Sequence[Observation]) -> list[str]:
        return [self._walks[observation.slot].choose(observation) for observation in observations]


def make(settings: Settings) -> Agent:
    return Explorer()
