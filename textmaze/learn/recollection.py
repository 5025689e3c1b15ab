"""A second opinion of what is told: a sentence says, more or less, what those that resemble it have said.

An encoder that is taught errs here and there by what it was taught. The encoder as it came knows less, but it errs
elsewhere: so both together read new sentences better than either alone (docs/log.md).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from textmaze.learn.encoder import TextModel

SHARPNESS = 3.0  # of the kernel exp(SHARPNESS * (cosine - 1))
RIDGE = 0.15
MOST_DOUBTED = 30.0  # how many times the ridge is at most, for a sentence that tells little
MOST = 12_000  # sentences that are recollected, the most telling of them: solving takes 10 s, and memory 1 GB


class Recollection:
    """Says of each sentence what is to be expected of the way that it tells of, from -1 to 1, by the sentences of which
    something has turned out: kernel ridge regression (Saunders, Gammerman and Vovk 1998) on an encoder's vectors.

    It is a `TextModel` of width 1, so that a `Library` remembers what it has said.

    Args:
        model: an encoder that stays as it is.
    """

    width = 1

    def __init__(self, model: TextModel) -> None:
        self.version = 0  # goes up with each `fit`
        self._model = model
        self._mean = torch.zeros(model.width)
        self._known = torch.zeros(0, model.width, dtype=torch.float16)  # centred, of length 1
        self._weights = torch.zeros(0)

    def __bool__(self) -> bool:
        """Whether it has anything to go by."""
        return len(self._known) > 0

    def encode(self, texts: Sequence[str]) -> torch.Tensor:
        """(len(texts), 1) float32: 0 where nothing is known that is alike."""
        if not self or not texts:
            return torch.zeros(len(texts), 1)
        vectors = self._directions(self._model.encode(texts))
        return (_kernel(vectors, self._known.float()) @ self._weights).unsqueeze(1)

    @torch.no_grad()
    def fit(self, texts: Sequence[str], nearer: NDArray[np.float32], weight: NDArray[np.float32]) -> None:
        """Recollect these sentences (n,), what has turned out of each (n,), and how much that is to be relied on."""
        chosen = np.sort(np.argsort(-weight, kind="stable")[:MOST])
        kept = [texts[row] for row in chosen]
        if not kept:
            return
        vectors = self._model.encode(kept)
        self._mean = vectors.mean(0)
        self._known = self._directions(vectors).half()
        kernel = _kernel(self._known.float(), self._known.float())
        kernel.diagonal().add_(RIDGE * torch.from_numpy(1 / np.maximum(weight[chosen], 1 / MOST_DOUBTED)))
        wanted = torch.from_numpy(nearer[chosen]).unsqueeze(1)
        self._weights = torch.cholesky_solve(wanted, torch.linalg.cholesky(kernel)).squeeze(1)
        self.version += 1

    def state(self) -> dict[str, torch.Tensor]:
        """All that it recollects; `restore` takes it back. Nothing before `fit`."""
        return {"mean": self._mean, "known": self._known, "weights": self._weights} if self else {}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """RuntimeError where this is not what one with such an encoder recollects."""
        if not state:
            return
        shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
        count = shapes.get("weights", (0,))[0]
        wanted = {"mean": (self._model.width,), "known": (count, self._model.width), "weights": (count,)}
        if shapes != wanted or not all(tensor.isfinite().all() for tensor in state.values()):
            raise RuntimeError("what is recollected does not fit")
        self._mean, self._known, self._weights = state["mean"].float(), state["known"].half(), state["weights"].float()
        self.version += 1

    def _directions(self, vectors: torch.Tensor) -> torch.Tensor:
        """The vectors without what all have in common, at length 1."""
        return torch.nn.functional.normalize(vectors - self._mean, dim=1)


def _kernel(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return (one @ other.T).sub_(1.0).mul_(SHARPNESS).exp_()
