"""What an episode has shown of answers: which text followed which command, and where."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from textmaze.env.chart import Chart
from textmaze.env.rollout import Observation

MEMORY = (  # what a memory says of a candidate, each 0 or 1
    "done here before, and answered so",
    "done here before, and answered otherwise",
    "last read in the place that the command leads to by reckoning",
    "headed like that place, but another text",
    "that place is known, but headed otherwise",
    "read before as what a place looks like",
    "headed like a place that was read",
    "the text of this very place",
    "an answer to this command elsewhere",
    "an answer to other commands only",
)

Features = NDArray[np.float32]


class Memory:
    """What was read in one episode, and where: told by `read` and `chose` in turn, as `Notes` are.

    Places are those of a `Chart`, which reckons them from the steps taken. That may be wrong, where ways bend or lead
    round in a ring; how far it can be trusted is learned.
    """

    def __init__(self) -> None:
        self.steps: list[tuple[str, str, str]] = []  # (description, command, answer)
        self._chart = Chart()
        self._answers: dict[tuple[str, str], str] = {}  # to a command in a place; the last counts
        self._said: dict[str, set[str]] = {}  # answer -> the commands that it followed
        self._looks: dict[str, None] = {}  # descriptions, in the order of first reading
        self._headings: set[str] = set()
        self._here = self._command = ""

    def read(self, seen: Observation) -> None:
        """Take in what the last command led to, or how the episode begins."""
        if self._command:
            self._answers[self._here, self._command] = seen.text
            self._said.setdefault(seen.text, set()).add(self._command)
            self.steps.append((self._here, self._command, seen.text))
        self._chart.read(seen)
        self._looks[seen.description] = None
        self._headings.add(heading(seen.description))
        self._here = seen.description

    def chose(self, command: str) -> None:
        """Remember what is done now."""
        self._command = command
        self._chart.give(command)

    def knows(self, description: str) -> bool:
        """Whether a place with this heading has been read, however it looked then."""
        return heading(description) in self._headings

    def texts(self) -> list[str]:
        """Every distinct text that was read, descriptions first, each group in the order of first reading."""
        return list(dict.fromkeys((*self._looks, *self._said)))

    def likeliest(self, command: str, most: int) -> list[str]:
        """Up to `most` distinct texts that may come again: what was answered here before, what was read where the
        command leads to by reckoning, and the answers of the last steps."""
        found = [self._answers.get((self._here, command)), self._beyond(command), self._here]
        latest = (answer for _, _, answer in reversed(self.steps[-2 * most :]))
        return [text for text in dict.fromkeys((*found, *latest)) if text][:most]

    def beside(self, command: str, candidates: Sequence[str]) -> Features:
        """What is remembered of each candidate for the answer to `command`, (len(candidates), len(MEMORY))."""
        before, there = self._answers.get((self._here, command)), self._beyond(command)
        found = np.zeros((len(candidates), len(MEMORY)), dtype=np.float32)
        for row, text in zip(found, candidates, strict=True):
            followed, head = self._said.get(text, ()), heading(text)
            alike = there is not None and head == heading(there)
            row[:] = (
                text == before, before is not None and text != before,
                text == there, alike and text != there, there is not None and not alike,
                text in self._looks, head in self._headings, text == self._here,
                command in followed, bool(followed) and command not in followed and text not in self._looks,
            )
        return found

    def _beyond(self, command: str) -> str | None:
        """What was last read in the place that a command leads to."""
        room = self._chart.beyond(command)
        return None if room is None else room.description


def heading(description: str) -> str:
    """The first line of a text, by which a place is known again when it looks different."""
    return description.partition("\n")[0]
