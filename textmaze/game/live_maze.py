"""A maze with too many states for a table, played live: the same rules work its rows out when first asked for."""

from functools import cached_property
from typing import Any

import numpy as np

from textmaze.game.live import NOTE, Rows
from textmaze.game.maze import Maze
from textmaze.game.narrator import render
from textmaze.game.rules import WON, Rules, say
from textmaze.game.table import GameTable
from textmaze.game.turn import step

_MOST_ROWS = 5_000  # that are kept; one takes some kilobytes and a fifth of a millisecond


class LiveMaze(GameTable):
    """A table that grows: it answers to the same indexes, such as `successor[state, column]`, and to no slices.

    `distance` is 0 where the game is won, else -1, for unknown; so `best_command` is None.
    """

    live = True
    note = NOTE

    def __init__(self, maze: Maze) -> None:
        self._rules = Rules(maze)
        self._codes = [self._rules.start]
        self._number = {self._rules.start: 0}
        self._rows: dict[int, tuple[list[int], list[int]]] = {}  # what follows and what is said, in codes
        self._text_number: dict[int, int] = {}
        self._texts: list[str] = []
        fields = {
            "texts": self._texts,
            "commands": self._rules.commands,
            "successor": Rows(lambda cell: self._state(self._row(cell[0])[0][cell[1]])),
            "feedback": Rows(lambda cell: self._text(self._row(cell[0])[1][cell[1]])),
            "description": Rows(lambda state: self._text(int(self._rules.look(self._code(state))[0]))),
            "inventory": Rows(lambda state: self._text(int(self._rules.inventory(self._code(state))[0]))),
            "reward": Rows(lambda cell: float(self._wins(*cell))),
            "terminal": Rows(lambda state: self._outcome(self._codes[state]) > 0),
            "admissible": Rows(lambda state: np.array(self._row(state)[0]) != self._codes[state]),
            "won": Rows(lambda state: self._outcome(self._codes[state]) == WON),
            "start": 0,
            "objective": self._text(say("objective")),
        }
        super().__init__(**fields)  # type: ignore[arg-type]

    @cached_property
    def distance(self) -> Any:
        """0 where the game is won, else -1: unknown."""
        return Rows(lambda state: 0 if self.won[state] else -1)

    def _row(self, state: int) -> tuple[list[int], list[int]]:
        row = self._rows.get(state)
        if row is None:
            if len(self._rows) >= _MOST_ROWS:
                self._rows.clear()
            row = self._rows[state] = self._worked_out(self._codes[state])
        return row

    def _worked_out(self, code: int) -> tuple[list[int], list[int]]:
        if self._outcome(code):
            return [code] * len(self.commands), [say("over")] * len(self.commands)
        following, told = step(self._rules, np.array([code]))
        return following[0].tolist(), told[0].tolist()

    def _wins(self, state: int, column: int) -> bool:
        return not self.won[state] and self._outcome(self._row(state)[0][column]) == WON

    def _outcome(self, code: int) -> int:
        return code // self._rules.size

    def _code(self, state: int) -> Any:
        return np.array([self._codes[state]])

    def _state(self, code: int) -> int:
        number = self._number.setdefault(code, len(self._codes))
        if number == len(self._codes):
            self._codes.append(code)
        return number

    def _text(self, code: int) -> int:
        number = self._text_number.setdefault(code, len(self._texts))
        if number == len(self._texts):
            self._texts.append(render(self._rules, code))
        return number
