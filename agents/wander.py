"""Chooses any admissible command, all equally likely: the floor that every agent must beat."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from textmaze.env.rollout import Agent, Observation
from textmaze.settings import setting


@dataclass(frozen=True)
class Settings:
    seed: int = setting(0, "which random commands are chosen", low=0)


class Wander:
    infos: Sequence[str] = ()

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)

    def begin(self, episodes: Sequence[int]) -> None:
        pass  # a wanderer remembers nothing

    def act(self, observations: Sequence[Observation]) -> list[str]:
        return [self._rng.choice(observation.choices) for observation in observations]


def make(settings: Settings) -> Agent:
    return Wander(settings.seed)
