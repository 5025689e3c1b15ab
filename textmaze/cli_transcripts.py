"""The commands that write transcripts, prove them, and turn them into other formats."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from textmaze import completion
from textmaze.cli_bench import bench
from textmaze.errors import SettingError
from textmaze.options import EPISODES, SEED, SPLIT, code_option, option, set_option, spec_of, waiting, with_option

if TYPE_CHECKING:
    from textmaze.show.formats import Format
    from textmaze.show.plan import Filters, Plan
    from textmaze.show.transcript import Header

FORMATS = click.Choice(sorted(  # as `formats.format_names`, but nothing is imported
    path.stem for path in (Path(__file__).parent / "show" / "formats").glob("*.py") if path.stem != "__init__"))
JOBS = click.IntRange(1, 1000)

admissible_option = option("--admissible", is_flag=True, help="For chat: each message ends with what can be done.")
reasoning_option = option("--reasoning", is_flag=True, help="For chat: the agent first says what it holds the commands "
                                                           "to be worth, where it has values.")
game_option = option("--game", "games", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
                     help="A file that was played, where it was one; a file that only the transcript names is not "
                          "opened.")


class Damaged(click.ClickException):
    """One sentence on stderr, and exit code 1."""

    exit_code = 1


@click.command()
@click.argument("agent", metavar="AGENT|MIXTURE.toml", shell_complete=completion.agents_and_mixtures)
@click.argument("game", required=False, shell_complete=completion.games)
@option("--episodes", type=EPISODES, default=1, help="How many games are played.")
@option("--format", "kind", type=FORMATS, help="[default: by the name of --out, else jsonl]")
@option("--out", type=click.Path(path_type=Path),
        help="The file to write, compressed where it ends with .gz.  [default: standard output]")
@option("--split", type=SPLIT, help="[default: train, or what the mixture says]")
@option("--seed", type=SEED, help="The number of the first game, and the agent's seed.  [default: 0]")
@option("--jobs", type=JOBS, help="In how many processes; the result is the same.  [default: the processors]")
@option("--only", type=click.Choice(["won", "lost"]), help="Keep only episodes that ended so.")
@option("--max-regret", type=click.IntRange(0), metavar="N",
        help="Keep only episodes won in at most N commands more than the fewest possible.")
@option("--dedupe", is_flag=True, help="Keep no episode in which the same was read and typed as in one before.")
@admissible_option
@reasoning_option
@set_option
@with_option
@code_option
def transcript(
    agent: str, game: str | None, episodes: int, kind: str | None, out: Path | None, split: str | None,
    seed: int | None, jobs: int | None, only: str | None, max_regret: int | None, dedupe: bool, admissible: bool,
    reasoning: bool, sets: tuple[str, ...], overrides: tuple[str, ...], code: str | None,
) -> None:
    """Let an agent play, and write down what happened.

    A MIXTURE names several agents and games with their shares. With --out, what was played is kept if it is
    interrupted: the same command goes on from there.

    \b
    Examples:
      textmaze transcript explorer labyrinth --format markdown
      textmaze transcript walkthrough ladder --episodes 1000 --out w.jsonl.gz
      textmaze transcript ladder --episodes 9 --out t.chat.jsonl --reasoning
      textmaze transcript experts.toml --episodes 500 --only won --out e.parquet
    """
    from textmaze.catalog import load_game
    from textmaze.game.story import processors
    from textmaze.measure import one_thread, say_note
    from textmaze.settings import pairs
    from textmaze.show.formats import load_format, named_format
    from textmaze.show.plan import Filters, Task, make_plan, mixture_file, read_mixture

    chosen = load_format(kind) if kind else named_format(out) if out else load_format("jsonl")
    extras = _extras(chosen, admissible, reasoning)
    filters = Filters(only, max_regret, dedupe)
    one_thread()
    mixture = mixture_file(agent)
    if mixture is None:
        source, changes = spec_of(agent, game, overrides)
        tasks = [Task(agent, source, split or "train", seed or 0, episodes, pairs(sets), changes, code)]
        with waiting(f"{agent} gets ready"):
            plan = make_plan(tasks, filters)
        say_note(load_game(source, changes), tasks[0].split, tasks[0].seed)
    elif game is not None or sets or overrides or code:
        raise SettingError(f"{mixture.name} is a mixture, which names its games and settings: leave out GAME, --set, "
                           "--with and --code.")
    else:
        with waiting(f"the agents of {mixture.name} get ready"):
            plan = make_plan(read_mixture(mixture, episodes, split, seed), filters)
    _write(plan, chosen, extras, out, 1 if agent == "human" else jobs or processors(), resumes=agent != "human")


def _extras(chosen: "Format", admissible: bool, reasoning: bool) -> dict[str, bool]:
    """The options of a format that are set."""
    found = {name: True for name, given in (("admissible", admissible), ("reasoning", reasoning)) if given}
    if found and chosen.name != "chat":
        raise SettingError(f"--{next(iter(found))} is for the format chat, not for {chosen.name}.")
    return found


def _write(
    plan: "Plan", chosen: "Format", extras: dict[str, bool], out: Path | None, jobs: int, *, resumes: bool
) -> None:
    """Play, and write to the file, or where there is none to standard output."""
    from rich.console import Console

    from textmaze.show.results import episodes_bar
    from textmaze.show.transcribe import close, transcribe
    from textmaze.show.workers import PART

    total = sum(task.episodes for task in plan.tasks)
    folder = out.with_name(f"{out.name}.parts") if out and resumes and total > PART else None
    console = Console(stderr=True, quiet=not resumes)  # somebody may be typing
    try:
        with (
            episodes_bar(console, "Playing", total) as show,
            contextlib.closing(transcribe(plan, jobs, folder, show)) as episodes,
        ):
            tally = _Tally(episodes)
            parts = chosen.write(tally, plan.header, **extras)
            if out is None:
                for part in parts:
                    click.echo(part, nl=False)
            else:
                _to_file(out, parts)
    except KeyboardInterrupt:
        if folder is None:
            raise
        click.echo(f"Stopped. What was played is kept in {folder}; the same command goes on from there.", err=True)
        raise SystemExit(130) from None
    if folder is not None:
        close(folder)
    if out is not None:
        click.echo(f"Wrote {out}: {_kept(tally, total, plan.filters)}.", err=True)


def _kept(tally: "_Tally", total: int, filters: "Filters") -> str:
    of = f"{tally.episodes:,} of " if filters.to_dict() else ""
    return f"{of}{_count(total if of else tally.episodes, 'episode')}, {_count(tally.steps, 'step')}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _to_file(path: Path, parts: Any) -> None:
    from textmaze.files import write_parts
    from textmaze.show.streams import GZIP, compressed, encoded

    write_parts(path, (compressed if path.name.endswith(GZIP) else encoded)(parts))


class _Tally:
    """Episodes, counted as they pass."""

    def __init__(self, episodes: Any) -> None:
        self._source, self.episodes, self.steps = episodes, 0, 0

    def __iter__(self) -> Any:
        for episode in self._source:
            self.episodes += 1
            self.steps += len(episode)
            yield episode


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@game_option
@option("--jobs", type=JOBS, help="In how many processes; what is found is the same.  [default: the processors]")
def verify(file: Path, games: tuple[Path, ...], jobs: int | None) -> None:
    """Prove a transcript by playing every episode of it again.

    FILE is jsonl, chat or parquet. The exit code is 1 where anything differs, however little, and 2 where the file
    is no transcript or its game is not at hand.

    \b
    Examples:
      textmaze transcript explorer labyrinth --out walk.jsonl
      textmaze verify walk.jsonl
    """
    from textmaze.game.story import processors
    from textmaze.show.formats import read
    from textmaze.show.printable import printable_line
    from textmaze.show.replay import prove, verified_lengths
    from textmaze.show.transcript import DamagedError

    try:
        found, header, items = read(file)
        header = header.given(games)
        lengths = list(_shown("Playing again", verified_lengths(
            header, items, jobs or processors(), found.prove or prove), header))
    except DamagedError as error:
        raise Damaged(printable_line(" ".join(str(error).split()))) from error
    click.echo(f"{file}: {_count(len(lengths), 'episode')}, {_count(sum(lengths), 'step')}, all as they were played.")


@click.command()
@click.argument("source", metavar="FROM", type=click.Path(path_type=Path))
@click.argument("target", metavar="TO", type=click.Path(path_type=Path))
@option("--format", "kind", type=FORMATS, help="What to write.  [default: by the name]")
@admissible_option
@reasoning_option
@game_option
def convert(
    source: Path, target: Path, kind: str | None, admissible: bool, reasoning: bool, games: tuple[Path, ...],
) -> None:
    """Turn a transcript into another format.

    FROM is jsonl, chat or parquet; TO is any format, by its name, and compressed where it ends with .gz. A name that
    ends with .chat.jsonl means chat.

    \b
    Examples:
      textmaze transcript explorer labyrinth --out walk.jsonl
      textmaze convert walk.jsonl walk.parquet
      textmaze convert walk.jsonl walk.cast
    """
    from textmaze.show.formats import load_format, named_format, read
    from textmaze.show.replay import verified

    chosen = load_format(kind) if kind else named_format(target)
    extras = _extras(chosen, admissible, reasoning)
    found, header, episodes = read(source)
    header = header.given(games)
    if found.prove:
        episodes = verified(header, episodes, found.prove)
    tally = _Tally(_shown("Converting", episodes, header))
    _to_file(target, chosen.write(tally, header, **extras))
    click.echo(f"Wrote {target}: {_count(tally.episodes, 'episode')}, {_count(tally.steps, 'step')}.", err=True)
    if chosen.lost:
        click.echo(chosen.lost, err=True)


def _shown(label: str, episodes: Any, header: "Header") -> Any:
    """The same, with a bar on the console for whoever looks on; where episodes may have been left out, a count."""
    from rich.console import Console

    from textmaze.show.results import counting, episodes_bar

    console, total = Console(stderr=True), sum(play.episodes for play in header.plays)
    with counting(console, label) if header.filters else episodes_bar(console, label, total) as show:
        for number, episode in enumerate(episodes, 1):
            yield episode
            show(number)


@bench.command("transcript")
@click.argument("agent", default="walkthrough", shell_complete=completion.agents)
@click.argument("game", default="ladder-train", shell_complete=completion.games)
@option("--episodes", type=EPISODES, default=2000, help="How many games are played.")
@option("--format", "kind", type=FORMATS, default="chat")
@option("--jobs", type=JOBS, help="In how many processes.  [default: the processors]")
@with_option
def bench_transcript(
    agent: str, game: str, episodes: int, kind: str, jobs: int | None, overrides: tuple[str, ...],
) -> None:
    """Steps a minute of transcripts.

    It is timed from the first game that is made to the file that is written.

    \b
    Examples:
      textmaze bench transcript
      textmaze bench transcript explorer keys --episodes 200 --format parquet
    """
    import tempfile
    import time

    from rich.console import Console
    from rich.filesize import decimal

    from textmaze.game.story import processors
    from textmaze.measure import one_thread
    from textmaze.settings import pairs
    from textmaze.show.formats import load_format
    from textmaze.show.plan import Filters, Task, make_plan
    from textmaze.show.results import episodes_bar
    from textmaze.show.transcribe import transcribe
    from textmaze.units import spell

    one_thread()
    workers = jobs or processors()
    with tempfile.TemporaryDirectory(prefix="textmaze-") as name, episodes_bar(
        Console(stderr=True), "Playing", episodes
    ) as show:
        start = time.perf_counter()
        plan = make_plan([Task(agent, game, "train", 0, episodes, {}, pairs(overrides))], Filters())
        tally = _Tally(transcribe(plan, workers, Path(name) / "parts", show))
        target = Path(name) / "transcript"
        _to_file(target, load_format(kind).write(tally, plan.header))
        seconds, size = time.perf_counter() - start, target.stat().st_size
    click.echo(f"{agent} in {game}, as {kind}, processes: {workers}. {60 * tally.steps / seconds:,.0f} steps a minute: "
               f"{_count(tally.episodes, 'episode')}, {_count(tally.steps, 'step')}, {decimal(size)} in "
               f"{spell(seconds)}.")
