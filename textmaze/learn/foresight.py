"""Foresight: P(s'|s,a) over candidate texts, so which text a command will bring, as far as that can be known.

P(s'|s,a) = exp f(s', s, a) / Z, where Z sums over the candidates. f is learned by telling the consequence that came
from others (InfoNCE, van den Oord et al. 2018), over frozen text vectors and what the episode has shown so far. A
language model's likelihood of the candidates is the alternative that needs no training.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from textmaze.env.rollout import Observation
from textmaze.errors import RunError, TextmazeError
from textmaze.files import write_file
from textmaze.game.layout import STEPS, WAYS
from textmaze.learn.encoder import TextModel
from textmaze.settings import setting

SIDES = {"forward": 0, "right": 1, "back": 2, "left": 3}  # ways as the player sees them, clockwise from ahead
MEMORY = (  # what a memory says of a candidate, each 0 or 1
    "done here before, and answered so",
    "done here before, and answered otherwise",
    "last read in the place that the command leads to by reckoning",
    "headed like that place, but another text",
    "that place is known, but headed otherwise",
    "read before as what a place looks like",
    "headed like a place that was read",
    "the text of this very place",
    "an answer to this command elsewhere",
    "an answer to other commands only",
)
PARTS = ("description", "inventory", "command")
FEWEST_FOR_SCALE = 32
MAX_BYTES = 100_000_000
FIXED = tuple(f"{part}.{name}" for part in (*PARTS, "text") for name in ("mean", "scale"))  # of text vectors
TEXT_LAYERS = tuple(f"{part}.{layer}" for part in (*PARTS, "text") for layer in ("meet", "match"))
FASTER = 10.0  # times the rate of text vectors, for all other weights
BARE = "> look\n"  # the prompt that tells no story
LEAST = 1e-12  # the probability below which none is believed
MOST_READ = 64  # texts of an episode that surprise is measured against, the latest

Floats = NDArray[np.float64]
Features = NDArray[np.float32]
Numbers = NDArray[np.int64]
Weights = Mapping[str, torch.Tensor]


@dataclass
class Memory:
    """What was read in one episode, and where: told by `read` and `chose` in turn, as `Notes` are.

    Places are reckoned from the steps taken, as on squared paper. That may be wrong, where ways bend or lead round in
    a ring; how far it can be trusted is learned.
    """

    steps: list[tuple[str, str, str]] = field(default_factory=list)  # (description, command, answer)
    _answers: dict[tuple[str, str], str] = field(default_factory=dict)  # to a command in a place; the last counts
    _said: dict[str, set[str]] = field(default_factory=dict)  # answer -> the commands that it followed
    _looks: dict[str, None] = field(default_factory=dict)  # descriptions, in the order of first reading
    _headings: set[str] = field(default_factory=set)
    _at: dict[tuple[int, ...], str] = field(default_factory=dict)  # reckoned place -> the description last read there
    _place: tuple[int, ...] = (0, 0, 0)
    _facing: int = 0
    _here: str = ""
    _command: str = ""

    def read(self, seen: Observation) -> None:
        """Take in what the last command led to, or how the episode begins."""
        if self._command:
            self._answers[self._here, self._command] = seen.text
            self._said.setdefault(seen.text, set()).add(self._command)
            self.steps.append((self._here, self._command, seen.text))
            way = self._way(self._command)
            if way is not None and seen.text == seen.description:
                self._place, self._facing = self._beyond(way), way if way < 4 else self._facing
            elif heading(seen.description) != heading(self._here):
                self._at.clear()  # somebody carried the player off, so nobody knows where this is
        self._looks[seen.description] = None
        self._headings.add(heading(seen.description))
        self._at[self._place] = self._here = seen.description

    def chose(self, command: str) -> None:
        """Remember what is done now."""
        self._command = command

    def knows(self, description: str) -> bool:
        """Whether a place with this heading has been read, however it looked then."""
        return heading(description) in self._headings

    def texts(self) -> list[str]:
        """Every distinct text that was read, descriptions first, each group in the order of first reading."""
        return list(dict.fromkeys((*self._looks, *self._said)))

    def beside(self, command: str, candidates: Sequence[str]) -> Features:
        """What is remembered of each candidate for the answer to `command`, (len(candidates), len(MEMORY))."""
        before, way = self._answers.get((self._here, command)), self._way(command)
        there = None if way is None else self._at.get(self._beyond(way))
        found = np.zeros((len(candidates), len(MEMORY)), dtype=np.float32)
        for row, text in zip(found, candidates, strict=True):
            followed, head = self._said.get(text, ()), heading(text)
            alike = there is not None and head == heading(there)
            row[:] = (
                text == before, before is not None and text != before,
                text == there, alike and text != there, there is not None and not alike,
                text in self._looks, head in self._headings, text == self._here,
                command in followed, bool(followed) and command not in followed and text not in self._looks,
            )
        return found

    def _way(self, command: str) -> int | None:
        verb, _, name = command.partition(" ")
        if verb != "go" or not (name in WAYS or name in SIDES):
            return None
        return WAYS.index(name) if name in WAYS else (SIDES[name] + self._facing) % 4

    def _beyond(self, way: int) -> tuple[int, ...]:
        return tuple(here + step for here, step in zip(self._place, STEPS[way], strict=True))


def heading(description: str) -> str:
    """The first line of a text, by which a place is known again when it looks different."""
    return description.partition("\n")[0]


@dataclass(frozen=True)
class State:
    """What is known when a command is about to be given; `memory` has read all up to here."""

    description: str
    inventory: str
    memory: Memory


class Predictor(Protocol):
    """Whatever tells how likely each candidate is."""

    def likely(self, state: State, command: str, candidates: Sequence[str]) -> Floats:
        """(len(candidates),) probabilities that sum to 1; none for no candidates."""
        ...


class LanguageModel(Protocol):
    """Whatever tells how likely texts are to follow others; `textmaze.learn.language_model.LanguageModel` does."""

    def log_probabilities(self, prompts: Sequence[str], continuations: Sequence[Sequence[str]]) -> list[Floats]:
        """log P(continuation | prompt) in nats, for each prompt one value for each of its continuations."""
        ...


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
    found |= {"memory": (len(MEMORY),), "memory.meet": (len(MEMORY), hidden), "surprise": (2,)}
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
    learned = {name: tensor.requires_grad_() for name, tensor in weights.items() if name not in (*FIXED, "surprise")}
    # What is remembered is 0 or 1 and says much, so its weights have a longer way to go than those of text vectors.
    rates = [settings.rate * (1 if name in TEXT_LAYERS else FASTER) for name in learned]
    groups = [{"params": [tensor], "lr": rate} for tensor, rate in zip(learned.values(), rates, strict=True)]
    optimiser = torch.optim.AdamW(groups, weight_decay=settings.decay)
    batches = -(-len(choices) // settings.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rates, total_steps=settings.epochs * batches)
    for _ in range(settings.epochs):
        for rows in np.array_split(rng.permutation(len(choices)), batches):
            loss = _loss(weights, choices.take(rows), vectors, settings, generator)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(learned.values(), 1.0)
            optimiser.step()
            schedule.step()
    weights = {name: tensor.detach() for name, tensor in weights.items()}
    surprises = -np.log(np.maximum(probabilities(weights, choices, vectors)[:, 0], LEAST))
    weights["surprise"] = torch.tensor([surprises.mean(), max(surprises.std(), LEAST)], dtype=torch.float32)
    return weights


def _loss(
    weights: Weights, batch: Choices, vectors: torch.Tensor, settings: Settings, generator: torch.Generator
) -> torch.Tensor:
    own, others = logits(weights, batch, vectors, settings.dropout, generator)
    # Another step's text is no negative where it is among a step's own candidates, least of all where it came too.
    known = (batch.candidates[:, :, None] == batch.candidates[None, None, :, 0]) & batch.present[:, :, None]
    others = others.masked_fill(torch.from_numpy(known.any(1)), -torch.inf)
    # All together they count as one candidate more. In full number they would make every text that was not read
    # before look less likely than it is among a step's own candidates, and the probabilities would be wrong.
    everything = torch.cat([own, others - np.log(len(batch))], dim=1)
    return torch.nn.functional.cross_entropy(everything, torch.zeros(len(batch), dtype=torch.long))


def probabilities(weights: Weights, choices: Choices, vectors: torch.Tensor) -> Floats:
    """P of every candidate, (N, K) float64; 0 for padding."""
    parts = [np.zeros((0, choices.present.shape[1]))]
    with torch.inference_mode():
        for first in range(0, len(choices), 512):
            own = logits(weights, choices.take(slice(first, first + 512)), vectors)[0]
            parts.append(own.double().softmax(1).numpy())
    return np.concatenate(parts)


class Foresight:
    """Predicts by learned weights.

    Args:
        model: the text model over whose vectors the weights were learned.
        weights: as `learn` returns them.
    """

    def __init__(self, model: TextModel, weights: Weights) -> None:
        self.weights = weights
        self._model = model
        self._known: dict[str, torch.Tensor] = {}

    def likely(self, state: State, command: str, candidates: Sequence[str]) -> Floats:
        """P of each candidate, (len(candidates),) float64."""
        if not candidates:
            return np.zeros(0)
        texts = [state.description, state.inventory, command, *candidates]
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(new, self._model.encode(new) if new else (), strict=True))
        numbers = np.arange(len(texts))
        remembered = state.memory.beside(command, candidates)
        choices = Choices(numbers[None, :3], numbers[None, 3:], remembered[None], np.full((1, len(candidates)), True))
        vectors = torch.stack([self._known[text] for text in texts])
        return probabilities(self.weights, choices, vectors).reshape(-1)

    def surprise(self, state: State, command: str, came: str) -> float:
        """-log P(what came), among it and what was read in the episode before, in standard deviations from the mean
        of the steps that were learned from. `state.memory` must not have read `came` yet.
        """
        candidates = list(dict.fromkeys((came, *state.memory.texts()[-MOST_READ:])))
        mean, scale = self.weights["surprise"].tolist()
        return float((-np.log(max(self.likely(state, command, candidates)[0], LEAST)) - mean) / scale)


@dataclass(frozen=True)
class Likelihood:
    """Predicts by a language model: P is in proportion to the candidate's likelihood after the prompt.

    How likely a text is after no story at all is taken off by the share `prior`, since a fluent text is not for that
    reason what comes next.
    """

    model: LanguageModel
    recall: int = setting(4, "how many of the last steps stand in the prompt", low=0, high=100)
    prior: float = setting(1.0, "share of the log likelihood without the story that is taken off", low=0.0, high=1.0)
    temperature: float = setting(1.0, "what log likelihoods are divided by", low=1e-3, high=1e3)

    def prompt(self, state: State, command: str) -> str:
        """The last steps, the place, what is carried and the command, as a player would see them."""
        past = state.memory.steps[-self.recall :] if self.recall else []
        story = "".join(f"> {done}\n{answer}\n\n" for _, done, answer in past)
        return f"{story}{state.description}\n{state.inventory}\n\n> {command}\n"

    def likely(self, state: State, command: str, candidates: Sequence[str]) -> Floats:
        """P of each candidate, (len(candidates),) float64."""
        if not candidates:
            return np.zeros(0)
        told, bare = self.model.log_probabilities([self.prompt(state, command), BARE], [candidates, candidates])
        exponents = (told - self.prior * bare) / self.temperature
        chances: Floats = np.exp(exponents - exponents.max())
        chances /= chances.sum()
        return chances


def look_ahead(chances: Floats, scores: Floats) -> Floats:
    """The score to be expected of the consequence, R(s,a) = sum of P(s'|s,a) times the score of s'.

    Both are (..., K), say one row for each command; the result is (...).
    """
    return np.asarray((chances * scores).sum(-1), dtype=np.float64)


def save_foresight(path: Path, weights: Weights) -> None:
    """Write weights as plain tensors."""
    write_file(path, save_tensors({name: tensor.detach().contiguous() for name, tensor in weights.items()}))


def load_foresight(path: Path, width: int) -> dict[str, torch.Tensor]:
    """Weights that `save_foresight` wrote, for vectors of this width. RunError where they are anything else."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise RunError(f"{path} is larger than {MAX_BYTES:,} bytes, too large for what it should be.")
        weights = dict(load_tensors(path.read_bytes()))
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (SafetensorError, KeyError) as error:  # KeyError: a type of number that torch has not
        raise RunError(f"{path} is damaged: {error}.") from None
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    hidden = found.get("meet.bias", ())
    if len(hidden) != 1 or found != shapes(width, hidden[0]) or any(t.dtype != torch.float32 for t in weights.values()):
        raise RunError(f"{path} does not hold foresight over text vectors of width {width}.")
    if not all(bool(tensor.isfinite().all()) for tensor in weights.values()):
        raise RunError(f"{path} is damaged: it holds numbers that are none.")
    return weights
