"""A TextWorld game with too many states for a table, played live: its rows are found when they are first asked for."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from textmaze.game.explore import columns
from textmaze.game.interpreter import Outcome
from textmaze.game.situation import OVER, WON, Situation, StoryWorld, one_sentence
from textmaze.game.table import GameTable

NOTE = "This game has too many states to know them all, so it is played live: its shortest ways are not known."

# States, each of some 3 kB, after which a live table is `grown`: a new one should be begun for the next episode.
MOST_STATES = 5_000


class LiveTable(GameTable):
    """A table that grows. It answers to the same indexes, such as `successor[state, column]`, and to no slices.

    A state is what led there: the commands that changed something, since the start. So all texts are what
    TextWorld would say to this very player, whoever else plays from the same table. `commands` are all that
    TextWorld could ever list. `distance` is 0 where the game is won, else -1, for unknown; so `best_command` is
    None and `shortest_way` empty. `admissible` are the commands that change something by TextWorld's own rules, and
    those that read what must be known.
    """

    live = True
    note = NOTE

    def __init__(self, world: StoryWorld) -> None:
        self._world = world
        self._states: list[Situation] = [world.first]
        self._cells: dict[tuple[int, int], tuple[int, int]] = {}  # successor and feedback
        self._text_number: dict[str, int] = {}
        self._texts: list[str] = []
        with one_sentence(world.name):
            commands = columns(world.all_commands())
        fields = {
            "texts": self._texts,
            "commands": commands,
            "successor": Rows(lambda cell: self._cell(*cell)[0]),
            "feedback": Rows(lambda cell: self._cell(*cell)[1]),
            "description": Rows(lambda state: self._seen(state, "description", "look")),
            "inventory": Rows(lambda state: self._seen(state, "inventory", "inventory")),
            "reward": Rows(self._reward),
            "terminal": Rows(lambda state: bool(self._states[state].ended)),
            "admissible": Rows(self._admissible),
            "won": Rows(lambda state: self._states[state].ended == WON),
            "start": 0,
            "objective": self._text(world.objective),
        }
        super().__init__(**fields)  # type: ignore[arg-type]

    @cached_property
    def distance(self) -> Any:
        """0 where the game is won, else -1: unknown."""
        return Rows(lambda state: 0 if self._states[state].ended == WON else -1)

    @property
    def grown(self) -> bool:
        """Whether so much has been found that a new table should be begun, lest memory run out."""
        return len(self._states) > MOST_STATES

    @property
    def walkthrough(self) -> tuple[str, ...]:
        """TextWorld's own way to win, seldom the shortest; empty where the .json tells none."""
        return self._world.walkthrough

    def _cell(self, state: int, column: int) -> tuple[int, int]:
        state, column = int(state), int(column)
        found = self._cells.get((state, column))
        if found is None:
            found = self._cells[state, column] = self._try(state, self.commands[column])
        return found

    def _try(self, state: int, command: str) -> tuple[int, int]:
        before = self._states[state]
        if before.ended:
            return state, self._text(OVER)
        with one_sentence(self._world.name):
            outcome: Outcome = self._world.interpreter.outcome(before.moment, command)
            feedback, after = self._world.after(before, command, outcome)
        if after is before:
            return state, self._text(feedback)
        self._states.append(after)
        return len(self._states) - 1, self._text(feedback)

    def _seen(self, state: int, name: str, command: str) -> int:
        told = getattr(self._states[state], name)  # once the game has ended
        return self._text(told) if told else self._cell(state, self.command_index[command])[1]

    def _reward(self, cell: tuple[int, int]) -> float:
        return float(self._states[self._cell(*cell)[0]].score - self._states[cell[0]].score)

    def _admissible(self, state: int) -> Any:
        row = np.zeros(len(self.commands), dtype=bool)
        with one_sentence(self._world.name):
            for command in self._world.effective(self._states[state]):
                row[self.command_index[command]] = True
        return row

    def _text(self, text: str) -> int:
        number = self._text_number.setdefault(text, len(self._texts))
        if number == len(self._texts):
            self._texts.append(text)
        return number


class Rows:
    """Looks like one of a table's arrays; what is asked for is found then."""

    size = 2**62  # for whoever thinks of keeping or copying the whole

    def __init__(self, find: Callable[[Any], Any]) -> None:
        self._find = find

    def __getitem__(self, index: Any) -> Any:
        return self._find(index)
