"""Whether a game is played by advice or without it: the better its games have gone of late, the likelier.

Probabilistic policy reuse (Fernández and Veloso 2006), of one policy that is given, beside the one that is learned.
Advice that is not good is soon hardly followed, and good advice is for as long as the agent plays worse without it.
"""

from collections import deque
from collections.abc import Sequence

import numpy as np

LAST = 50  # games of each kind by which they are judged
TEMPERATURE = 0.1  # of the softmax over mean returns
LEAST = 0.1  # the chance that each kind always has


class Reuse:
    """Which games are played by advice, and the discounted returns of the last ones with it and without."""

    def __init__(self) -> None:
        self.advised: set[int] = set()  # the slots whose game is played by advice
        self._under_way: dict[int, float] = {}
        self._returns = {advised: deque[float](maxlen=LAST) for advised in (True, False)}

    def begin(self, slot: int, rng: np.random.Generator) -> None:
        """Draw whether a game that begins is played by advice."""
        chance = 1 / (1 + np.exp(-self.gain / TEMPERATURE))
        self._under_way[slot] = 0.0
        self.advised.discard(slot)
        if rng.random() < min(max(chance, LEAST), 1 - LEAST):
            self.advised.add(slot)

    def reward(self, slot: int, discounted: float, ended: bool) -> None:
        """Take in a reward, discounted from the beginning of the game."""
        self._under_way[slot] += discounted
        if ended:
            self._returns[slot in self.advised].append(self._under_way[slot])

    @property
    def gain(self) -> float:
        """By how much games with advice are better in the mean; a kind of which there was none counts as lost."""
        means = {kind: sum(found) / max(1, len(found)) for kind, found in self._returns.items()}
        return means[True] - means[False]

    @property
    def pays(self) -> bool:
        """Whether advice is to be heeded: unless games without have been better by more than one standard error, for
        the first of them are won or lost by chance."""
        if any(len(found) < 2 for found in self._returns.values()):
            return True
        variance = sum(float(np.var(found, ddof=1)) / len(found) for found in self._returns.values())
        return bool(self.gain + np.sqrt(variance) >= 0)

    def state(self) -> list[list[float]]:
        """The returns, with advice and without; `restore` takes them back."""
        return [list(found) for found in self._returns.values()]

    def restore(self, state: Sequence[Sequence[float]]) -> None:
        """Go on from there, with new games."""
        for found, returns in zip(self._returns.values(), state, strict=True):
            found.clear()
            found.extend(map(float, returns))
