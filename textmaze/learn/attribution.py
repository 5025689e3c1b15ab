"""Which words moved a choice: integrated gradients (Sundararajan et al. 2017) over the encoder's input embeddings.

What is explained is the value of the best command less that of the second best. On the way from blank texts to the
texts as they were read, the gradients of this difference to each token's embedding add up to the difference itself:
so each token has a weight, and what the sum misses is known.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from textmaze.env.rollout import Observation
from textmaze.env.thoughts import Weights, Words
from textmaze.errors import TextmazeError
from textmaze.learn.actor import Actor, Choice
from textmaze.learn.bert import Bert, Inputs
from textmaze.learn.encoder import Library
from textmaze.learn.notes import Plan
from textmaze.learn.qhead import PLAN_PARTS, TOLD, Numbers, States
from textmaze.learn.reading import Reader, sentences, told_of
from textmaze.learn.replay import gathered

POINTS = 32  # on the way, as Gauss and Legendre place them
AT_ONCE = 4  # of them


def attribute(actor: Actor, seen: Observation, choice: Choice, points: int = POINTS) -> Words | None:
    """The words that mattered in a choice that the actor made for what it had seen: in the best plan against the best
    that begins with another command. None where there was but one command to think of.

    TextmazeError where what reads has no words, or the library for it is missing.
    """
    pair = _best_two(choice)
    if pair is None:
        return None
    function = _Difference(actor, choice, pair)
    attributed = _integrated(function, points)
    with torch.no_grad():
        blank = float(function(*(inputs.blank.unsqueeze(0) for inputs in function.inputs)))
    best, second = (choice.plans[number] for number in pair)
    difference = float(choice.values[pair[0]] - choice.values[pair[1]])
    shares: dict[str, float] = {}
    found: dict[tuple[int, int], float] = {}
    total = 0.0
    for text, weights in function.read(attributed):
        summed = sum(weight for _, _, weight in weights)
        total += summed
        source, places = _source(text, seen, (best, second))
        shares[source] = shares.get(source, 0.0) + summed
        for start, own in places:
            for begin, end, weight in _aligned(text, own, weights):
                key = start + begin, start + end
                found[key] = found.get(key, 0.0) + weight / len(places)
    marks = [(start, end, weight) for (start, end), weight in sorted(found.items())]
    commands = choice.commands
    return Words(commands[best.first], commands[second.first], difference, blank, difference - blank - total, marks,
                 shares)


def reads_words(agent: object) -> bool:
    """Whether words can have mattered to an agent: it values plans by what an encoder reads."""
    return isinstance(agent, Actor) and isinstance(agent.reader.told.library.model, Bert)


def _best_two(choice: Choice) -> tuple[int, int] | None:
    """The best plan, and the best of those that begin with another command."""
    order = choice.values.argsort(descending=True, stable=True).tolist()
    first = order[0]
    second = next((number for number in order if choice.plans[number].first != choice.plans[first].first), None)
    return None if second is None else (first, second)


class _Difference:
    """The difference of two plans' values as a function of the embeddings of all sentences read for them.

    Its arguments are (n, sentences, length, hidden), one for each encoder; it gives (n,).
    """

    def __init__(self, actor: Actor, choice: Choice, pair: tuple[int, int]) -> None:
        self._head, self._reader = actor.head, actor.reader
        kept = np.isin(np.arange(len(choice.plans)), pair)
        self._states = gathered([choice.decision], length=1).only(kept)
        self._sign = 1.0 if pair[0] < pair[1] else -1.0
        self._libraries: list[Library] = []
        self._numbers: list[Numbers] = []
        self.inputs: list[Inputs] = []
        for library, numbers in _read_for(self._states, actor.reader):
            if not isinstance(library.model, Bert):
                raise TextmazeError("This agent's encoder reads no words, so none of them can have mattered.")
            self._libraries.append(library)
            self._numbers.append(numbers)
            self.inputs.append(library.model.inputs([library.texts[number] for number in numbers.tolist()]))

    def __call__(self, *embeddings: torch.Tensor) -> torch.Tensor:
        points = []
        for point in zip(*embeddings, strict=True):
            libraries: dict[int, Library] = {}
            for library, numbers, inputs, own in zip(self._libraries, self._numbers, self.inputs, point, strict=True):
                assert isinstance(library.model, Bert)
                vectors, tokens = library.model.of_embeddings(own, inputs.mask)
                lengths = inputs.mask.sum(1).tolist()
                kept = [row[:length] for row, length in zip(tokens.cpu(), lengths, strict=True)]
                libraries[id(library)] = library.replaced(numbers, vectors.cpu(), kept)
            values = self._head(self._states, _reading(self._reader, libraries))
            points.append(self._sign * (values[0] - values[1]))
        return torch.stack(points)

    def read(self, attributed: Sequence[torch.Tensor]) -> Iterator[tuple[str, Weights]]:
        """Each sentence with the weights of its tokens."""
        for library, numbers, inputs, own in zip(
            self._libraries, self._numbers, self.inputs, attributed, strict=True
        ):
            weights = own[0].sum(-1).tolist()
            for number, row, places in zip(numbers.tolist(), weights, inputs.places, strict=True):
                yield library.texts[number], [
                    (start, end, weight) for (start, end), weight in zip(places, row, strict=True) if end > start]


def _read_for(states: States, reader: Reader) -> list[tuple[Library, Numbers]]:
    """The libraries that hold the sentences read for these states, and which of theirs these are."""
    told = [number for name, column in zip(PLAN_PARTS, states.plans.T, strict=False) if name in TOLD
            for number in column]
    texts = [number for name, column in zip(PLAN_PARTS, states.plans.T, strict=False) if name not in TOLD
             for number in column]
    told += [] if states.clues is None else states.clues.told.tolist()
    found: dict[int, tuple[Library, set[int]]] = {}
    for parts, sets in ((reader.texts, [*states.state.ravel(), *texts]), (reader.told, told)):
        items = parts.items(np.array(sets, dtype=np.int64))[0]
        found.setdefault(id(parts.library), (parts.library, set()))[1].update(items.tolist())
    return [(library, np.array(sorted(numbers), dtype=np.int64)) for library, numbers in found.values() if numbers]


def _reading(reader: Reader, libraries: Mapping[int, Library]) -> Reader:
    """The reader with other libraries."""
    found = copy.copy(reader)
    for name in ("texts", "told"):
        texts = copy.copy(getattr(reader, name))
        texts.library = libraries.get(id(texts.library), texts.library)
        setattr(found, name, texts)
    return found


def _integrated(function: _Difference, points: int) -> Sequence[torch.Tensor]:
    """The weight of each element of each embedding."""
    try:
        from captum.attr import IntegratedGradients
    except ModuleNotFoundError:
        raise TextmazeError("Words that mattered are found by captum: pip install 'textmaze[explain]', or leave them "
                            "out by --no-words.") from None
    method: Any = IntegratedGradients(function)
    found: Sequence[torch.Tensor] = method.attribute(
        tuple(inputs.words.unsqueeze(0) for inputs in function.inputs),
        tuple(inputs.blank.unsqueeze(0) for inputs in function.inputs),
        n_steps=points, internal_batch_size=AT_ONCE,
    )
    return found


def _source(text: str, seen: Observation, plans: Sequence[Plan]) -> tuple[str, list[tuple[int, str]]]:
    """What a sentence belongs to; of the description, also where it stands there and how it reads there."""
    places = [(start, own) for start, own in _placed(seen.description)
              if own == text or any(text in told_of(command, own) for command in seen.choices)]
    if places:
        return "description", places
    parts = {
        "inventory": [seen.inventory], "objective": [seen.objective],
        "command": [plan.command for plan in plans], "note": [plan.note for plan in plans],
    }
    return next((name for name, texts in parts.items() for whole in texts if text in sentences(whole)), "place"), []


def _placed(text: str) -> Iterator[tuple[int, str]]:
    """The sentences of a text, and where each begins."""
    at = 0
    for sentence in sentences(text):
        at = text.index(sentence, at)
        yield at, sentence
        at += len(sentence)


def _aligned(text: str, own: str, weights: Weights) -> Weights:
    """The weights of a sentence's tokens, placed in the same sentence with other words for the ways."""
    if text == own:
        return weights
    here, there = list(_words(text)), list(_words(own))
    found = []
    for start, end, weight in weights:
        word = next((index for index, (begin, stop) in enumerate(here) if begin <= start < stop), 0)
        (begin, stop), (other, other_stop) = here[word], there[min(word, len(there) - 1)]
        same = text[begin:stop] == own[other:other_stop]
        # Another word for a way may be longer; what follows it in one word, such as a comma, is as long as before.
        left = other + start - begin if same or start == begin else other_stop - (stop - start)
        right = other + end - begin if same else other_stop - (stop - end)
        found.append((left, right, weight))
    return found


def _words(text: str) -> Iterator[tuple[int, int]]:
    """Where each word between spaces begins and ends."""
    ends = [-1, *(index for index, mark in enumerate(text) if mark.isspace()), len(text)]
    return ((left + 1, right) for left, right in pairwise(ends) if right > left + 1)
