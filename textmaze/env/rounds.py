"""Where somebody may be who walks the same round again and again, by what was heard of him and what was not.

How many turns the round takes is not known, so each number of turns is a hypothesis. Each keeps for every turn of the
round the places where he may be then; from one turn to the next he stays or goes to a place beside, which narrows the
places down from both sides (arc consistency, Mackworth 1977). A hypothesis that leaves him nowhere to be is wrong.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Hashable

Place = tuple[int, ...]

LENGTHS = range(2, 13)  # turns that a round may take
_PROVEN = 3  # looks at a room, in all of which a sentence was read that tells of nobody, where there are such sentences
_TOO_MANY = 41  # places, which is all within four steps: from there on he may be anywhere
_VAGUE = 3  # places: in more, there is no telling where he is


class Rounds:
    """What is known of one who walks a round.

    Args:
        beside: from a place to the places where somebody may be a turn later or sooner, that place among them.
    """

    def __init__(self, beside: Callable[[Place], set[Place]]) -> None:
        self._beside = beside
        self._where: list[list[set[Place] | None]] = [[None] * turns for turns in LENGTHS]  # None: anywhere
        self._nowhere: list[list[set[Place]]] = [[set() for _ in range(turns)] for turns in LENGTHS]
        self.heard = False

    @property
    def refuted(self) -> bool:
        """Whether nobody walks a round who would be heard like this."""
        return not self._where

    def hear(self, turn: int, places: set[Place] | None, silent: set[Place]) -> None:
        """At this turn he was heard at one of these places, or (None) not heard; at the silent ones he was not."""
        self.heard = self.heard or places is not None
        if not self.heard:
            return  # nobody may be there at all
        kept = [index for index in range(len(self._where)) if self._goes_with(index, turn, places, silent)]
        self._where = [self._where[index] for index in kept]
        self._nowhere = [self._nowhere[index] for index in kept]

    def misses(self, here: Place, there: Place, turn: int) -> bool:
        """Whether it is certain that a player who comes from `here` to be `there` at this turn does not meet him."""
        return bool(self._where) and not any(
            where[turn % len(where)] is None or _meets(where, here, there, turn) for where in self._where)

    def meets(self, here: Place, there: Place, turn: int) -> bool:
        """Whether it is to be feared that a player who comes from `here` to be `there` at this turn meets him."""
        return any(len(where[turn % len(where)] or ()) in range(1, _VAGUE + 1) and _meets(where, here, there, turn)
                   for where in self._where)

    def _goes_with(self, index: int, turn: int, places: set[Place] | None, silent: set[Place]) -> bool:
        """Narrow a hypothesis down; whether it is still possible."""
        where, nowhere = self._where[index], self._nowhere[index]
        turn %= len(where)
        nowhere[turn] |= silent
        old = where[turn]
        if places is not None:
            old = places if old is None else old & places
        if old is not None:
            where[turn] = old - nowhere[turn]
        queue = [turn]
        for now in queue:
            places = where[now]
            if places is None:
                continue
            reach = set().union(*map(self._beside, places))
            for other in ((now + 1) % len(where), (now - 1) % len(where)):
                old = where[other]
                if old is None and len(reach) > _TOO_MANY:
                    continue
                new = (reach if old is None else old & reach) - nowhere[other]
                if not new:
                    return False
                if new != old:
                    where[other] = new
                    queue.append(other)
        return where[turn] != set()


def _meets(where: list[set[Place] | None], here: Place, there: Place, turn: int) -> bool:
    """Whether he may be there at this turn, or come from there to here."""
    after, before = where[turn % len(where)], where[(turn - 1) % len(where)]
    return after is not None and (there in after or (here in after and (before is None or there in before)))


class Ear:
    """Tells sentences about somebody who walks about from others that point somewhere; asked once for each turn.

    His sentences come and go, and name him. What is read in a room each time, at every turn of any round, is about
    something else; once there is such a sentence, nothing is believed to be about him but what has a word of his. How
    often the room was seen does not tell: who goes to and fro in step with him reads the same each time.
    """

    def __init__(self) -> None:
        self.hints = False  # whether there are sentences that point somewhere and tell of nobody
        self._stirring: set[str] = set()  # words of sentences that came or went
        self._still: set[str] = set()  # words of those that did not
        self._turn = 0
        self._looks: dict[Hashable, int] = defaultdict(int)
        self._turns: dict[Hashable, set[tuple[int, int]]] = defaultdict(set)  # of each round at which a room was seen
        self._always: dict[Hashable, set[str]] = {}  # for each room the sentences that were read each time
        self._pointing: dict[Hashable, set[str]] = defaultdict(set)  # and those that pointed somewhere, at any time

    def about_somebody(self, room: Hashable, sentences: set[str], pointing: set[str]) -> set[str]:
        """Those of the sentences that point somewhere in a room, of all that are read there, that warn of somebody."""
        always = self._always.setdefault(room, sentences)
        for sentence in (self._pointing[room] | pointing) - (always & sentences):
            self._stirring |= _words(sentence)
        self._always[room] = always & sentences
        self._pointing[room] |= pointing
        self._looks[room] += 1
        self._turns[room] |= {(turns, self._turn % turns) for turns in LENGTHS}
        self._turn += 1
        proven = self._looks[room] > _PROVEN if self.hints else len(self._turns[room]) == sum(LENGTHS)
        for sentence in self._always[room] - (set() if proven else self._pointing[room]):
            self._still |= _words(sentence)
        self.hints = self.hints or (proven and bool(self._always[room] & self._pointing[room]))
        his = self._stirring - self._still
        return {sentence for sentence in pointing if his & _words(sentence)} if self.hints or his else pointing


def _words(sentence: str) -> set[str]:
    return set(re.findall(r"\w+", sentence.lower()))
