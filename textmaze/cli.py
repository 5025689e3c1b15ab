"""The commands. Each imports only what it needs; most stand in files of their own, `cli_...`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from textmaze import __version__, completion
from textmaze.cli_bench import bench
from textmaze.cli_measure import compare, evaluate, foresight, reproduce
from textmaze.cli_page import explain
from textmaze.cli_play import play
from textmaze.cli_tools import completion as shell_script
from textmaze.cli_tools import doctor
from textmaze.cli_transcripts import convert, transcript, verify
from textmaze.errors import GameError, RunError
from textmaze.options import (
    EPISODES,
    SEED,
    SPLIT,
    Commands,
    code_option,
    game_of,
    option,
    set_option,
    waiting,
    with_option,
)

if TYPE_CHECKING:
    from textmaze.game.maze import Maze
    from textmaze.game.table import Game


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="textmaze")
def main() -> None:
    """Mazes told in natural language: play them, train agents on them, keep transcripts.

    GAME is a recipe's or a suite's name, a .toml file, a maze's .json, or a TextWorld .z8 with its .json beside it.
    AGENT is a name, a .py file, or the folder of a training run.

    \b
    Examples:
      textmaze play
      textmaze train labyrinth
      textmaze evaluate explorer labyrinth --with rooms=50
      textmaze transcript walkthrough keys --format markdown
    """


@click.command()
@click.argument("name", required=False, shell_complete=completion.games)
@option("--format", "kind", type=click.Choice(["terminal", "markdown"]),
        help="How a page is shown.  [default: by whether it is read in a terminal]")
@option("--episodes", type=EPISODES, default=100, help="Unseen games of the page's figures, if there is time for them.")
@with_option
def games(name: str | None, kind: str | None, episodes: int, overrides: tuple[str, ...]) -> None:
    """The recipes and suites there are, or the page of one.

    \b
    Examples:
      textmaze games
      textmaze games clockwork
      textmaze games labyrinth --with rooms=9 --episodes 20
      textmaze games ladder
    """
    from textmaze.catalog import game_files
    from textmaze.game.recipe import read_recipe
    from textmaze.settings import pairs
    from textmaze.suite import is_suite, load_suite, suite_files, summary

    if name is not None and is_suite(name):
        suite = load_suite(name, pairs(overrides))
        click.echo(f"{suite.about.title or suite.name}: {suite.about.summary}\n")
        lines = {entry.label: f"textmaze play {entry.spec}" + "".join(
            f" --with {key}={value}" for key, value in entry.overrides.items()) for entry in suite.entries}
        _list(lines, max(map(len, lines)))
        return
    if name is not None:
        _page(name, kind, episodes, overrides)
        return
    recipes = {name: read_recipe(path).summary for name, path in game_files().items()}
    suites = {name: summary(path) for name, path in suite_files().items()}
    width = max(map(len, (*recipes, *suites)))
    _list(recipes, width)
    click.echo("\nSuites, several games for train, evaluate and compare:")
    _list(suites, width)


def _page(name: str, kind: str | None, episodes: int, overrides: tuple[str, ...]) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    from textmaze.show.recipe_page import recipe_page

    console = Console()
    with Console(stderr=True).status("playing its games"):
        page = recipe_page(game_of(name, overrides), episodes=episodes)
    if kind == "markdown" or (kind is None and not console.is_terminal):
        click.echo(page, nl=False)
    else:
        console.print(Markdown(page))


@click.command()
def agents() -> None:
    """The agents there are, one line each.

    \b
    Examples:
      textmaze agents
    """
    from textmaze.catalog import agent_files, card_line, first_line, pretrained

    lines = {name: first_line(path) for name, path in agent_files().items()}
    trained = {name: card_line(folder) for name, folder in pretrained().items()}
    width = max(map(len, {**lines, **trained}))
    _list(lines, width)
    click.echo("\nThey come trained:")
    _list(trained, width)


def _list(lines: dict[str, str], width: int) -> None:
    for name, line in lines.items():
        click.echo(f"{name:<{width}}  {line}")


@click.command()
@click.argument("game", default="labyrinth", shell_complete=completion.games)
@option("--agent", "spec", metavar="AGENT", default="bert_q", help="A shipped name or a .py file.",
        shell_complete=completion.agents)
@option("--steps", type=click.IntRange(1), help="Commands to learn from.  [default: the setting's, see --set]")
@option("--seed", type=SEED, default=0, help="First weights, exploration, and the order of the games.")
@option("--out", type=click.Path(path_type=Path), help="The run folder.  [default: a new one under runs/]")
@option("--resume", type=click.Path(path_type=Path), help="Go on with the training in this run folder.")
@option("--episodes", type=EPISODES, help="Unseen games of the final table.  [default: 100; a suite says it itself]")
@set_option
@with_option
@code_option
@click.pass_context
def train(
    context: click.Context, game: str, spec: str, steps: int | None, seed: int, out: Path | None,
    resume: Path | None, episodes: int | None, sets: tuple[str, ...], overrides: tuple[str, ...], code: str | None,
) -> None:
    """Train an agent, and see how it does on unseen games.

    Ctrl-C ends it with all that was learned.

    \b
    Examples:
      textmaze train labyrinth
      textmaze train keys --seed 1 --out runs/keys
      textmaze train corridor --steps 500 --set encoder=hash --episodes 10
      textmaze train --resume runs/keys --steps 40000
    """
    from rich.console import Console

    from textmaze.files import make_folder
    from textmaze.measure import final_table, one_thread, say
    from textmaze.run_report import write_report
    from textmaze.settings import pairs
    from textmaze.show.results import training_bar

    with waiting("torch is loaded"):
        from textmaze.learn import runs

    console = Console()
    changes = {**pairs(sets), **({"steps": steps} if steps else {})}
    if resume:
        for name in ("game", "spec", "seed", "out", "overrides"):
            if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT:
                raise RunError(f"A training that is resumed keeps its game, agent and seed: leave out all but --resume "
                               f"{resume}, --steps and --set.")
        plan = runs.resumed(resume, changes, code)
    else:
        with waiting(f"{spec} gets ready"):
            plan = runs.planned(game, pairs(overrides), spec, changes, seed, out)
    make_folder(plan.folder)
    one_thread()
    say(console, f"{plan.agent} learns {plan.game.name}; what it learns is kept in {plan.folder}")
    interrupted = False
    with training_bar(console, plan.settings.steps) as show:
        try:
            runs.run(plan, show)
        except KeyboardInterrupt:
            interrupted = True
    if not interrupted:
        final_table(console, plan.folder, episodes, code)
    elif runs.can_go_on(plan.folder):
        write_report(plan.folder, [], code, samples=0)
        say(console, f"Stopped. What was learned is kept; go on with: textmaze train --resume {plan.folder}")
    else:
        say(console, "Stopped before anything was learned.")


@click.command()
@click.argument("game", shell_complete=completion.games)
@option("--seed", type=SEED, default=0, help="Which game of the split.")
@option("--split", type=SPLIT, default="train", help="Test and valid share no maze, name or sentence with train.")
@option("--format", "kind", type=click.Choice(["z8", "json"]), default="z8", help="TextWorld's game, or our maze.")
@option("--out", type=click.Path(path_type=Path), required=True, help="The file to write.")
@with_option
def make(game: str, seed: int, split: str, kind: str, out: Path, overrides: tuple[str, ...]) -> None:
    """Write a maze to a file, for TextWorld or as JSON.

    \b
    Examples:
      textmaze make labyrinth --seed 3 --out maze.z8
      textmaze make keys --format json --out keys.json
      textmaze play keys.json
    """
    from textmaze.files import write_file

    maze = _maze(game_of(game, overrides), split, seed)
    if kind == "json":
        write_file(out, maze.to_json())
    else:
        from textmaze.game.export import export_z8

        with waiting("TextWorld compiles it"):
            export_z8(maze, out)
    click.echo(f"Wrote {out}.", err=True)


@click.command()
@click.argument("game", shell_complete=completion.games)
@option("--seed", type=SEED, default=0, help="Which game of the split.")
@option("--split", type=SPLIT, default="train", help="Test and valid share no maze, name or sentence with train.")
@with_option
def solve(game: str, seed: int, split: str, overrides: tuple[str, ...]) -> None:
    """Print a shortest way to win, one command a line.

    \b
    Examples:
      textmaze solve keys --seed 12
      textmaze solve labyrinth --with rooms=9
      textmaze solve keys --seed 3 | textmaze play keys --seed 3
    """
    table = game_of(game, overrides).table(split, seed)
    if table.live:
        raise GameError(f"{game} has too many states to know them all, so its shortest way is not known.")
    way = table.shortest_way()
    if not way:
        raise GameError(f"{game} cannot be won from its start.")
    for command in way:
        click.echo(command)
    click.echo(f"{len(way)} commands; no way is shorter.", err=True)


@click.command()
@click.argument("games", metavar="[GAME]...", nargs=-1, shell_complete=completion.games)
@option("--mazes", type=click.IntRange(1, 1_000_000), default=200, help="How many mazes, over all games together.")
@option("--commands", type=click.IntRange(1, 1_000_000), default=200, help="How many lines are typed in each.")
@option("--seed", type=SEED, default=0, help="Which mazes, and what is typed.")
def conform(games: tuple[str, ...], mazes: int, commands: int, seed: int) -> None:
    """Compare mazes with their exports in TextWorld, line by line.

    Without a GAME, all recipes of mazes and recipes drawn at random are taken in turn. What is typed is sense and
    nonsense; answers, scores and ends must be the same. The exit code is 1 where any differs.

    \b
    Examples:
      textmaze conform
      textmaze conform keys tower --mazes 4 --commands 50
    """
    from rich.console import Console

    from textmaze.catalog import game_files
    from textmaze.game import conform as proof
    from textmaze.game.mazes import MazeGame, SingleMaze
    from textmaze.game.mixture import parts
    from textmaze.show.results import episodes_bar

    found = [part for name in games or game_files() for part in parts(game_of(name, ()))]
    walkable: list[MazeGame | SingleMaze | None] = [game for game in found if isinstance(game, MazeGame | SingleMaze)]
    if games and len(walkable) < len(found):
        raise GameError("Only mazes can be compared with their exports; other games are TextWorld's own.")
    jobs = proof.plan(walkable if games else [*walkable, None], mazes, commands, seed)
    tally = proof.Tally()
    with episodes_bar(Console(stderr=True), "Walking mazes here and in TextWorld", len(jobs)) as show:
        for done, found_there in enumerate(proof.run(jobs), 1):
            tally.add(found_there)
            show(done)
    for line in tally.lines():
        click.echo(line)
    if tally.differing:
        raise SystemExit(1)


def _maze(game: "Game", split: str, seed: int) -> "Maze":
    from textmaze.game.mazes import MazeGame, SingleMaze
    from textmaze.game.mixture import Mixture

    if isinstance(game, Mixture):
        game, seed = game.part(seed)
    if not isinstance(game, MazeGame | SingleMaze):
        raise GameError(f"{game.name} is TextWorld's own, so there is no maze to write; mazes come from recipes.")
    return game.maze(split, seed)


for title, commands in {
    "Play": (play, games, agents, solve),
    "Train and measure": (train, evaluate, compare, explain, foresight, reproduce),
    "Transcripts": (transcript, verify, convert),
    "Tools": (make, conform, bench, doctor, shell_script),
}.items():
    main.add_section(title, commands)


if __name__ == "__main__":
    main(prog_name="textmaze")
