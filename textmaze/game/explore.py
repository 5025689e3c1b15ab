"""Reads a TextWorld game into a `GameTable`, by trying every command in every state in its interpreter."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from textmaze.game.interpreter import Job, Outcome, Workers
from textmaze.game.layout import DIRECTIONS
from textmaze.game.situation import OVER, READING, WON, Situation, StoryWorld, one_sentence
from textmaze.game.situation import textworld_at_hand as textworld_at_hand
from textmaze.game.table import GameTable

# States times commands. Each is a step of half a millisecond; a game with loose things soon has millions of
# states, so one that needs more steps than this would most likely be explored for ever.
MAX_CELLS = 200_000

# Steps that one process makes before others are started to help: they need a fifth of a second.
_ALONE = 2_000

GOING = tuple(f"go {direction}" for direction in DIRECTIONS)
ALWAYS = ("look", "inventory", "wait", "help", "goal")


class _Cell(NamedTuple):
    """What a command leads to in a state."""

    successor: int
    feedback: str


def explore(world: StoryWorld, processes: int = 1) -> GameTable | None:
    """The game as a table; None where it has too many states for that.

    Two situations are one state where TextWorld's facts, the completed quests and the score are equal. What
    depends on anything else, such as the number of turns, is as it was where it was met first.
    """
    with one_sentence(world.name):
        if world.guess() > MAX_CELLS:  # it would be explored for a minute, in vain
            return None
    exploration = _Exploration(world, processes)
    try:
        with one_sentence(world.name):
            return exploration.table()
    finally:
        exploration.close()


def columns(commands: Iterable[str]) -> tuple[str, ...]:
    """The commands of a table: those of TextWorld, between the ways to go and what can always be said."""
    return *GOING, *sorted(set(commands) - {*GOING, *ALWAYS}), *ALWAYS


class _Exploration:
    """One walk through a game."""

    def __init__(self, world: StoryWorld, processes: int) -> None:
        self.world = world
        self.processes = processes
        self.workers: Workers | None = None
        self.steps = 0
        self.states: list[Situation] = []
        self.number: dict[Any, int] = {}
        self.cells: list[dict[str, _Cell]] = []  # of each state
        self._note(world.first)

    def close(self) -> None:
        if self.workers:
            self.workers.close()

    def table(self) -> GameTable | None:
        commands: set[str] = set()
        for batch in self._batches():  # first what TextWorld lists, so that all commands get known ...
            listed = [self.world.listed(self.states[index]) for index in batch]
            commands.update(*listed)
            self._try(batch, listed)
            if len(self.states) * len(commands) > MAX_CELLS:
                return None
        found = columns(commands)
        for batch in self._batches():  # ... then all of them everywhere: a table answers as TextWorld does
            self._try(batch, [found] * len(batch))
            if len(self.states) * len(found) > MAX_CELLS:
                return None
        return self._table(found)

    def _batches(self) -> Iterator[range]:
        """The numbers of all states, those too that are found meanwhile."""
        done = 0
        while done < len(self.states):
            batch = range(done, min(len(self.states), done + 64))
            yield batch
            done = batch.stop

    def _try(self, batch: range, commands: Sequence[Sequence[str]]) -> None:
        """Find out what these commands lead to in these states, unless that is known."""
        jobs = [(index, [command for command in asked if command not in self.cells[index]])
                for index, asked in zip(batch, commands, strict=True)]
        todo = [(index, asked) for index, asked in jobs if asked and not self.states[index].ended]
        outcomes = self._outcomes([(self.states[index].moment, asked) for index, asked in todo])
        for (index, asked), found in zip(todo, outcomes, strict=True):
            for command, outcome in zip(asked, found, strict=True):
                feedback, situation = self.world.after(self.states[index], command, outcome)
                same = situation is self.states[index]
                self.cells[index][command] = _Cell(index if same else self._note(situation), feedback)

    def _outcomes(self, jobs: list[Job]) -> Iterator[list[Outcome]]:
        self.steps += sum(len(commands) for _, commands in jobs)
        if self.processes > 1 and self.workers is None and self.steps > _ALONE:
            self.workers = Workers(self.world.story, self.world.name, self.processes)
        return self.workers.outcomes(jobs) if self.workers else map(self.world.interpreter.outcomes, jobs)

    def _note(self, situation: Situation) -> int:
        """The number of a state, which may be new."""
        number = self.number.setdefault(situation.key, len(self.states))
        if number == len(self.states):
            self.states.append(situation)
            self.cells.append({})
        return number

    def _table(self, commands: tuple[str, ...]) -> GameTable:
        number: dict[str, int] = {}

        def texts(found: Iterable[str]) -> Any:
            return np.array([number.setdefault(text, len(number)) for text in found], dtype=np.int32)

        size = len(self.states), len(commands)
        rows = [[_Cell(index, OVER)] * size[1] if state.ended else [self.cells[index][command] for command in commands]
                for index, state in enumerate(self.states)]
        cells = [cell for row in rows for cell in row]
        successor = np.array([cell.successor for cell in cells], dtype=np.int32).reshape(size)
        look = [state.description or cells["look"].feedback
                for state, cells in zip(self.states, self.cells, strict=True)]
        inventory = [state.inventory or cells["inventory"].feedback
                     for state, cells in zip(self.states, self.cells, strict=True)]
        objective = int(texts([self.world.objective])[0])
        score = np.array([state.score for state in self.states], dtype=np.float32)
        admissible = successor != np.arange(size[0])[:, None]
        for command in {*READING} & {*commands}:
            admissible[:, commands.index(command)] |= [command in self.world.listed(state) for state in self.states]
        return GameTable(
            feedback=texts(cell.feedback for cell in cells).reshape(size),
            description=texts(look),
            inventory=texts(inventory),
            texts=tuple(number),
            commands=commands,
            successor=successor,
            reward=score[successor] - score[:, None],
            terminal=np.array([bool(state.ended) for state in self.states]),
            admissible=admissible,
            won=np.array([state.ended == WON for state in self.states]),
            start=0,
            objective=objective,
        )
