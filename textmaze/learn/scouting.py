"""Scouting: a learner first plays with a map in mind and reads no words, to see what turns out of each way.

A sentence can be learned from when it has been read, and some are said seldom. While nobody asks what sentences say,
nothing need be encoded, so games go by many times as fast: hardly a sentence of the training games does not turn
up, and most do so often that chance no longer blurs what they tell of.
"""

from collections.abc import MutableMapping, Sequence

import numpy as np

from textmaze.env.rollout import Observation, StepRecord
from textmaze.learn.actor import Actor
from textmaze.learn.hindsight import Hindsight
from textmaze.learn.notes import UNTRIED, Memory, Plan
from textmaze.learn.shaping import Standard
from textmaze.learn.td import TDLearner, TDSettings

CAPACITY = 1 << 20  # of what turned out, the last that is remembered: 12 MB, and what some 50,000 games show


class Scout:
    """Follows a plan to its end, and then the next: one of the nearest of what is untried, or else any, by chance.

    Args:
        memories: of the games played, by slot; whoever begins a game puts one there.
        rng: chooses between plans.
    """

    def __init__(self, memories: MutableMapping[int, Memory], rng: np.random.Generator) -> None:
        self._memories = memories
        self._rng = rng
        self._plans: dict[int, Plan] = {}  # what is followed in each slot

    def begin(self, episodes: Sequence[int]) -> None:
        """Forget what was followed in these slots."""
        for slot in episodes:
            self._plans.pop(slot, None)

    def act(self, observations: Sequence[Observation]) -> list[str]:
        """One command for each observation."""
        return [self._command(seen) for seen in observations]

    def _command(self, seen: Observation) -> str:
        memory = self._memories[seen.slot]
        memory.read(seen)
        plans = memory.plans(seen, seen.choices)
        before = self._plans.get(seen.slot)
        plan = next((plan for plan in plans if before and plan.follows(before)), None)
        if plan is None:
            untried = [plan for plan in plans if plan.note.startswith(UNTRIED)]
            fewest = min((plan.steps for plan in untried), default=0)
            chosen = [plan for plan in untried if plan.steps == fewest] or plans
            plan = chosen[self._rng.integers(len(chosen))]
        self._plans[seen.slot] = plan
        command = seen.choices[plan.first]
        memory.give(command)
        return command


class ScoutingLearner(TDLearner):
    """A learner by temporal differences that scouts over the first share of its training.

    The first lesson, if any is to be given, follows at once: values are learned by what is read after it.
    """

    def __init__(self, actor: Actor, settings: TDSettings, shaper: Standard | None, seed: int, share: float) -> None:
        super().__init__(actor, settings, shaper, seed)
        self.hindsight = Hindsight(CAPACITY)
        self.scouting = True
        self._share = share
        self._scout = Scout(self.memories, self._rng)
        self._scouted = False  # whether the last commands were the scout's

    def schedule(self, progress: float) -> None:
        self.scouting = progress < self._share
        super().schedule(max(0.0, (progress - self._share) / (1.0 - self._share)))

    def lesson_due(self, number: int) -> float:
        return number / self.settings.lessons

    def begin(self, episodes: Sequence[int]) -> None:
        super().begin(episodes)
        self._scout.begin(episodes)

    def act(self, observations: Sequence[Observation]) -> list[str]:
        self._scouted = self.scouting
        return self._scout.act(observations) if self._scouted else super().act(observations)

    def learn(self, records: Sequence[StepRecord]) -> float | None:
        if not self._scouted:
            return super().learn(records)
        self.look_back(records)
        return None
