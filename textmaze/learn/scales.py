"""A first look at the training games: the texts by which a head takes the scales of what it will read."""

from collections.abc import Sequence

import torch

from textmaze.env.rollout import Observation
from textmaze.learn.notes import every_note
from textmaze.learn.reading import Reader, sentences, told_of

ELSEWHERE = ("look", "wait")  # commands of plans that may be admissible nowhere


def first_look(reader: Reader, observations: Sequence[Observation]) -> dict[str, torch.Tensor]:
    """The vectors of all sentences in some observations, (n, width) for each part of what a head reads."""
    described = sorted({seen.description for seen in observations})
    commands = sorted({command for seen in observations for command in seen.choices} | set(ELSEWHERE))
    told = sorted({part for seen in observations for command in seen.choices
                   for part in told_of(command, seen.description)})
    parts = {
        "description": [part for text in described for part in sentences(text)],
        "inventory": [part for seen in observations for part in sentences(seen.inventory)],
        "objective": [part for seen in observations for part in sentences(seen.objective)],
        "command": commands, "note": every_note(),
    }
    distinct = {name: sorted(set(texts)) for name, texts in parts.items()}
    samples = {name: reader.texts.library.read(texts) for name, texts in distinct.items()}
    return samples | {"place": samples["description"], "told": reader.told.library.read(told)}
