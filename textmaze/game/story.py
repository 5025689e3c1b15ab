"""Games that TextWorld tells: one read from its file, and the families that it makes itself."""

import functools
import importlib.metadata
import multiprocessing
import os
import random
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from textmaze.errors import GameError
from textmaze.game.explore import explore, textworld_at_hand
from textmaze.game.layout import DIRECTIONS, OPPOSITE, Layout
from textmaze.game.maze import layout_hash, split_of
from textmaze.game.recipe import Challenge
from textmaze.game.table import GameTable
from textmaze.game.table_file import keep_table, kept_table, table_path

MOST_ROOMS = 100  # that TextWorld compiles for the Z-machine
_LARGEST_FILE = 32_000_000  # bytes; a Z-machine story has at most 512 KiB, its .json some 100 KiB
_ATTEMPTS = 1000
_TEXTWORLDS_DIRECTIONS = ("north", "south", "east", "west")  # in the order in which it draws from them


@dataclass(frozen=True)
class StoryGame:
    """The TextWorld game in a .z8 file with its .json beside it; every split and seed is that game."""

    name: str
    path: Path
    max_steps: int

    def table(self, split: str, seed: int) -> GameTable:
        """The game as a table. GameError where the files are missing, damaged or too large to explore."""
        story, info = _read(self.path), _read(self.path.with_suffix(".json"))
        return _story_table(table_path("story", story, info), story, info, self.path.name)

    def prepare(self, split: str, seeds: Sequence[int]) -> None:
        pass  # there is but one, and `table` keeps it


@dataclass(frozen=True)
class ChallengeGame:
    """The games that TextWorld's own challenge makes at the level of a recipe."""

    name: str
    recipe: Challenge

    def __post_init__(self) -> None:
        rooms, _ = _size(self.recipe.level)
        if rooms > MOST_ROOMS:
            raise GameError(
                f"{self.name}: level {self.recipe.level} of {self.recipe.challenge} has {rooms} rooms, but "
                f"TextWorld takes at most {MOST_ROOMS}; levels 1 to 150 and 201 to 233 can be played."
            )

    @property
    def max_steps(self) -> int:
        return self.recipe.max_steps

    def table(self, split: str, seed: int) -> GameTable:
        """Game number `seed` of a split; where it is not in the cache, TextWorld makes it in about 2 s."""
        return _challenge_table(self._path(split, seed), self.recipe, split, seed)

    def prepare(self, split: str, seeds: Sequence[int]) -> None:
        """Make the games that are not in the cache, on all processors, with a progress bar on stderr.

        The workers are new Python processes, so a script that calls this needs `if __name__ == "__main__":`.
        """
        missing = [seed for seed in dict.fromkeys(seeds) if not self._path(split, seed).is_file()]
        if len(missing) < 2:  # not worth starting processes for: `table` makes it
            return
        from rich.console import Console
        from rich.progress import Progress

        workers = min(len(missing), _processors())
        console = Console(stderr=True)
        with (
            # Forking a process that runs threads, as torch does, can lock up; a spawned one is fresh.
            ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool,
            Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
        ):
            bar = progress.add_task(f"Making games of {self.name} ({split})", total=len(missing))
            jobs = [pool.submit(_make_and_keep, self._path(split, seed), self.recipe, split, seed)
                    for seed in missing]
            try:
                for job in as_completed(jobs):
                    job.result()
                    progress.advance(bar)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _path(self, split: str, seed: int) -> Path:
        return table_path("challenge", self.recipe.challenge, str(self.recipe.level), split, str(seed),
                          _textworld_version())


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise GameError(f"{path} is larger than {_LARGEST_FILE:,} bytes, too large for a TextWorld game.")
        return path.read_bytes()
    except FileNotFoundError:
        beside = " A TextWorld game is a .z8 file with its .json beside it." if path.suffix == ".json" else ""
        raise GameError(f"There is no file {str(path)!r}.{beside}") from None
    except OSError as error:
        raise GameError(f"{path} cannot be read: {error.strerror or error}.") from None


# A table in memory takes some 10 to 100 kB. What tells games apart is their path in the cache.
@functools.lru_cache(maxsize=16)
def _story_table(path: Path, story: bytes, info: bytes, name: str) -> GameTable:
    table = kept_table(path)
    if table is None:
        table = explore(story, info, name)
        keep_table(path, table)
    return table


@functools.lru_cache(maxsize=1024)
def _challenge_table(path: Path, recipe: Challenge, split: str, seed: int) -> GameTable:
    return kept_table(path) or _make_and_keep(path, recipe, split, seed)


def _make_and_keep(path: Path, recipe: Challenge, split: str, seed: int) -> GameTable:
    table = _make(recipe, split, seed)
    keep_table(path, table)
    return table


def _make(recipe: Challenge, split: str, seed: int) -> GameTable:
    """Have TextWorld make and compile the game, and explore it."""
    number, layout = _find(recipe, split, seed)
    with textworld_at_hand(), tempfile.TemporaryDirectory(prefix="textmaze-") as folder:
        import textworld
        from textworld.challenges import CHALLENGES
        from textworld.generator import compile_game

        options = textworld.GameOptions()
        options.seeds = number
        options.path = f"{folder}/game.z8"
        options.grammar.only_last_action = True  # else the objective tells the whole way
        _, make, _ = CHALLENGES[recipe.challenge]
        compile_game(make({"level": recipe.level}, options), options)
        path = Path(options.path)
        table = explore(path.read_bytes(), path.with_suffix(".json").read_bytes(), f"{recipe.challenge}.z8")
    if layout_hash(_layout(table)) != layout_hash(layout):
        # The splits would leak into each other, so this must never pass unseen.
        raise GameError(f"TextWorld {_textworld_version()} draws other maps for {recipe.challenge} than the "
                        "version this was written for, so its games cannot be dealt out to the splits.")
    return table


def _find(recipe: Challenge, split: str, seed: int) -> tuple[int, Layout]:
    """The first seed for TextWorld whose map belongs to the split, and that map."""
    for attempt in range(_ATTEMPTS):
        number = int(random.Random(f"textmaze/{split}/{seed}/{attempt}").random() * 2**31)
        layout = _draw(recipe.level, number)
        if split_of(layout_hash(layout)) == split:
            return number, layout
    raise GameError(f"Level {recipe.level} of {recipe.challenge} has too few different maps to fill the "
                    f"split {split!r}; choose a higher level.")


def _size(level: int) -> tuple[int, int]:
    """The number of rooms of a level, and how many of them form the chain from the start to the coin."""
    chain = (level - 1) % 100 + 1
    return chain * ((level - 1) // 100 + 1), chain


def _draw(level: int, number: int) -> Layout:
    """The map of the coin collector that TextWorld will draw for its seed `number`.

    TextWorld takes a second to make a game, and tells its map only then; but the map depends on one random
    generator alone. Drawing from an equal one shows it in a millisecond, so that no game is made in vain.
    """
    rooms, chain = _size(level)
    draw = np.random.RandomState(np.random.RandomState(number).randint(65635))
    exits: list[list[int]] = []

    def add(source: int | None) -> None:
        exits.append([-1] * len(DIRECTIONS))
        if source is not None:
            free = [way for way in map(DIRECTIONS.index, _TEXTWORLDS_DIRECTIONS) if exits[source][way] < 0]
            way = free[draw.choice(len(free))]
            exits[source][way] = len(exits) - 1
            exits[-1][DIRECTIONS.index(OPPOSITE[DIRECTIONS[way]])] = source

    for room in range(chain):
        add(room - 1 if room else None)
    while len(exits) < rooms:
        add(len(exits) % chain)
    return Layout((), tuple(map(tuple, exits)), 0, chain - 1)


def _layout(table: GameTable) -> Layout:
    """The map of a coin collector's game: its states are the rooms, and one more where the coin is taken."""
    goal = int(np.flatnonzero(table.distance == 1)[0])
    columns = [table.command_index[f"go {direction}"] for direction in DIRECTIONS]
    ways = [[int(target) if target != state else -1 for target in table.successor[state, columns]]
            for state in range(len(table.terminal))]
    return Layout((), tuple(map(tuple, ways)), table.start, goal)


@functools.cache
def _textworld_version() -> str:
    try:
        return importlib.metadata.version("textworld")
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _processors() -> int:
    """How many processors this process may use (Python 3.13 can tell them from those that exist)."""
    count = getattr(os, "process_cpu_count", os.cpu_count)()
    return int(count or 1)
