"""A web page that shows the walks through the mazes, for people; one file that needs no network."""

import itertools
from collections.abc import Iterable, Iterator

from textmaze.errors import TextmazeError
from textmaze.game.table import Game
from textmaze.show.floorplan import floorplan
from textmaze.show.page import MOST_EPISODES, Shown, page
from textmaze.show.transcript import Episode, Header, Play, load_play

LOST = "A page keeps what was read and typed, but not what else could be done, and cannot be read back."


def write(episodes: Iterable[Episode], header: Header) -> Iterator[str]:
    """The page. It says how many episodes it leaves out, where there are too many to look at."""
    games: dict[int, Game | None] = {}

    def shown(episode: Episode) -> Shown:
        play = header.play(episode[0].episode)
        if play.first not in games:
            games[play.first] = _game(play)
        return Shown(episode, floorplan(games[play.first], episode))

    played = filter(None, episodes)
    first = [shown(episode) for episode in itertools.islice(played, MOST_EPISODES)]
    agents, splits = (", ".join(dict.fromkeys(getattr(play, name) for play in header.plays))
                      for name in ("agent", "split"))
    facts = {"agent": agents, "split": splits, **{name: str(version) for name, version in header.versions.items()}}
    yield page(header.title, facts, first, left_out=sum(1 for _ in played))


def _game(play: Play) -> Game | None:
    """The game of a transcript, for its plan; None where it is not to be had here."""
    try:
        return load_play(play)
    except TextmazeError:
        return None
