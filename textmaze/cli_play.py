"""The command that plays: a person at the terminal or in a pipe, or an agent that is watched."""

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from textmaze import completion
from textmaze.errors import GameError
from textmaze.options import SEED, SPLIT, code_option, option, set_option, spec_of, waiting, with_option

if TYPE_CHECKING:
    from textmaze.env.rollout import Agent
    from textmaze.show.saves import Save

# What somebody plays who names nothing: small, without dead ends that take long, and in daylight.
FIRST = "labyrinth"
GENTLE = {"rooms": "8", "loops": "0.3", "theme": "garden"}
WELCOME = ("Welcome. You are about to walk through a small maze by typing what you want to do: \"go north\", or just "
           "\"n\"; \"take coin\"; \"look\". Nothing here can hurt you. Type hint when you are stuck, map to see where "
           "you have been, and help for all there is.")
_LATEST = "\0latest"  # no save can have this name
_FILES = (".toml", ".json", ".z8")


@click.command()
@click.argument("game", required=False, shell_complete=completion.games)
@option("--seed", type=SEED, help="Which game of the recipe.  [default: any]")
@option("--split", type=SPLIT, default="train")
@option("--agent", metavar="AGENT", default="human", shell_complete=completion.agents,
        help="Who plays: a name, a .py file, or the folder of a run.")
@option("--pace", metavar="SECONDS", type=click.FloatRange(0, 60),
        help="How long an agent's choice is shown before it is carried out.  [default: 1 on a terminal, else 0]")
@option("--step", "on_enter", is_flag=True, help="Carry an agent's choice out when Enter is pressed.")
@option("--map", "with_map", is_flag=True, help="Always show the map of what has been explored.")
@option("--plain", is_flag=True, help="For screen readers: no colours, nothing drawn, all told in words.")
@option("--resume", metavar="[NAME]", is_flag=False, flag_value=_LATEST, show_default=False,
        shell_complete=completion.saves,
        help="Go on with the game that was played last, or the one saved as NAME.")
@with_option
@set_option
@code_option
@click.pass_context
def play(
    context: click.Context, game: str | None, seed: int | None, split: str, agent: str, pace: float | None,
    on_enter: bool, with_map: bool, plain: bool, resume: str | None, overrides: tuple[str, ...],
    sets: tuple[str, ...], code: str | None,
) -> None:
    """Play a game yourself, or watch an agent. Type help in it to see what you can do.

    Without a GAME it is a small maze to begin with. A game that you leave is kept.

    \b
    Examples:
      textmaze play
      textmaze play signposts --seed 92
      textmaze play --resume
      textmaze play labyrinth --agent ladder --pace 2
    """
    import random

    from rich.console import Console

    from textmaze.catalog import load_game, make_agent
    from textmaze.game.mazes import SingleMaze
    from textmaze.game.story import StoryGame
    from textmaze.settings import pairs
    from textmaze.show import play as terminal
    from textmaze.show.saves import Played, saved
    from textmaze.show.screen import show
    from textmaze.show.session import Manner

    typed = agent == "human"
    if typed and (pace is not None or on_enter or sets):
        raise GameError("--pace, --step and --set are for watching an agent: name one by --agent.")
    console = Console(highlight=False, no_color=plain or None, force_terminal=False if plain else None)
    save = _save(context, resume) if resume is not None else None
    first = game is None and typed and save is None
    if save:
        source, played = save.source, save.played
    else:
        source, changes = (FIRST, {**GENTLE, **pairs(overrides)}) if first else spec_of(agent, game, overrides)
        seed = random.randrange(10_000) if seed is None else seed
        played = Played(_found_again(source), {key: str(value) for key, value in changes.items()}, split, seed)
    found = load_game(source, played.overrides)
    table = found.table(played.split, played.seed)  # whatever is wrong with it is said before the game says anything
    watched = sys.stdin.isatty() and sys.stdout.isatty()
    player: Agent
    if typed and watched and not plain and not console.is_dumb_terminal:
        from textmaze.show.prompt import Prompt

        player = Prompt(table.commands, save.commands if save else (), colours=not console.no_color)
    else:
        with contextlib.nullcontext() if typed else waiting(f"{agent} gets ready"):
            player = make_agent(agent, pairs(sets), 0, code)[1]
    if first:
        show(console, WELCOME)
        left = saved() if watched else []
        if left:
            show(console, f"You have left a game, {left[0]}. To go on with it: textmaze play --resume", "dim")
    manner = Manner(typed=typed, kept=typed and watched, map=with_map, on_enter=on_enter, code=code,
                    pace=pace if pace is not None else float(sys.stdout.isatty()))
    again = None
    if isinstance(found, SingleMaze | StoryGame):  # these are the same with any seed
        again = "The end."
    elif first:
        again = "Another one: textmaze play. A larger one: textmaze play labyrinth."
    terminal.play(found, player, split=played.split, seed=played.seed, console=console, again=again, manner=manner,
                  plain=plain, played=played, save=save)


def _save(context: click.Context, name: str) -> "Save":
    """What `--resume` names; it says itself what is played."""
    from textmaze.show.saves import read_save, saved

    for other in ("game", "seed", "split", "overrides", "agent"):
        if context.get_parameter_source(other) is not click.core.ParameterSource.DEFAULT:
            raise GameError("A game that is resumed keeps its seed and its settings: leave out GAME, --seed, --split, "
                            "--with and --agent beside --resume.")
    if name == _LATEST and not saved():
        raise GameError("There is no game to go on with: a game is kept when you leave it, or by save.")
    return read_save(saved()[0] if name == _LATEST else name)


def _found_again(source: str) -> str:
    """A game's name; or its file's path, from wherever it will be asked for."""
    return str(Path(source).absolute()) if source.endswith(_FILES) else source
