"""`GameTable`, a game as a graph in arrays, and how a maze becomes one."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from textmaze.game import rules
from textmaze.game.maze import Maze, make_maze
from textmaze.game.narrator import render
from textmaze.game.recipe import Recipe

Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]


class Texts(Sequence[str]):
    """Texts by number, each rendered when it is first read."""

    def __init__(self, keys: Sequence[Any], render: Callable[[Any], str]) -> None:
        self._keys = keys
        self._render = render
        self._done: list[str | None] = [None] * len(keys)

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        text = self._done[index]
        if text is None:
            text = self._done[index] = self._render(self._keys[index])
        return text


@dataclass(frozen=True, eq=False)
class GameTable:
    """A game as a graph: S states, C commands, T distinct texts.

    The state 0 need not be the start. A command that changes nothing has the state itself as its successor.
    """

    texts: Sequence[str]  # T; may be rendered on first use
    commands: tuple[str, ...]  # C
    successor: Ints  # (S, C)
    feedback: Ints  # (S, C) text: what the game answers
    description: Ints  # (S,) text: what `look` says
    inventory: Ints  # (S,) text
    reward: NDArray[np.float32]  # (S, C)
    terminal: Bools  # (S,) won or lost
    admissible: Bools  # (S, C) the command changes something, or is a `wait` that matters
    distance: Ints  # (S,) fewest commands to a win; -1 where none is left
    start: int
    objective: int  # text

    @cached_property
    def command_index(self) -> dict[str, int]:
        """The column of each command."""
        return {command: index for index, command in enumerate(self.commands)}

    @cached_property
    def _admissible_commands(self) -> dict[int, tuple[str, ...]]:
        return {}

    def admissible_commands(self, state: int) -> tuple[str, ...]:
        """The admissible commands of a state, in the order of `commands`."""
        found = self._admissible_commands.get(state)
        if found is None:
            found = tuple(self.commands[c] for c in np.flatnonzero(self.admissible[state]))
            self._admissible_commands[state] = found
        return found

    def best_command(self, state: int) -> str | None:
        """The first command on a shortest way to a win, or None where no win is left."""
        distance = int(self.distance[state])
        if distance <= 0:
            return None
        column = int(np.flatnonzero(self.distance[self.successor[state]] == distance - 1)[0])
        return self.commands[column]

    def shortest_way(self) -> list[str]:
        """The commands of one shortest way from the start to a win; empty where none exists."""
        state, way = self.start, []
        while command := self.best_command(state):
            way.append(command)
            state = int(self.successor[state, self.command_index[command]])
        return way


class Game(Protocol):
    """A family of games, or a single one: seeds in, tables out."""

    @property
    def name(self) -> str: ...
    @property
    def max_steps(self) -> int: ...
    def table(self, split: str, seed: int) -> GameTable:
        """Game number `seed` of a split."""
        ...

    def prepare(self, split: str, seeds: Sequence[int]) -> None:
        """Make these games beforehand, where making them takes long enough to be worth it."""
        ...


@dataclass(frozen=True)
class MazeGame:
    """The mazes of a recipe."""

    name: str
    recipe: Recipe

    @property
    def max_steps(self) -> int:
        return self.recipe.max_steps

    def table(self, split: str, seed: int) -> GameTable:
        return _recipe_table(self.recipe, split, seed)

    def prepare(self, split: str, seeds: Sequence[int]) -> None:
        pass  # a maze takes a millisecond

    def maze(self, split: str, seed: int) -> Maze:
        return make_maze(self.recipe, split, seed)


@dataclass(frozen=True)
class SingleMaze:
    """One maze from a file; every split and seed is that maze."""

    name: str
    single: Maze
    max_steps: int

    def table(self, split: str, seed: int) -> GameTable:
        return maze_table(self.single)

    def prepare(self, split: str, seeds: Sequence[int]) -> None:
        pass

    def maze(self, split: str, seed: int) -> Maze:
        return self.single


# Training plays the same games over and over; kept tables keep their rendered texts too. A table takes 10 kB for 25
# rooms, 400 kB for 1,000.
@functools.lru_cache(maxsize=256)
def _recipe_table(recipe: Recipe, split: str, seed: int) -> GameTable:
    return maze_table(make_maze(recipe, split, seed))


def maze_table(maze: Maze) -> GameTable:
    """Walk the rules from the first state until no new state is found."""
    states = [rules.first_state(maze)]
    number = {states[0]: 0}
    text_number: dict[Any, int] = {}

    def text(key: Any) -> int:
        return text_number.setdefault(key, len(text_number))

    successor, feedback = [], []
    for state in states:  # grows while it is walked
        outcomes = [rules.step(maze, state, command) for command in rules.COMMANDS]
        for outcome in outcomes:
            if outcome.state not in number:
                number[outcome.state] = len(states)
                states.append(outcome.state)
        successor.append([number[outcome.state] for outcome in outcomes])
        feedback.append([text(outcome.feedback) for outcome in outcomes])
    description = [text(rules.description(maze, state)) for state in states]
    won = np.array([state.won for state in states])
    follows = np.array(successor, dtype=np.int32)
    inventory = text(("say", "empty"))
    objective = text(("objective",))
    return GameTable(
        texts=Texts(list(text_number), lambda key: render(maze, key)),
        commands=rules.COMMANDS,
        successor=follows,
        feedback=np.array(feedback, dtype=np.int32),
        description=np.array(description, dtype=np.int32),
        inventory=np.full(len(states), inventory, dtype=np.int32),
        reward=(won[follows] & ~won[:, None]).astype(np.float32),
        terminal=won,
        admissible=follows != np.arange(len(states))[:, None],
        distance=distances(follows, won),
        start=0,
        objective=objective,
    )


def distances(successor: Ints, won: Bools) -> Ints:
    """The fewest commands from every state to a won one, -1 where none is left.

    A breadth-first search backwards: each round, the states with a command into the last round's.
    """
    distance = np.where(won, 0, -1).astype(np.int32)
    targets = successor.ravel()
    edges = np.argsort(targets, kind="stable")  # by target, so that the edges into a state stand together
    first = np.searchsorted(targets[edges], np.arange(len(successor) + 1))
    frontier, steps = np.flatnonzero(won), 0
    while len(frontier):
        steps += 1
        counts = first[frontier + 1] - first[frontier]
        places = np.arange(counts.sum()) + np.repeat(first[frontier] - np.cumsum(counts) + counts, counts)
        sources = edges[places] // successor.shape[1]
        frontier = np.unique(sources[distance[sources] < 0])
        distance[frontier] = steps
    return distance
