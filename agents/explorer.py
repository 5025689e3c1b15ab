"""Searches depth first with a map in mind: the best that can be done where nothing hints at the way.

It reads only what a player reads. A room is known by its heading and by where it lies, reckoned from the steps taken.
Things are taken and doors opened at once, and nothing is undone; then the nearest way not taken yet comes next. A place
that the objective names, that is dark, or where a way is told of but barred is seen again with other things in hand;
where time passes, a barred way is also watched for a while.

A sentence that points where another one points may tell of somebody who walks about, and then warns of a meeting. No
step is taken that might end in one, unless he was heard so often that it is certain where he will be, or was given way
to for long. What is read in one place all the time, or cannot be true of anybody who walks, is a hint at the way, and
not heeded.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from textmaze.env.rollout import Agent, Observation
from textmaze.env.rounds import Ear, Place, Rounds
from textmaze.game.layout import BACK, DIRECTIONS, STEPS, WAYS

SIDES = {"forward": 0, "front": 0, "right": 1, "back": 2, "left": 3}  # where ways are told as the player sees them
COMPASS = {name: way for way, name in enumerate(DIRECTIONS)}
NO_DEEDS = ("go", "wait", "close", "lock", "drop", "put", "insert", "look", "inventory", "examine")
WATCH = 6  # turns that a barred way is watched: no gate of a recipe stays shut for longer
AHEAD = 24  # turns that are thought ahead for a way past somebody, and one more for each room
DREAD = 4  # steps by which an unknown room is farther with somebody next door: it may be a dead end
PATIENCE = 24  # turns that somebody is given way to before it is risked to meet him
STAY = len(WAYS)  # no way, but a reason to be here

# How it is said that somebody is not in the next room but in the one after it.
BEYOND = re.compile(r"\b(two|second|double|between|beyond|further|whole|past the|but one|one after|after next|"
                    r"twice removed)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Settings:
    pass


@dataclass(eq=False)
class Room:
    """What is remembered of a room."""

    place: Place = (0, 0, 0)  # to the east, to the north, up
    ways: dict[int, "Room | None"] = field(default_factory=dict)  # where each leads, by compass; None: not taken yet
    done: set[str] = field(default_factory=set)  # the deeds tried there
    barred: bool = False  # a way is told of that cannot be taken
    again: bool = False  # it may have more to offer to somebody with other things in hand
    carried: str = ""  # on the last visit
    watched: int = 0


class Walk:
    """One episode."""

    def __init__(self) -> None:
        self.rooms: dict[tuple[str, Place], Room] = {}  # by heading and place
        self.places: dict[Place, Room] = {}
        self.start = self.room = Room()
        self.first = self.heading = ""  # of the first room, and of this one
        self.names: dict[str, int] = {}  # what ways are called
        self.facing = 0  # by compass; what the player faced at first is north
        self.way = -1  # taken by the last command
        self.turn = self.delay = 0  # turns at all, and with somebody near since a new room was seen
        self.ear, self.rounds = Ear(), Rounds(self._beside)

    def choose(self, seen: Observation) -> str:
        room, steps, told = self._arrive(seen), self._steps(seen), self._told(seen.description)
        timed = "wait" in seen.admissible
        room.ways = {**dict.fromkeys(steps), **room.ways}
        near, beyond = self._listen(seen.description) if timed else (set(), set())
        self.turn += 1
        self.delay += bool(near or beyond)
        if self.delay > PATIENCE:  # there may be no way past him, so it is risked
            near, beyond = set(), set()
        named = self.heading.strip("-= ").lower() in seen.objective.lower()
        for deed in seen.admissible:
            verb = deed.partition(" ")[0]
            if deed not in room.done and (verb not in NO_DEEDS or (verb == "drop" and named)):
                room.done.add(deed)
                return deed
        room.barred = not set(told) <= set(steps)
        room.again = named or room.barred or any(way < 4 and way not in told for way in steps)
        room.carried = seen.inventory
        warned = {*near, *beyond, *({STAY} if near else ())}
        shy = {way for way in warned if not self.rounds.misses(room.place, _at(room.place, way), self.turn)}
        way = self._next(seen.inventory, timed, shy, DREAD if near else 0)
        if (way not in steps and STAY in shy) or (way < 0 and not shy):
            way = next((way for way in steps if way not in shy), STAY)
        if way in steps:
            self.way = way
            return steps[way]
        room.watched += 1
        return "wait" if timed else next(iter(seen.admissible), "wait")

    def _arrive(self, seen: Observation) -> Room:
        """The room on the map, put there if it is new."""
        heading = seen.description.partition("\n")[0]
        if not self.names:  # where the only way leads up, another room must show what ways are called
            self.names = next((names for names in (COMPASS, SIDES) if {f"go {way}" for way in names}
                               & set(seen.admissible)), {})
        if not self.heading:
            self.rooms[heading, self.room.place], self.first = self.room, heading
        elif heading == self.first and heading not in seen.text.partition("\n")[0] and (
            self.way >= 0 or heading != self.heading
        ):
            self.room, self.facing = self.start, 0  # somebody has brought us back
        elif self.way >= 0:
            before, way = self.room, self.way
            place = _at(before.place, way)
            self.room = before.ways[way] or self.rooms.get((heading, place)) or Room(place)
            before.ways[way] = self.rooms[heading, place] = self.room
            self.facing = way if way < 4 else self.facing
            if BACK[way] in self._steps(seen):
                self.room.ways[BACK[way]] = before
        self.heading, self.way = heading, -1
        if self.room.place not in self.places:
            self.places[self.room.place], self.delay = self.room, 0
        return self.room

    # -- reading -----------------------------------------------------------------------------------------------------

    def _steps(self, seen: Observation) -> dict[int, str]:
        """The commands that lead somewhere, by way."""
        return {self._way(command[3:]): command for command in seen.admissible if command.startswith("go ")}

    def _told(self, text: str) -> list[int]:
        """The level ways that a text tells of, each once for each sentence that does."""
        return [self._way(name) for sentence in _sentences(text) for name in self.names
                if re.search(rf"\b{name}\b", sentence)]

    def _way(self, name: str) -> int:
        return WAYS.index(name) if name in WAYS else (SIDES[name] + self.facing) % 4

    def _listen(self, text: str) -> tuple[set[int], set[int]]:
        """The ways behind which somebody is in the next room, and in the one after it; the rounds learn of it."""
        told: set[int] = set()
        pointing: dict[str, set[int]] = {}
        for sentence in _sentences(text):
            ways = set(self._told(sentence))
            if ways & told:
                pointing[sentence] = ways & told
            told |= ways
        near: set[int] = set()
        beyond: set[int] = set()
        for sentence in self.ear.about_somebody(self.room, set(_sentences(text)), set(pointing)):
            (beyond if BEYOND.search(sentence) else near).update(pointing[sentence])
        self._learn(near, beyond)
        if self.rounds.refuted:  # then not all of it was about somebody
            self.ear.hints, self.rounds = True, Rounds(self._beside)
        return near, beyond

    # -- somebody who walks about ------------------------------------------------------------------------------------

    def _learn(self, near: set[int], beyond: set[int]) -> None:
        """Tell the rounds where somebody may be who is heard like this, and where nobody is."""
        here = self.room.place
        doors = {way: _at(here, way) for way in self.room.ways if way < 4}
        behind = {way: self._beside(place) - {here, *doors.values()} for way, place in doors.items()}
        silent = {here, *(place for way, place in doors.items() if way not in near)}
        for way, places in behind.items():
            if way not in beyond and doors[way] in self.places:
                silent |= places
        heard = [*({_at(here, way)} for way in near), *(behind.get(way, set()) for way in beyond)]
        self.rounds.hear(self.turn, set.intersection(*heard) if heard else None, silent)

    def _beside(self, place: Place) -> set[Place]:
        """Where somebody may be a turn later, as far as the ways are known."""
        ways = self.places[place].ways if place in self.places else range(4)
        found = {_at(place, way): BACK[way] for way in ways if way < 4}
        return {place, *(at for at, back in found.items() if at not in self.places or back in self.places[at].ways)}

    # -- choosing ----------------------------------------------------------------------------------------------------

    def _next(self, carried: str, timed: bool, shy: set[int], dread: int) -> int:
        """The first step to what is nearest of all that is worth a visit; -1 where nothing is.

        If somebody was heard, a way on which he is not met; if there is none, at least a first step.
        """
        way = -1
        if self.rounds.heard and self.delay <= PATIENCE:
            way = self._search(carried, timed, shy, dread, True)
        return self._search(carried, timed, shy, dread, False) if way < 0 else way

    def _search(self, carried: str, timed: bool, shy: set[int], dread: int, wary: bool) -> int:
        """Breadth first over rooms or, if wary, over rooms and turns: one may wait, and come to a room again."""
        fewest, found, steps = 1000, -1, 0
        seen, level = {self.room}, {self.room: -1}  # to each room the first way that leads there
        while level and steps < fewest and (steps < AHEAD + len(self.places) or not wary):
            following: dict[Room, int] = {}
            for room, first in level.items():
                safe = [way for way in (*room.ways, STAY) if (way not in shy if first < 0 else not wary or not
                        self.rounds.meets(room.place, _at(room.place, way), self.turn + steps))]
                for way, more in self._worth(room, carried, timed, dread):
                    if way in safe and steps + more < fewest:
                        fewest, found = steps + more, way if first < 0 else first
                for way in safe:
                    target = room.ways[way] if way != STAY else room if wary else None
                    if target and (wary or target not in seen):
                        following.setdefault(target, way if first < 0 else first)
            seen.update(following)
            level, steps = following, steps + 1
        return found

    def _worth(self, room: Room, carried: str, timed: bool, dread: int) -> Iterator[tuple[int, int]]:
        """The ways of a room, or to stay, that are worth a visit, each with the steps by which it seems farther."""
        for way, target in room.ways.items():
            if target is None:
                there = _at(room.place, way)
                dreaded = dread and room is self.room and not all(
                    self.rounds.misses(there, there, self.turn + later) for later in range(1, DREAD))
                yield way, dread if dreaded else 0
        if room.again and room.carried != carried:
            yield STAY, 0
        if room.barred and timed and room.watched < WATCH:
            yield STAY, 2


def _at(place: Place, way: int) -> Place:
    """The place to which a way leads; the same if it is to stay."""
    return place if way == STAY else tuple(map(sum, zip(place, STEPS[way], strict=True)))


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?]) |\n", text)


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
