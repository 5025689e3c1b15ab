"""Texts to vectors without a pretrained model: words by their hashes, and a GRU for each part of what is read.

A GRU (Cho et al. 2014) reads a text word by word; its last hidden state is the text's vector. Words are hashed to a
fixed number of vectors (Weinberger et al. 2009), so there is no vocabulary to build or to keep.
"""

import re
import zlib
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

CHUNK = 256  # texts that a cache encodes at once, so that a long one pads few others

Numbers = NDArray[np.int64]
Vectors = Callable[[str, Numbers], torch.Tensor]  # (part, text numbers) to vectors (*numbers.shape, hidden)


class Texts:
    """Texts by number, in the order of their coming, as the numbers of their words."""

    def __init__(self, vocabulary: int, longest: int) -> None:
        self.vocabulary, self.longest = vocabulary, longest
        self.numbers: dict[str, int] = {}
        self.words: list[list[int]] = []

    def number(self, text: str) -> int:
        """The number of this text. Of one with more than `longest` words and signs, the first are read."""
        if text not in self.numbers:
            self.numbers[text] = len(self.words)
            words = re.findall(r"\w+|[^\w\s]", text.lower())[: self.longest]
            # 0 is padding; 1 begins each text, so that the empty one can be read too.
            self.words.append([1, *(2 + zlib.crc32(word.encode()) % self.vocabulary for word in words)])
        return self.numbers[text]


class Menus:
    """The sets of commands that go with states, by number."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[int, ...], int] = {}
        self._menus: list[tuple[int, ...]] = []

    def number(self, menu: tuple[int, ...]) -> int:
        """The number of a set of commands, given as their text numbers."""
        if menu not in self.numbers:
            self.numbers[menu] = len(self._menus)
            self._menus.append(menu)
        return self.numbers[menu]

    def commands(self, menus: Numbers) -> Numbers:
        """The text numbers of the commands of B menus, (B, A); -1 where a menu has fewer than A."""
        chosen = [self._menus[menu] for menu in menus]
        commands = np.full((len(chosen), max(map(len, chosen))), -1)
        for row, menu in zip(commands, chosen, strict=True):
            row[: len(menu)] = menu
        return commands


class TextGRUs(nn.Module):
    """One GRU for each part of what is read; they share the vectors of the words."""

    def __init__(self, parts: Sequence[str], vocabulary: int, embedding: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.words = nn.Embedding(vocabulary + 2, embedding, padding_idx=0)
        self.grus = nn.ModuleDict({part: nn.GRU(embedding, hidden) for part in dict.fromkeys(parts)})

    def forward(self, part: str, texts: Sequence[Sequence[int]]) -> torch.Tensor:
        """What the part's GRU makes of n texts, given as the numbers of their words: (n, hidden)."""
        ends = torch.tensor([len(words) - 1 for words in texts])
        padded = np.zeros((int(ends.max()) + 1, len(texts)), dtype=np.int64)
        for column, words in enumerate(texts):
            padded[: len(words), column] = words
        # Padding comes after the end, so it cannot change the state there; this is faster than packing.
        states, _ = self.grus[part](self.words(torch.from_numpy(padded)))
        ended: torch.Tensor = states[ends, torch.arange(len(texts))]
        return ended


def read_once(grus: TextGRUs, texts: Texts) -> Vectors:
    """Encodes each distinct text of a call once, for gradients to flow back through it."""

    def vectors(part: str, numbers: Numbers) -> torch.Tensor:
        distinct, inverse = np.unique(numbers, return_inverse=True)
        encoded: torch.Tensor = grus(part, [texts.words[number] for number in distinct])
        return encoded[torch.from_numpy(inverse.reshape(numbers.shape))]

    return vectors


class Cache:
    """Encodes each distinct text once, until the weights change and it is told to `forget`. No gradients."""

    def __init__(self, grus: TextGRUs, texts: Texts) -> None:
        self.grus, self.texts = grus, texts
        self.forget()

    def forget(self) -> None:
        """Encode all texts anew from now on."""
        self._rows = {part: np.zeros(0, dtype=np.int64) for part in self.grus.grus}  # by text number; -1 if unread
        self._vectors = {part: torch.zeros(0, self.grus.hidden) for part in self.grus.grus}

    @torch.no_grad()
    def __call__(self, part: str, numbers: Numbers) -> torch.Tensor:
        """The vectors of these texts, (*numbers.shape, hidden)."""
        words = self.texts.words
        rows = np.pad(self._rows[part], (0, len(words) - len(self._rows[part])), constant_values=-1)
        new = sorted(set(numbers[rows[numbers] < 0].tolist()), key=lambda number: (len(words[number]), number))
        if new:
            chunks = [new[start: start + CHUNK] for start in range(0, len(new), CHUNK)]
            encoded = [self.grus(part, [words[number] for number in chunk]) for chunk in chunks]
            rows[new] = len(self._vectors[part]) + np.arange(len(new))
            self._vectors[part] = torch.cat([self._vectors[part], *encoded])
        self._rows[part] = rows
        return self._vectors[part][torch.from_numpy(rows[numbers])]
