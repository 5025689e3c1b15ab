"""Searches depth first with a map in mind: the best that can be done where nothing hints at the way.

It reads only what a player reads. Things are taken and doors opened at once, and nothing is undone; then the nearest
way not taken yet comes next. A place that the objective names, that is dark, or where a way is told of but barred is
seen again with other things in hand; where time passes, a barred way is also watched for a while.

Where somebody walks about, no step is taken that might end in a meeting, unless he was heard so often that it is
certain where he will be, or was given way to for long.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from textmaze.env.chart import HERE, Chart, Room, named
from textmaze.env.listening import Listener
from textmaze.env.rollout import Agent, Observation

NO_DEEDS = ("go", "wait", "close", "lock", "drop", "put", "insert", "look", "inventory", "examine")
WATCH = 6  # turns that a barred way is watched: no gate of a recipe stays shut for longer
AHEAD = 24  # turns that are thought ahead for a way past somebody, and one more for each room
DREAD = 4  # steps by which an unknown room is farther with somebody next door: it may be a dead end
PATIENCE = 24  # turns that somebody is given way to before it is risked to meet him


@dataclass(frozen=True)
class Settings:
    pass


class Walk:
    """One episode."""

    def __init__(self) -> None:
        self.chart = Chart()
        self.listener = Listener(self.chart)
        self.watched: Counter[Room] = Counter()
        self.known = self.delay = 0  # places, and turns with somebody close since a new one was seen

    def choose(self, seen: Observation, instead: str = "") -> str:
        """What to do now, or what somebody else does `instead`."""
        self.chart.read(seen)
        if "wait" in seen.admissible:  # else no time passes
            self.listener.listen(seen.description)
        command = self._choose(seen)
        command = instead or command
        self.chart.give(command)
        return command

    def _choose(self, seen: Observation) -> str:
        room, steps = self.chart.room, self.chart.steps(self.chart.room)
        places = len({at for _, at in self.chart.rooms})
        if places > self.known:
            self.known, self.delay = places, 0
        self.delay += self.listener.close
        for deed in seen.admissible:
            verb = deed.partition(" ")[0]
            if deed not in room.tried and (verb not in NO_DEEDS or (verb == "drop" and named(room, seen.objective))):
                return deed
        daring = self.delay > PATIENCE  # there may be no way past him, so it is risked
        shy = set() if daring else self.listener.shy()
        way = None
        if self.listener.heard and not daring:
            way = self._search(seen, shy, wary=True)
        if way is None:
            way = self._search(seen, shy, wary=False)
        if (way not in steps and HERE in shy) or (way is None and not shy):
            way = next((way for way in steps if way not in shy), HERE)
        if way in steps:
            return steps[way]
        self.watched[room] += 1
        return "wait" if "wait" in seen.admissible else next(iter(seen.admissible), "wait")

    def _search(self, seen: Observation, shy: set[int], *, wary: bool) -> int | None:
        """The first step to what is nearest of all that is worth a visit, or `HERE`; None where nothing is.

        If wary, on a way on which nobody is met.
        """
        listener = self.listener
        dread = DREAD if listener.near and self.delay <= PATIENCE else 0
        fewest, found = 1000, None
        for room, steps, first in listener.walks(AHEAD + self.known) if wary else self.chart.walks(shy):
            if steps >= fewest:
                break
            for way, more in self._worth(room, seen, dread):
                shunned = way in shy if steps == 0 else wary and listener.meets(room, way, steps)
                if steps + more < fewest and not shunned:
                    fewest, found = steps + more, way if steps == 0 else first
        return found

    def _worth(self, room: Room, seen: Observation, dread: int) -> Iterator[tuple[int, int]]:
        """The ways of a room, or `HERE`, that are worth a visit, each with the steps by which it seems farther."""
        for way, target in room.ways.items():
            if target is None:
                yield way, dread if room is self.chart.room and self._dreaded(room, way) else 0
        if (room.barred or named(room, seen.objective)) and room.inventory != seen.inventory:
            yield HERE, 0
        if "wait" in seen.admissible and self.watched[room] < WATCH and self.chart.shut(room):
            yield HERE, 2

    def _dreaded(self, room: Room, way: int) -> bool:
        """Whether somebody may come to where a way leads while one is there."""
        return self.listener.safe(way, DREAD) < DREAD


class Explorer:
    infos: Sequence[str] = ()

    def __init__(self) -> None:
        self._walks: dict[int, Walk] = {}

    def begin(self, episodes: Sequence[int]) -> None:
        self._walks.update((slot, Walk()) for slot in episodes)

    def act(self, observations: Sequence[Observation]) -> list[str]:
        return [self._walks[observation.slot].choose(observation) for observation in observations]

    def follow(self, seen: Observation, command: str) -> None:
        self._walks[seen.slot].choose(seen, command)


def make(settings: Settings) -> Agent:
    return Explorer()
