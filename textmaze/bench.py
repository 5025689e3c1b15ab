"""Benchmarks: how fast games step, beside TextWorld on the same maze in the same run."""

import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from textmaze.env.single import MazeEnv
from textmaze.env.vector import MazeVectorEnv
from textmaze.game.table import MazeGame

INFOS = ("admissible_commands",)  # what a random walker needs, so each step pays for it, TextWorld's too


@dataclass(frozen=True)
class Speed:
    """One measurement."""

    what: str
    rooms: int
    games: int  # played at once
    steps_per_second: float  # over all games
    reset_ms: float  # to begin one fresh maze, in milliseconds


def bench_env(game: MazeGame, counts: list[int], seconds: float) -> Iterator[Speed]:
    """Walk at random by admissible commands, `seconds` each: TextWorld, one `MazeEnv`, and vectors of `counts` games.

    Only stepping is timed, with every observation as a real string. The vector begins a fresh maze wherever one
    ends, within a timed step.
    """
    yield _textworld(game, seconds)
    yield _single(game, seconds)
    for count in counts:
        yield _vector(game, count, seconds)


def _textworld(game: MazeGame, seconds: float) -> Speed:
    from textmaze.game.explore import textworld_at_hand
    from textmaze.game.export import export_z8

    rng, spent, steps = random.Random(0), 0.0, 0
    with textworld_at_hand(), tempfile.TemporaryDirectory(prefix="textmaze-") as folder:
        import textworld

        begun = time.perf_counter()
        path = Path(folder) / "game.z8"
        export_z8(game.maze("train", 0), path)
        env = textworld.start(str(path), textworld.EnvInfos(admissible_commands=True))
        state = env.reset()
        reset = time.perf_counter() - begun
        done = False
        while spent < seconds:
            if done:
                state = env.reset()
            command = rng.choice(state.admissible_commands)
            begun = time.perf_counter()
            state, _, done = env.step(command)
            spent += time.perf_counter() - begun
            steps += 1
        env.close()
    return Speed("TextWorld", game.recipe.rooms, 1, steps / spent, 1000 * reset)


def _single(game: MazeGame, seconds: float) -> Speed:
    rng, spent, steps, resets, resetting = random.Random(0), 0.0, 0, 0, 0.0
    env = MazeEnv(game, infos=INFOS)
    done = True
    while spent < seconds:
        if done:
            begun = time.perf_counter()
            _, info = env.reset(seed=resets)
            resetting += time.perf_counter() - begun
            resets += 1
        command = rng.choice(info["admissible_commands"])
        begun = time.perf_counter()
        _, _, terminated, truncated, info = env.step(command)
        spent += time.perf_counter() - begun
        steps += 1
        done = terminated or truncated
    return Speed("MazeEnv", game.recipe.rooms, 1, steps / spent, 1000 * resetting / resets)


def _vector(game: MazeGame, count: int, seconds: float) -> Speed:
    rng, spent, steps = random.Random(0), 0.0, 0
    env = MazeVectorEnv(count, game, infos=INFOS)
    begun = time.perf_counter()
    _, infos = env.reset(seed=0)
    reset = time.perf_counter() - begun
    while spent < seconds:
        # Where a game has ended nothing is admissible; the step that follows begins the next one.
        commands = [rng.choice(choices) if choices else "look" for choices in infos["admissible_commands"]]
        begun = time.perf_counter()
        _, _, _, _, infos = env.step(commands)
        spent += time.perf_counter() - begun
        steps += count
    return Speed("MazeVectorEnv", game.recipe.rooms, count, steps / spent, 1000 * reset / count)
