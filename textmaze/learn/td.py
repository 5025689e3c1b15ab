"""Learns the values of plans by temporal differences from replayed transitions."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch

from textmaze.env.rollout import Agent, Observation, StepRecord
from textmaze.learn import targets
from textmaze.learn.actor import Actor
from textmaze.learn.bert import Bert
from textmaze.learn.checkpoint import moments_of, part, take_moments
from textmaze.learn.copies import Copies
from textmaze.learn.expectation import Expectation
from textmaze.learn.hindsight import Hindsight
from textmaze.learn.lesson import lesson
from textmaze.learn.notes import Plan, every_note
from textmaze.learn.qhead import command_values, plan_values
from textmaze.learn.replay import Batch, Decision, Replay
from textmaze.learn.reuse import Reuse
from textmaze.learn.scales import first_look
from textmaze.learn.shaping import Advice, Bonus, Potential, Standard, beforehand, shaping

LAST_LESSON = 0.9  # share of the training after which it is given: what turned out until then is what it can teach


class TDSettings(Protocol):
    """What the learner asks of an agent's settings."""

    target: str
    steps_ahead: int
    gamma: float
    learning_rate: float
    weight_decay: float
    batch: int
    replay: int
    sampling: str
    warmup: int
    updates: int
    tau: float
    averaging: float
    epsilon: float
    epsilon_share: float
    novelty: float
    surprise: float
    hindsight: float
    lessons: int
    lesson: int


@dataclass(eq=False)
class _Span:
    """A transition that is not complete yet: from a decision to where its plan has been carried out or given up, and
    some decisions further."""

    decision: Decision
    rewards: list[float] = field(default_factory=list)
    ahead: int = 0  # decisions since its plan was over


class TDLearner(Actor):
    """An actor while it learns: against a slow copy of its head, with a bonus for places new in the episode and
    for texts that are not what was expected."""

    scouting = False

    def __init__(self, actor: Actor, settings: TDSettings, shaper: Standard | None, seed: int) -> None:
        # Who is surprised has expectations, looking ahead or not.
        expectation = actor.expectation or (Expectation(actor.reader, None, 0.0, seed) if settings.surprise else None)
        super().__init__(actor.reader, actor.head, actor.notes, seed, actor.advice, expectation)
        self.settings = settings
        self.epsilon = 1.0
        self.copies = Copies(self.head, settings.tau, settings.averaging)
        self.optimiser = torch.optim.AdamW(
            self.head.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.replay = Replay(settings.replay, settings.sampling)
        self.hindsight = Hindsight(settings.replay)
        self.shaper = shaper
        self.progress = 0.0
        self._read: dict[int, Counter[str]] = {}  # how often each answer was read in the episode
        self.lessons = 0  # that have been given
        self._spans: dict[int, list[_Span]] = {}
        self._rows: dict[int, list[int]] = {}  # where the episode's transitions lie in the replay
        self._exploring: set[int] = set()  # where a plan is followed that chance has chosen
        self.reuse = Reuse()

    def prepare(self, observations: Sequence[Observation]) -> None:
        """Take the scales of the vectors, and of the scores, from a first look at the training games."""
        self.head.standardise(first_look(self.reader, observations))
        self.copies.catch_up()
        described = sorted({seen.description for seen in observations})
        if isinstance(self.shaper, Advice):
            ways = sorted({(command, seen.description) for seen in observations for command in seen.choices})
            notes = itertools.cycle([""] if self.notes == "none" else every_note())
            texts = {beforehand(*way, note) for way, note in zip(ways, notes, strict=False)} - {""}
            self.shaper.calibrate(sorted(texts), observations[0].objective)
        elif self.shaper:
            self.shaper.calibrate(described, observations[0].objective)
        if self.expectation:
            self.expectation.calibrate(described, observations[0].objective)

    def schedule(self, progress: float) -> None:
        s, self.progress = self.settings, progress
        decay = min(1.0, progress / s.epsilon_share) if s.epsilon_share else 1.0
        self.epsilon = 1.0 + (s.epsilon - 1.0) * decay
        for group in self.optimiser.param_groups:
            group["lr"] = s.learning_rate * (1 - 0.9 * progress)
        if not self.scouting and self.lessons < s.lessons and progress >= self.lesson_due(self.lessons):
            self._teach()
            self.lessons += 1  # after it, so that one that is broken off will be given again

    def lesson_due(self, number: int) -> float:
        """The share of the training after which a lesson is given, when so many have been."""
        return LAST_LESSON * (number + 1) / self.settings.lessons

    def _teach(self) -> None:
        """Recollect what has turned out, and let the encoder learn it."""
        told, recollection = self.reader.told, self.reader.recollection
        if recollection is not None:
            known, nearer, weight = self.hindsight.by_sentence(told)
            recollection.fit([told.library.texts[number] for number in known], nearer, weight)
        model = told.library.model
        if isinstance(model, Bert) and model.trainable_parameters():
            lesson(model, self.head, told, self.hindsight, self._rng, sentences=self.settings.lesson,
                   fit=self.replay.size > 0)
            self.copies.catch_up()

    def begin(self, episodes: Sequence[int]) -> None:
        super().begin(episodes)
        for slot in episodes:
            self._spans[slot], self._rows[slot] = [], []
            self._exploring.discard(slot)
            self._read[slot] = Counter()
            if self.advice:
                self.reuse.begin(slot, self._rng)

    def heeds(self, slot: int) -> bool:
        return slot in self.reuse.advised

    def pick(self, slot: int, plans: Sequence[Plan], values: torch.Tensor, left: int) -> int:
        """The best plan, or with chance `epsilon` any, which is then followed to its end."""
        if left >= 0 and slot in self._exploring:
            return left
        self._exploring.discard(slot)
        if self._rng.random() < self.epsilon:
            self._exploring.add(slot)
            return int(self._rng.integers(len(plans)))
        return super().pick(slot, plans, values, left)

    def act(self, observations: Sequence[Observation]) -> list[str]:
        commands = super().act(observations)
        for seen in observations:
            choice = self.choices[seen.slot]
            for span in tuple(self._spans[seen.slot]):
                span.ahead += not (choice.going_on and span.ahead == 0)
                if span.ahead == self.settings.steps_ahead:
                    self._complete(seen.slot, span, choice.decision)
        return commands

    def learn(self, records: Sequence[StepRecord]) -> float | None:
        """Take in one round of steps and update the head; the loss, once learning has begun."""
        for record, reward in zip(records, self._rewards(records), strict=True):
            slot = record.before.slot
            self._spans[slot].append(_Span(self.choices[slot].decision))
            if self.advice:
                self.reuse.reward(slot, self.settings.gamma ** (record.step - 1) * record.reward, record.ended)
            for span in self._spans[slot]:
                span.rewards.append(reward)
            if record.ended:
                following = None
                if record.truncated:  # the game would go on, so what could come next counts
                    self.read(record.after)
                    following = self.choose([record.after])[0].decision
                for span in tuple(self._spans[slot]):
                    self._complete(slot, span, following)
                if record.won:
                    self.replay.solve(self._rows[slot])
        self.look_back(records)
        if self.replay.size < self.settings.warmup or not self.settings.updates:
            return None
        losses = [
            self._update(self.replay.sample(self.settings.batch, self._rng)) for _ in range(self.settings.updates)
        ]
        return sum(losses) / len(losses)

    def look_back(self, records: Sequence[StepRecord]) -> None:
        """Remember what turned out in games that were won."""
        for record in records:
            if record.won:
                self.hindsight.add(self.reader, self.memories[record.before.slot].turned_out())

    def _complete(self, slot: int, span: _Span, following: Decision | None) -> None:
        """Remember a transition."""
        self._spans[slot].remove(span)
        reward, discount = targets.n_step(span.rewards, self.settings.gamma)
        self._rows[slot].append(self.replay.add(span.decision, reward, discount, following))

    def _rewards(self, records: Sequence[StepRecord]) -> np.ndarray:
        """The game's rewards with the bonuses for new places and for surprises, and the shaping of the scorer."""
        # All that is new will be encoded together: a scorer reads it game by game, in batches too small to be quick.
        self.reader.take_in([record.after.description for record in records], ())
        rewards = np.array([record.reward for record in records])
        rewards += self.settings.novelty * np.array(
            [not self.memories[record.before.slot].knows(record.after.description) for record in records]
        )
        if self.expectation:  # a bonus that changes which policy is best, so it falls to nothing
            rewards += (1 - self.progress) * self.settings.surprise * self.expectation.observe(records)
        objectives = [record.before.objective for record in records]
        if isinstance(self.shaper, Potential):
            before = self.shaper.of([record.before.description for record in records], objectives,
                                    np.array([record.distance for record in records]))
            after = self.shaper.of([record.after.description for record in records], objectives,
                                   np.array([record.distance_after for record in records]))
            ended = np.array([record.terminated for record in records])
            rewards += shaping(before, after, ended, self.settings.gamma)
        elif isinstance(self.shaper, Bonus):
            for record in records:
                self._read[record.before.slot][record.feedback] += 1
            counts = np.array([self._read[record.before.slot][record.feedback] for record in records])
            rewards += self.shaper.of([record.feedback for record in records], objectives, counts, 1 - self.progress)
        return rewards

    def _update(self, batch: Batch) -> float:
        target = self._target(batch)
        self.head.train()
        with torch.random.fork_rng(devices=[]):  # dropout draws from the global generator
            torch.manual_seed(int(self._rng.integers(2**63)))
            values = self.head(batch.states, self.reader)
            beside = self._foretelling()
        self.head.eval()
        losses = torch.nn.functional.smooth_l1_loss(values, target, reduction="none")
        loss = (losses * torch.from_numpy(batch.weight)).mean() + beside
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.head.parameters(), 10.0)
        self.optimiser.step()
        self.copies.follow()
        self.replay.learned(batch.rows, (values - target).detach().numpy())
        return float(loss.detach())

    def _foretelling(self) -> torch.Tensor:
        """The loss of foretelling, by what is told of a way, whether it leads nearer to the goal."""
        if not self.settings.hindsight or not len(self.hindsight):
            return torch.zeros(())
        told, nearer = self.hindsight.sample(self.settings.batch, self._rng)
        foretold = self.head.foretold(told, self.reader)
        return self.settings.hindsight * torch.nn.functional.mse_loss(foretold, nearer)

    @torch.no_grad()
    def _target(self, batch: Batch) -> torch.Tensor:
        reward, discount = torch.from_numpy(batch.reward), torch.from_numpy(batch.discount)
        slow = self.copies.slow(batch.next_states, self.reader)
        match self.settings.target:  # a plan is what is chosen, by chance too; the best one is the best command's
            case "sarsa":
                plans = plan_values(slow, batch.next_states)
                return targets.sarsa(reward, discount, plans, torch.from_numpy(batch.next_plan))
            case "expected_sarsa":
                return targets.expected_sarsa(reward, discount, plan_values(slow, batch.next_states), self.epsilon)
        following = command_values(slow, batch.next_states)
        if self.settings.target == "q_learning":
            return targets.q_learning(reward, discount, following)
        online = command_values(self.head(batch.next_states, self.reader), batch.next_states)
        return targets.double_q(reward, discount, following, online)

    def greedy(self) -> Agent:
        """The same agent without exploration, with notes of its own; it shares the weights, or plays by the mean of the
        last ones. It heeds advice unless games have gone better without."""
        if self.advice:
            self.advice.heeded = self.reuse.pays
        expectation = self.expectation.twin() if self.expectation and self.expectation.weight else None
        return Actor(self.reader, self.copies.played, self.notes, 0, self.advice, expectation)

    def weights(self) -> dict[str, torch.Tensor]:
        return super().weights() | {f"head.{name}": t.clone() for name, t in self.copies.played.state_dict().items()}

    def state(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """Everything but the episodes under way: training goes on with new ones."""
        tensors = {f"head.{name}": tensor for name, tensor in self.head.state_dict().items()}
        tensors |= {f"encoder.{name}": tensor for name, tensor in self.adapter().items()}
        tensors |= {f"recollection.{name}": tensor for name, tensor in self.recollection().items()}
        tensors |= {f"copies.{name}": tensor for name, tensor in self.copies.state().items()}
        tensors |= {f"optimiser.{name}": moment for name, moment in moments_of(self.optimiser).items()}
        tensors |= {f"replay.{name}": torch.from_numpy(a) for name, a in self.replay.state().items()}
        tensors |= {f"hindsight.{name}": tensor for name, tensor in self.hindsight.state().items()}
        plain = {
            "rng": self._rng.bit_generator.state,
            "replay": self.replay.next,
            "lessons": self.lessons,
            "texts": self.reader.state(),
            "returns": self.reuse.state(),
            "scores": [self.shaper.mean, self.shaper.scale] if self.shaper else None,
        }
        if self.expectation:
            plain["expectation"], expected = self.expectation.state()
            tensors |= {f"expectation.{name}": tensor for name, tensor in expected.items()}
        return plain, tensors

    def restore(self, state: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> None:
        self.reuse.restore(state["returns"])
        advice = {"advice.scale": torch.tensor([*state["scores"], 1.0], dtype=torch.float64)} if self.advice else {}
        self.load({name: t for name, t in tensors.items()
                   if name.startswith(("head.", "encoder.", "recollection."))} | advice)
        self.reader.restore(state["texts"])  # the replay knows texts by number, so the order must be the same
        self._rng.bit_generator.state = state["rng"]
        self.lessons = int(state["lessons"])
        self.copies.restore(part(tensors, "copies."))
        take_moments(self.optimiser, part(tensors, "optimiser."))
        self.replay.restore({name: t.numpy() for name, t in part(tensors, "replay.").items()}, state["replay"])
        self.hindsight.restore(part(tensors, "hindsight."))
        if self.shaper:
            self.shaper.mean, self.shaper.scale = state["scores"]
        if self.expectation:
            self.expectation.restore(state["expectation"], part(tensors, "expectation."))
