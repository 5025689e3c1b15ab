"""The games that are mazes of our own: those of a recipe, and one from a file."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textmaze.game.generate import make_game, make_maze
from textmaze.game.live_maze import LiveMaze
from textmaze.game.maze import Maze
from textmaze.game.recipe import Recipe
from textmaze.game.table import GameTable, TooLargeError, maze_table


@dataclass(frozen=True)
class MazeGame:
    """The mazes of a recipe."""

    slow: ClassVar[bool] = False
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

    slow: ClassVar[bool] = False
    name: str
    single: Maze
    max_steps: int

    @functools.cached_property
    def _table(self) -> GameTable:
        return _table(self.single)

    def table(self, split: str, seed: int) -> GameTable:
        return self._table

    def prepare(self, split: str, seeds: Sequence[int]) -> None:
        pass

    def maze(self, split: str, seed: int) -> Maze:
        return self.single


# Training plays the same games over and over; kept tables keep their rendered texts too. A table takes 10 kB for 25
# rooms, 400 kB for 1,000.
@functools.lru_cache(maxsize=256)
def _recipe_table(recipe: Recipe, split: str, seed: int) -> GameTable:
    maze, table = make_game(recipe, split, seed)
    return table or _table(maze)


def _table(maze: Maze) -> GameTable:
    """The maze as a table; one that grows while it is played, where there may be too many states to know them all."""
    try:
        return maze_table(maze)
    except TooLargeError:
        return LiveMaze(maze)
