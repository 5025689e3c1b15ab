"""Whether hints are what moves an agent: how the tokens of hints rank among all that were read, against chance."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from textmaze.env.chart import SIDES
from textmaze.env.rollout import Agent, Observation, rollout
from textmaze.env.thoughts import Weights
from textmaze.errors import GameError, TextmazeError
from textmaze.game.layout import WAYS
from textmaze.game.maze import Maze
from textmaze.game.mazes import MazeGame, SingleMaze
from textmaze.game.mixture import Mixture
from textmaze.game.narrator import describe
from textmaze.game.rules import Rules
from textmaze.game.table import Game
from textmaze.learn.actor import Actor
from textmaze.learn.attribution import attribute
from textmaze.learn.foresight_report import Interval, interval
from textmaze.learn.reading import sentences

IDLE_GAMES = 20  # without a decision beside a hint, after which there will be none

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ranked:
    """One decision beside hints."""

    game: int
    above: float  # the chance that a token of a hint weighs more than a token that is none's
    above_plain: float  # the same without the words for ways; nan where nothing is left to compare
    top: bool  # whether the weightiest token is a hint's
    share: float  # of all tokens, that are a hint's
    gap: float  # of the integration


@dataclass(frozen=True)
class Ranks:
    """The decisions, and what they come to."""

    decisions: Sequence[Ranked]

    def lines(self) -> list[str]:
        """The figures with their 95% intervals, games being drawn anew."""
        found = self.decisions
        games = np.array([one.game for one in found])
        plain = [one for one in found if not np.isnan(one.above_plain)]
        share = np.mean([one.share for one in found])
        above = interval(np.array([one.above for one in found]), games, 0)
        rows = [
            f"{len(found)} decisions beside hints, in {len(np.unique(games))} games; tokens by how much they moved the "
            "choice:",
            f"a hint's token outweighs another token: {_percent(above)}, chance 50%",
        ]
        if plain:
            without = interval(np.array([one.above_plain for one in plain]), np.array([one.game for one in plain]), 0)
            rows.append(f"the same without the words for ways: {_percent(without)}, chance 50%")
        top = interval(np.array([float(one.top) for one in found]), games, 0)
        rows.append(f"the weightiest token is a hint's: {_percent(top)}, chance {share:.0%}")
        rows.append(f"median gap of the integration: {np.median([abs(one.gap) for one in found]):.3f}")
        return rows


def rank_cues(
    agent: Agent, game: Game, seed: int, decisions: int, *, split: str, points: int,
    say: Callable[[str], None] = lambda text: None,
) -> Ranks:
    """Rank the tokens in the first so many decisions beside hints, from game number `seed` of a split on.

    Steps on which an agent only follows a plan that it made before are no decisions. TextmazeError where there are
    none.
    """
    found: list[Ranked] = []
    last = seed
    for number in itertools.count(seed):
        watched = _Ranking(agent, cue_sentences(_maze(game, split, number)), number, points, decisions - len(found))
        for _ in rollout(game, watched, [number], split=split, slots=1):
            say(f"{len(found) + len(watched.found)} of {decisions} decisions")
            if len(watched.found) >= watched.wanted:
                break
        found += watched.found
        last = number if watched.found else last
        if len(found) >= decisions:
            return Ranks(found)
        if number - last >= IDLE_GAMES:
            raise TextmazeError(f"{game.name} has no decisions beside hints in {IDLE_GAMES} games; signposts does, "
                                "for an agent that weighs commands.")
    raise AssertionError


class _Ranking:
    """An agent whose decisions beside hints are ranked."""

    def __init__(self, agent: Agent, cues: frozenset[str], game: int, points: int, wanted: int) -> None:
        self.agent, self.cues, self.game, self.points, self.wanted = agent, cues, game, points, wanted
        self.infos: Sequence[str] = agent.infos
        self.found: list[Ranked] = []

    def begin(self, episodes: Sequence[int]) -> None:
        self.agent.begin(episodes)

    def act(self, observations: Sequence[Observation]) -> list[str]:
        commands = self.agent.act(observations)
        if not isinstance(self.agent, Actor):
            return commands
        for seen in observations:
            choice = self.agent.choices[seen.slot]
            if choice.going_on or self.cues.isdisjoint(sentences(seen.description)):
                continue
            found = attribute(self.agent, seen, choice, self.points)
            if found is not None:
                self.found.append(ranked(found.marks, seen.description, self.cues, self.game, found.gap))
        return commands


def cue_sentences(maze: Maze) -> frozenset[str]:
    """Every sentence of a maze that is a hint: what its places say and would not say without hints."""
    rules, bare = Rules(maze), replace(maze, cues=())
    view = rules.view(rules.start)
    found: set[str] = set()
    for room in {cue.room for cue in maze.cues}:
        for heading in range(rules.headings):
            here = view._replace(room=room, heading=heading)
            found.update(set(sentences(describe(maze, here))) - set(sentences(describe(bare, here))))
    return frozenset(found)


def ranked(weights: Weights, description: str, cues: frozenset[str], game: int, gap: float) -> Ranked:
    """One decision by the weights of the tokens in a description that holds hints."""
    spans = [(start, start + len(cue)) for cue in cues if (start := description.find(cue)) >= 0]
    own = np.array([any(first <= start < last for first, last in spans) for start, _, _ in weights])
    size = np.array([abs(weight) for _, _, weight in weights])
    words = [description[start:end].lower() for start, end, _ in weights]
    plain = np.array([word not in WAYS and word not in SIDES for word in words])
    return Ranked(game, _above(size, own), _above(size[plain], own[plain]), bool(own[size.argmax()]),
                  float(own.mean()), gap)


def _above(size: Floats, own: NDArray[np.bool_]) -> float:
    """The chance that one of our own is larger than one of the others; nan where one side is empty."""
    ours, others = size[own][:, None], size[~own][None]
    if not ours.size or not others.size:
        return float("nan")
    return float(((ours > others) + 0.5 * (ours == others)).mean())


def _percent(found: Interval) -> str:
    return f"{100 * found.value:.0f}% ({100 * found.low:.0f}-{100 * found.high:.0f})"


def _maze(game: Game, split: str, seed: int) -> Maze:
    if isinstance(game, Mixture):
        game, seed = game.part(seed)
    if not isinstance(game, MazeGame | SingleMaze):
        raise GameError(f"{game.name} is TextWorld's own, and nobody knows what hints in it; mazes come from recipes.")
    return game.maze(split, seed)
