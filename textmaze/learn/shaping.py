"""From scores to shaped rewards that leave the best policy as it is."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from textmaze.learn.scorers import Scorer

CLIP = 3.0


class Potential:
    """Phi(s): how good the description of a state reads, in standard deviations, clipped, times `weight`.

    Shaping adds gamma Phi(s') - Phi(s) to the reward. Over any way from a state to the end these terms sum up to
    -Phi(s), whatever the way, so which command is best does not change (Ng, Harada and Russell 1999). Each distinct
    text is scored once, so Phi is a function of the state.
    """

    def __init__(self, scorer: Scorer, weight: float) -> None:
        self._scorer = scorer
        self._weight = weight
        self._known: dict[tuple[str, str], float] = {}  # (description, objective) -> Phi
        self.mean, self.scale = 0.0, 1.0

    def calibrate(self, texts: Sequence[str], objective: str) -> None:
        """Take mean and deviation of the scores from texts of the training games."""
        scores = self._scorer.score(texts, objective)
        self.mean, self.scale = float(scores.mean()), float(scores.std()) or 1.0
        self._known.clear()

    def of(self, descriptions: Sequence[str], objectives: Sequence[str]) -> NDArray[np.float64]:
        """Phi of the states with these descriptions, each in a game with its objective."""
        states = list(zip(descriptions, objectives, strict=True))
        new: dict[str, dict[str, None]] = {}  # objective -> descriptions, each once and in order
        for text, objective in states:
            if (text, objective) not in self._known:
                new.setdefault(objective, {})[text] = None
        for objective, texts in new.items():
            scores = (self._scorer.score(list(texts), objective) - self.mean) / self.scale
            values = (self._weight * np.clip(scores, -CLIP, CLIP)).tolist()
            self._known.update(((text, objective), value) for text, value in zip(texts, values, strict=True))
        return np.array([self._known[state] for state in states])


def shaping(
    before: NDArray[np.float64], after: NDArray[np.float64], terminated: NDArray[np.bool_], gamma: float
) -> NDArray[np.float64]:
    """gamma Phi(s') - Phi(s). Phi is 0 after the end of a game, but not where an episode was merely cut off."""
    shaped: NDArray[np.float64] = gamma * np.where(terminated, 0.0, after) - before
    return shaped
