"""Reads with GRUs that it trains from scratch, and learns what each admissible command is worth (DRRN).

The deep reinforcement relevance network of He et al. (2016), as Hausknecht et al. (2020) play text games with it: one
GRU for each part of what a player reads and one for commands, a small network that values a command beside them,
one-step Q-learning, softmax exploration, and a replay that favours rewards. It keeps no notes: all that it knows of the
past is the command that it gave last, which a terminal shows above the answer, and `echo=false` hides that too.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from textmaze.env.rollout import Observation, StepRecord
from textmaze.env.thoughts import Thought
from textmaze.errors import RunError
from textmaze.learn import targets
from textmaze.learn.checkpoint import moments_of, part, take_moments
from textmaze.learn.text_gru import Cache, Menus, Numbers, TextGRUs, Texts, Vectors, read_once
from textmaze.settings import setting

# The texts of a state, by the GRU that reads them; the last is the command that was given last.
STATE_PARTS = ("description", "feedback", "inventory", "objective", "command")


@dataclass(frozen=True)
class Settings:
    # What is read.
    echo: bool = setting(True, "whether it reads the command that it gave last, above the answer to it")
    vocabulary: int = setting(4096, "numbers that words are hashed to", low=1, high=1_000_000)
    longest: int = setting(200, "words of a text that are read", low=1, high=10_000)
    embedding: int = setting(32, "width of a word's vector", low=1, high=4096)
    hidden: int = setting(64, "width of a text's vector, and of the layer that values commands", low=1, high=4096)

    # What is learned.
    gamma: float = setting(0.95, "discount of the next step's value", low=0.0, high=1.0)
    learning_rate: float = setting(2e-3, "step size of Adam", low=0.0, high=1.0)
    batch: int = setting(64, "transitions in an update", low=1, high=65_536)
    replay: int = setting(50_000, "transitions that are remembered", low=1, high=10_000_000)
    rewarded: float = setting(0.5, "share of a batch that is drawn from rewarded transitions, if there are any",
                              low=0.0, high=1.0)
    warmup: int = setting(500, "transitions before the first update", low=1, high=10_000_000)
    updates: int = setting(1, "updates after each round of steps", low=0, high=1000)
    # While that copy stays as it is, each text is encoded once: only what an update learns from is read every time.
    sync: int = setting(20, "updates after which the network that acts and values the next state becomes a copy of "
                            "the one that learns", low=1, high=1_000_000)

    # What is explored: a command is drawn by the softmax of value / temperature.
    temperature: float = setting(0.01, "temperature at the end of training, and in play", low=1e-6, high=100.0)
    temperature_share: float = setting(0.5, "share of the training over which the temperature falls from 1",
                                       low=0.0, high=1.0)

    seed: int = setting(0, "first weights, exploration and replay", low=0)


class Network(nn.Module):
    """Values commands by the vectors of a state's texts and of each command: one hidden layer over all of them."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        width = settings.hidden
        self.grus = TextGRUs(STATE_PARTS, settings.vocabulary, settings.embedding, width)
        self.state = nn.Linear(len(STATE_PARTS) * width, width)
        self.command = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, 1)

    def forward(self, states: Numbers, commands: Numbers, vectors: Vectors) -> torch.Tensor:
        """Values (B, A) from text numbers: states (B, len(STATE_PARTS)), commands (B, A); -inf where that is -1."""
        state = torch.cat([vectors(part, numbers) for part, numbers in zip(STATE_PARTS, states.T, strict=True)], 1)
        command = vectors("command", commands.clip(min=0))
        # The first layer on state and command together is the sum of one on each.
        hidden = torch.relu(self.state(state).unsqueeze(1) + self.command(command))
        values: torch.Tensor = self.value(hidden).squeeze(-1)
        return values.masked_fill(torch.from_numpy(commands < 0), -torch.inf)


class Drrn:
    """The agent as it plays."""

    infos: Sequence[str] = ()
    epsilon = 0.0  # no share of its commands is blind: chance comes by the temperature

    def __init__(self, settings: Settings, network: Network) -> None:
        self.settings = settings
        self.playing = network
        self.texts, self.menus = Texts(settings.vocabulary, settings.longest), Menus()
        self.cache = Cache(network.grus, self.texts)
        self.temperature = settings.temperature
        self._rng = np.random.default_rng(settings.seed)
        self._last: dict[int, str] = {}  # the command that was given last in each slot
        self._valued: dict[int, tuple[Sequence[str], NDArray[np.float32]]] = {}  # what could be chosen then

    def begin(self, episodes: Sequence[int]) -> None:
        self._last.update((slot, "") for slot in episodes)

    def act(self, observations: Sequence[Observation]) -> list[str]:
        values = self._values(np.array([self._number(seen, self._last[seen.slot]) for seen in observations])).numpy()
        # The largest sum of value / temperature and Gumbel noise is a draw from the softmax.
        noise = self._rng.gumbel(size=values.shape)
        choices = (values + self.temperature * noise).argmax(1)
        commands = [seen.choices[choice] for seen, choice in zip(observations, choices, strict=True)]
        self._last.update((seen.slot, command) for seen, command in zip(observations, commands, strict=True))
        self._valued.update((seen.slot, (seen.choices, row)) for seen, row in zip(observations, values, strict=True))
        return commands

    def follow(self, seen: Observation, command: str) -> None:
        """Remember that this command was given, whatever it would have chosen."""
        self._last[seen.slot] = command

    def thoughts(self, slot: int) -> list[Thought]:
        """The value of each command when it last chose in a slot."""
        commands, values = self._valued[slot]
        return [Thought(command, float(value)) for command, value in zip(commands, values, strict=False)]  # padded

    def _number(self, seen: Observation, last: str) -> tuple[int, ...]:
        """A state as the numbers of its texts and of its menu, (len(STATE_PARTS) + 1,)."""
        # The answer to a step repeats the description of where it led, and that need not be read twice.
        feedback = seen.text.replace(seen.description, "").replace(seen.objective, "").strip()
        texts = (seen.description, feedback, seen.inventory, seen.objective, last if self.settings.echo else "")
        menu = self.menus.number(tuple(map(self.texts.number, seen.choices)))
        return *map(self.texts.number, texts), menu

    @torch.no_grad()
    def _values(self, states: Numbers) -> torch.Tensor:
        """The values (B, A) of the commands in B numbered states; -inf where there is none."""
        values: torch.Tensor = self.playing(states[:, :-1], self.menus.commands(states[:, -1]), self.cache)
        return values


class DrrnLearner(Drrn):
    """The agent as it learns: it plays by a copy of the network that learns."""

    scouting = False

    def __init__(self, settings: Settings, network: Network) -> None:
        super().__init__(settings, copy.deepcopy(network).requires_grad_(False))
        self.network = network
        self.optimiser = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
        count, width = settings.replay, len(STATE_PARTS) + 1
        self.replay: dict[str, NDArray[Any]] = {
            "before": np.zeros((count, width), dtype=np.int64),  # the texts of a state, and the command given there
            "after": np.zeros((count, width), dtype=np.int64),  # the texts of the next state, and its menu
            "reward": np.zeros(count, dtype=np.float32),
            "discount": np.zeros(count, dtype=np.float32),
        }
        self.added = self.updated = 0  # transitions and updates so far
        self._before: dict[int, str] = {}  # the command given last in each slot, as the present choice was made

    def prepare(self, observations: Sequence[Observation]) -> None:
        """Do nothing: words are hashed, and no vector has a scale to be taken."""

    def schedule(self, progress: float) -> None:
        """Let the temperature fall from 1, by the same factor in equal times; `progress` runs from 0 to 1."""
        s = self.settings
        share = min(1.0, progress / s.temperature_share) if s.temperature_share else 1.0
        self.temperature = s.temperature**share

    def act(self, observations: Sequence[Observation]) -> list[str]:
        self._before = {seen.slot: self._last[seen.slot] for seen in observations}
        return super().act(observations)

    def learn(self, records: Sequence[StepRecord]) -> float | None:
        """Take in one round of steps and update the network; the loss, once learning has begun."""
        for record in records:
            self._add(record)
        if self.added < self.settings.warmup or not self.settings.updates:
            return None
        return sum(self._update(self._sample()) for _ in range(self.settings.updates)) / self.settings.updates

    def _add(self, record: StepRecord) -> None:
        at = self.added % self.settings.replay
        before = self._number(record.before, self._before[record.before.slot])
        self.replay["before"][at] = *before[:-1], self.texts.number(record.command)
        self.replay["after"][at] = self._number(record.after, record.command)
        self.replay["reward"][at] = record.reward
        # A game that was cut off would go on, so what could come next counts.
        self.replay["discount"][at] = 0.0 if record.terminated else self.settings.gamma
        self.added += 1

    def _sample(self) -> Numbers:
        """The rows of a batch: a share of them rewarded, the others any."""
        size = min(self.added, self.settings.replay)
        rows = self._rng.integers(size, size=self.settings.batch)
        rewarded = np.flatnonzero(self.replay["reward"][:size] > 0)
        if len(rewarded):
            count = round(self.settings.rewarded * len(rows))
            rows[:count] = self._rng.choice(rewarded, count)
        return rows

    def _update(self, rows: Numbers) -> float:
        before, after = self.replay["before"][rows], self.replay["after"][rows]
        reward, discount = (torch.from_numpy(self.replay[name][rows]) for name in ("reward", "discount"))
        target = targets.q_learning(reward, discount, self._values(after))
        values = self.network(before[:, :-1], before[:, -1:], read_once(self.network.grus, self.texts)).squeeze(1)
        loss = nn.functional.smooth_l1_loss(values, target)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.updated += 1
        if self.updated % self.settings.sync == 0:
            self.playing.load_state_dict(self.network.state_dict())
            self.cache.forget()
        return float(loss.detach())

    def greedy(self) -> Drrn:
        """The agent as it would play now, at the temperature of play; it keeps the weights of now."""
        return Drrn(self.settings, copy.deepcopy(self.network))

    def weights(self) -> dict[str, torch.Tensor]:
        return {name: tensor.clone() for name, tensor in self.network.state_dict().items()}

    def state(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """Everything but the episodes under way: training goes on with new ones."""
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        tensors |= {f"playing.{name}": tensor for name, tensor in self.playing.state_dict().items()}
        tensors |= {f"optimiser.{name}": moment for name, moment in moments_of(self.optimiser).items()}
        tensors |= {f"replay.{name}": torch.from_numpy(values[: self.added]) for name, values in self.replay.items()}
        texts, menus = list(self.texts.numbers), [list(menu) for menu in self.menus.numbers]
        rng = self._rng.bit_generator.state
        return {"rng": rng, "texts": texts, "menus": menus, "added": self.added, "updated": self.updated}, tensors

    def restore(self, state: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> None:
        # The replay knows texts and menus by number, so their order must be the same.
        texts, menus = state["texts"], state["menus"]
        for text in texts:
            self.texts.number(text)
        for menu in menus:
            self.menus.number(tuple(menu))
        self._rng.bit_generator.state = state["rng"]
        self.added, self.updated = int(state["added"]), int(state["updated"])
        self.network.load_state_dict(part(tensors, "network."))
        self.playing.load_state_dict(part(tensors, "playing."))
        self.cache.forget()
        take_moments(self.optimiser, part(tensors, "optimiser."))
        for name, values in self.replay.items():
            kept = tensors[f"replay.{name}"].numpy()
            if self.added < 0 or kept.shape != values[: self.added].shape:
                raise ValueError("the replay has another size")
            values[: self.added] = kept
        self._check(menus)

    def _check(self, menus: Sequence[Sequence[int]]) -> None:
        """Refuse a restored replay that names texts or menus that there are not, before it fails in an update."""
        before, after = self.replay["before"][: self.added], self.replay["after"][: self.added]
        texts = np.concatenate([before.ravel(), after[:, :-1].ravel(), *map(np.array, menus)])
        known = (texts, len(self.texts.words)), (after[:, -1], len(self.menus.numbers))
        if any(((numbers < 0) | (numbers >= count)).any() for numbers, count in known):
            raise ValueError("the replay names what there is not")


def make(settings: Settings, weights: Mapping[str, torch.Tensor] | None = None) -> Drrn:
    """The agent ready to play, with trained `weights` or with those it is born with."""
    network = _new_network(settings)
    if weights is not None:
        try:
            network.load_state_dict(dict(weights))
        except RuntimeError:
            raise RunError("The weights are not those of a drrn with these settings.") from None
    return Drrn(settings, network)


def make_learner(settings: Settings) -> DrrnLearner:
    """The agent ready to learn."""
    return DrrnLearner(settings, _new_network(settings))


def _new_network(settings: Settings) -> Network:
    with torch.random.fork_rng(devices=[]):  # leaves the global generator as it was
        torch.manual_seed(settings.seed)
        return Network(settings)
