"""`GameTable`, a game as a graph in arrays, and how a maze becomes one."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from textmaze.errors import GameError
from textmaze.game.maze import Maze
from textmaze.game.narrator import render
from textmaze.game.rules import WON, Codes, Rules, say
from textmaze.game.turn import step

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
    admissible: Bools  # (S, C) the command changes something, or is a `wait` that matters, or reads what must be known
    won: Bools  # (S,)
    start: int
    objective: int  # text

    live: ClassVar[bool] = False  # whether it grows while it is played: see `LiveTable`
    note: ClassVar[str] = ""  # what a player should be told of the game beforehand

    @cached_property
    def command_index(self) -> dict[str, int]:
        """The column of each command."""
        return {command: index for index, command in enumerate(self.commands)}

    @cached_property
    def distance(self) -> Ints:
        """(S,) the fewest commands to a win; -1 where none is left. Worked out when first asked for."""
        return distances(self.successor, self.won)

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

    def shortest_way(self, state: int | None = None) -> list[str]:
        """The commands of one shortest way from a state, at first the start, to a win; empty where none exists."""
        state, way = self.start if state is None else state, []
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
    @property
    def slow(self) -> bool:
        """Whether to make one takes a second, and not a millisecond."""
        ...

    def table(self, split: str, seed: int) -> GameTable:
        """Game number `seed` of a split."""
        ...

    def prepare(self, split: str, seeds: Sequence[int]) -> None:
        """Make these games beforehand, where making them takes long enough to be worth it."""
        ...


# Thinkable states times commands. With doors and keys a tenth of them can be reached; a table takes 13 bytes for each.
MAX_CELLS = 20_000_000
_ALL_AT_ONCE = 100_000  # cells; above, only states that can be reached are asked for


class TooLargeError(GameError):
    """A maze that may have too many states to know them all."""


def maze_table(maze: Maze) -> GameTable:
    """A maze as a table of the states that can be reached. TooLargeError where its settings allow for too many."""
    rules = Rules(maze)
    if rules.size * len(rules.commands) > MAX_CELLS:
        raise TooLargeError("This maze may have too many states for a table; "
                            "fewer rooms, doors, things or turns in a cycle would do.")
    codes, following, feedback = _explored(rules)
    ends = np.unique(following[following >= rules.size])  # from where nothing leads on
    states = np.concatenate([codes, ends])  # in rising order
    size = len(states), len(rules.commands)
    successor = np.empty(size, dtype=np.int32)
    successor[:len(codes)] = np.searchsorted(states, following)
    successor[len(codes):] = np.arange(len(codes), len(states))[:, None]
    over = np.full(size[0] * size[1] - feedback.size, say("over"))
    told = (feedback.ravel(), over, rules.look(states), rules.inventory(states), [say("objective")])
    every = np.concatenate(told)
    texts = np.unique(every)
    number = np.searchsorted(texts, every)  # faster than the inverse that `unique` gives, as texts are few
    parts: list[Ints] = np.split(number.astype(np.int32), np.cumsum([successor.size, size[0], size[0]]))
    feedbacks, description, inventory, objective = parts
    outcome = states // rules.size
    won = outcome == WON
    return GameTable(
        texts=Texts(texts.tolist(), functools.partial(render, rules)),
        commands=rules.commands,
        successor=successor,
        feedback=feedbacks.reshape(size),
        description=description,
        inventory=inventory,
        reward=(won[successor] & ~won[:, None]).astype(np.float32),
        terminal=outcome > 0,
        admissible=successor != np.arange(len(states))[:, None],
        won=won,
        start=int(np.searchsorted(states, rules.start)),
        objective=int(objective[0]),
    )


def _explored(rules: Rules) -> tuple[Codes, Codes, Codes]:
    """The codes of all states in which the game goes on, rising, and for each command what follows and what is said."""
    every: tuple[Codes, Codes] | None = None
    if rules.size * len(rules.commands) <= _ALL_AT_ONCE:
        every = step(rules, np.arange(rules.size))
        if rules.plain and rules.maze.goal_kind == "coin":  # every room can be reached
            return np.arange(rules.size), *every
    seen = np.zeros(rules.size, dtype=bool)
    frontier = np.array([rules.start])
    found = []
    while len(frontier):
        seen[frontier] = True
        following, said = (every[0][frontier], every[1][frontier]) if every else step(rules, frontier)
        found.append((frontier, following, said))
        fresh = following[following < rules.size]
        frontier = np.unique(fresh[~seen[fresh]])
    codes, following, said = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(codes)
    return codes[order], following[order], said[order]


def distances(successor: Ints, won: Bools) -> Ints:
    """The fewest commands from every state to a won one, -1 where none is left.

    A breadth-first search backwards: each round, the states with a command into the last round's.
    """
    distance = np.where(won, 0, -1).astype(np.int32)
    targets = successor.ravel()
    # Numbers of two bytes are sorted several times as fast.
    small = targets.astype(np.uint16) if len(successor) <= 2**16 else targets
    edges = np.argsort(small, kind="stable")  # by target, so that the edges into a state stand together
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
