"""Games that TextWorld tells: one read from its file, and the families that it makes itself."""

import contextlib
import multiprocessing
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textmaze.errors import GameError
from textmaze.game.challenges import MOST_ROOMS, make_files, settings_key, size, textworld_version
from textmaze.game.explore import explore
from textmaze.game.interpreter import check_runs
from textmaze.game.live import LiveTable
from textmaze.game.recipe import Challenge, CoinCollector
from textmaze.game.situation import StoryWorld, check_story, textworld_at_hand
from textmaze.game.table import GameTable
from textmaze.game.table_file import keep_files, keep_table, kept_files, kept_table, table_path

_LARGEST_FILE = 32_000_000  # bytes; a Z-machine story has at most 512 KiB, its .json some 100 KiB


@dataclass(frozen=True)
class StoryGame:
    """The TextWorld game in a .z8 file with its .json beside it; every split and seed is that game."""

    slow: ClassVar[bool] = False
    name: str
    path: Path
    max_steps: int

    def table(self, split: str, seed: int) -> GameTable:
        """The game as a table, a `LiveTable` where it is too large. GameError where files are missing or damaged."""
        story, info = _read(self.path), _read(self.path.with_suffix(".json"))
        path = table_path("story", story, info)
        return _table(path, self.path.name, lambda: (_checked(story, self.path.name), info), processors())

    def prepare(self, split: str, seeds: Sequence[int]) -> None:
        pass  # there is but one, and `table` keeps it


@dataclass(frozen=True)
class ChallengeGame:
    """The games that one of TextWorld's own challenges makes with the settings of a recipe."""

    slow: ClassVar[bool] = True
    name: str
    recipe: Challenge

    def __post_init__(self) -> None:
        if isinstance(self.recipe, CoinCollector) and size(self.recipe.level)[0] > MOST_ROOMS:
            raise GameError(
                f"{self.name}: level {self.recipe.level} of {self.recipe.challenge} has {size(self.recipe.level)[0]} "
                f"rooms, but TextWorld takes at most {MOST_ROOMS}; levels 1 to 150 and 201 to 233 can be played."
            )

    @property
    def max_steps(self) -> int:
        return self.recipe.max_steps

    def table(self, split: str, seed: int) -> GameTable:
        """Game number `seed` of a split, a `LiveTable` where it is too large.

        Where it is not in the cache, TextWorld makes it, which takes some 2 s; to explore it can take a minute.
        """
        return self._make(split, seed, processors())

    def prepare(self, split: str, seeds: Sequence[int]) -> None:
        """Make the games that are not in the cache, on all processors, with a progress bar on stderr.

        The workers are new Python processes, so a script that calls this needs `if __name__ == "__main__":`.
        """
        missing = [seed for seed in dict.fromkeys(seeds) if not self._path(split, seed).is_file()]
        if len(missing) < 2:  # not worth starting processes for: `table` makes it
            return
        from rich.console import Console
        from rich.progress import Progress

        workers = min(len(missing), processors())
        console = Console(stderr=True)
        with (
            # Forking a process that runs threads, as torch does, can lock up; a spawned one is fresh.
            ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool,
            Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
        ):
            bar = progress.add_task(f"Making games of {self.name} ({split})", total=len(missing))
            jobs = [pool.submit(_prepare, self, split, seed) for seed in missing]
            try:
                for job in as_completed(jobs):
                    job.result()
                    progress.advance(bar)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _make(self, split: str, seed: int, processes: int) -> GameTable:
        return _table(self._path(split, seed), f"{self.recipe.challenge}.z8",
                      lambda: make_files(self.recipe, split, seed), processes)

    def _path(self, split: str, seed: int) -> Path:
        return table_path("challenge", self.recipe.challenge, settings_key(self.recipe), split, str(seed),
                          textworld_version())


def _prepare(game: ChallengeGame, split: str, seed: int) -> None:
    game._make(split, seed, 1)  # the other processors have games of their own


class _Memory:
    """The tables that were used last."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tables: OrderedDict[Path, GameTable] = OrderedDict()

    def get(self, path: Path) -> GameTable | None:
        table = self._tables.pop(path, None)
        if table is None or getattr(table, "grown", False):
            return None
        self._tables[path] = table
        return table

    def put(self, path: Path, table: GameTable) -> None:
        self._tables[path] = table
        while len(self._tables) > self._most:
            self._tables.popitem(last=False)

    def clear(self) -> None:
        self._tables.clear()


# A table in memory takes some 10 to 100 kB, a live one up to 10 MB. What tells games apart is their path in the cache.
MEMORY, LIVE_MEMORY = _Memory(1024), _Memory(64)


def _table(path: Path, name: str, files: Callable[[], tuple[bytes, bytes]], processes: int) -> GameTable:
    """A game's table: from memory, from the disk, or from the bytes of its .z8 and its .json."""
    table = MEMORY.get(path) or LIVE_MEMORY.get(path) or kept_table(path)
    if table is None:
        kept = kept_files(path)
        if kept:
            table = LiveTable(StoryWorld(*kept, name))
        else:
            with _patience(name):
                story, info = files()
                world = StoryWorld(story, info, name)
                table = explore(world, processes)
            if table:
                keep_table(path, table)
            else:
                table = LiveTable(world)
                keep_files(path, story, info)
    (LIVE_MEMORY if isinstance(table, LiveTable) else MEMORY).put(path, table)
    return table


@contextlib.contextmanager
def _patience(name: str) -> Iterator[None]:
    """Somebody may be looking on, and this may take a minute."""
    if multiprocessing.parent_process() is not None:  # a worker of `prepare`, which has a progress bar
        yield
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status(f"Reading {name}") if console.is_terminal else contextlib.nullcontext():
        yield


def _checked(story: bytes, name: str) -> bytes:
    """The bytes of a story that may be a stranger's, if its interpreter can cope with them."""
    check_story(story, name)
    with textworld_at_hand():
        check_runs(story, name)
    return story


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


def processors() -> int:
    """How many processors this process may use (Python 3.13 can tell them from those that exist)."""
    count = getattr(os, "process_cpu_count", os.cpu_count)()
    return int(count or 1)
