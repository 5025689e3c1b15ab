"""Foresight that needs no training: a language model's likelihood of the candidates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import softmax

from textmaze.learn.answers import Memory
from textmaze.learn.foresight import Floats
from textmaze.settings import setting

PROMPTS = 8  # that are asked together
BARE = "> look\n"  # the prompt that tells no story


@dataclass(frozen=True)
class State:
    """What is known when a command is about to be given; `memory` has read all up to here."""

    description: str
    inventory: str
    memory: Memory


class LanguageModel(Protocol):
    """Whatever tells how likely texts are to follow others; `textmaze.learn.language_model.LanguageModel` does."""

    def log_probabilities(self, prompts: Sequence[str], continuations: Sequence[Sequence[str]]) -> list[Floats]:
        """log P(continuation | prompt) in nats, for each prompt one value for each of its continuations."""
        ...


@dataclass(frozen=True)
class Likelihood:
    """Predicts by a language model: P is in proportion to the candidate's likelihood after the prompt.

    How likely a text is after no story at all is taken off by the share `prior`, since a fluent text is not for that
    reason what comes next.
    """

    model: LanguageModel
    recall: int = setting(4, "how many of the last steps stand in the prompt", low=0, high=100)
    prior: float = setting(1.0, "share of the log likelihood without the story that is taken off", low=0.0, high=1.0)
    temperature: float = setting(1.0, "what log likelihoods are divided by", low=1e-3, high=1e3)

    def prompt(self, state: State, command: str) -> str:
        """The last steps, the place, what is carried and the command, as a player would see them."""
        past = state.memory.steps[-self.recall :] if self.recall else []
        story = "".join(f"> {done}\n{answer}\n\n" for _, done, answer in past)
        return f"{story}{state.description}\n{state.inventory}\n\n> {command}\n"

    def likely(
        self, prompts: Sequence[str], candidates: Sequence[Sequence[str]],
        show: Callable[[int], None] = lambda done: None,
    ) -> list[Floats]:
        """P of each candidate after its prompt, each (len(candidates),) float64; `show` is told how many are done."""
        texts = list(dict.fromkeys(text for these in candidates for text in these))
        bare = dict(zip(texts, self.model.log_probabilities([BARE], [texts])[0], strict=True))
        found: list[Floats] = []
        for start in range(0, len(prompts), PROMPTS):
            some = candidates[start : start + PROMPTS]
            told = self.model.log_probabilities(prompts[start : start + PROMPTS], some)
            found += (self._chances(own, np.array([bare[text] for text in these]))
                      for own, these in zip(told, some, strict=True))
            show(len(found))
        return found

    def _chances(self, told: Floats, bare: Floats) -> Floats:
        return np.asarray(softmax((told - self.prior * bare) / self.temperature)) if len(told) else told
