"""The command that lets people see why an agent chose what it chose."""

import importlib.util
from pathlib import Path

import click

from textmaze import completion
from textmaze.options import EPISODES, SEED, SPLIT, code_option, option, set_option, spec_of, waiting, with_option


@click.command()
@click.argument("agent", shell_complete=completion.agents)
@click.argument("game", required=False, shell_complete=completion.games)
@option("--seed", type=SEED, default=0, help="Which game of the split, and the agent's seed.")
@option("--split", type=SPLIT, default="test")
@option("--out", type=click.Path(path_type=Path), help="The page to write.  [default: GAME-SEED.html]")
@option("--text", is_flag=True, help="Print it in the terminal; a page is written only if --out names one.")
@option("--words/--no-words", default=None, help="Find the words that mattered, which takes seconds a step.  [default: "
                                                 "where captum is installed]")
@option("--points", type=click.IntRange(2, 10_000), default=32, help="Gradients that are taken for the words of one "
                                                                     "choice; with more of them the gap is smaller.")
@option("--rank", type=EPISODES, metavar="DECISIONS", help="Print instead how the tokens of hints rank among all that "
                                                           "were read in so many decisions, against chance.")
@set_option
@with_option
@code_option
def explain(
    agent: str, game: str | None, seed: int, split: str, out: Path | None, text: bool, words: bool | None, points: int,
    rank: int | None, sets: tuple[str, ...], overrides: tuple[str, ...], code: str | None,
) -> None:
    """See why an agent chose what it chose, in one game.

    The page is one file that needs no network: the maze, the walk through it, the text with the words that mattered,
    each command's value, and what was expected.

    \b
    Examples:
      textmaze explain ladder signposts --seed 92
      textmaze explain runs/corridor --seed 3 --text
      textmaze explain ladder signposts --rank 100
    """
    from rich.console import Console

    from textmaze.catalog import load_game, make_agent, run_folder
    from textmaze.env.thoughts import Thinker
    from textmaze.explain import explain as explained
    from textmaze.explain import facts
    from textmaze.files import write_file
    from textmaze.measure import one_thread, say_note
    from textmaze.settings import pairs
    from textmaze.show.explain_text import print_explained
    from textmaze.show.page import page

    source, changes = spec_of(agent, game, overrides)
    found = load_game(source, changes)
    with waiting(f"{agent} gets ready"):
        name, made = make_agent(agent, pairs(sets), seed, code)
    one_thread()
    errors = Console(stderr=True)
    if rank is not None:
        from textmaze.cue_rank import rank_cues

        with errors.status("reading") as status:
            ranks = rank_cues(made, found, seed, rank, split=split, points=points, say=status.update)
        click.echo("\n".join(ranks.lines()))
        return
    found.prepare(split, [seed])
    say_note(found, split, seed)
    folder = run_folder(agent)
    if words is not False and isinstance(made, Thinker):
        from textmaze.learn.attribution import reads_words

        if not reads_words(made):
            words = False
            click.echo(f"{name} has no encoder that reads words, so none are marked.", err=True)
        elif words is None and not importlib.util.find_spec("captum"):
            words = False
            click.echo("No words are marked: for those that mattered, pip install 'textmaze[explain]'.", err=True)
    with errors.status(f"{name} plays {found.name}") as status:
        shown = explained(
            made, found, seed, split=split, points=0 if words is False else points,
            run=(folder, code) if folder else None,
            show=lambda steps: status.update(f"{name} plays {found.name}: {steps} steps"),
        )
    if not shown.thoughts:
        click.echo(f"{name} weighs no commands, so there is only what it did.", err=True)
    if text:
        print_explained(Console(highlight=False), shown)
    if out is None and text:
        return
    path = out or Path(f"{found.name}-{seed}.html")
    title = getattr(getattr(found, "recipe", None), "title", "") or found.name
    write_file(path, page(f"{title}, game {seed}", facts(name, found, shown, changes), [shown]))
    click.echo(f"Wrote {path}; any browser shows it.", err=True)
