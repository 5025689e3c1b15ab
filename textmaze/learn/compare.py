"""Agents held against each other on the same games: every figure with its interval."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textmaze import __version__
from textmaze.catalog import agent_files, is_run, load_agent, make_agent
from textmaze.env.rollout import Agent
from textmaze.errors import SettingError, TextmazeError
from textmaze.game.table import Game
from textmaze.learn.evaluate import Episodes, play_episodes

Floats = NDArray[np.float64]
Make = Callable[[], tuple[str, Agent]]

BASE = "explorer"  # whose SPL others are measured by: the best that can be done without reading hints
ALL = "all"  # the row over all games, each of which counts the same
METRICS: Mapping[str, Callable[[Episodes], Floats]] = {
    "success": lambda episodes: episodes.won.astype(np.float64),
    "spl": Episodes.spl,
    "steps": lambda episodes: episodes.steps.astype(np.float64),
    "revisits": lambda episodes: episodes.revisits / episodes.steps,
}
_RESAMPLES = 2000
_CELLS = 2_000_000  # numbers that are drawn at once


@dataclass(frozen=True)
class Figure:
    """A mean with its 95% interval; nan where it is not known."""

    value: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class Contender:
    """An agent that is compared, with one maker for each of its seeds."""

    label: str
    makers: tuple[Make, ...]


@dataclass(frozen=True, eq=False)
class Played:
    """How a contender did."""

    label: str
    episodes: tuple[tuple[Episodes, ...], ...]  # for each seed, those of each game

    def values(self, metric: str) -> list[Floats]:
        """For each game, the values of a metric, (seeds, episodes)."""
        return [np.array([METRICS[metric](seed[game]) for seed in self.episodes])
                for game in range(len(self.episodes[0]))]


@dataclass(frozen=True)
class Row:
    """A contender's figures on one game, or on all."""

    agent: str
    game: str
    seeds: int
    episodes: int  # for each seed and game
    figures: Mapping[str, Figure]  # by metric; `of_base` is SPL as a share of the explorer's


def figure(samples: Sequence[Floats], base: Sequence[Floats] | None = None) -> Figure:
    """The mean over games of the mean over seeds and episodes, with its 95% interval by a stratified bootstrap.

    Agarwal et al. (2021) draw anew within each task, and so it is here: the strata are the games. All seeds play the
    same mazes, and what makes a maze easy makes it so for all of them. So mazes are drawn, with what every seed did
    there, and seeds, each with all its mazes (the pigeonhole bootstrap: Owen 2007), by SciPy's percentile bootstrap.
    With `base`, the figure is divided by the same figure of the base on the mazes that were drawn, so what is easy for
    both does not widen the interval. Where all values are alike the interval has no width, however few they are.

    Args:
        samples: for each game, an array (seeds, episodes); a row is one seed's, and a column one maze's.
        base: for each game, an array (seeds, episodes) with the same episodes; its seeds may be others.
    """
    from scipy.stats import bootstrap

    beside = None if base is None else [other.mean(axis=0, keepdims=True) for other in base]
    seeds, games = len(samples[0]), len(samples)

    def statistic(*drawn: NDArray[Any], axis: int = -1) -> Floats:
        """Of the mazes with the numbers that are drawn in each game, and of the seeds with those that come last."""
        numbers = [each.astype(np.intp) for each in drawn]
        mazes, who = numbers[:games], numbers[games] if seeds > 1 else None
        with np.errstate(invalid="ignore", divide="ignore"):
            return _mean(samples, mazes, who) / (1.0 if beside is None else _mean(beside, mazes))

    numbers = [np.arange(sample.shape[1]) for sample in samples] + [np.arange(seeds)] * (seeds > 1)
    value = float(statistic(*numbers))
    if not math.isfinite(value) or min(map(len, numbers)) < 2:
        return Figure(value if math.isfinite(value) else math.nan)
    batch = max(1, _CELLS // max(sample.size for sample in samples))
    found = bootstrap(numbers, statistic, n_resamples=_RESAMPLES, batch=batch, vectorized=True, method="percentile",
                      rng=np.random.default_rng(0)).confidence_interval
    return Figure(value, min(float(found.low), value), max(float(found.high), value))  # rounding may put it outside


def _mean(
    samples: Sequence[Floats], mazes: Sequence[NDArray[np.intp]], seeds: NDArray[np.intp] | None = None
) -> Floats:
    """The mean over games of the means of what was drawn, along the last axis of the numbers of mazes and of seeds."""
    means = []
    for sample, drawn in zip(samples, mazes, strict=True):
        each = np.moveaxis(sample[:, drawn].mean(axis=-1), 0, -1)  # of each seed
        means.append((each if seeds is None else np.take_along_axis(each, seeds, -1)).mean(axis=-1))
    return np.asarray(np.mean(means, axis=0), dtype=np.float64)


def contenders(specs: Sequence[str], seeds: int, code: str | None = None) -> tuple[Contender, ...]:
    """What is named on a command line: agents, run folders, and LABEL=RUN1,RUN2 for runs that differ by their seed.

    An agent that draws random numbers is made anew for each seed from 0 on; others play alike with any.
    """
    found = []
    for spec in specs:
        label, names = members(spec)
        count = seeds if len(names) == 1 and draws(names[0]) else 1
        made = [functools.partial(make_agent, name, {}, seed, code) for name in names for seed in range(count)]
        found.append(Contender(label, tuple(made)))
    labels = [contender.label for contender in found]
    for label in labels:
        if labels.count(label) > 1:
            raise SettingError(f"Two agents are called {label!r}; name one of them as LABEL=AGENT.")
    return tuple(found)


def members(spec: str) -> tuple[str, list[str]]:
    """The label of what is named on a command line, and the agents or runs that it is."""
    label, equals, rest = spec.partition("=")
    if not equals:
        return (spec if is_run(spec) else Path(spec).stem), [spec]
    names = [name for name in rest.split(",") if name]
    if not label or not names:
        raise SettingError(f"{spec!r} is not of the form LABEL=RUN1,RUN2.")
    return label, names


def draws(spec: str) -> bool:
    """Whether an agent plays otherwise with another seed."""
    return not is_run(spec) and (spec in agent_files() or spec.endswith(".py")) and hasattr(
        load_agent(spec).Settings(), "seed")


def names_agent(spec: str) -> bool:
    """Whether a word of a command line can only be meant as an agent."""
    return "=" in spec or spec.endswith(".py") or spec in agent_files() or is_run(spec)


def play(
    contender: Contender, games: Sequence[Game], numbers: Sequence[int], *, split: str = "test",
    show: Callable[[int], None] = lambda episodes: None,
) -> Played:
    """Let a contender play the games with these numbers in each family; `show` is told how many have ended."""
    ended = 0

    def count(episodes: int) -> None:
        show(ended + episodes)

    found = []
    for make in contender.makers:
        each = []
        for game in games:
            agent = make()[1]  # anew, so that how it plays one game does not hang on those before
            each.append(play_episodes(agent, game, numbers, split=split, show=count))
            ended += len(numbers)
        found.append(tuple(each))
    return Played(contender.label, tuple(found))


def rows(played: Sequence[Played], base: Played, games: Sequence[str]) -> list[Row]:
    """For each game, and then for all of them, a row for each contender; `base` is whose SPL is one."""
    if not played:
        raise TextmazeError("No agent is named, so there is nothing to compare.")
    found = []
    places = [(game, slice(place, place + 1)) for place, game in enumerate(games)]
    for game, place in [*places, (ALL, slice(None))] if len(games) > 1 else places:
        for one in played:
            figures = {metric: figure(one.values(metric)[place]) for metric in METRICS}
            figures["of_base"] = figure(one.values("spl")[place], base.values("spl")[place])
            episodes = len(one.episodes[0][0].won)
            found.append(Row(one.label, game, len(one.episodes), episodes, figures))
    return found


def to_dict(found: Sequence[Row], **about: Any) -> dict[str, Any]:
    """Rows as what JSON can hold, with what else should be known of them; None for what is not known."""
    return {"textmaze": __version__, **about, "rows": [
        {"agent": row.agent, "game": row.game, "seeds": row.seeds, "episodes": row.episodes,
         **{metric: _plain(value) for metric, value in row.figures.items()}}
        for row in found
    ]}


def _plain(value: Figure) -> dict[str, float | None]:
    return {name: number if math.isfinite(number) else None for name, number in vars(value).items()}
