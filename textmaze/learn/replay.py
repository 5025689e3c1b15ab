"""Past transitions, as numbers in arrays: seeded, bounded, sampled uniformly."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textmaze.learn.qhead import STATE_PARTS, States


@dataclass(frozen=True)
class Decision:
    """One state as the agent saw it, and which of its commands it chose."""

    state: tuple[int, ...]  # text numbers of STATE_PARTS
    commands: NDArray[np.int64]  # (A,)
    notes: NDArray[np.int64]  # (A,)
    choice: int


@dataclass(frozen=True)
class Batch:
    """B transitions."""

    states: States
    choice: NDArray[np.int64]  # (B,)
    reward: NDArray[np.float32]  # (B,)
    discount: NDArray[np.float32]  # (B,) 0 after the end of a game
    next_states: States
    next_choice: NDArray[np.int64]  # (B,)


class Replay:
    """The last `capacity` transitions. Grows its arrays when a state has more commands than any before."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.size = 0
        self.next = 0
        self._width = 4
        self.arrays = _empty(capacity, self._width)

    def add(self, decision: Decision, reward: float, discount: float, following: Decision | None) -> None:
        """Remember a transition; without a following decision the game has ended."""
        widest = max(len(decision.commands), len(following.commands) if following else 0)
        if widest > self._width:
            self._widen(widest)
        at = self.next
        self._put(at, 0, decision)
        if following:
            self._put(at, 1, following)
        else:
            self.arrays["admissible"][at, 1] = False
        self.arrays["reward"][at] = reward
        self.arrays["discount"][at] = discount if following else 0.0
        self.next = (at + 1) % self.capacity
        self.size = min(self.size + 1, self.capacity)

    def sample(self, count: int, rng: np.random.Generator) -> Batch:
        """`count` transitions, each as likely as any other."""
        rows = rng.integers(self.size, size=count)
        a = {name: values[rows] for name, values in self.arrays.items()}
        now, then = (
            States(a["state"][:, k], a["commands"][:, k], a["notes"][:, k], a["admissible"][:, k]) for k in (0, 1)
        )
        return Batch(now, a["choice"][:, 0], a["reward"], a["discount"], then, a["choice"][:, 1])

    def restore(self, arrays: dict[str, NDArray[Any]], size: int, following: int) -> None:
        """Go on with the transitions that another replay of the same capacity held."""
        self._width = arrays["commands"].shape[-1]
        fresh = _empty(self.capacity, self._width)
        if any(arrays[name].shape != values.shape for name, values in fresh.items()):
            raise ValueError("the replay has another capacity")
        if not (0 <= size <= self.capacity and 0 <= following < self.capacity):
            raise ValueError("the replay holds more than its capacity")
        # Tensors from a file may be read-only views of it.
        self.arrays = {name: arrays[name].astype(values.dtype) for name, values in fresh.items()}
        self.size, self.next = size, following

    def _put(self, at: int, side: int, decision: Decision) -> None:
        count = len(decision.commands)
        self.arrays["state"][at, side] = decision.state
        self.arrays["commands"][at, side, :count] = decision.commands
        self.arrays["commands"][at, side, count:] = decision.commands[0]
        self.arrays["notes"][at, side, :count] = decision.notes
        self.arrays["notes"][at, side, count:] = decision.notes[0]
        self.arrays["admissible"][at, side] = np.arange(self._width) < count
        self.arrays["choice"][at, side] = decision.choice

    def _widen(self, width: int) -> None:
        old, self._width = self.arrays, width
        self.arrays = _empty(self.capacity, width)
        for name, values in old.items():
            self.arrays[name][tuple(slice(0, n) for n in values.shape)] = values


def _empty(capacity: int, width: int) -> dict[str, NDArray[Any]]:
    """Arrays for each transition's two sides: the state before and the state after."""
    return {
        "state": np.zeros((capacity, 2, len(STATE_PARTS)), dtype=np.int64),
        "commands": np.zeros((capacity, 2, width), dtype=np.int64),
        "notes": np.zeros((capacity, 2, width), dtype=np.int64),
        "admissible": np.zeros((capacity, 2, width), dtype=bool),
        "choice": np.zeros((capacity, 2), dtype=np.int64),
        "reward": np.zeros(capacity, dtype=np.float32),
        "discount": np.zeros(capacity, dtype=np.float32),
    }
