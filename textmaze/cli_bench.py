"""The commands that measure speed."""

import functools

import click

from textmaze import completion
from textmaze.errors import GameError
from textmaze.options import Commands, game_of, option, with_option


@click.group(cls=Commands)
def bench() -> None:
    """Measure speed, beside TextWorld in the same run.

    \b
    Examples:
      textmaze bench env labyrinth
      textmaze bench learn
      textmaze bench transcript
    """


@bench.command("env")
@click.argument("game", default="labyrinth", shell_complete=completion.games)
@option("--games", "counts", type=click.IntRange(1, 100_000), multiple=True, default=(1, 64, 1024, 16384),
        help="How many games a vector plays at once; may be given again.")
@option("--mazes", type=click.IntRange(1, 1000), default=10, help="Mazes that all play; TextWorld compiles each.")
@option("--seconds", type=click.FloatRange(0.01, 600), default=2.0, help="How long each kind is stepped.")
@with_option
def bench_env(game: str, counts: tuple[int, ...], mazes: int, seconds: float, overrides: tuple[str, ...]) -> None:
    """Steps per second of the environments.

    What is typed is random and valid. TextWorldExpress is measured too where it is installed: pip install
    'textmaze[peers]'.

    \b
    Examples:
      textmaze bench env
      textmaze bench env keys --games 64 --games 1024 --seconds 0.5
    """
    from rich.console import Console

    from textmaze import bench as benchmarks
    from textmaze.game.mazes import MazeGame
    from textmaze.measure import say
    from textmaze.show.results import making_table, speed_table

    found = game_of(game, overrides)
    if not isinstance(found, MazeGame):
        raise GameError(f"{found.name} is not a recipe of mazes, and only these can be exported to TextWorld.")
    console, errors = Console(), Console(stderr=True)

    tell = functools.partial(say, errors)
    speeds = list(benchmarks.bench_env(found, counts, seconds, mazes, tell))
    makings = list(benchmarks.bench_making(found, tell))
    console.print(speed_table(speeds, f"{found.name}: steps per second", mazes, benchmarks.MANY))
    say(console, benchmarks.WHAT_IS_TIMED + "\n")
    console.print(making_table(makings, f"{found.name}: milliseconds to begin a game in a fresh maze"))


@bench.command("learn")
@click.argument("game", default="labyrinth", shell_complete=completion.games)
@option("--seconds", type=click.FloatRange(0.1, 600), default=15.0, help="How long each agent is timed.")
@with_option
def bench_learn(game: str, seconds: float, overrides: tuple[str, ...]) -> None:
    """How fast texts are read, and how fast agents learn.

    sentence-transformers is measured too where it is installed: pip install 'textmaze[peers]'.

    \b
    Examples:
      textmaze bench learn
      textmaze bench learn keys --seconds 5
    """
    from rich.console import Console

    from textmaze import bench_learn as benchmarks
    from textmaze.measure import say

    found = game_of(game, overrides)
    console, tell = Console(), functools.partial(say, Console(stderr=True))
    encodings = benchmarks.bench_encoding(found, tell)
    learnings = list(benchmarks.bench_learning(found, seconds, tell))
    console.print(benchmarks.encoding_table(encodings, f"{found.name}: texts per second"))
    say(console, benchmarks.WHAT_IS_TIMED + "\n")
    console.print(benchmarks.learning_table(learnings, f"{found.name}: learning"))
