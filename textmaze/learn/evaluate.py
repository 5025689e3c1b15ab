"""How well an agent does: success with its interval, and steps against the fewest possible."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from textmaze.env.rollout import Agent, StepRecord, rollout
from textmaze.errors import TextmazeError
from textmaze.game.table import Game


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

    def records() -> Iterator[StepRecord]:
        ended = 0
        for round_ in rollout(game, agent, seeds, split=split, slots=slots):
            yield from round_
            ended += sum(record.ended for record in round_)
            show(ended)

    return summarise(records(), name, game.name, split)


def summarise(records: Iterable[StepRecord], agent: str, game: str, split: str) -> Result:
    """Sum up the finished episodes among step records."""
    from scipy.stats import binomtest

    shortest: dict[int, int] = {}
    won, taken, fewest = [], [], []
    for record in records:
        shortest.setdefault(record.episode, record.distance)
        if record.ended:
            won.append(record.won)
            taken.append(record.step)
            fewest.append(shortest.pop(record.episode))
    if not won:
        raise TextmazeError("No game was played to its end, so there is nothing to measure.")
    wins, steps, best = np.array(won), np.array(taken), np.array(fewest)
    known = best >= 0
    interval = binomtest(int(wins.sum()), len(wins)).proportion_ci(0.95, method="wilson")
    return Result(
        agent=agent,
        game=game,
        split=split,
        episodes=len(wins),
        success=float(wins.mean()),
        success_low=float(interval.low),
        success_high=float(interval.high),
        spl=float(np.mean(wins * best / np.maximum(steps, best))) if known[wins].all() else -1.0,
        steps_mean=float(steps.mean()),
        shortest_mean=float(best.mean()) if known.all() else -1.0,
    )
