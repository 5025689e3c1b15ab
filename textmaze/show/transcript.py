"""What a transcript is: whole episodes of step records, and a header with all that is needed to play them again.

The formats that it is written in, and read from, stand in `formats`; `replay` proves that it is true.
"""

import platform
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from textmaze import __version__
from textmaze.env.rollout import StepRecord
from textmaze.errors import GameError, TextmazeError
from textmaze.game.mazes import MazeGame, SingleMaze
from textmaze.game.mixture import Mixture, parts
from textmaze.game.recipe import KINDS
from textmaze.game.story import ChallengeGame, StoryGame
from textmaze.game.table import Game
from textmaze.settings import build, shown

FORMAT = "textmaze-transcript-2"
MOST = 2**32  # episodes, and numbers of games
FILE = "file"  # the kind of a game that comes from a file

Episode = list[StepRecord]
Line = dict[str, Any]


class DamagedError(TextmazeError):
    """A transcript that is not as it was written, or not as its games go."""


@dataclass(frozen=True)
class Source:
    """What a game is made of again."""

    name: str
    kind: str  # `maze`, one of TextWorld's challenges, or `file`
    path: str  # of the file, where it comes from one
    settings: Mapping[str, Any]  # the recipe's, as far as they are not the usual ones
    file: str | None = field(default=None, compare=False)  # what is opened: what the user names, not what was read

    @property
    def file_name(self) -> str:
        """Of the file that it comes from, without the folder; empty where it comes from none."""
        return PurePath(self.path).name if self.kind == FILE else ""


@dataclass(frozen=True)
class Play:
    """Episodes of one agent in one game; episode `first + n` is game number `seed + n` of the split."""

    agent: str
    game: str
    split: str
    first: int
    episodes: int
    seed: int
    sources: tuple[Source, ...]  # several where the game is those in turn


@dataclass(frozen=True)
class Header:
    """What a transcript is of. Some episodes may be left out, by `filters`."""

    plays: tuple[Play, ...]  # in the order of their episodes
    filters: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=lambda: {
        "textmaze": __version__, "python": platform.python_version(), "numpy": np.__version__})
    format: str = FORMAT

    def play(self, episode: int) -> Play:
        """The play that an episode belongs to. DamagedError where there is none."""
        found = self.plays[bisect_right(self.plays, episode, key=lambda play: play.first) - 1] if self.plays else None
        if found is None or not found.first <= episode < found.first + found.episodes:
            raise DamagedError(f"Episode {episode} is none of those that the header names.")
        return found

    def given(self, files: Sequence[Path]) -> "Header":
        """The same, with the games in files that the user gives: by their names, wherever they lie. GameError where
        nothing was played in one of them."""
        here = {file.name: str(file) for file in files}
        if missing := here.keys() - {source.file_name for play in self.plays for source in play.sources}:
            raise GameError(f"Nothing in the transcript was played in a file called {shown(min(missing))}.")
        return replace(self, plays=tuple(
            replace(play, sources=tuple(replace(source, file=here.get(source.file_name)) for source in play.sources))
            for play in self.plays))

    @property
    def title(self) -> str:
        """What was played, and by whom."""
        games = dict.fromkeys(_title(play) for play in self.plays)
        return f"{', '.join(games)}, played by {', '.join(dict.fromkeys(play.agent for play in self.plays))}"


def make_header(game: Game, *, source: str, split: str, agent: str, seeds: Sequence[int]) -> Header:
    """The header for episodes of `game`, which `load_game(source)` gave, with these successive numbers."""
    return Header((make_play(game, source=source, split=split, agent=agent, seed=seeds[0], episodes=len(seeds)),))


def make_play(
    game: Game, *, source: str, split: str, agent: str, seed: int, episodes: int, first: int = 0
) -> Play:
    sources = tuple(_source(part, source) for part in parts(game))
    return Play(agent, game.name, split, first, episodes, seed, sources)


def _source(game: Game, spec: str) -> Source:
    recipe: Any = getattr(game, "recipe", None)
    if recipe is None:
        return Source(game.name, FILE, spec, {"max_steps": game.max_steps}, spec)
    usual, kind = asdict(type(recipe)()), next(name for name, kind in KINDS.items() if isinstance(recipe, kind))
    return Source(game.name, kind, "", {key: value for key, value in asdict(recipe).items() if value != usual[key]})


def load_play(play: Play) -> Game:
    """The game that was played. DamagedError where its settings cannot be, GameError where its file is not given or
    cannot be read."""
    games = tuple(map(_load, play.sources))
    return games[0] if len(games) == 1 else Mixture(play.game, games)


def _load(source: Source) -> Game:
    if source.kind == FILE:
        from textmaze.catalog import load_game

        if source.file is None:
            raise GameError(f"It was played in a file called {shown(source.file_name)}, and no file is opened because "
                            "a transcript names it: give the game by --game FILE.")
        found = load_game(source.file, source.settings)
        if not isinstance(found, SingleMaze | StoryGame):
            raise GameError(f"The transcript is of a game in a file, and {shown(source.file)} is none.")
        return found
    try:
        recipe: Any = build(KINDS[source.kind], source.settings, "the transcript")
        return MazeGame(source.name, recipe) if source.kind == "maze" else ChallengeGame(source.name, recipe)
    except TextmazeError as error:
        raise DamagedError(str(error)) from None


def _title(play: Play) -> str:
    title = play.sources[0].settings.get("title") if len(play.sources) == 1 else None
    return str(title or play.game)


def header_line(header: Header) -> Line:
    """A header as what JSON can hold."""
    own = ("format", "versions", "plays", "filters")
    return {**{name: asdict(header)[name] for name in own}, "plays": [_play_line(play) for play in header.plays]}


def _play_line(play: Play) -> Line:
    return {**asdict(play), "sources": [
        {name: getattr(source, name) for name in _TYPES[Source]} for source in play.sources]}


_TYPES: Mapping[type, Mapping[str, type]] = {
    Header: {"format": str, "versions": dict, "plays": list, "filters": dict},
    Play: {"agent": str, "game": str, "split": str, "first": int, "episodes": int, "seed": int, "sources": list},
    Source: {"name": str, "kind": str, "path": str, "settings": dict},
}


def read_header(line: Any, where: str) -> Header:
    """The header that `header_line` made a line of. TextmazeError where it is another thing."""
    if not isinstance(line, dict) or not str(line.get("format", "")).startswith("textmaze-transcript-"):
        raise TextmazeError(f"{where} is no transcript: its header lacks the format {FORMAT!r}.")
    if line["format"] != FORMAT:
        raise TextmazeError(f"{where} has the format {shown(line['format'])} of another version of textmaze; "
                            f"this one reads {FORMAT!r}.")
    check(line, _TYPES[Header], where)
    plays, end = [], 0
    for play in line["plays"]:
        check(play, _TYPES[Play], where)
        for source in play["sources"]:
            check(source, _TYPES[Source], where)
            if source["kind"] not in (FILE, *KINDS):
                raise TextmazeError(f"{where} has a game of the unknown kind {shown(source['kind'])}.")
        found = Play(**{**play, "sources": tuple(Source(**source) for source in play["sources"])})
        last = found.first + found.episodes, found.seed + found.episodes
        if not found.sources or found.first < end or min(found.episodes, found.seed) < 0 or max(last) > MOST:
            raise TextmazeError(f"{where} names episodes that cannot be.")
        plays.append(found)
        end = found.first + found.episodes
    if not plays:
        raise TextmazeError(f"{where} names no episodes.")
    return Header(tuple(plays), line["filters"], line["versions"])


def check(line: Any, types: Mapping[str, type], where: str) -> None:
    """Refuse a line that lacks something, holds something else, or holds it with another type."""
    if not isinstance(line, dict):
        raise DamagedError(f"{where} is not a JSON object.")
    for name in {**types, **line}:
        if name not in line or name not in types:
            raise DamagedError(f"{where} {'lacks' if name in types else 'has an unknown'} {shown(name)}.")
        if type(line[name]) is not types[name]:
            raise DamagedError(f"{where}: {name} must be of the type {types[name].__name__}.")


def by_episode(rounds: Iterable[Iterable[StepRecord]]) -> Iterator[Episode]:
    """Sort what `rollout` yields into whole episodes, in order; episodes that were left unfinished come last.

    Memory holds the records since the oldest unfinished episode began: at most slots x max_steps.
    """
    waiting: dict[int, Episode] = {}  # episodes in the order in which they began
    for records in rounds:
        for record in records:
            waiting.setdefault(record.episode, []).append(record)
        while waiting:
            first = next(iter(waiting))
            if not waiting[first][-1].ended:
                break
            yield waiting.pop(first)
    yield from waiting.values()


def regret(episode: Sequence[StepRecord]) -> int | None:
    """How many commands more than the fewest an episode took that was won; None where it was not, or none knows."""
    fewest = episode[0].distance
    return len(episode) - fewest if episode[-1].won and fewest >= 0 else None


def verdict(episode: Sequence[StepRecord]) -> str:
    """One sentence that says how an episode ended."""
    taken = f"{len(episode)} step{'' if len(episode) == 1 else 's'}"
    if not episode or not episode[-1].ended:
        return f"Left after {taken}."
    fewest = episode[0].distance
    possible = f"the fewest possible is {fewest}" if fewest >= 0 else "no shortest way is known"
    if episode[-1].won:
        return f"Won in {taken}; {possible}."
    if episode[-1].truncated:
        return f"Out of steps after {len(episode)}; {possible}."
    return f"Lost after {taken}; {possible}."
