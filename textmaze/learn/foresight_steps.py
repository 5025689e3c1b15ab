"""Steps to learn foresight from and to measure it on: with what else might have come, by the game's table."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from textmaze.catalog import make_agent
from textmaze.env.rollout import Observation, rollout
from textmaze.errors import GameError
from textmaze.game.table import Game, GameTable
from textmaze.learn.answers import MEMORY, Features, Memory
from textmaze.learn.foresight import Choices
from textmaze.learn.foresight_lm import State

CANDIDATES = 16
SIBLINGS, REMEMBERED = 5, 5  # candidates that other commands would bring, and that were read in the episode
FAILING = 0.25  # how many steps are preceded by an attempt that fails
KINDS = ("new place", "known place", "deed", "failing")
READING = ("examine", "look", "inventory", "wait", "help")  # verbs of commands that no attempt is made with
AGENTS = ("wander", "explorer")  # they play the games in turn

Ints = NDArray[np.int64]
Tell = Callable[[State, str], str]  # what is known and the command that is given, to a prompt


@dataclass
class Numbering:
    """Texts by number, in the order of first use."""

    numbers: dict[str, int] = field(default_factory=dict)

    def of(self, texts: Sequence[str]) -> list[int]:
        return [self.numbers.setdefault(text, len(self.numbers)) for text in texts]


@dataclass(frozen=True)
class Steps:
    """N steps with their candidates, what kind of step each is, and of which episode."""

    choices: Choices
    kind: Ints  # (N,) index into KINDS
    episode: Ints  # (N,)
    prompts: tuple[str, ...]  # what a language model is asked, N of them, or none


@dataclass(frozen=True)
class _Step:
    state: tuple[str, str, str]
    candidates: list[str]
    remembered: Features
    kind: int
    prompt: str


@dataclass
class _Walk:
    """One episode: the game's table tells what the other commands would have brought."""

    table: GameTable
    state: int
    memory: Memory
    tell: Tell | None

    def step(self, before: Observation, command: str, after: Observation, rng: np.random.Generator) -> _Step:
        candidates = self._candidates(after.text, rng)
        column = self.table.command_index.get(command)  # what is no command of the game changes nothing
        following = self.state if column is None else int(self.table.successor[self.state, column])
        if following == self.state:
            kind = "failing"
        elif after.text != after.description:
            kind = "deed"
        else:
            kind = "known place" if self.memory.knows(after.description) else "new place"
        known = State(before.description, before.inventory, self.memory)
        step = _Step((before.description, before.inventory, command), candidates,
                     self.memory.beside(command, candidates), KINDS.index(kind),
                     self.tell(known, command) if self.tell else "")
        self.memory.chose(command)
        self.memory.read(after)
        self.state = following
        return step

    def attempt(self, before: Observation, rng: np.random.Generator) -> Iterator[_Step]:
        """A command that fails here, if there is one. Nothing changes, so the walk goes on as without it."""
        stays = self.table.successor[self.state] == self.state
        failing = [column for column in self._doing() if stays[column]]
        if failing:
            column = failing[rng.integers(len(failing))]
            answer = self.table.texts[int(self.table.feedback[self.state, column])]
            yield self.step(before, self.table.commands[column], replace(before, text=answer), rng)

    def _doing(self) -> list[int]:
        return [
            column for column, command in enumerate(self.table.commands)
            if command.partition(" ")[0] not in READING
        ]

    def _candidates(self, came: str, rng: np.random.Generator) -> list[str]:
        """The text that came, and up to CANDIDATES - 1 others, all different."""
        table = self.table
        siblings = np.unique(table.feedback[self.state, self._doing()])
        rooms, answers = np.unique(table.description), np.unique(table.feedback)
        found = {came: None}
        for pool, most in (
            ([table.texts[number] for number in rng.permutation(siblings)], SIBLINGS),
            (self.memory.texts(), REMEMBERED),
            ([table.texts[number] for number in rng.permutation(rooms)], CANDIDATES),
            ([table.texts[number] for number in answers], CANDIDATES),
        ):
            fresh = [text for text in pool if text not in found]
            most = min(most, CANDIDATES - len(found))
            found |= dict.fromkeys(fresh[index] for index in rng.permutation(len(fresh))[:most])
        return list(found)


def collect(
    game: Game, split: str, seeds: Sequence[int], numbering: Numbering, seed: int, tell: Tell | None = None
) -> Steps:
    """The steps of the agents in the games with these numbers, with what else might have been answered.

    Agents give no command in vain, so before every fourth step or so, drawn at random, comes an attempt that fails.
    """
    rng = np.random.default_rng(seed)
    steps: list[tuple[_Step, int]] = []
    for offset, agent in enumerate(AGENTS):
        numbers = seeds[offset :: len(AGENTS)]
        game.prepare(split, numbers)
        walks: dict[int, _Walk] = {}
        for records in rollout(game, make_agent(agent, {}, seed)[1], numbers, split=split):
            for record in records:
                episode = record.episode * len(AGENTS) + offset
                if record.step == 1:
                    walks[episode] = _begin(game.table(split, record.seed), game.name, record.before, tell)
                walk = walks[episode]
                if rng.random() < FAILING:
                    steps += ((step, episode) for step in walk.attempt(record.before, rng))
                steps.append((walk.step(record.before, record.command, record.after, rng), episode))
    return _stacked(steps, numbering)


def _begin(table: GameTable, name: str, seen: Observation, tell: Tell | None) -> _Walk:
    if table.live:
        raise GameError(f"{name} has too many states to know them all, so what else could come is not known.")
    memory = Memory()
    memory.read(seen)
    return _Walk(table, table.start, memory, tell)


def _stacked(steps: Sequence[tuple[_Step, int]], numbering: Numbering) -> Steps:
    size = len(steps), CANDIDATES
    candidates, present = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=bool)
    remembered = np.zeros((*size, len(MEMORY)), dtype=np.float32)
    for row, (step, _) in enumerate(steps):
        count = len(step.candidates)
        candidates[row, :count] = numbering.of(step.candidates)
        remembered[row, :count], present[row, :count] = step.remembered, True
    state = np.array([numbering.of(step.state) for step, _ in steps], dtype=np.int64).reshape(-1, 3)
    return Steps(
        Choices(state, candidates, remembered, present),
        np.array([step.kind for step, _ in steps], dtype=np.int64),
        np.array([episode for _, episode in steps], dtype=np.int64),
        tuple(step.prompt for step, _ in steps if step.prompt),
    )
