"""Texts to vectors. Each distinct text is encoded once; after that, learning is small matrices."""

import copy
import hashlib
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from textmaze.learn.bert import Bert
from textmaze.learn.packaged import DEFAULT_MODEL, packaged_model

__all__ = ["DEFAULT_MODEL", "MODELS", "Bert", "Hash", "Library", "TextModel", "TokenLibrary", "load_model",
           "packaged_model"]


TOKENS = 64  # of a sentence that are attended to; hardly any has as many


class TextModel(Protocol):
    """Whatever turns texts into vectors."""

    width: int

    def encode(self, texts: Sequence[str]) -> torch.Tensor:
        """(len(texts), width) float32."""
        ...


class Hash:
    """A control that cannot read: every text gets a random vector of its own, decided by its SHA-256."""

    width = 768

    def encode(self, texts: Sequence[str]) -> torch.Tensor:
        rows = [
            np.random.default_rng(list(hashlib.sha256(text.encode()).digest())).standard_normal(self.width)
            for text in texts
        ]
        return torch.tensor(np.array(rows, dtype=np.float32).reshape(-1, self.width))


class Library:
    """Every text seen so far with its vector, by number. Texts are numbered in the order of their first use.

    They are encoded when vectors are asked for, all that are new together; and anew where the model has changed since.
    """

    def __init__(self, model: TextModel) -> None:
        self.model = model
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}
        self._vectors = torch.empty(1024, model.width)
        self._encoded = 0
        self._version = _version(model)

    @property
    def vectors(self) -> torch.Tensor:
        """(texts, width) float32."""
        version, count = _version(self.model), len(self.texts)
        if version != self._version or self._encoded < count:
            # A gradient may want them later, so they are made outside of any inference mode; and it may still need the
            # old ones, so these are not written over.
            with torch.inference_mode(False), torch.no_grad():
                if version != self._version:
                    self._vectors, self._encoded, self._version = torch.empty_like(self._vectors), 0, version
                while len(self._vectors) < count:
                    self._vectors = torch.cat([self._vectors, torch.empty_like(self._vectors)])
                self._vectors[self._encoded : count] = self.model.encode(self.texts[self._encoded :])
                self._encoded = count
        return self._vectors[: len(self.texts)]

    def numbers(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """The number of each text."""
        known = self._numbers
        for text in texts:
            if text not in known:
                known[text] = len(self.texts)
                self.texts.append(text)
        return np.fromiter((known[text] for text in texts), dtype=np.int64, count=len(texts))

    def read(self, texts: Sequence[str]) -> torch.Tensor:
        """The vectors of these texts, (len(texts), width) float32."""
        numbers = torch.from_numpy(self.numbers(texts))
        return self.vectors[numbers]

    def replaced(self, numbers: NDArray[np.int64], vectors: torch.Tensor, tokens: Sequence[torch.Tensor]) -> "Library":
        """The same texts, with these vectors (n, width) for some of them, to see what that changes.

        A library that keeps tokens takes those of each text too, (length, hidden). It takes in no new texts.
        """
        replaced = self.vectors.index_copy(0, torch.from_numpy(numbers), vectors)
        found = copy.copy(self)
        found._vectors = replaced
        return found


class TokenLibrary(Library):
    """A library that keeps the vectors of each text's tokens too, for a head that attends to them.

    They take 2 x hidden bytes a token: 20 kB a sentence of the default model, 200 MB for 10,000 sentences. At most
    `TOKENS` of a text are kept.
    """

    model: Bert

    def __init__(self, model: Bert) -> None:
        super().__init__(model)
        self._tokens: list[torch.Tensor] = []

    def tokens(self, numbers: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
        """The tokens' vectors of some texts, (n, longest, hidden) float32, and which are not padding, (n, longest)."""
        if len(self._tokens) < len(self.texts):
            self._tokens += [found[:TOKENS] for found in self.model.tokens(self.texts[len(self._tokens):])]
        if not len(numbers):
            return torch.zeros(0, 1, self.model.hidden), torch.zeros(0, 1, dtype=torch.bool)
        chosen = [self._tokens[number] for number in numbers.tolist()]
        padded = torch.nn.utils.rnn.pad_sequence(chosen, batch_first=True).float()
        lengths = torch.tensor([len(found) for found in chosen])
        return padded, torch.arange(padded.shape[1]) < lengths.unsqueeze(1)

    def replaced(self, numbers: NDArray[np.int64], vectors: torch.Tensor, tokens: Sequence[torch.Tensor]) -> "Library":
        found = super().replaced(numbers, vectors, tokens)
        assert isinstance(found, TokenLibrary)
        found._tokens = list(self._tokens)
        for number, new in zip(numbers.tolist(), tokens, strict=True):
            found._tokens[number] = new[:TOKENS]
        return found


def _version(model: TextModel) -> int:
    """How often the model has changed; one that cannot change need not say so."""
    return getattr(model, "version", 0)


MODELS: dict[str, Callable[[], TextModel]] = {"hash": Hash}


def load_model(name: str, pooling: str = "mean_cls", precision: str = "float32") -> TextModel:
    """The text model with this name: `hash`, the packaged BERT, or any Hugging Face encoder by name or folder, which
    alone has a pooling and a precision."""
    return MODELS[name]() if name in MODELS else Bert(name, pooling=pooling, precision=precision)
