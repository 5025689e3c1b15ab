"""The Q-head: from the vectors of a state and of its admissible commands to one value a command."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

STATE_PARTS = ("description", "inventory", "objective")
COMMAND_PARTS = ("command", "note")
PARTS = STATE_PARTS + COMMAND_PARTS
FEWEST_FOR_SCALE = 32


@dataclass(frozen=True)
class States:
    """B states with up to A admissible commands each, as text numbers."""

    state: NDArray[np.int64]  # (B, len(STATE_PARTS))
    commands: NDArray[np.int64]  # (B, A)
    notes: NDArray[np.int64]  # (B, A)
    admissible: NDArray[np.bool_]  # (B, A); the rest is padding


class QHead(nn.Module):
    """A small network over frozen text vectors.

    Its first layer is a sum of projections, one for each part of the input, so each distinct text in a batch is
    projected once, however many states it occurs in. Vectors are standardised part by part: the vectors of two rooms
    that differ in one exit are nearly parallel, and only their deviations from the mean tell them apart.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, width: int, hidden: int = 128) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(len(PARTS), width))
        self.register_buffer("scale", torch.ones(len(PARTS), width))
        self.project = nn.ModuleDict({part: nn.Linear(width, hidden, bias=False) for part in PARTS})
        self.body = nn.Sequential(
            nn.LayerNorm(hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1)
        )

    def standardise(self, samples: Mapping[str, torch.Tensor]) -> None:
        """Take mean and deviation of each part from `(n, width)` samples of its vectors."""
        overall = torch.cat(list(samples.values())).std(0)
        for index, part in enumerate(PARTS):
            vectors = samples[part]
            self.mean[index] = vectors.mean(0)
            # A handful of texts has no deviation worth the name, and the next one would look enormous.
            own = len(vectors) >= FEWEST_FOR_SCALE
            self.scale[index] = (vectors.std(0) if own else overall).clamp(min=1e-3)

    def forward(self, states: States, vectors: torch.Tensor) -> torch.Tensor:
        """Values (B, A), -inf where there is no command. `vectors` (T, width) are those of all texts."""
        hidden = self._part("command", states.commands, vectors) + self._part("note", states.notes, vectors)
        for index, part in enumerate(STATE_PARTS):
            hidden = hidden + self._part(part, states.state[:, index], vectors).unsqueeze(1)
        values: torch.Tensor = self.body(hidden).squeeze(-1)
        return values.masked_fill(~torch.from_numpy(states.admissible), -torch.inf)

    def _part(self, part: str, numbers: NDArray[np.int64], vectors: torch.Tensor) -> torch.Tensor:
        distinct, inverse = np.unique(numbers, return_inverse=True)
        index = PARTS.index(part)
        standard = (vectors[torch.from_numpy(distinct)] - self.mean[index]) / self.scale[index]
        projected: Any = self.project[part](standard)
        return projected[torch.from_numpy(inverse.reshape(numbers.shape))]  # type: ignore[no-any-return]
