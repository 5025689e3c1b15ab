"""The Q-head: from the vectors of a state and of its admissible commands to one value a command."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

STATE_PARTS = ("description", "inventory", "objective")
COMMAND_PARTS = ("command", "note")
PARTS = STATE_PARTS + COMMAND_PARTS
FEWEST_FOR_SCALE = 32
STATE_SCALE = 0.1  # at 1 the head learns its training games by heart first, and often never gets over it

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class States:
    """B states with up to A admissible commands each, as text numbers."""

    state: Numbers  # (B, len(STATE_PARTS))
    commands: Numbers  # (B, A)
    notes: Numbers  # (B, A)
    admissible: NDArray[np.bool_]  # (B, A); the rest is padding


class QHead(nn.Module):
    """A small network over frozen text vectors.

    A value is the worth of the state plus the advantage of the command there (dueling, Wang et al. 2016). The worth
    soaks up what can only be known by heart, such as how far the coin is from this very room, and cannot change
    which command is best. For the same end, dropout works on the elements of the state's vectors, and what the
    advantage makes of the state is scaled down: it is learned too, but later than what holds in every game. There
    is no layer norm: dropout changes the deviation that it divides by, so that the head in use would differ from
    the head in training.

    The first layers are sums of projections, one for each part of the input, so each distinct text in a batch is
    projected once, however many states it occurs in. Vectors are standardised part by part: the vectors of two rooms
    that differ in one exit are nearly parallel, and only their deviations from the mean tell them apart.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, width: int, hidden: int = 128, dropout: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(len(PARTS), width))
        self.register_buffer("scale", torch.ones(len(PARTS), width))
        self.dropout = nn.Dropout(dropout)
        self.advantage_in = nn.ModuleDict({part: nn.Linear(width, hidden, bias=False) for part in PARTS})
        self.advantage = nn.Sequential(nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1))
        self.worth_in = nn.ModuleDict({part: nn.Linear(width, hidden, bias=False) for part in STATE_PARTS})
        self.worth = nn.Sequential(nn.ReLU(), nn.Linear(hidden, 1))

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
        hidden = self._sum(self.advantage_in, COMMAND_PARTS, (states.commands, states.notes), vectors)
        state = tuple(states.state.T)
        hidden = hidden + STATE_SCALE * self._sum(self.advantage_in, STATE_PARTS, state, vectors).unsqueeze(1)
        worth = self.worth(self._sum(self.worth_in, STATE_PARTS, state, vectors))
        values: torch.Tensor = self.advantage(hidden).squeeze(-1) + worth
        return values.masked_fill(~torch.from_numpy(states.admissible), -torch.inf)

    def _sum(
        self, layers: nn.ModuleDict, parts: Sequence[str], numbers: Sequence[Numbers], vectors: torch.Tensor
    ) -> torch.Tensor:
        """The sum of the parts' projections, (*numbers[0].shape, hidden)."""
        projections = [
            self._project(layers[part], part, these, vectors) for part, these in zip(parts, numbers, strict=True)
        ]
        return torch.stack(projections).sum(0)

    def _project(self, layer: nn.Module, part: str, numbers: Numbers, vectors: torch.Tensor) -> torch.Tensor:
        distinct, inverse = np.unique(numbers, return_inverse=True)
        index = PARTS.index(part)
        standard = (vectors[torch.from_numpy(distinct)] - self.mean[index]) / self.scale[index]
        if part in STATE_PARTS:
            standard = self.dropout(standard)
        projected: torch.Tensor = layer(standard)
        return projected[torch.from_numpy(inverse.reshape(numbers.shape))]
