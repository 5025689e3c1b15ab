"""An agent measured beside the controls and shown: what `evaluate` prints, and what a training ends with."""

import functools
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

    from textmaze.env.rollout import Agent
    from textmaze.game.table import Game
    from textmaze.learn.evaluate import Result
    from textmaze.suite import Row, Suite

CONTROLS = ("wander", "explorer", "walkthrough")
INTERVALS = ("In brackets: 95% intervals by a stratified bootstrap that draws mazes and seeds; games are the strata. "
             "SPL is success weighted by path length; revisits is the share of steps that led to a description which "
             "was read before in the episode.")
EPISODES = 100  # games of a table, where nobody says how many
Maker = Callable[[str, int], "tuple[str, Agent]"]  # what an agent is called by, and its seed, to its name and itself


def measure(
    console: "Console", name: str, agent: "Agent", game: "Game", split: str, seed: int, episodes: int
) -> "Result":
    """Play games number `seed` and up of a split, with a bar on the console."""
    from textmaze.learn.evaluate import evaluate
    from textmaze.show.results import episodes_bar

    seeds = range(seed, seed + episodes)
    game.prepare(split, seeds)  # before the bar, as it may show one of its own
    with episodes_bar(console, f"{name} plays {game.name}", episodes) as show:
        return evaluate(agent, game, seeds, name=name, split=split, show=show)


def measure_alone(
    agent: str, make: Maker, game: "Game", split: str, seed: int, episodes: int, *, as_json: bool, note: str = ""
) -> None:
    """Print how an agent does on one game: a table with the controls beside it, or JSON of the agent alone.

    `note` ends the table's title.
    """
    from rich.console import Console

    from textmaze.show.results import results_table

    one_thread()
    name, made = make(agent, seed)
    live = say_note(game, split, seed)
    errors = Console(stderr=True)
    rows = [measure(errors, name, made, game, split, seed, episodes)]
    if as_json:
        click.echo(json.dumps({**rows[0].to_dict(), "agent": agent}))
        return
    for control in CONTROLS:
        if control != name and not (live and control == "walkthrough"):  # it would be told no way
            rows.append(measure(errors, control, make(control, seed)[1], game, split, seed, episodes))
    title = f"{game.name}: {episodes} games of the {split} split{note}"
    Console().print(results_table([(row, "") for row in rows], title))


def measure_on_suite(
    agent: str, make: Maker, suite: "Suite", seed: int | None, episodes: int | None, *, as_json: bool, note: str = ""
) -> None:
    """Print how an agent and the controls do on each game of a suite: a table, or JSON."""
    from rich.console import Console

    from textmaze.suite import to_dict

    rows = suite_rows(Console(stderr=True), agent, make, suite, seed, episodes)
    if as_json:
        click.echo(json.dumps(to_dict(suite, rows, agent)))
    else:
        print_suite(Console(), suite, rows, note)


def suite_rows(
    console: "Console", agent: str, make: Maker, suite: "Suite", seed: int | None = None, episodes: int | None = None
) -> "list[Row]":
    """A row for each game of a suite; None stands for the number that the suite itself gives."""
    from textmaze.suite import measure_suite

    one_thread()
    return measure_suite(
        suite, agent, make, CONTROLS, functools.partial(measure, console),
        seed=suite.about.seed if seed is None else seed,
        episodes=suite.about.episodes if episodes is None else episodes,
    )


def print_suite(console: "Console", suite: "Suite", rows: "list[Row]", note: str = "") -> None:
    from textmaze.show.results import suite_table
    from textmaze.suite import mean_row

    played = rows[0].result
    title = (f"{suite.about.title or suite.name}, played by {played.agent}: {played.episodes} games of the "
             f"{suite.about.split} split each{note}")
    console.print(suite_table(rows, mean_row(rows), title))


def final_table(console: "Console", folder: Path, episodes: int | None, code: str | None) -> None:
    """Print the trained agent beside the controls on games of the split test, and what can be done with it.

    The same table stands in the run's report.
    """
    from textmaze.catalog import load_game, make_agent
    from textmaze.game.recipe import Recipe
    from textmaze.learn.checkpoint import load_model
    from textmaze.learn.runs import trained_on
    from textmaze.run_report import write_report
    from textmaze.show.report import results_grid, suite_grid
    from textmaze.show.results import results_table
    from textmaze.suite import is_suite, load_suite

    spec, changes = trained_on(folder, load_model(folder)[0])

    def make(agent: str, seed: int) -> "tuple[str, Agent]":
        return make_agent(agent, {}, seed, code)

    if is_suite(spec):
        suite = load_suite(spec, changes)
        games = suite_rows(console, str(folder), make, suite, None, episodes)
        print_suite(console, suite, games)
        grid = suite_grid(games, f"{suite.about.title or suite.name}: games that were never seen in training")
    else:
        plain, episodes = load_game(spec, changes), EPISODES if episodes is None else episodes
        recipe = getattr(plain, "recipe", None)
        # Which of a theme's words are read can be set apart from the maze that is walked, so both are shown.
        both = isinstance(recipe, Recipe) and recipe.wordings == "split"
        words = [("seen", {"wordings": "train"}), ("unseen", {})] if both else [("", {})]
        name, agent = make(str(folder), 0)
        rows = []
        for note, wordings in words:
            found = load_game(spec, {**changes, **wordings})
            rows.append((measure(console, name, agent, found, "test", 0, episodes), note))
        for control in CONTROLS:
            rows.append((measure(console, control, make(control, 0)[1], plain, "test", 0, episodes), "any"))
        title = f"{plain.name}: {episodes} games that were never seen in training"
        console.print(results_table(rows, title))
        grid = results_grid(rows, title)
    settings = "".join(f" --with {key}={value}" for key, value in changes.items())
    report = write_report(folder, [grid], code)
    say(console, f"\nSee all of it: {report}, in any browser\n"
                 f"Watch it: textmaze transcript {folder} --format markdown\n"
                 f"Measure it again: textmaze evaluate {folder}\n"
                 f"Play it yourself: textmaze play {spec}{settings}\n"
                 f"See the curves: tensorboard --logdir {folder}")


def say(console: "Console", text: str) -> None:
    """Print a text as it is: names and paths in it are no markup, and no line of it is broken."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def say_note(game: "Game", split: str, seed: int) -> bool:
    """Say on stderr what should be known of a game beforehand, and return whether it is played live."""
    table = game.table(split, seed)
    if table.note:
        click.echo(table.note, err=True)
    return table.live


def one_thread() -> None:
    """One thread for torch, whether an agent has loaded it or will: see `Bert.encode` for why."""
    os.environ["OMP_NUM_THREADS"] = "1"
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


def compare_and_print(
    specs: Sequence[str], games: "Sequence[tuple[str, Game]]", name: str, *, split: str, seed: int, episodes: int,
    seeds: int, code: str | None, as_json: bool, out: Path | None, command: str,
) -> None:
    """Print agents beside each other on the same games; `out` is the folder that takes the files of a comparison."""
    from rich.console import Console

    from textmaze.files import write_file
    from textmaze.learn import compare
    from textmaze.show.compare_plot import comparison_plot
    from textmaze.show.grid import comparison_grids, markdown_grid, rich_grid
    from textmaze.show.results import episodes_bar

    named = compare.contenders(specs, seeds, code)
    errors, numbers, families = Console(stderr=True), range(seed, seed + episodes), [game for _, game in games]
    for game in families:
        game.prepare(split, numbers)

    def play(contender: compare.Contender) -> compare.Played:
        one_thread()
        total = len(contender.makers) * len(games) * episodes
        with episodes_bar(errors, f"{contender.label} plays {name}", total) as show:
            return compare.play(contender, families, numbers, split=split, show=show)

    played = [play(contender) for contender in named]
    base = next((one for one in played if one.label == compare.BASE), None)
    base = base or play(compare.contenders([compare.BASE], 1)[0])
    rows = compare.rows(played, base, [label for label, _ in games])
    title = f"{name}: {episodes} games of the {split} split{' each' if len(games) > 1 else ''}"
    grids = comparison_grids(rows, title)
    about = {"name": name, "split": split, "seed": seed, "command": command}
    found = compare.to_dict(rows, **about)
    if out is not None:
        with errors.status("the figures are drawn"):
            plot = comparison_plot(rows, title)  # before any file is written, as it may have to be refused
        notes = f"# {title}\n\n    {command}\n\n{INTERVALS}\n\n"
        write_file(out / "results.json", json.dumps(found, indent=1) + "\n")
        write_file(out / "results.md", notes + "".join(map(markdown_grid, grids)) + "![figures](results.png)\n")
        write_file(out / "results.png", plot)
    if as_json:
        click.echo(json.dumps(found))
        return
    console = Console()
    for grid in grids:
        console.print(rich_grid(grid))
    say(console, INTERVALS)


def reproduce_and_print(name: str, out: Path | None, jobs: int, command: str, *, quick: bool) -> bool:
    """Carry out a protocol, print its tables and write them beside its cells; whether all of it was done."""
    from rich.console import Console

    from textmaze.files import write_file
    from textmaze.learn import protocol as protocols
    from textmaze.learn.findings import findings
    from textmaze.learn.reproduce import reproduce
    from textmaze.show.compare_plot import curve_plot
    from textmaze.show.grid import rich_grid
    from textmaze.show.protocol_page import noise_curves, protocol_grids, protocol_page
    from textmaze.show.results import cells_bar

    protocol = protocols.load_protocol(name)
    if quick:
        protocol = protocols.quick(protocol)
    folder, page_name = out or Path("runs") / "reproduce", f"{protocol.name}{'-quick' if quick else ''}"
    console, errors = Console(), Console(stderr=True)
    one_thread()
    with cells_bar(errors, protocol.about.title or protocol.name) as show:
        reproduce(protocol, folder, jobs, show)
    found = findings(protocol, folder)
    page = protocol_page(protocol, found, command)
    curves = noise_curves(found)
    if curves:
        plot = curve_plot(curves, protocol.about.title, "share of the text", "SPL")
        write_file(folder / f"{page_name}.png", plot)
        page += f"\n![SPL by the amount of noise]({page_name}.png)\n"
    write_file(folder / f"{page_name}.md", page)
    for grid in protocol_grids(protocol, found):
        console.print(rich_grid(grid))
    for what, why in found.failed.items():
        say(errors, f"{what}: {why}")
    say(console, f"Parts that have no result: {found.missing}. The same command tries them again." if found.missing else
        f"The page is {folder / f'{page_name}.md'}.")
    return not found.missing
