"""Chooses commands by the values that a Q-head gives to plans."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from textmaze.env.rollout import Observation
from textmaze.env.thoughts import Thought
from textmaze.errors import RunError
from textmaze.learn.belief import Clues, steps_towards
from textmaze.learn.bert import Bert
from textmaze.learn.expectation import Expectation
from textmaze.learn.notes import MEMORIES, Map, Memory, Plan
from textmaze.learn.qhead import STATE_PARTS, QHead, States
from textmaze.learn.reading import Reader, Told
from textmaze.learn.recurrence import Moment
from textmaze.learn.replay import Decision, gathered
from textmaze.learn.shaping import Advice

PARTS = ("head", "encoder", "recollection", "advice", "expectation")  # of an actor's weights


@dataclass(frozen=True)
class Choice:
    """What was chosen in one state, and why."""

    decision: Decision
    plans: Sequence[Plan]
    values: torch.Tensor  # (len(plans),)
    remembered: np.ndarray  # (memory,) by the head, if it has a memory of its own
    going_on: bool  # whether this is what is left of the plan that was followed before
    commands: Sequence[str] = ()  # that could be given there


class Actor:
    """The agent as it plays: gives the first command of the best plan, and follows it until something new is read.

    To think again without news is worse than useless: where a plan looks better from afar than from near, and another
    one too, one would go to and fro between them for ever.

    With `advice`, what a scorer makes of a plan beforehand is added to its value where one is chosen, and to no value
    that is learned. What will be read by an `expectation` that looks ahead is part of the value itself.
    """

    infos: Sequence[str] = ()

    def __init__(self, reader: Reader, head: QHead, notes: str, seed: int, advice: Advice | None = None,
                 expectation: Expectation | None = None) -> None:
        self.reader = reader
        self.head = head
        self.notes = notes
        self.advice = advice
        self.expectation = expectation
        self.memories: dict[int, Memory] = {}
        self.choices: dict[int, Choice] = {}  # the last one of each episode
        self._last: dict[int, tuple[str, Moment, np.ndarray]] = {}  # the last command, and what is remembered since
        self._rng = np.random.default_rng(seed)

    def weights(self) -> dict[str, torch.Tensor]:
        """What it takes to play as now: the head, what was trained of the encoder, what is recollected, and what looks
        ahead."""
        found = {f"head.{name}": tensor.clone() for name, tensor in self.head.state_dict().items()}
        found |= {f"encoder.{name}": tensor for name, tensor in self.adapter().items()}
        found |= {f"recollection.{name}": tensor for name, tensor in self.recollection().items()}
        if self.advice:
            found["advice.scale"] = torch.tensor(
                [self.advice.mean, self.advice.scale, self.advice.heeded], dtype=torch.float64)
        expected = self.expectation.playing() if self.expectation else {}
        return found | {f"expectation.{name}": tensor for name, tensor in expected.items()}

    def load(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Take over what `weights` returned. RunError or RuntimeError where it does not fit."""
        parts: dict[str, dict[str, torch.Tensor]] = {name: {} for name in PARTS}
        for name, tensor in weights.items():
            part, _, rest = name.partition(".")
            parts.setdefault(part, {})[rest] = tensor
        if not all(tensor.isfinite().all() for tensor in parts["head"].values()):
            raise RunError("The weights are damaged: some are no finite numbers.")
        model = self.reader.told.library.model
        if len(parts) > len(PARTS) or set(parts["encoder"]) != set(self.adapter()):
            raise RunError("The weights are not those of this encoder and its training.")
        if parts["expectation"] and not self.expectation:
            raise RunError("The weights are those of an agent that looks ahead, and this one does not.")
        scale = parts["advice"].get("scale", torch.zeros(0))
        if (scale.shape == (3,)) != bool(self.advice) or not scale.isfinite().all():
            raise RunError("The weights are not those of an agent that takes such advice.")
        if parts["recollection"] and self.reader.recollection is None:
            raise RunError("The weights are those of an agent that recollects sentences, and this one does not.")
        self.head.load_state_dict(parts["head"])
        if self.reader.recollection is not None:
            self.reader.recollection.restore(parts["recollection"])
        if self.advice:
            self.advice.mean, self.advice.scale, heeded = scale.tolist()
            self.advice.heeded = bool(heeded)
        if self.expectation:
            self.expectation.load(parts["expectation"])
        if isinstance(model, Bert) and parts["encoder"]:
            model.load_adapter(parts["encoder"])

    def adapter(self) -> dict[str, torch.Tensor]:
        """What was trained of the encoder."""
        model = self.reader.told.library.model
        return model.adapter() if isinstance(model, Bert) else {}

    def recollection(self) -> dict[str, torch.Tensor]:
        """What it recollects sentences by."""
        found = self.reader.recollection
        return found.state() if found is not None else {}

    def begin(self, episodes: Sequence[int]) -> None:
        if self.expectation:
            self.expectation.begin(episodes)
        for slot in episodes:
            self.memories[slot] = MEMORIES[self.notes]()
            self._last.pop(slot, None)
            self.choices.pop(slot, None)

    def act(self, observations: Sequence[Observation]) -> list[str]:
        for seen in observations:
            self.read(seen)
        commands = []
        for seen, choice in zip(observations, self.choose(observations), strict=True):
            command = seen.choices[choice.decision.choice]
            self._give(seen.slot, choice, command)
            commands.append(command)
        return commands

    def follow(self, seen: Observation, command: str) -> None:
        """Remember that this command was given where it would have been asked, whatever it would have chosen."""
        self.read(seen)
        choice = self.choose([seen])[0]
        self._give(seen.slot, choice, command)
        if command != seen.choices[choice.decision.choice]:
            self.choices.pop(seen.slot)  # nobody follows that plan

    def thoughts(self, slot: int) -> list[Thought]:
        """What it thought when it last chose in a slot, of each command that a plan begins with."""
        found: dict[int, tuple[float, Plan]] = {}
        choice = self.choices[slot]
        for plan, value in zip(choice.plans, choice.values.tolist(), strict=True):
            if plan.first not in found or value > found[plan.first][0]:
                found[plan.first] = value, plan
        commands, followed = choice.commands, choice.decision.choice if choice.going_on else -1
        return [Thought(commands[first], value, plan.command, plan.steps, plan.note, self._room(slot, commands[first]),
                        first == followed)
                for first, (value, plan) in sorted(found.items())]

    def foreseen(self, seen: Observation, command: str) -> Sequence[tuple[str, float]]:
        """The texts that it expects of a command, each with its chance; none where it does not look ahead."""
        return self.expectation.foreseen(seen, command) if self.expectation else ()

    def _room(self, slot: int, command: str) -> str:
        """The room that its map says a command leads to."""
        memory = self.memories[slot]
        room = memory.chart.beyond(command) if isinstance(memory, Map) else None
        return room.description.partition("\n")[0].strip("-= ") if room else ""

    def _give(self, slot: int, choice: Choice, command: str) -> None:
        """Remember what is done now."""
        self.memories[slot].give(command)
        if self.expectation:
            self.expectation.chose(slot, command)
        self.choices[slot] = choice
        if choice.decision.moment:
            self._last[slot] = command, choice.decision.moment, choice.remembered

    def read(self, seen: Observation) -> None:
        """Take in what the last command led to."""
        self.memories[seen.slot].read(seen)
        if self.expectation:
            self.expectation.read(seen)

    def choose(self, observations: Sequence[Observation]) -> list[Choice]:
        """What to do in each state, all of them valued together."""
        plans = [self.memories[seen.slot].plans(seen, seen.choices) for seen in observations]
        decisions = self.numbered(observations, plans)
        states = gathered(decisions, length=1)
        values, remembered = self.values(states)
        values = values + self._advised(observations, plans)
        chosen = []
        ends = np.cumsum([len(these) for these in plans])
        for seen, decision, these, own, memory in zip(
            observations, decisions, plans, values.tensor_split(ends[:-1].tolist()), remembered, strict=True
        ):
            left = self._left(seen.slot, these)
            plan = self.pick(seen.slot, these, own, left)
            taken = replace(decision, plan=plan)
            chosen.append(Choice(taken, these, own, memory, plan == left, seen.choices))
        return chosen

    def pick(self, slot: int, plans: Sequence[Plan], values: torch.Tensor, left: int) -> int:
        """The plan to follow; `left` is what is left of the last one, -1 for nothing."""
        going_on = left >= 0 and not self.memories[slot].doubts(plans[left])
        return left if going_on else int(values.argmax())

    def _left(self, slot: int, plans: Sequence[Plan]) -> int:
        """Which plan is what is left of the one that was followed, or -1."""
        if slot not in self.choices:
            return -1
        last = self.choices[slot]
        before = last.plans[last.decision.plan]
        return next((number for number, plan in enumerate(plans) if plan.follows(before)), -1)

    def values(self, states: States) -> tuple[torch.Tensor, np.ndarray]:
        """The value of each plan as it is now, (N,), and what the head remembers of each state, (B, memory)."""
        with torch.inference_mode():
            values = self.head(states, self.reader).clone()
            if states.past is None:
                return values, np.zeros((len(states.state), 0), dtype=np.float32)
            return values, self.head.recall(states.past, self.reader).numpy()

    def numbered(self, observations: Sequence[Observation], plans: Sequence[Sequence[Plan]]) -> list[Decision]:
        """States and plans as numbers of texts. Nothing is chosen yet."""
        reader = self.reader
        texts = [getattr(seen, part) for seen in observations for part in STATE_PARTS]
        texts += [text for these in plans for plan in these for text in (_distant(plan), plan.command, plan.note)]
        texts += [command for command, _, _ in self._last.values()]
        told = [[(_own(plan), _rivals(plan), ((seen.choices[plan.first],), seen.description)) for plan in these]
                for seen, these in zip(observations, plans, strict=True)]
        reader.take_in(texts, (which for these in told for three in these for which in three))
        number, text = reader.told_number, reader.text_number
        return [
            Decision(
                np.array([text(getattr(seen, part)) for part in STATE_PARTS]),
                np.array([(
                    number(own), number(rivals), text(_distant(plan)), text(plan.command), text(plan.note),
                    number(first), plan.steps,
                ) for plan, (own, rivals, first) in zip(these, about, strict=True)]),
                np.array([plan.first for plan in these]),
                -1,
                self.expectation.values(seen, these) if self.expectation and self.expectation.weight else None,
                self._moment(seen) if self.head.memory else None,
                self._clues(seen.slot, these) if self.head.belief else None,
            )
            for seen, these, about in zip(observations, plans, told, strict=True)
        ]

    def _clues(self, slot: int, plans: Sequence[Plan]) -> Clues:
        """What was told, anywhere on the map, of the ways to each plan."""
        memory = self.memories[slot]
        goals = {plan.room for plan in plans if plan.room}
        towards = steps_towards(memory.chart, goals) if isinstance(memory, Map) else {}
        found: list[list[Told]] = []
        for plan in plans:
            steps = towards[plan.room] if plan.room else []
            found.append([((command,), room.description) for room, command in steps])
            if plan.command.startswith("go "):
                found[-1].append(_own(plan))
        self.reader.take_in((), (which for own in found for which in own))
        number = self.reader.told_number
        return Clues.of([[known for known in map(number, own) if known] for own in found])  # 0 where nothing is told

    def _advised(self, observations: Sequence[Observation], plans: Sequence[Sequence[Plan]]) -> torch.Tensor:
        """What a scorer makes beforehand of what is told of each plan's command and noted beside it, (N,); 0 where it
        is not heeded."""
        pairs = [(seen, plan) for seen, these in zip(observations, plans, strict=True) for plan in these]
        advised = torch.zeros(len(pairs))
        rows = [row for row, (seen, _) in enumerate(pairs) if self.heeds(seen.slot)]
        if self.advice and rows:
            heeding, heeded = zip(*(pairs[row] for row in rows), strict=True)
            found = self.advice.of([plan.place for plan in heeded], [plan.command for plan in heeded],
                                   [seen.objective for seen in heeding], [plan.note for plan in heeded])
            advised[rows] = torch.from_numpy(found.astype(np.float32))
        return advised

    def heeds(self, slot: int) -> bool:
        """Whether advice is heeded in the game of a slot."""
        return bool(self.advice and self.advice.heeded)

    def _moment(self, seen: Observation) -> Moment:
        command, previous, before = self._last.get(
            seen.slot, ("", None, np.zeros(self.head.memory, dtype=np.float32)))
        reader = self.reader
        return Moment(reader.text_number(seen.description), reader.text_number(command), before, previous)


def _own(plan: Plan) -> Told:
    """What is told of a plan's command, where it would be given."""
    return (plan.command,), plan.place


def _rivals(plan: Plan) -> Told:
    """What is told there of all others."""
    return tuple(command for command in plan.commands if command != plan.command), plan.place


def _distant(plan: Plan) -> str:
    """What was read at a place far away, where nothing of it is told of the command itself."""
    return plan.place if plan.steps and plan.command in ("look", "wait") else ""
