"""What an agent expects to read, learned while it plays: how surprising a text is, and how good a command looks.

The candidates of foresight are here what the episode lets expect, and `STRANGERS` texts that came in other steps
lately, which stand for all that was never read. A text's vector is the mean of its sentences' vectors, which the agent
has at hand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from textmaze.env.rollout import Observation, StepRecord
from textmaze.errors import RunError
from textmaze.learn.answers import MEMORY, Memory
from textmaze.learn.checkpoint import moments_of, part, take_moments
from textmaze.learn.foresight import (
    LEAST,
    PARTS,
    Choices,
    Floats,
    Numbers,
    Settings,
    check,
    first_weights,
    look_ahead,
    optimiser_of,
    probabilities,
    update,
)
from textmaze.learn.notes import Plan
from textmaze.learn.reading import Reader
from textmaze.learn.shaping import CLIP, Standard
from textmaze.settings import build

KEPT = 2048  # steps that are learned from, the latest
FIRST = 256  # steps before the first update: until then nothing is expected
READ = 8  # candidates that the episode lets expect
STRANGERS = 32  # candidates that came in other steps
LEARNING = build(Settings, {"batch": 64}, "expectation")


class Expectation:
    """Foresight of the games that a learner plays, and a memory of each of these.

    To look ahead is to add to the value of a command R(s, a), the score to be expected of the text that it will bring:
    the sum of P(s'|s, a) times the score of s' over the candidates. It is a potential of commands (look-ahead advice,
    Wiewiora, Cottrell and Elkan 2003), and it is kept with each decision, so it stands at play and in targets alike and
    the best commands stay the best, but for what R changes while foresight is still being learned (Devlin and Kudenko
    2012). It looks one text ahead, and no further: it is no plan, and it does not know what lies behind that text. Nor
    can it name a text that nobody has read: of an untried way it knows what such ways bring on the whole, and what can
    be told from what is read here.

    Args:
        reader: numbers the texts and has their vectors.
        scorer: says how good a text reads; without one nothing is looked ahead at.
        weight: of R, per standard deviation of the scores.
        seed: of first weights and of what is drawn.
    """

    def __init__(self, reader: Reader, scorer: Standard | None, weight: float, seed: int) -> None:
        self.weight = weight if scorer else 0.0
        self.weights: dict[str, torch.Tensor] = {}  # of foresight, once there are any
        self.strangers = torch.zeros(0, reader.texts.library.model.width)
        self.scores = np.zeros(0)  # (len(strangers),)
        self._reader = reader
        self._scorer = scorer
        self._memories: dict[int, Memory] = {}
        self._rng = np.random.default_rng(seed)
        self._optimiser: torch.optim.Optimizer | None = None
        self._kept = _no_choices()
        self._came = np.zeros(0)  # (len(_kept),) how good the text that came reads
        self._surprises = np.zeros(0)  # -log P of the last texts that came, in nats, for scale

    def twin(self) -> "Expectation":
        """The same for games of its own, to play and not to learn."""
        twin = Expectation(self._reader, self._scorer, self.weight, 0)
        twin.weights, twin.strangers, twin.scores = self.weights, self.strangers, self.scores
        return twin

    def calibrate(self, texts: Sequence[str], objective: str) -> None:
        """Take the scale of the scores from texts of the training games."""
        if self._scorer:
            self._scorer.calibrate(texts, objective)

    def begin(self, episodes: Sequence[int]) -> None:
        """Forget what was read in these slots."""
        self._memories.update((slot, Memory()) for slot in episodes)

    def read(self, seen: Observation) -> None:
        """Take in what is read, before a command is chosen."""
        self._memories[seen.slot].read(seen)

    def chose(self, slot: int, command: str) -> None:
        """Remember what is done now."""
        self._memories[slot].chose(command)

    def values(self, seen: Observation, plans: Sequence[Plan]) -> NDArray[np.float32]:
        """`weight` times R of the command of each plan without a walk, (len(plans),); 0 of the others, and of all as
        long as nothing was learned."""
        found = np.zeros(len(plans), dtype=np.float32)
        near = [number for number, plan in enumerate(plans) if plan.steps == 0]
        if near and self.weights and self._scorer:
            commands = [plans[number].command for number in near]
            candidates = [self._memories[seen.slot].likeliest(command, READ) for command in commands]
            scores = np.zeros((len(near), 1 + READ + len(self.scores)))
            scores[:, 1 + READ :] = self.scores
            for row, texts in zip(scores, candidates, strict=True):
                row[: len(texts)] = self._scorer.standardised(texts, [seen.objective] * len(texts))
            chances = self._chances(self._choices([seen] * len(near), commands, candidates))
            found[near] = self.weight * look_ahead(chances, scores)
        return found

    def foreseen(self, seen: Observation, command: str) -> list[tuple[str, float]]:
        """The texts that the episode lets expect of a command, each with its P, likeliest first; what is left of 1 is
        that of texts from elsewhere. Nothing, as long as nothing was learned."""
        if not self.weights:
            return []
        texts = self._memories[seen.slot].likeliest(command, READ)
        chances = self._chances(self._choices([seen], [command], [texts]))[0, : len(texts)].tolist()
        return sorted(zip(texts, chances, strict=True), key=lambda pair: -pair[1])

    def observe(self, records: Sequence[StepRecord]) -> Floats:
        """How surprising the text is that each step brought, (len(records),): -log P, in standard deviations from the
        mean of the last steps, clipped; 0 as long as nothing was learned. Then learn from these steps.

        What these steps brought must not have been read yet.
        """
        came = [record.feedback for record in records]
        memories = [self._memories[record.before.slot] for record in records]
        candidates = [
            list(dict.fromkeys((text, *memory.likeliest(record.command, READ))))
            for text, memory, record in zip(came, memories, records, strict=True)
        ]
        steps = self._choices([r.before for r in records], [r.command for r in records], candidates)
        surprises = np.zeros(len(records))
        if self.weights:
            losses = -np.log(np.maximum(self._chances(steps)[:, 0], LEAST))
            self._surprises = np.concatenate([self._surprises, losses])[-KEPT:]
            scale = max(float(self._surprises.std()), LEAST)
            surprises = np.clip((losses - self._surprises.mean()) / scale, -CLIP, CLIP)
        scores = np.zeros(len(records))
        if self._scorer:
            scores = self._scorer.standardised(came, [record.before.objective for record in records])
        self._kept = _joined(self._kept, steps).take(slice(-KEPT, None))
        self._came = np.concatenate([self._came, scores])[-KEPT:]
        if len(self._kept) >= FIRST:
            self._learn()
        return surprises

    def _learn(self) -> None:
        """One update, and other strangers from now on."""
        generator = torch.Generator().manual_seed(int(self._rng.integers(2**63)))
        if self._optimiser is None:
            choices, distinct = _compact(self._kept)
            self.weights = first_weights(self._reader.texts.means(distinct), choices, LEARNING.hidden, generator)
            self._optimiser = optimiser_of(self.weights, LEARNING)
        _, rows = np.unique(self._kept.candidates[:, 0], return_index=True)
        rows = self._rng.permutation(rows)[:STRANGERS]
        self.strangers = self._reader.texts.means(self._kept.candidates[rows, 0])
        self.scores = self._came[rows]
        batch, distinct = _compact(self._kept.take(self._rng.integers(len(self._kept), size=LEARNING.batch)))
        vectors = self._reader.texts.means(distinct)
        update(self.weights, self._optimiser, batch, vectors, LEARNING, generator, strangers=len(rows))

    def _choices(
        self, seen: Sequence[Observation], commands: Sequence[str], candidates: Sequence[Sequence[str]]
    ) -> Choices:
        """Commands about to be given with up to 1 + READ candidates each, as numbers of the reader's texts."""
        states = [(each.description, each.inventory, command) for each, command in zip(seen, commands, strict=True)]
        self._reader.take_in([text for texts in (*states, *candidates) for text in texts], ())
        number = self._reader.text_number
        found = _no_choices(len(states))
        found.state[:] = [[number(text) for text in texts] for texts in states]
        for row, texts in enumerate(candidates):
            found.candidates[row, : len(texts)] = [number(text) for text in texts]
            found.remembered[row, : len(texts)] = self._memories[seen[row].slot].beside(commands[row], texts)
            found.present[row, : len(texts)] = True
        return found

    def _chances(self, choices: Choices) -> Floats:
        """P of the candidates and the strangers, (N, 1 + READ + len(strangers))."""
        choices, distinct = _compact(choices)
        vectors, count = self._reader.texts.means(distinct), len(self.strangers)
        # Who is among a step's own candidates is no stranger to it.
        same = (vectors.unsqueeze(1) == self.strangers).all(2).numpy()  # (len(distinct), count)
        known = (same[choices.candidates] & choices.present[:, :, None]).any(1)
        numbers = np.tile(np.arange(len(distinct), len(distinct) + count), (len(choices), 1))
        together = Choices(
            choices.state,
            np.concatenate([choices.candidates, numbers], axis=1),
            np.pad(choices.remembered, ((0, 0), (0, count), (0, 0))),
            np.concatenate([choices.present, ~known], axis=1),
        )
        return probabilities(self.weights, together, torch.cat([vectors, self.strangers]))

    def playing(self) -> dict[str, torch.Tensor]:
        """What it takes to look ahead as now: nothing, where nothing is looked ahead at."""
        if not (self.weight and self._scorer and self.weights):
            return {}
        return {
            **{f"weights.{name}": tensor.detach().clone() for name, tensor in self.weights.items()},
            "strangers": self.strangers.clone(),
            "scores": torch.from_numpy(self.scores.copy()),
            "scale": torch.tensor([self._scorer.mean, self._scorer.scale], dtype=torch.float64),
        }

    def load(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take over what `playing` returned. RunError where it does not fit."""
        if not tensors:
            return
        weights = part(tensors, "weights.")
        check(weights, self.strangers.shape[1])
        rest = {name: tensor for name, tensor in tensors.items() if not name.startswith("weights.")}
        width, count = self.strangers.shape[1], len(rest.get("scores", ()))
        shapes = {"strangers": (count, width), "scores": (count,), "scale": (2,)}
        if not self._scorer or {name: tuple(tensor.shape) for name, tensor in rest.items()} != shapes or not all(
            bool(tensor.isfinite().all()) for tensor in rest.values()
        ):
            raise RunError("The weights are not those of an agent that looks ahead with these settings.")
        self.weights, self.strangers, self.scores = weights, rest["strangers"], rest["scores"].numpy()
        self._scorer.mean, self._scorer.scale = rest["scale"].tolist()

    def state(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """Everything but the episodes under way. Texts are told by the reader's numbers, which must come back too."""
        arrays = {**{f"kept.{name}": array for name, array in vars(self._kept).items()},
                  "came": self._came, "surprises": self._surprises, "scores": self.scores}
        tensors = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
        tensors |= {f"weights.{name}": tensor.detach().clone() for name, tensor in self.weights.items()}
        if self._optimiser:
            tensors |= {f"optimiser.{name}": moment for name, moment in moments_of(self._optimiser).items()}
        scale = [self._scorer.mean, self._scorer.scale] if self._scorer else None
        return {"rng": self._rng.bit_generator.state, "scale": scale}, {**tensors, "strangers": self.strangers}

    def restore(self, state: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> None:
        """Go on from what `state` returned. ValueError or RunError where it does not fit together."""
        kept = Choices(**{name: tensor.numpy() for name, tensor in part(tensors, "kept.").items()})
        sizes = {name: (len(kept), *array.shape[1:]) for name, array in vars(_no_choices()).items()}
        counts = len(tensors["came"]) - len(kept), len(tensors["scores"]) - len(tensors["strangers"])
        if {name: array.shape for name, array in vars(kept).items()} != sizes or any(counts):
            raise ValueError("the parts of what is expected do not fit together")
        known = len(self._reader.texts.known)
        if not all(((numbers >= 0) & (numbers < known)).all() for numbers in (kept.state, kept.candidates)):
            raise ValueError("what is expected holds texts that the reader does not know")
        self._kept = kept
        self._came, self._surprises, self.scores = (tensors[n].numpy() for n in ("came", "surprises", "scores"))
        self.strangers = tensors["strangers"]
        self._rng.bit_generator.state = state["rng"]
        if self._scorer:
            self._scorer.mean, self._scorer.scale = state["scale"]
        self.weights = {name: tensor.clone() for name, tensor in part(tensors, "weights.").items()}
        if self.weights:
            check(self.weights, self.strangers.shape[1])
            self._optimiser = optimiser_of(self.weights, LEARNING)
            take_moments(self._optimiser, part(tensors, "optimiser."))


def _no_choices(count: int = 0) -> Choices:
    """So many steps of which nothing is known."""
    size = count, 1 + READ
    return Choices(np.zeros((count, len(PARTS)), dtype=np.int64), np.zeros(size, dtype=np.int64),
                   np.zeros((*size, len(MEMORY)), dtype=np.float32), np.zeros(size, dtype=bool))


def _joined(first: Choices, second: Choices) -> Choices:
    return Choices(*(np.concatenate(pair) for pair in zip(vars(first).values(), vars(second).values(), strict=True)))


def _compact(choices: Choices) -> tuple[Choices, Numbers]:
    """The same steps with texts numbered anew, without gaps, and the old number of each text."""
    distinct = np.unique(np.concatenate([choices.state.ravel(), choices.candidates.ravel()]))
    return replace(choices, state=np.searchsorted(distinct, choices.state),
                   candidates=np.searchsorted(distinct, choices.candidates)), distinct
