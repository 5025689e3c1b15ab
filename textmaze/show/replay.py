"""Proves a transcript: every episode is played again, and must go as it is written."""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from concurrent.futures import Executor, Future
from dataclasses import replace
from typing import Any

from textmaze import __version__
from textmaze.env.rollout import Leave, Observation, rollout
from textmaze.errors import TextmazeError
from textmaze.game.table import Game
from textmaze.settings import shown
from textmaze.show.lines import first_difference, lines_of
from textmaze.show.transcript import DamagedError, Episode, Header, Play, load_play
from textmaze.show.workers import PART, workers

TOGETHER = 256  # steps that a process plays again before it tells


class Replayer:
    """Plays episodes again; the games of the last play that was asked for are kept."""

    def __init__(self, header: Header) -> None:
        self.header = header
        self._play: Play | None = None
        self._game: Game | None = None

    def play(self, number: int, commands: Sequence[str]) -> Episode:
        """The episode with this number as these commands make it; it ends where the game does, or they do."""
        play = self.header.play(number)
        if self._game is None or play is not self._play:
            self._play, self._game = play, load_play(play)
        seed = play.seed + number - play.first
        rounds = rollout(self._game, _Replay(commands), [seed], split=play.split, slots=1)
        return [replace(record, episode=number) for played in rounds for record in played]

    def note(self) -> str:
        """What to add to a difference that may be a version's."""
        written = self.header.versions.get("textmaze")
        return "" if written == __version__ else f" It was written by textmaze {shown(written)}; this is {__version__}."


def prove(replayer: Replayer, episode: Episode) -> Episode:
    """The same episode, once it has been played again. DamagedError at the first difference."""
    replayed = replayer.play(episode[0].episode, [record.command for record in episode])
    difference = first_difference(lines_of(episode), lines_of(replayed))
    if difference:
        raise DamagedError(difference + replayer.note())
    return episode


Prove = Callable[[Replayer, Any], Episode]


def verified(header: Header, read: Iterable[Any], proved_by: Prove = prove) -> Iterator[Episode]:
    """The episodes of what a format has read, each once it has been played again. DamagedError at the first
    difference."""
    replayer = Replayer(header)
    return (proved_by(replayer, item) for item in read)


def verified_lengths(header: Header, read: Iterable[Sized], jobs: int, proved_by: Prove = prove) -> Iterator[int]:
    """How many steps each episode has, played again in several processes where there is work for them.

    What is read is about as long as an episode has steps. The first difference is the same however many processes
    there are: what they find is taken in the order of the file, and so is an error in reading it.
    """
    jobs = min(jobs, 1 + sum(play.episodes for play in header.plays) // PART)
    if jobs < 2:
        yield from map(len, verified(header, read, proved_by))
        return
    with workers(jobs, "One of the processes that play again was ended from outside.") as pool:
        submitted = _submitted(pool, header, read, proved_by)
        waiting = deque(itertools.islice(submitted, 2 * jobs))
        while waiting:
            yield from waiting.popleft().result()
            waiting.extend(itertools.islice(submitted, 1))


def _submitted(
    pool: Executor, header: Header, read: Iterable[Sized], proved_by: Prove
) -> Iterator[Future[list[int]]]:
    """The work, some steps at a time. Last comes what ends the file: nothing, or an error."""
    end: Future[list[int]] = Future()
    some: list[Sized] = []
    try:
        for item in read:
            some.append(item)
            if sum(map(len, some)) >= TOGETHER:
                yield pool.submit(_lengths, header, some, proved_by)
                some = []
        end.set_result([])
    except TextmazeError as error:
        end.set_exception(error)
    yield pool.submit(_lengths, header, some, proved_by)
    yield end


def _lengths(header: Header, read: Iterable[Any], proved_by: Prove) -> list[int]:
    return list(map(len, verified(header, read, proved_by)))


class _Replay:
    """An agent that gives the commands of an episode again."""

    infos: Sequence[str] = ()

    def __init__(self, commands: Iterable[str]) -> None:
        self._commands = iter(commands)

    def begin(self, episodes: Sequence[int]) -> None:
        pass

    def act(self, observations: Sequence[Observation]) -> list[str]:
        command = next(self._commands, None)
        if command is None:
            raise Leave
        return [command]


