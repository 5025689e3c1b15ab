"""How texts are taken apart before they are encoded: into sentences, each of which is encoded once.

Mazes say few distinct sentences, in ever new combinations. And what a text tells of a command is in the sentences that
name what the command is about: beside `go east`, "Nettles stand shoulder-high to the east." Whatever the way, it is
read as if it were the north, so that what a sentence says has to be learned only once. (With [MASK] in place of the way
hints in new wordings are read less well: encoders of sentences have never read a text with a gap in it.)
"""

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from textmaze.learn.encoder import Library
from textmaze.learn.recollection import Recollection

ANY_WAY = "north"  # what every level way is called where a text tells of it
_LEVEL_WAYS = ("north", "east", "south", "west", "forward", "right", "back", "left")
_IDLE = frozenset(("a", "an", "the", "to", "with", "from", "in", "into", "on", "of", "at", "up", "down"))
_ALSO = {"forward": ("front",)}  # other words by which it may be told of
Numbers = NDArray[np.int64]
Told = tuple[tuple[str, ...], str]  # commands, and the text that may tell of them


@functools.lru_cache(maxsize=1 << 16)
def sentences(text: str) -> tuple[str, ...]:
    """The sentences of a text, in order."""
    return tuple(part for part in re.split(r"(?<=[.!?])\s+|\n+", text) if part.strip())


@functools.lru_cache(maxsize=1 << 16)
def _topic(command: str) -> re.Pattern[str] | None:
    """What tells that a sentence is about the same as a command."""
    words = command.lower().split()[1:]
    names = [name for word in words for name in (() if word in _IDLE and len(words) > 1 else (word,))]
    names += [name for word in words for name in _ALSO.get(word, ())]
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b", re.IGNORECASE) if names else None


@functools.lru_cache(maxsize=1 << 16)
def told_of(command: str, text: str) -> tuple[str, ...]:
    """The sentences of a text that name what a command is about. A level way is called `ANY_WAY` in them."""
    topic = _topic(command)
    if topic is None:
        return ()
    told = [sentence for sentence in sentences(text) if topic.search(sentence)]
    if command.removeprefix("go ") in _LEVEL_WAYS:
        told = [topic.sub(ANY_WAY, sentence) for sentence in told]
    return tuple(told)


class Texts:
    """Texts as sets of sentences, by number, and the library that holds the sentences. Number 0 is the empty set."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.known: dict[tuple[str, ...], int] = {(): 0}
        self._ends = np.zeros(1024, dtype=np.int64)  # where each set's sentences end; the first set has none
        self._items = np.zeros(4096, dtype=np.int64)

    def add(self, texts: Iterable[tuple[str, ...]]) -> None:
        """Number what is new."""
        fresh = [parts for parts in dict.fromkeys(texts) if parts not in self.known]
        items = self.library.numbers([part for parts in fresh for part in parts])
        at = 0
        for parts in fresh:
            self._append(parts, items[at: at + len(parts)])
            at += len(parts)

    def items(self, sets: Numbers) -> tuple[Numbers, Numbers]:
        """The sentences of these sets, as numbers in the library, and the position of the set that each is from."""
        ends = self._ends[sets]
        starts = np.where(sets > 0, self._ends[sets - 1], 0)
        counts = ends - starts
        owner = np.repeat(np.arange(len(sets)), counts)
        offsets = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        return self._items[np.repeat(starts, counts) + offsets], owner

    def means(self, sets: Numbers) -> torch.Tensor:
        """The mean of each set's vectors, (len(sets), width) float32; 0 for the empty set."""
        items, owner = self.items(sets)
        counts = torch.from_numpy(np.maximum(np.bincount(owner, minlength=len(sets)), 1))
        vectors = self.library.vectors[torch.from_numpy(items)]
        summed = torch.zeros(len(sets), self.library.model.width).index_add(0, torch.from_numpy(owner), vectors)
        return summed / counts.unsqueeze(1)

    def state(self) -> dict[str, Any]:
        """All sentences of the library, and the sets by their numbers, each in its order."""
        numbers = {sentence: number for number, sentence in enumerate(self.library.texts)}
        sets = [[numbers[part] for part in parts] for parts in self.known]
        return {"sentences": list(self.library.texts), "sets": sets}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Number sentences and sets as in other texts; these must be new.

        The sentences too, as sums of rounded numbers depend on their order, and a training that goes on should take the
        very course that it would have taken.
        """
        sentences: Sequence[str] = state["sentences"]
        self.library.numbers(sentences)
        self.add(tuple(sentences[number] for number in parts) for parts in state["sets"])

    def _append(self, parts: tuple[str, ...], items: Numbers) -> None:
        number = len(self.known)
        start = int(self._ends[number - 1])
        end = start + len(items)
        if number == len(self._ends):
            self._ends = np.concatenate([self._ends, np.zeros_like(self._ends)])
        while end > len(self._items):
            self._items = np.concatenate([self._items, np.zeros_like(self._items)])
        self._ends[number], self._items[start:end] = end, items
        self.known[parts] = number


class Reader:
    """Everything that was read, as numbers: texts, and what they tell of commands.

    The two have a library each where the encoder of what is told is trained; the vectors of the other stay as they are.
    """

    def __init__(self, library: Library, told: Library | None = None, recollection: Recollection | None = None) -> None:
        self.texts = Texts(library)
        self.told = Texts(told or library)
        self.recollection = recollection
        self._recollected = Library(recollection) if recollection is not None else None
        self._text: dict[str, int] = {}
        self._told: dict[Told, int] = {}

    def take_in(self, texts: Iterable[str], told: Iterable[Told]) -> None:
        """Number what is new in these texts, and in what they tell of commands."""
        new_texts = {text: sentences(text) for text in texts if text not in self._text}
        new_told = {which: tuple(part for command in which[0] for part in told_of(command, which[1]))
                    for which in told if which not in self._told}
        self.texts.add(new_texts.values())
        self.told.add(new_told.values())
        self._text.update((text, self.texts.known[parts]) for text, parts in new_texts.items())
        self._told.update((which, self.told.known[parts]) for which, parts in new_told.items())

    def text_number(self, text: str) -> int:
        """The number of a text that was taken in."""
        return self._text[text]

    def told_number(self, which: Told) -> int:
        """The number of what a text tells of commands."""
        return self._told[which]

    def recollected(self, told: Numbers) -> torch.Tensor | None:
        """What is recollected of what is told, (len(told),): the sum over its sentences. None where nothing is."""
        if self._recollected is None or not self.recollection:
            return None
        sentences = self.told.library.texts
        self._recollected.numbers(sentences[len(self._recollected.texts):])  # the same numbers as there
        items, owner = self.told.items(told)
        said = self._recollected.vectors[torch.from_numpy(items), 0]
        return torch.zeros(len(told)).index_add(0, torch.from_numpy(owner), said)

    def state(self) -> dict[str, Any]:
        """All that was numbered, in its order, to be numbered again by `restore`."""
        return {"texts": self.texts.state(), "told": self.told.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Number texts as in another reader; this one must be new."""
        self.texts.restore(state["texts"])
        self.told.restore(state["told"])
