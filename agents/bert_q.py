"""Reads every state with a frozen BERT, and learns by temporal differences which command to choose.

Each text is encoded once. Beside each admissible command the agent keeps a note of what it has tried here, in words; a
small Q-head values the commands from the vectors of description, inventory, objective, command and note. It learns
from replayed transitions against a slow copy of itself, with a bonus for places that are new in the episode, and with
a language model's score of each consequence as a potential.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from textmaze.env.rollout import Observation, StepRecord
from textmaze.errors import RunError
from textmaze.learn import targets
from textmaze.learn.encoder import DEFAULT_MODEL, Library, load_model
from textmaze.learn.notes import Notes, every_note
from textmaze.learn.qhead import STATE_PARTS, QHead, States
from textmaze.learn.replay import Batch, Decision, Replay
from textmaze.learn.scorers import SCORERS
from textmaze.learn.shaping import Potential, shaping
from textmaze.settings import setting


@dataclass(frozen=True)
class Settings:
    # What is read.
    encoder: str = setting(DEFAULT_MODEL, "a Hugging Face encoder by name or folder, or `hash`: random vectors, to see "
                                          "whether language matters")
    notes: bool = setting(True, "whether the agent keeps notes beside the commands")
    dropout: float = setting(0.5, "share of a state's vectors that each update leaves out", low=0.0, high=0.99)
    hidden: int = setting(128, "width of the Q-head", low=1, high=4096)

    # What is learned.
    target: str = setting("double_q", "the TD target", choices=("double_q", "q_learning", "sarsa", "expected_sarsa"))
    gamma: float = setting(0.95, "discount of the next step's value", low=0.0, high=1.0)
    learning_rate: float = setting(1e-3, "step size of AdamW at the start; it falls to a tenth", low=0.0, high=1.0)
    weight_decay: float = setting(1e-2, "AdamW's weight decay", low=0.0, high=1.0)
    batch: int = setting(128, "transitions in an update", low=1, high=65_536)
    replay: int = setting(50_000, "transitions that are remembered", low=1, high=10_000_000)
    warmup: int = setting(1_000, "transitions before the first update", low=1, high=10_000_000)
    updates: int = setting(2, "updates after each round of steps", low=0, high=1000)
    tau: float = setting(0.01, "share of the new weights that the target network takes on an update", low=0.0, high=1.0)

    # What is explored, and what is worth something beside the game's own reward.
    epsilon: float = setting(0.05, "share of random commands at the end of training", low=0.0, high=1.0)
    epsilon_share: float = setting(0.3, "share of the training over which epsilon falls from 1", low=0.0, high=1.0)
    # A bonus b for every new place is worth up to b / (1 - gamma) in all. Where that is more than the win, the agent
    # learns to leave the coin lying and walk on; at 0.3 it forgot how to win within 20,000 steps.
    novelty: float = setting(0.05, "bonus for a place that is new in the episode; at most (1 - gamma) times the "
                                   "reward of a win, or walking on beats winning", low=0.0, high=100.0)
    scorer: str = setting("contrast", "what scores consequences for the shaped reward; `random` has not read them",
                          choices=("none", *SCORERS))
    shaping: float = setting(0.05, "weight of the scorer's potential, per standard deviation", low=0.0, high=100.0)

    seed: int = setting(0, "first weights, exploration and replay", low=0)


class BertQ:
    """The agent as it plays: chooses the command with the highest value, or with chance `epsilon` any."""

    infos: Sequence[str] = ()

    def __init__(self, settings: Settings, library: Library, head: QHead) -> None:
        self.settings = settings
        self.library = library
        self.head = head
        self.epsilon = 0.0
        self._rng = np.random.default_rng(settings.seed)
        self._notes: dict[int, Notes] = {}
        self._decisions: dict[int, Decision] = {}

    def begin(self, episodes: Sequence[int]) -> None:
        for slot in episodes:
            self._notes[slot] = Notes()

    def act(self, observations: Sequence[Observation]) -> list[str]:
        for seen in observations:
            self._notes[seen.slot].read(seen)
        decisions = self._decide(observations)
        commands = []
        for seen, decision in zip(observations, decisions, strict=True):
            command = _choices(seen)[decision.choice]
            self._notes[seen.slot].chose(command)
            self._decisions[seen.slot] = decision
            commands.append(command)
        return commands

    def _decide(self, observations: Sequence[Observation]) -> list[Decision]:
        """What to choose in each state, all of them valued together."""
        # New texts of all states are encoded together; after this, numbers are look-ups.
        self.library.numbers([getattr(seen, part) for seen in observations for part in STATE_PARTS])
        states = [self._number(seen) for seen in observations]
        widest = max(len(commands) for _, commands, _ in states)
        commands, notes = np.zeros((2, len(states), widest), dtype=np.int64)
        admissible = np.zeros((len(states), widest), dtype=bool)
        for row, (_, these, beside) in enumerate(states):
            commands[row, : len(these)], commands[row, len(these):] = these, these[0]
            notes[row, : len(these)], notes[row, len(these):] = beside, beside[0]
            admissible[row, : len(these)] = True
        batch = States(np.array([state for state, _, _ in states]), commands, notes, admissible)
        with torch.inference_mode():
            best = self.head(batch, self.library.vectors).argmax(1).numpy()
        return [
            Decision(state, these, beside, self._maybe_other(int(choice), len(these)))
            for choice, (state, these, beside) in zip(best, states, strict=True)
        ]

    def _maybe_other(self, best: int, count: int) -> int:
        if self.epsilon and self._rng.random() < self.epsilon:
            return int(self._rng.integers(count))
        return best

    def _number(self, seen: Observation) -> tuple[tuple[int, ...], np.ndarray, np.ndarray]:
        """The numbers of a state's texts, of its commands and of the notes beside them."""
        commands = _choices(seen)
        notes = self._notes[seen.slot].beside(commands) if self.settings.notes else [""] * len(commands)
        parts = [getattr(seen, part) for part in STATE_PARTS]
        numbers = self.library.numbers([*parts, *commands, *notes])
        split = len(parts), len(parts) + len(commands)
        return tuple(numbers[: split[0]].tolist()), numbers[split[0]: split[1]], numbers[split[1]:]


class BertQLearner(BertQ):
    """The agent as it learns."""

    def __init__(self, settings: Settings, library: Library, head: QHead) -> None:
        super().__init__(settings, library, head)
        self.slow_head = copy.deepcopy(head).requires_grad_(False)
        self.optimiser = torch.optim.AdamW(
            head.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.replay = Replay(settings.replay)
        self.potential = (
            Potential(SCORERS[settings.scorer](library), settings.shaping) if settings.scorer != "none" else None
        )
        self._pending: dict[int, tuple[Decision, float]] = {}

    def prepare(self, observations: Sequence[Observation]) -> None:
        """Take the scale of vectors and scores from a first look at the training games."""
        samples = {part: [getattr(seen, part) for seen in observations] for part in STATE_PARTS}
        samples["command"] = [command for seen in observations for command in _choices(seen)]
        samples["note"] = every_note()
        vectors = {part: self.library.read(list(dict.fromkeys(texts))) for part, texts in samples.items()}
        self.head.standardise(vectors)
        self.slow_head.load_state_dict(self.head.state_dict())
        if self.potential:
            self.potential.calibrate(list(dict.fromkeys(samples["description"])), observations[0].objective)

    def schedule(self, progress: float) -> None:
        """Set what changes over the training; `progress` runs from 0 to 1."""
        s = self.settings
        share = min(1.0, progress / s.epsilon_share) if s.epsilon_share else 1.0
        self.epsilon = 1.0 + share * (s.epsilon - 1.0)
        for group in self.optimiser.param_groups:
            group["lr"] = s.learning_rate * (1.0 - 0.9 * progress)

    def begin(self, episodes: Sequence[int]) -> None:
        super().begin(episodes)
        for slot in episodes:
            self._pending.pop(slot, None)  # of an episode that was left before its end

    def act(self, observations: Sequence[Observation]) -> list[str]:
        commands = super().act(observations)
        for seen in observations:
            # Only now is it known what could be chosen after the last step, and what was.
            if seen.slot in self._pending:
                decision, reward = self._pending.pop(seen.slot)
                self.replay.add(decision, reward, self.settings.gamma, self._decisions[seen.slot])
        return commands

    def learn(self, records: Sequence[StepRecord]) -> float | None:
        """Take in one round of steps and update the head; the loss, once learning has begun."""
        for record, reward in zip(records, self._rewards(records), strict=True):
            slot = record.before.slot
            decision = self._decisions[slot]
            if record.terminated:
                self.replay.add(decision, reward, 0.0, None)
            elif record.truncated:  # the game would go on, so what could come next counts
                self._notes[slot].read(record.after)
                self.replay.add(decision, reward, self.settings.gamma, self._decide([record.after])[0])
            else:
                self._pending[slot] = decision, reward
        if self.replay.size < self.settings.warmup or not self.settings.updates:
            return None
        losses = [
            self._update(self.replay.sample(self.settings.batch, self._rng)) for _ in range(self.settings.updates)
        ]
        return sum(losses) / len(losses)

    def _rewards(self, records: Sequence[StepRecord]) -> np.ndarray:
        """The game's rewards with the bonus for new places and the shaping of the scorer."""
        rewards = np.array([record.reward for record in records])
        rewards += self.settings.novelty * np.array(
            [not self._notes[record.before.slot].knows(record.after.description) for record in records]
        )
        if self.potential:
            objectives = [record.before.objective for record in records]
            rewards += shaping(
                self.potential.of([record.before.description for record in records], objectives),
                self.potential.of([record.after.description for record in records], objectives),
                np.array([record.terminated for record in records]),
                self.settings.gamma,
            )
        return rewards

    def _update(self, batch: Batch) -> float:
        vectors = self.library.vectors
        target = self._target(batch, vectors)
        self.head.train()
        with torch.random.fork_rng(devices=[]):  # dropout draws from the global generator
            torch.manual_seed(int(self._rng.integers(2**63)))
            values = self.head(batch.states, vectors)
        chosen = values.gather(1, torch.from_numpy(batch.choice).unsqueeze(1)).squeeze(1)
        loss = torch.nn.functional.smooth_l1_loss(chosen, target)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.head.parameters(), 10.0)
        self.optimiser.step()
        self.head.eval()
        with torch.no_grad():
            for slow, fast in zip(self.slow_head.parameters(), self.head.parameters(), strict=True):
                slow.lerp_(fast, self.settings.tau)
        return float(loss.detach())

    @torch.no_grad()
    def _target(self, batch: Batch, vectors: torch.Tensor) -> torch.Tensor:
        reward, discount = torch.from_numpy(batch.reward), torch.from_numpy(batch.discount)
        following = self.slow_head(batch.next_states, vectors)
        match self.settings.target:
            case "sarsa":
                return targets.sarsa(reward, discount, following, torch.from_numpy(batch.next_choice))
            case "expected_sarsa":
                return targets.expected_sarsa(reward, discount, following, self.epsilon)
            case "q_learning":
                return targets.q_learning(reward, discount, following)
        return targets.double_q(reward, discount, following, self.head(batch.next_states, vectors))

    def greedy(self) -> BertQ:
        """The same agent without exploration, with notes of its own; it shares the weights."""
        return BertQ(self.settings, self.library, self.head)

    def weights(self) -> dict[str, torch.Tensor]:
        return {name: tensor.clone() for name, tensor in self.head.state_dict().items()}

    def state(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """Everything but the episodes under way: training goes on with new ones."""
        tensors = {f"head.{name}": tensor for name, tensor in self.head.state_dict().items()}
        tensors |= {f"slow_head.{name}": tensor for name, tensor in self.slow_head.state_dict().items()}
        for index, moments in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": moment for name, moment in moments.items()}
        tensors |= {f"replay.{name}": torch.from_numpy(a) for name, a in self.replay.arrays.items()}
        plain = {
            "rng": self._rng.bit_generator.state,
            "replay": [self.replay.size, self.replay.next],
            "texts": self.library.texts,
            "potential": [self.potential.mean, self.potential.scale] if self.potential else None,
        }
        return plain, tensors

    def restore(self, state: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> None:
        def part(prefix: str) -> dict[str, torch.Tensor]:
            return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}

        self.library.numbers(state["texts"])  # the replay knows texts by number, so the order must be the same
        self._rng.bit_generator.state = state["rng"]
        self.head.load_state_dict(part("head."))
        self.slow_head.load_state_dict(part("slow_head."))
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in part("optimiser.").items():
            index, _, moment = name.partition(".")
            moments.setdefault(int(index), {})[moment] = tensor
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
        self.replay.restore({name: t.numpy() for name, t in part("replay.").items()}, *state["replay"])
        if self.potential:
            self.potential.mean, self.potential.scale = state["potential"]


def _choices(seen: Observation) -> Sequence[str]:
    return seen.admissible or ("wait",)


def make(settings: Settings, weights: Mapping[str, torch.Tensor] | None = None) -> BertQ:
    """The agent ready to play, with trained `weights` or with those it is born with."""
    library = Library(load_model(settings.encoder))
    head = _new_head(settings, library)
    if weights is not None:
        try:
            head.load_state_dict(dict(weights))
        except RuntimeError:
            raise RunError("The weights are not those of a bert_q with these settings.") from None
    return BertQ(settings, library, head)


def make_learner(settings: Settings) -> BertQLearner:
    """The agent ready to learn."""
    library = Library(load_model(settings.encoder))
    return BertQLearner(settings, library, _new_head(settings, library))


def _new_head(settings: Settings, library: Library) -> QHead:
    with torch.random.fork_rng(devices=[]):  # leaves the global generator as it was
        torch.manual_seed(settings.seed)
        return QHead(library.model.width, settings.hidden, settings.dropout).eval()
