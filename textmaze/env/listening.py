"""Listens for somebody who walks about, with a map in mind: where he may be, and which steps he might be met on.

A sentence that points where another one points may tell of somebody who walks about, and then warns of a meeting. What
is read in one place all the time, or cannot be true of anybody who walks, is a hint at the way, and not heeded.
"""

import re
from collections.abc import Iterator

from textmaze.env.chart import HERE, Chart, Room, beside
from textmaze.env.rounds import Ear, Place, Rounds
from textmaze.game.layout import BACK, DIRECTIONS

# How it is said that somebody is not in the next room but in the one after it.
BEYOND = re.compile(r"\b(two|second|double|between|beyond|further|whole|past the|but one|one after|after next|"
                    r"twice removed)\b", re.IGNORECASE)


class Listener:
    """What was heard in one episode; `listen` once for each turn, after the chart has read the same.

    Ways are by compass, and `HERE` stands for staying where one is.
    """

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.near: set[int] = set()  # ways behind which he is in the next room
        self.beyond: set[int] = set()  # and in the one after it
        self.turn = 0  # that the next command leads to
        self._places: dict[Place, Room] = {}
        self._ear, self._rounds = Ear(), Rounds(self._beside)

    @property
    def heard(self) -> bool:
        """Whether anybody was heard at all."""
        return self._rounds.heard

    @property
    def close(self) -> bool:
        """Whether somebody is heard now: he is heard wherever he might be met a turn later."""
        return bool(self.near or self.beyond)

    def listen(self, description: str) -> None:
        """Take in what is read in the room where the chart is."""
        room = self.chart.room
        self._places.setdefault(room.at, room)
        told: set[int] = set()
        pointing: dict[str, set[int]] = {}
        sentences = re.split(r"(?<=[.!?]) |\n", description)
        for sentence in sentences:
            ways = self.chart.told(sentence, self.chart.facing)
            if ways & told:
                pointing[sentence] = ways & told
            told |= ways
        self.near, self.beyond = set(), set()
        for sentence in self._ear.about_somebody(room, set(sentences), set(pointing)):
            (self.beyond if BEYOND.search(sentence) else self.near).update(pointing[sentence])
        self._learn(room)
        if self._rounds.refuted:  # then not all of it was about somebody
            self._ear.hints, self._rounds = True, Rounds(self._beside)
        self.turn += 1

    def shy(self) -> set[int]:
        """The ways out of this room, and `HERE`, that he was heard on and is not certain to be missed on."""
        warned = {*self.near, *self.beyond, *({HERE} if self.near else ())}
        return {way for way in warned if not self.misses(self.chart.room, way)}

    def misses(self, room: Room, way: int, later: int = 0) -> bool:
        """Whether it is certain that he is not met by somebody who goes this way from a room with the next command, or
        so many turns later."""
        return self._rounds.misses(room.at, beside(room.at, way), self.turn + later)

    def meets(self, room: Room, way: int, later: int = 0) -> bool:
        """Whether it is to be feared that he is met so."""
        return self._rounds.meets(room.at, beside(room.at, way), self.turn + later)

    def walks(self, turns: int) -> Iterator[tuple[Room, int, int]]:
        """The rooms where one can be so many turns from now, soonest first, and no meeting is to be feared on the way;
        with the number of commands and the first way, which is `HERE` if that is to wait."""
        level = {self.chart.room: HERE}
        for steps in range(turns):
            yield from ((room, steps, first) for room, first in level.items())
            shy = self.shy() if steps == 0 else set()
            following: dict[Room, int] = {}
            for room, first in level.items():
                for way, target in (*room.ways.items(), (HERE, room)):
                    if target is not None and not (way in shy if steps == 0 else self.meets(room, way, steps)):
                        following.setdefault(target, way if steps == 0 else first)
            level = following

    def safe(self, way: int, turns: int) -> int:
        """For how many turns, up to `turns`, somebody who goes this way now can be certain not to be met.

        Of a room never seen, no other way is counted on than the one back.
        """
        if not self.close:
            return turns
        if way in self.shy():
            return 0
        rooms = [_behind(self.chart.room, way)]
        for later in range(1, turns):
            following: dict[Place, Room] = {}
            for room in rooms:
                for step in (*room.ways, HERE):
                    if self.misses(room, step, later):
                        target = _behind(room, step)
                        following.setdefault(target.at, target)
            if not following:
                return later
            rooms = list(following.values())
        return turns

    def _learn(self, room: Room) -> None:
        """Tell the rounds where somebody may be who is heard like this, and where nobody is."""
        here = room.at
        doors = {way: beside(here, way) for way in room.ways if way < len(DIRECTIONS)}
        behind = {way: self._beside(place) - {here, *doors.values()} for way, place in doors.items()}
        silent = {here, *(place for way, place in doors.items() if way not in self.near)}
        for way, places in behind.items():
            if way not in self.beyond and doors[way] in self._places:
                silent |= places
        heard = [*({beside(here, way)} for way in self.near), *(behind.get(way, set()) for way in self.beyond)]
        self._rounds.hear(self.turn, set.intersection(*heard) if heard else None, silent)

    def _beside(self, place: Place) -> set[Place]:
        """Where somebody may be a turn later, as far as the ways are known."""
        ways = self._places[place].ways if place in self._places else range(len(DIRECTIONS))
        found = {beside(place, way): BACK[way] for way in ways if way < len(DIRECTIONS)}
        return {place, *(at for at, back in found.items() if at not in self._places or back in self._places[at].ways)}


def _behind(room: Room, way: int) -> Room:
    """The room that a way leads to; if it was never seen, one with no other way than the one back."""
    known = room if way == HERE else room.ways.get(way)
    return known or Room(beside(room.at, way), ways={BACK[way]: room})
