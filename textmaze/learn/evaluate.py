"""How well an agent does: success with its interval, and steps against the fewest possible."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from textmaze.env.rollout import Agent, StepRecord, rollout
from textmaze.errors import TextmazeError
from textmaze.game.table import Game


@dataclass(frozen=True, eq=False)
class Episodes:
    """The finished episodes of one agent on n games, in the order in which they began."""

    won: NDArray[np.bool_]  # (n,)
    steps: NDArray[np.int64]  # (n,) commands taken
    fewest: NDArray[np.int64]  # (n,) commands that win; -1 where that is not known
    revisits: NDArray[np.int64]  # (n,) steps that led to a description which was read before in the episode

    def spl(self) -> NDArray[np.float64]:
        """(n,) success weighted by path length; nan where an episode was won whose fewest commands are not known."""
        ratio = self.fewest / np.maximum(self.steps, self.fewest)
        return np.where(self.won, np.where(self.fewest >= 0, ratio, np.nan), 0.0)


@dataclass(frozen=True)
class Result:
    """The episodes of one agent on one game, summed up."""

    agent: str
    game: str
    split: str
    episodes: int
    success: float  # share of episodes that were won
    success_low: float  # 95% interval, Wilson's
    success_high: float
    # Success weighted by path length: mean of won x fewest commands / commands taken (Anderson et al. 2018). -1 where
    # an episode was won whose fewest commands are not known, in a game that is played live.
    spl: float
    steps_mean: float  # commands per episode, lost ones included
    shortest_mean: float  # fewest commands that win, mean over the games; -1 where that of one is not known

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


def evaluate(
    agent: Agent,
    game: Game,
    seeds: Sequence[int],
    *,
    name: str,
    split: str = "test",
    slots: int = 64,
    show: Callable[[int], None] = lambda episodes: None,
) -> Result:
    """Play the games with these numbers once each; `show` is told how many episodes have ended."""
    game.prepare(split, seeds)
    return summarise(_records(agent, game, seeds, split, slots, show), name, game.name, split)


def play_episodes(
    agent: Agent,
    game: Game,
    seeds: Sequence[int],
    *,
    split: str = "test",
    slots: int = 64,
    show: Callable[[int], None] = lambda episodes: None,
) -> Episodes:
    """What `evaluate` sums up: each of its episodes, in the order of `seeds`."""
    game.prepare(split, seeds)
    return episodes_of(_records(agent, game, seeds, split, slots, show))


def _records(
    agent: Agent, game: Game, seeds: Sequence[int], split: str, slots: int, show: Callable[[int], None]
) -> Iterator[StepRecord]:
    ended = 0
    for round_ in rollout(game, agent, seeds, split=split, slots=slots):
        yield from round_
        ended += sum(record.ended for record in round_)
        show(ended)


def episodes_of(records: Iterable[StepRecord]) -> Episodes:
    """The finished episodes among step records. TextmazeError where there is none."""
    shortest: dict[int, int] = {}
    read: dict[int, set[str]] = {}
    again: Counter[int] = Counter()
    found = []
    for record in records:
        episode, seen = record.episode, read.setdefault(record.episode, {record.before.description})
        shortest.setdefault(episode, record.distance)
        again[episode] += record.after.description in seen
        seen.add(record.after.description)
        if record.ended:
            del read[episode]
            found.append((episode, record.won, record.step, shortest[episode], again[episode]))
    if not found:
        raise TextmazeError("No game was played to its end, so there is nothing to measure.")
    _, won, steps, fewest, revisits = (np.array(column) for column in zip(*sorted(found), strict=True))
    return Episodes(won, steps, fewest, revisits)


def summarise(records: Iterable[StepRecord], agent: str, game: str, split: str) -> Result:
    """Sum up the finished episodes among step records."""
    from scipy.stats import binomtest

    found = episodes_of(records)
    wins, best, spl = found.won, found.fewest, found.spl()
    interval = binomtest(int(wins.sum()), len(wins)).proportion_ci(0.95, method="wilson")
    return Result(
        agent=agent,
        game=game,
        split=split,
        episodes=len(wins),
        success=float(wins.mean()),
        success_low=float(interval.low),
        success_high=float(interval.high),
        spl=-1.0 if np.isnan(spl).any() else float(spl.mean()),
        steps_mean=float(found.steps.mean()),
        shortest_mean=float(best.mean()) if (best >= 0).all() else -1.0,
    )
