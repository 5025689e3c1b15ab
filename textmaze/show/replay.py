"""Proves a transcript: every episode is played again, and must go as it is written."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from textmaze import __version__
from textmaze.env.rollout import Leave, Observation, rollout
from textmaze.game.table import Game
from textmaze.settings import shown
from textmaze.show.lines import first_difference, lines_of
from textmaze.show.transcript import DamagedError, Episode, Header, Play, load_play


class Replayer:
    """Plays episodes again; the games of the last play that was asked for are kept."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._play: Play | None = None
        self._game: Game | None = None

    def play(self, number: int, commands: Sequence[str]) -> Episode:
        """The episode with this number as these commands make it; it ends where the game does, or they do."""
        play = self._header.play(number)
        if self._game is None or play is not self._play:
            self._play, self._game = play, load_play(play)
        seed = play.seed + number - play.first
        rounds = rollout(self._game, _Replay(commands), [seed], split=play.split, slots=1)
        return [replace(record, episode=number) for played in rounds for record in played]

    def note(self) -> str:
        """What to add to a difference that may be a version's."""
        written = self._header.versions.get("textmaze")
        return "" if written == __version__ else f" It was written by textmaze {shown(written)}; this is {__version__}."


def verified(header: Header, episodes: Iterable[Episode]) -> Iterator[Episode]:
    """The same episodes, each once it has been played again. DamagedError at the first difference."""
    replayer = Replayer(header)
    for episode in episodes:
        replayed = replayer.play(episode[0].episode, [record.command for record in episode])
        difference = first_difference(lines_of(episode), lines_of(replayed))
        if difference:
            raise DamagedError(difference + replayer.note())
        yield episode


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


