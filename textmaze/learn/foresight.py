"""Foresight: P(s'|s,a) over candidate texts, so which text a command will bring, as far as that can be known.

P(s'|s,a) = exp f(s', s, a) / Z, where Z sums over the candidates. f is learned by telling the consequence that came
from others (InfoNCE, van den Oord et al. 2018), over frozen text vectors and what the episode has shown so far.
`expectation` learns it while an agent learns to play; `foresight_report` measures it; `foresight_lm` is an alternative
that needs no training.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from textmaze.errors import RunError, TextmazeError
from textmaze.learn.answers import MEMORY, Features
from textmaze.settings import setting

PARTS = ("description", "inventory", "command")
FEWEST_FOR_SCALE = 32
FIXED = tuple(f"{part}.{name}" for part in (*PARTS, "text") for name in ("mean", "scale"))  # of text vectors
TEXT_LAYERS = tuple(f"{part}.{layer}" for part in (*PARTS, "text") for layer in ("meet", "match"))
FASTER = 10.0  # times the rate of text vectors, for all other weights
LEAST = 1e-12  # the probability below which none is believed

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
Weights = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Choices:
    """N steps with up to K candidate texts each, as text numbers. Candidate 0 is the text that came."""

    state: Numbers  # (N, len(PARTS))
    candidates: Numbers  # (N, K)
    remembered: Features  # (N, K, len(MEMORY))
    present: NDArray[np.bool_]  # (N, K); the rest is padding

    def __len__(self) -> int:
        return len(self.state)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_] | slice) -> "Choices":
        """Some of the steps."""
        return Choices(self.state[rows], self.candidates[rows], self.remembered[rows], self.present[rows])


@dataclass(frozen=True)
class Settings:
    """How foresight is learned."""

    hidden: int = setting(64, "width of the layer in which states and candidates meet", low=1, high=4096)
    epochs: int = setting(8, "how often every step is learned from", low=1, high=10_000)
    batch: int = setting(128, "steps learned from at once; what came to one is a negative for others", low=2, high=8192)
    rate: float = setting(1e-3, "highest learning rate of AdamW, for text vectors", low=1e-6, high=1.0)
    decay: float = setting(0.1, "weight decay", low=0.0, high=10.0)
    dropout: float = setting(0.3, "share of a text vector's elements left out in training", low=0.0, high=0.9)


def shapes(width: int, hidden: int) -> dict[str, tuple[int, ...]]:
    """The weights of foresight over text vectors of this width, by name."""
    found: dict[str, tuple[int, ...]] = dict.fromkeys(TEXT_LAYERS, (width, hidden))
    found |= dict.fromkeys(FIXED, (width,))
    found |= {"memory": (len(MEMORY),), "memory.meet": (len(MEMORY), hidden)}
    return found | dict.fromkeys(("meet.bias", "meet.out", "match.bias"), (hidden,))


def first_weights(
    vectors: torch.Tensor, choices: Choices, hidden: int, generator: torch.Generator
) -> dict[str, torch.Tensor]:
    """Weights before learning. `vectors` (T, width) float32 are those of all texts by number."""
    width = vectors.shape[1]
    weights = {name: torch.zeros(shape) for name, shape in shapes(width, hidden).items()}
    for name in (*TEXT_LAYERS, "memory.meet"):
        size = weights[name].shape
        weights[name] = torch.randn(size, generator=generator) / size[0] ** 0.5
    weights["text.match"] /= hidden
    overall = vectors.std(0)
    for index, part in enumerate((*PARTS, "text")):
        numbers = np.unique(choices.state[:, index] if part in PARTS else choices.candidates[choices.present])
        own = vectors[torch.from_numpy(numbers)]
        weights[f"{part}.mean"] = own.mean(0)
        # A handful of texts has no deviation worth the name, and the next one would look enormous.
        weights[f"{part}.scale"] = (own.std(0) if len(own) >= FEWEST_FOR_SCALE else overall).clamp(min=1e-3)
    return weights


def logits(
    weights: Weights, choices: Choices, vectors: torch.Tensor, dropout: float = 0.0,
    generator: torch.Generator | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """f of the steps' own candidates (N, K), -inf where there is none, and of the texts that came to all (N, N).

    f adds up three things: a small network's reading of state, candidate and memory; the product of candidate, command
    and state, since whether a way is open is a question to the state that the command puts; and what is remembered.
    A text is projected once in a batch, however often it occurs. Of other steps' texts nothing is remembered, as if
    they had been read in other episodes.
    """

    def project(part: str, numbers: Numbers) -> tuple[torch.Tensor, torch.Tensor]:
        distinct, inverse = np.unique(numbers, return_inverse=True)
        standard = (vectors[torch.from_numpy(distinct)] - weights[f"{part}.mean"]) / weights[f"{part}.scale"]
        if dropout:
            standard = standard * (torch.rand(standard.shape, generator=generator) >= dropout) / (1 - dropout)
        rows = torch.from_numpy(inverse.reshape(numbers.shape))
        return (standard @ weights[f"{part}.meet"])[rows], (standard @ weights[f"{part}.match"])[rows]

    states = [project(part, choices.state[:, index]) for index, part in enumerate(PARTS)]
    meet = torch.stack([pair[0] for pair in states]).sum(0) + weights["meet.bias"]  # (N, hidden)
    (_, description), (_, inventory), (_, command) = states
    asked = (command + weights["match.bias"]) * (1 + description + inventory)
    text_meet, text_match = project("text", choices.candidates)  # (N, K, hidden)
    remembered = torch.from_numpy(choices.remembered)
    together = (meet.unsqueeze(1) + text_meet + remembered @ weights["memory.meet"]).relu()
    own = together @ weights["meet.out"] + remembered @ weights["memory"] + (text_match @ asked.unsqueeze(2)).squeeze(2)
    others = (meet.unsqueeze(1) + text_meet[:, 0]).relu() @ weights["meet.out"] + asked @ text_match[:, 0].T
    return own.masked_fill(~torch.from_numpy(choices.present), -torch.inf), others


def learn(choices: Choices, vectors: torch.Tensor, settings: Settings, seed: int) -> dict[str, torch.Tensor]:
    """Weights that tell the text that came from the other candidates, and from what came to other steps.

    Args:
        choices: N steps to learn from.
        vectors: (T, width) float32, of all texts by number.
        seed: of the first weights, the order of the steps and dropout; equal seeds give equal weights.
    """
    if not len(choices):
        raise TextmazeError("There is no step to learn foresight from.")
    generator, rng = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    weights = first_weights(vectors, choices, settings.hidden, generator)
    optimiser = optimiser_of(weights, settings)
    rates = [group["lr"] for group in optimiser.param_groups]
    batches = -(-len(choices) // settings.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rates, total_steps=settings.epochs * batches)
    for _ in range(settings.epochs):
        for rows in np.array_split(rng.permutation(len(choices)), batches):
            update(weights, optimiser, choices.take(rows), vectors, settings, generator)
            schedule.step()
    return {name: tensor.detach() for name, tensor in weights.items()}


def optimiser_of(weights: Weights, settings: Settings) -> torch.optim.AdamW:
    """What changes the weights that are learned, which ask for gradients from now on."""
    learned = {name: tensor.requires_grad_() for name, tensor in weights.items() if name not in FIXED}
    # What is remembered is 0 or 1 and says much, so its weights have a longer way to go than those of text vectors.
    groups = [{"params": [tensor], "lr": settings.rate * (1 if name in TEXT_LAYERS else FASTER)}
              for name, tensor in learned.items()]
    return torch.optim.AdamW(groups, weight_decay=settings.decay)


def update(
    weights: Weights, optimiser: torch.optim.Optimizer, batch: Choices, vectors: torch.Tensor, settings: Settings,
    generator: torch.Generator, strangers: float = 1.0,
) -> None:
    """Learn from a batch once; texts that came to other steps count as so many `strangers` among the candidates."""
    loss = _loss(weights, batch, vectors, settings, generator, strangers)
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    learned = [tensor for group in optimiser.param_groups for tensor in group["params"]]
    torch.nn.utils.clip_grad_norm_(learned, 1.0)
    optimiser.step()


def _loss(
    weights: Weights, batch: Choices, vectors: torch.Tensor, settings: Settings, generator: torch.Generator,
    strangers: float = 1.0,
) -> torch.Tensor:
    own, others = logits(weights, batch, vectors, settings.dropout, generator)
    # Another step's text is no negative where it is among a step's own candidates, least of all where it came too.
    known = (batch.candidates[:, :, None] == batch.candidates[None, None, :, 0]) & batch.present[:, :, None]
    others = others.masked_fill(torch.from_numpy(known.any(1)), -torch.inf)
    # All together they count as one candidate more, or as so many as there will be when the candidates are told. In
    # another number they would make every text that was not read before look more or less likely than it is then.
    everything = torch.cat([own, others + np.log(strangers / len(batch))], dim=1)
    return torch.nn.functional.cross_entropy(everything, torch.zeros(len(batch), dtype=torch.long))


def probabilities(weights: Weights, choices: Choices, vectors: torch.Tensor) -> Floats:
    """P of every candidate, (N, K) float64; 0 for padding."""
    parts = [np.zeros((0, choices.present.shape[1]))]
    with torch.inference_mode():
        for first in range(0, len(choices), 512):
            own = logits(weights, choices.take(slice(first, first + 512)), vectors)[0]
            parts.append(own.double().softmax(1).numpy())
    return np.concatenate(parts)


def look_ahead(chances: Floats, scores: Floats) -> Floats:
    """The score to be expected of the consequence, R(s,a) = sum of P(s'|s,a) times the score of s'.

    Both are (..., K), say one row for each command; the result is (...).
    """
    return np.asarray((chances * scores).sum(-1), dtype=np.float64)


def check(weights: Weights, width: int) -> None:
    """RunError where weights from a file are not foresight over text vectors of this width."""
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    hidden = found.get("meet.bias", ())
    if len(hidden) != 1 or found != shapes(width, hidden[0]) or any(t.dtype != torch.float32 for t in weights.values()):
        raise RunError(f"The weights do not hold foresight over text vectors of width {width}.")
    if not all(bool(tensor.isfinite().all()) for tensor in weights.values()):
        raise RunError("The weights of foresight are damaged: some are no finite numbers.")
