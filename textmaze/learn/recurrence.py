"""A memory that is learned: a recurrent state that every observation and every command changes.

It is trained on the last steps of an episode, begun from the state that was stored when they were played (stored-state
replay, Kapturowski et al. 2019).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

LENGTH = 12  # steps of an episode that an update looks back on


@dataclass(frozen=True, eq=False)
class Moment:
    """What one step added to the memory, and what was there before."""

    description: int  # the text that was read, by number
    command: int  # the text of the command that led to it
    before: NDArray[np.float32]  # (width,)
    previous: "Moment | None"  # of the same episode


@dataclass(frozen=True)
class Past:
    """The last L steps of B episodes, oldest first, as numbers of texts; -1 before the first step looked at."""

    descriptions: NDArray[np.int64]  # (L, B)
    commands: NDArray[np.int64]  # (L, B)
    before: torch.Tensor  # (B, width) what was remembered before these


def recalled(moments: Sequence[Moment], length: int = LENGTH) -> Past:
    """The last steps up to each of these moments."""
    descriptions, commands = np.full((2, length, len(moments)), -1, dtype=np.int64)
    before = []
    for column, moment in enumerate(moments):
        step: Moment | None = moment
        oldest = moment
        for row in reversed(range(length)):
            if step is None:
                break
            descriptions[row, column], commands[row, column], oldest = step.description, step.command, step
            step = step.previous
        before.append(oldest.before)
    return Past(descriptions, commands, torch.from_numpy(np.stack(before)))


class Recurrence(nn.Module):
    """A GRU (Cho et al. 2014) over the vectors of observations and commands."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.cell = nn.GRUCell(inputs, width)

    def forward(self, steps: torch.Tensor, valid: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        """The state after these steps (L, B, inputs), of which those count that are `valid` (L, B), from `before`."""
        state = before
        for step, counts in zip(steps, valid, strict=True):
            state = torch.where(counts.unsqueeze(1), self.cell(step, state), state)
        return state
