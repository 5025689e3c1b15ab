"""The agent's own memory of an episode, as a line of text beside each command.

Notes are made from what a player reads, and from nothing else: a room is known by its description.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from textmaze.env.rollout import Observation
from textmaze.game.layout import OPPOSITE

_TIMES = ("not tried here yet", "tried here once", "tried here twice")
_OFTEN = "tried here many times"
_ENTRANCE = "this is the way you first came in"
_OPEN = "it leads to a place where something is still untried"
_CLOSED = "it leads to a place where everything was tried"


def every_note() -> list[str]:
    """All notes there can be."""
    return [
        "; ".join(filter(None, parts))
        for parts in itertools.product((*_TIMES, _OFTEN), ("", _ENTRANCE), ("", _OPEN, _CLOSED))
    ]


@dataclass
class Notes:
    """What is remembered of one episode."""

    tried: dict[str, dict[str, int]] = field(default_factory=dict)  # place -> command -> how often
    leads_to: dict[tuple[str, str], str] = field(default_factory=dict)  # (place, command) -> place
    entrance: dict[str, str] = field(default_factory=dict)  # place -> the command that leads back out of it
    choices: dict[str, Sequence[str]] = field(default_factory=dict)  # place -> what could be done there at last
    _place: str = ""
    _command: str = ""

    def knows(self, description: str) -> bool:
        """Whether the player has been in the place that is described so."""
        return description in self.tried

    def read(self, seen: Observation) -> None:
        """Take in what the last command led to."""
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

    def chose(self, command: str) -> None:
        """Remember what is done now."""
        tried = self.tried[self._place]
        tried[command] = tried.get(command, 0) + 1
        self._command = command

    def beside(self, commands: Sequence[str]) -> list[str]:
        """The note for each command that could be given now."""
        return [self._note(command) for command in commands]

    def _note(self, command: str) -> str:
        times = self.tried[self._place].get(command, 0)
        parts = [_TIMES[times] if times < len(_TIMES) else _OFTEN]
        if self.entrance.get(self._place) == command:
            parts.append(_ENTRANCE)
        target = self.leads_to.get((self._place, command))
        if target is not None and target != self._place:
            # The way back is not news: it does not count as untried.
            entrance = self.entrance.get(target)
            untried = any(c not in self.tried[target] and c != entrance for c in self.choices[target])
            parts.append(_OPEN if untried else _CLOSED)
        return "; ".join(parts)
