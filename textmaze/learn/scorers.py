"""A language model reads the text of a consequence and says how good it sounds for the objective."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from textmaze.learn.encoder import Library

GOOD = "I am getting closer to the exit, nearly out of the maze."
BAD = "I am lost deep inside the maze, at a dead end, going the wrong way."


class Scorer(Protocol):
    """Scores are in units of no meaning; `shaping.Potential` brings them to a common scale."""

    def score(self, consequences: Sequence[str], objective: str) -> NDArray[np.float64]:
        """One value for each consequence, (len(consequences),): the higher the better it reads."""
        ...


class Contrast:
    """Whether a text is nearer in meaning to being nearly out than to being lost.

    The cosine between the text's mean vector and that of `GOOD`, less the cosine to that of `BAD`. How well it tells
    good consequences from bad ones on sentences that it was not made for, tests/learn/test_scorers.py measures.
    """

    def __init__(self, library: Library) -> None:
        self._library = library

    def score(self, consequences: Sequence[str], objective: str) -> NDArray[np.float64]:
        half = self._library.model.width // 2  # the mean of the token vectors stands before the CLS vector
        vectors = torch.nn.functional.normalize(self._library.read([GOOD, BAD, *consequences])[:, :half], dim=1)
        scores = vectors[2:] @ (vectors[0] - vectors[1])
        return scores.double().numpy()


class Random:
    """A control that has not read the text: a value decided by the text's SHA-256 alone."""

    def __init__(self, library: Library) -> None:
        pass

    def score(self, consequences: Sequence[str], objective: str) -> NDArray[np.float64]:
        digests = [hashlib.sha256(text.encode()).digest() for text in consequences]
        return np.array([int.from_bytes(digest[:8], "big") / 2**64 for digest in digests])


SCORERS: dict[str, Callable[[Library], Scorer]] = {"contrast": Contrast, "random": Random}
