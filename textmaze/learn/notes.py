"""The agent's own memory of an episode, as text beside each command.

A note is made from what a player reads, and from nothing else. With a map in mind there are notes on other places too:
three steps this way something is not tried yet, and what was read there stands beside it. So a command is worth as much
as the best of what it opens up, and one head values what is near and what is far.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from textmaze.env.chart import HERE, Chart, Room, named
from textmaze.env.listening import Listener
from textmaze.env.rollout import Observation
from textmaze.game.layout import OPPOSITE
from textmaze.learn.hindsight import turned_out
from textmaze.learn.reading import Told

UNTRIED = "not tried here yet"
_TIMES = (UNTRIED, "tried here once", "tried here twice", "tried here many times")
_ENTRANCE = "this is the way you first came in"
_OPEN = "it leads to a place where something is still untried"
_CLOSED = "it leads to a place where everything was tried"
_KNOWN = "it leads to a place you know"
_BARRED = "a way is barred here"
_OTHER_HANDS = "you were last here with other things in hand"
_NAMED = "the objective names this place"
# Sentences of their own, so that they are read the same whatever stands before them.
_SAFE = ". By what you have heard, this is safe"
_TRAP = ". It may turn out to be a trap, for no other way leads out of there as far as you know"
_MAY_MEET = ". Danger: whoever walks about may be there"
_MEET = ". By what you have heard, you would be caught"
_HEARD = (_SAFE, _TRAP, _MAY_MEET, _MEET)
_AHEAD = 16  # turns that are thought ahead for a walk on which nobody is met
_WATCH = 6  # turns that a way is watched: what has not opened by then needs more than patience
_TURNS = 3  # for which a step must be safe, or it may lead into a trap


class Plan(NamedTuple):
    """Something that could be done, now or after a walk to a place that the player knows."""

    first: int  # the admissible command to give now, by number
    place: str  # what was last read there
    command: str  # what would be done there
    note: str
    steps: int  # of the walk
    commands: Sequence[str]  # that could be given there
    room: Room | None = None  # where that is on the map

    def follows(self, before: "Plan") -> bool:
        """Whether this is what is left of the plan `before`, one step later."""
        return self.steps == before.steps - 1 and self.command == before.command and (
            self.steps == 0 or self.place == before.place)


class Memory(Protocol):
    """What is remembered of one episode."""

    def read(self, seen: Observation) -> None:
        """Take in what the last command led to."""
        ...

    def give(self, command: str) -> None:
        """Remember what is done now."""
        ...

    def plans(self, seen: Observation, commands: Sequence[str]) -> list[Plan]:
        """What could be done: at least one plan."""
        ...

    def knows(self, description: str) -> bool:
        """Whether the player has read this description before."""
        ...

    def doubts(self, plan: Plan) -> bool:
        """Whether what was read last may be a reason not to go on with a plan."""
        ...

    def turned_out(self) -> Iterable[tuple[Told, float]]:
        """In a game that is won: what was told of ways, and whether they led nearer to where it was won (1 or -1)."""
        ...


@dataclass
class NoNotes:
    """No memory but of whether a place is new, which only the bonus for new places asks for."""

    seen: set[str] = field(default_factory=set)

    def read(self, seen: Observation) -> None:
        self.seen.add(seen.description)

    def give(self, command: str) -> None:
        pass

    def plans(self, seen: Observation, commands: Sequence[str]) -> list[Plan]:
        return [Plan(number, seen.description, command, "", 0, commands) for number, command in enumerate(commands)]

    def knows(self, description: str) -> bool:
        return description in self.seen

    def doubts(self, plan: Plan) -> bool:
        return True

    def turned_out(self) -> Iterable[tuple[Told, float]]:
        return ()


@dataclass
class Visits:
    """What was tried where; a place is known by its description."""

    tried: dict[str, dict[str, int]] = field(default_factory=dict)  # place -> command -> how often
    leads_to: dict[tuple[str, str], str] = field(default_factory=dict)  # (place, command) -> place
    entrance: dict[str, str] = field(default_factory=dict)  # place -> the command that leads back out of it
    choices: dict[str, Sequence[str]] = field(default_factory=dict)  # place -> what could be done there at last
    _place: str = ""
    _command: str = ""

    def knows(self, description: str) -> bool:
        return description in self.tried

    def doubts(self, plan: Plan) -> bool:
        return True

    def turned_out(self) -> Iterable[tuple[Told, float]]:
        return ()

    def read(self, seen: Observation) -> None:
        place = seen.description
        if place not in self.tried:
            self.tried[place] = {}
            way, _, direction = self._command.partition(" ")
            if way == "go" and direction in OPPOSITE:
                self.entrance[place] = f"go {OPPOSITE[direction]}"
        self.choices[place] = seen.admissible
        if self._command:
            self.leads_to[self._place, self._command] = place
        self._place = place

    def give(self, command: str) -> None:
        tried = self.tried[self._place]
        tried[command] = tried.get(command, 0) + 1
        self._command = command

    def plans(self, seen: Observation, commands: Sequence[str]) -> list[Plan]:
        return [Plan(number, seen.description, command, self._note(command), 0, commands)
                for number, command in enumerate(commands)]

    def _note(self, command: str) -> str:
        parts = [_times(self.tried[self._place].get(command, 0))]
        if self.entrance.get(self._place) == command:
            parts.append(_ENTRANCE)
        target = self.leads_to.get((self._place, command))
        if target is not None and target != self._place:
            # The way back is not news: it does not count as untried.
            entrance = self.entrance.get(target)
            untried = any(c not in self.tried[target] and c != entrance for c in self.choices[target])
            parts.append(_OPEN if untried else _CLOSED)
        return "; ".join(parts)


class Map:
    """A map of the episode, and beside each command what lies behind it that is worth a visit."""

    def __init__(self) -> None:
        self.chart = Chart()
        self.listener = Listener(self.chart)
        self._read: set[str] = set()
        self._new = True  # whether what was read last was never read before

    def knows(self, description: str) -> bool:
        return description in self._read

    def doubts(self, plan: Plan) -> bool:
        return self._new or (self.listener.close and not plan.note.endswith(_SAFE))

    def turned_out(self) -> Iterable[tuple[Told, float]]:
        return turned_out(self.chart)

    def read(self, seen: Observation) -> None:
        self.chart.read(seen)
        if "wait" in seen.admissible:  # else no time passes
            self.listener.listen(seen.description)
        self._new = seen.description not in self._read
        self._read.add(seen.description)

    def give(self, command: str) -> None:
        self.chart.give(command)

    def plans(self, seen: Observation, commands: Sequence[str]) -> list[Plan]:
        here, chart = self.chart.room, self.chart
        is_named = named(here, seen.objective)
        ways = [chart.way(command, chart.facing) for command in commands]
        heard = [self._heard(way) if way != HERE or command == "wait" else ""
                 for way, command in zip(ways, commands, strict=True)]
        notes = [self._note(here, command, is_named) for command in commands]
        plans = [Plan(number, here.description, command, notes[number] + heard[number], 0, commands, here)
                 for number, command in enumerate(commands)]
        numbers = {way: number for number, way in enumerate(ways) if way != HERE or commands[number] == "wait"}
        for room, steps, first, command, note in self._elsewhere(seen):
            number = numbers.get(first, numbers.get(HERE))  # a way that is barred now may open
            if number is not None:
                plans.append(Plan(number, room.description, command, note + heard[number], steps, room.commands,
                                  room))
        # To wait for nothing, or to be where one has been, is of no use in itself, unless one must get out of
        # somebody's way. Where a value for it is slightly too high, one would do so for ever.
        useful = [plan for plan in plans if plan.steps or (
            self._awaits(here) if plan.command == "wait" else here.ways.get(ways[plan.first]) is None)]
        pressed = self.listener.close and not any(heard[plan.first] == _SAFE for plan in useful)
        return plans if pressed or not useful else useful

    def _elsewhere(self, seen: Observation) -> Iterator[tuple[Room, int, int, str, str]]:
        """What is worth a walk: a room, the steps to it and the first of them, a command there and a note."""
        walks = list(self.chart.walks())[1:]  # all but the room where the player is
        worth = {room: dict(self._worth(room, seen)) for room, _, _ in walks}
        if self.listener.heard:
            yield from self._past_somebody(worth, seen)
        shy = self.listener.shy()
        for room, steps, first in walks:
            if first not in shy:  # what lies behind a dangerous step is not worth it
                yield from ((room, steps, first, command, note) for command, note in worth[room].items())

    def _past_somebody(
        self, worth: dict[Room, dict[str, str]], seen: Observation
    ) -> Iterator[tuple[Room, int, int, str, str]]:
        """What can be walked to with no meeting to be feared, which is taken out of `worth`.

        Such a walk may begin with a wait, also for a way out of this room that would be dangerous now.
        """
        chart, listener, shy = self.chart, self.listener, self.listener.shy()
        here = chart.room
        dangerous = [command for way, command in chart.steps(here).items() if way in shy and here.ways[way] is None]
        worth[here] = {command: self._note(here, command, named(here, seen.objective)) for command in dangerous}
        ways = {(room, command): chart.way(command, room.facing) for room in worth for command in worth[room]}
        for room, steps, first in listener.walks(_AHEAD):
            for command in list(worth[room]) if steps else ():
                if not listener.meets(room, ways[room, command], steps):
                    yield room, steps, first, command, worth[room].pop(command)
            if not any(worth.values()):
                return

    def _heard(self, way: int) -> str:
        """What listening knows of a way out of this room, or of staying; nothing while nobody is heard."""
        if not self.listener.close:
            return ""
        turns = self.listener.safe(way, _TURNS)
        if turns == 0:
            return _MEET if self.listener.meets(self.chart.room, way) else _MAY_MEET
        return _SAFE if turns == _TURNS else _TRAP

    def _note(self, room: Room, command: str, is_named: bool) -> str:
        """What is remembered of a command in a room."""
        chart = self.chart
        way = chart.way(command, room.facing)
        parts = [_times(room.tried.get(chart.key(command, room.facing), 0))]
        if way != HERE and room.ways.get(way) is not None:
            parts.append(_ENTRANCE if way == room.entrance else _KNOWN)
        elif command == "wait" and self._awaits(room):
            parts.append(_BARRED)
        if is_named:
            parts.append(_NAMED)
        return "; ".join(parts)

    def _awaits(self, room: Room) -> bool:
        """Whether a way may open there that was not taken yet, and was not watched for long."""
        barred = self.chart.told(room.description, room.facing) - self.chart.steps(room).keys()
        return room.tried.get("wait", 0) < _WATCH and any(room.ways.get(way) is None for way in barred)

    def _worth(self, room: Room, seen: Observation) -> Iterator[tuple[str, str]]:
        """What would be worth a walk to a room: a command there, and a note."""
        chart, is_named = self.chart, named(room, seen.objective)
        for command in room.commands:
            way = chart.way(command, room.facing)
            # What can be done here as well needs no walk.
            fresh = room.ways.get(way) is None if way != HERE else command not in seen.admissible
            if fresh and chart.key(command, room.facing) not in room.tried:
                yield command, self._note(room, command, is_named)
        if "wait" in room.commands and self._awaits(room):
            yield "wait", self._note(room, "wait", is_named)
        if (room.barred or is_named) and room.inventory != seen.inventory:
            parts = [_OTHER_HANDS, *([_BARRED] if room.barred else []), *([_NAMED] if is_named else [])]
            yield "look", "; ".join(parts)


def every_note() -> list[str]:
    """The notes that stand beside most commands, for scales."""
    near = [f"{times}{also}" for times in _TIMES for also in ("", *(f"; {note}" for note in (
        _ENTRANCE, _OPEN, _CLOSED, _KNOWN, _NAMED)))]
    far = [f"{_OTHER_HANDS}; {_BARRED}", f"{_OTHER_HANDS}; {_NAMED}", f"{UNTRIED}; {_BARRED}"]
    return near + far + [heard.removeprefix(". ") for heard in _HEARD]


def _times(count: int) -> str:
    return _TIMES[min(count, len(_TIMES) - 1)]


MEMORIES: dict[str, Callable[[], Memory]] = {"none": NoNotes, "visits": Visits, "map": Map}
