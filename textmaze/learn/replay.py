"""Past transitions: seeded, bounded, sampled uniformly, by priority, or with a share from episodes that were won."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textmaze.learn.belief import Clues, together
from textmaze.learn.qhead import PLAN_COLUMNS, STATE_PARTS, States
from textmaze.learn.recurrence import LENGTH, Moment, recalled

SAMPLING = ("uniform", "prioritised", "solved")
SOLVED_SHARE = 0.5  # of a batch that comes from episodes that were won, where there are any
PRIORITY_POWER = 0.6  # Schaul et al. 2016: alpha, and beta for the correction of the bias that it brings
PRIORITY_CORRECTION = 0.4
SMALLEST_PRIORITY = 1e-3

Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Decision:
    """One state as the agent saw it, and what it chose."""

    state: Numbers  # (len(STATE_PARTS),) numbers of texts
    plans: Numbers  # (P, len(PLAN_COLUMNS)) numbers of texts, and the steps of the walk
    first: Numbers  # (P,) the command that each plan begins with
    plan: int  # the one that was followed; -1 as long as nothing is chosen
    expected: NDArray[np.float32] | None = None  # (P,) added to each value: what looking ahead expects of the plan
    moment: Moment | None = None  # for a head with a memory of its own
    clues: Clues | None = None  # for a head that reckons with what was told of the ways to each plan

    @property
    def choice(self) -> int:
        """The command that was given."""
        return int(self.first[self.plan])


@dataclass(frozen=True)
class Batch:
    """B transitions."""

    states: States  # with the plan alone that was followed
    reward: NDArray[np.float32]  # (B,) of all steps that the transition spans
    discount: NDArray[np.float32]  # (B,) gamma to the number of these steps; 0 after the end of a game
    next_states: States
    next_plan: NDArray[np.int64]  # (B,) the plan that was followed there, by its number among those of its state
    weight: NDArray[np.float32]  # (B,) how much each counts, so that priorities bring no bias
    rows: NDArray[np.int64]  # (B,) where they lie


class Replay:
    """The last `capacity` transitions."""

    def __init__(self, capacity: int, sampling: str = "uniform") -> None:
        self.capacity = capacity
        self.sampling = sampling
        self.size = 0
        self.next = 0
        self._decisions: list[Decision] = []
        self._following: list[Decision | None] = []
        self.reward = np.zeros(capacity, dtype=np.float32)
        self.discount = np.zeros(capacity, dtype=np.float32)
        self.solved = np.zeros(capacity, dtype=bool)
        self.priority = np.zeros(capacity, dtype=np.float64)

    def add(self, decision: Decision, reward: float, discount: float, following: Decision | None) -> int:
        """Remember a transition, and say where; without a following decision the game has ended."""
        at = self.next
        if at == len(self._decisions):
            self._decisions.append(decision)
            self._following.append(following)
        else:
            self._decisions[at], self._following[at] = decision, following
        self.reward[at] = reward
        self.discount[at] = discount if following else 0.0
        self.solved[at] = False
        self.priority[at] = self.priority[: self.size].max(initial=1.0) if self.sampling == "prioritised" else 1.0
        self.next = (at + 1) % self.capacity
        self.size = min(self.size + 1, self.capacity)
        return at

    def solve(self, rows: Sequence[int]) -> None:
        """Mark transitions of an episode that was won."""
        self.solved[list(rows)] = True

    def sample(self, count: int, rng: np.random.Generator) -> Batch:
        """`count` transitions, drawn with replacement."""
        rows, weight = self._rows(count, rng)
        decisions = [self._decisions[row] for row in rows]
        # After the end nothing counts, but every state needs a plan.
        following = [self._following[row] or self._decisions[row] for row in rows]
        states = gathered(decisions)
        taken = np.zeros(len(states.first), dtype=bool)
        counts = np.array([len(decision.first) for decision in decisions])
        taken[np.cumsum(counts) - counts + [decision.plan for decision in decisions]] = True
        return Batch(
            states.only(taken), self.reward[rows], self.discount[rows], gathered(following),
            np.array([decision.plan for decision in following]), weight, rows,
        )

    def learned(self, rows: NDArray[np.int64], error: NDArray[np.floating[Any]]) -> None:
        """Take the size of the TD errors as the new priorities."""
        self.priority[rows] = np.abs(error) + SMALLEST_PRIORITY

    def _rows(self, count: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        weight = np.ones(count, dtype=np.float32)
        if self.sampling == "prioritised":
            powers = np.cumsum(self.priority[: self.size] ** PRIORITY_POWER)
            rows = np.searchsorted(powers, rng.random(count) * powers[-1], side="right").clip(max=self.size - 1)
            chance = self.priority[rows] ** PRIORITY_POWER / powers[-1]
            weight = ((self.size * chance) ** -PRIORITY_CORRECTION).astype(np.float32)
            return rows, weight / weight.max()
        rows = rng.integers(self.size, size=count)
        if self.sampling == "solved":
            known = self.solved[: self.size].nonzero()[0]
            if len(known):
                share = int(SOLVED_SHARE * count)
                rows[:share] = known[rng.integers(len(known), size=share)]
        return rows, weight

    def state(self) -> dict[str, NDArray[Any]]:
        """All of it as arrays; `restore` takes them back."""
        # Most decisions are one transition's end and another's beginning: each is kept once.
        distinct: dict[int, int] = {}
        kept: list[Decision] = []

        def place(decision: Decision | None) -> int:
            if decision is None:
                return -1
            if id(decision) not in distinct:
                distinct[id(decision)] = len(kept)
                kept.append(decision)
            return distinct[id(decision)]

        pairs = [(place(a), place(b)) for a, b in zip(self._decisions, self._following, strict=True)]
        return {
            "pairs": np.array(pairs, dtype=np.int64).reshape(-1, 2),
            "state": np.array([d.state for d in kept], dtype=np.int64).reshape(-1, len(STATE_PARTS)),
            "plan": np.array([d.plan for d in kept], dtype=np.int64),
            "counts": np.array([len(d.first) for d in kept], dtype=np.int64),
            "plans": np.concatenate([np.zeros((0, len(PLAN_COLUMNS)), dtype=np.int64), *(d.plans for d in kept)]),
            "first": np.concatenate([np.zeros(0, dtype=np.int64), *(d.first for d in kept)]),
            **_beside(kept),
            **{name: getattr(self, name)[: self.size].copy() for name in ("reward", "discount", "solved", "priority")},
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]], following: int) -> None:
        """Go on with the transitions that another replay of the same capacity held. ValueError if they do not fit."""
        pairs, size = arrays["pairs"], len(arrays["pairs"])
        if not (size <= self.capacity and 0 <= following < self.capacity):
            raise ValueError("the replay holds more than its capacity")
        if not _sound(arrays):
            raise ValueError("the parts of the replay do not fit together")
        ends = np.cumsum(arrays["counts"])
        plans, first = np.split(arrays["plans"], ends[:-1]), np.split(arrays["first"], ends[:-1])
        expected = np.split(arrays["expected"], ends[:-1]) if "expected" in arrays else [None] * len(ends)
        moments: list[Moment | None] = [None] * len(ends)
        if "before" in arrays:
            moments = [Moment(int(a), int(b), before, None)
                       for (a, b), before in zip(arrays["moments"], arrays["before"], strict=True)]
        clues: list[Clues | None] = [None] * len(ends)
        if "clues" in arrays:
            parts = np.split(arrays["clues"], np.cumsum(arrays["clue_counts"])[:-1])
            clues = [Clues(part[:, 0], part[:, 1], np.zeros(count, dtype=np.int64), np.arange(count))
                     for part, count in zip(parts, arrays["counts"].tolist(), strict=True)]
        kept = [Decision(state, plans[i], first[i], int(arrays["plan"][i]), expected[i], moments[i], clues[i])
                for i, state in enumerate(arrays["state"])]
        self._decisions = [kept[a] for a, _ in pairs]
        self._following = [kept[b] if b >= 0 else None for _, b in pairs]
        for name in ("reward", "discount", "solved", "priority"):
            getattr(self, name)[:size] = arrays[name]
        self.size, self.next = size, following


def _sound(arrays: Mapping[str, NDArray[Any]]) -> bool:
    """Whether arrays from a file are a replay, so that nothing goes wrong once the training is under way."""
    size, kept, counts = len(arrays["pairs"]), len(arrays["state"]), arrays["counts"]
    total = int(counts.sum())
    shapes = {
        "pairs": (size, 2), "state": (kept, len(STATE_PARTS)), "plan": (kept,), "counts": (kept,),
        "plans": (total, len(PLAN_COLUMNS)), "first": (total,), "expected": (total,), "moments": (kept, 2),
        **dict.fromkeys(("reward", "discount", "solved", "priority"), (size,)),
    }
    if any(name in arrays and arrays[name].shape != shape for name, shape in shapes.items()):
        return False
    if kept and min(counts.min(), arrays["state"].min() + 1, arrays["plans"].min() + 1, arrays["first"].min() + 1) < 1:
        return False
    if "clues" in arrays and not _clues_fit(arrays["clues"], arrays["clue_counts"], counts):
        return False
    plan, (before, after) = arrays["plan"], arrays["pairs"].T
    if not ((plan >= 0) & (plan < counts)).all():
        return False
    within = (before >= 0) & (before < kept) & (after >= -1) & (after < kept)
    return bool(within.all() and np.isfinite(arrays["priority"]).all())


def _clues_fit(clues: NDArray[Any], clue_counts: NDArray[Any], plans: NDArray[Any]) -> bool:
    """Whether there are as many clues as is said, each about one of the plans of its state."""
    if clue_counts.shape != plans.shape or (clue_counts < 0).any() or clues.shape != (clue_counts.sum(), 2):
        return False
    return bool(((clues >= 0).all(1) & (clues[:, 1] < np.repeat(plans, clue_counts))).all())


def _beside(decisions: Sequence[Decision]) -> dict[str, NDArray[Any]]:
    """What only some heads need, as arrays. What lay before a moment is left out: the stored memory stands for it."""
    found: dict[str, NDArray[Any]] = {}
    expected = [decision.expected for decision in decisions if decision.expected is not None]
    moments = [decision.moment for decision in decisions if decision.moment]
    if expected:
        found["expected"] = np.concatenate(expected)
    if moments:
        found["moments"] = np.array([(moment.description, moment.command) for moment in moments], dtype=np.int64)
        found["before"] = np.stack([moment.before for moment in moments])
    clues = [decision.clues for decision in decisions if decision.clues]
    if clues:
        found["clues"] = np.concatenate([np.stack([own.told, own.plan], axis=1) for own in clues])
        found["clue_counts"] = np.array([len(own.told) for own in clues], dtype=np.int64)
    return found


def gathered(decisions: Sequence[Decision], length: int = LENGTH) -> States:
    """The states of several decisions together, with the last `length` steps before each if they are remembered."""
    expected = [decision.expected for decision in decisions if decision.expected is not None]
    moments = [decision.moment for decision in decisions if decision.moment]
    clues = [decision.clues for decision in decisions if decision.clues]
    return States(
        np.stack([decision.state for decision in decisions]),
        np.concatenate([decision.plans for decision in decisions]),
        np.concatenate([decision.first for decision in decisions]),
        np.repeat(np.arange(len(decisions)), [len(decision.first) for decision in decisions]),
        np.concatenate(expected) if expected else None,
        recalled(moments, length) if moments else None,
        together(clues) if clues else None,
    )
