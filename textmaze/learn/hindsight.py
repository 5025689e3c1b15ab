"""What a game that was won says of all that was read on the way.

A temporal difference tells little of a hint: what a way is worth depends on how far the goal is and on what is tried
next. But who has won has a map, and it shows of each way that was gone whether it led nearer to the goal. To foretell
that from what is told of the way is a task beside the values, which the same layers learn (an auxiliary task, as in
Jaderberg et al. 2017, with labels in hindsight, as in Andrychowicz et al. 2017). Nothing is known here but what the
player has read.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from textmaze.env.chart import Chart, walks_into, ways_into
from textmaze.learn.reading import Reader, Texts, Told

# How many readings of which nothing turned out every sentence is thought to have had. With as much as 1, half of what
# is known of a sentence that was read once is doubted, and rare sentences are hardly learned (docs/log.md).
PRIOR = 0.25
PLAIN = 0.1  # how much a sentence that makes no difference is learned from, against the mean one


def turned_out(chart: Chart) -> Iterator[tuple[Told, float]]:
    """What was told of each known way, on the map of a game that was won in the room where the player is, and whether
    the way led nearer to there: 1, or -1 where it did not."""
    rooms = list(dict.fromkeys(chart.rooms.values()))
    steps = {chart.room: 0}
    for before, _, after in walks_into(chart.room, ways_into(rooms)):
        steps[before] = steps[after] + 1
    for room in rooms:
        for way, command in chart.steps(room).items():
            target = room.ways.get(way)
            if target in steps and room in steps:
                yield ((command,), room.description), 1.0 if steps[target] < steps[room] else -1.0


class Hindsight:
    """The last of what turned out, to be learned from."""

    def __init__(self, capacity: int) -> None:
        self.told = np.zeros(capacity, dtype=np.int64)  # what was told, as numbers in a `Reader`
        self.nearer = np.zeros(capacity, dtype=np.float32)
        self.count = 0  # of all that was ever added

    def add(self, reader: Reader, found: Iterable[tuple[Told, float]]) -> None:
        """Remember what turned out."""
        known = list(found)
        reader.take_in((), (which for which, _ in known))
        for which, nearer in known:
            number = reader.told_number(which)
            if number:  # else nothing was told
                place = self.count % len(self.told)
                self.told[place], self.nearer[place] = number, nearer
                self.count += 1

    def __len__(self) -> int:
        return min(self.count, len(self.told))

    def sample(self, count: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], torch.Tensor]:
        """Some of it: what was told (count,), and whether it led nearer (count,)."""
        rows = rng.integers(len(self), size=count)
        return self.told[rows], torch.from_numpy(self.nearer[rows])

    def by_sentence(self, texts: Texts) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
        """The sentences of which something turned out, as numbers in their library (n,); the mean of what did (n,),
        which is nearer to 0 the less often they were read; and how much each is to be learned from (n,), 1 on average:
        the more, the more it tells and the more often it was read."""
        items, owner = texts.items(self.told[: len(self)])
        counts = np.bincount(items, minlength=1)
        sums = np.bincount(items, weights=self.nearer[owner], minlength=1)
        known = counts.nonzero()[0]
        nearer = (sums[known] / (counts[known] + PRIOR)).astype(np.float32)
        telling = np.abs(nearer) * np.sqrt(counts[known])
        weight = telling / max(telling.sum() / max(len(known), 1), 1e-9) + PLAIN
        return known, nearer, (weight / (1.0 + PLAIN)).astype(np.float32)

    def state(self) -> dict[str, torch.Tensor]:
        """All of it; `restore` takes it back."""
        size = len(self)
        arrays = {"told": self.told[:size].copy(), "nearer": self.nearer[:size].copy(), "count": np.array(self.count)}
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on with what another one of the same capacity held. ValueError where it does not fit."""
        self.count = int(state["count"])
        size = len(self)
        if self.count < 0 or state["told"].shape != (size,) or state["nearer"].shape != (size,):
            raise ValueError("what turned out does not fit")
        self.told[:size], self.nearer[:size] = state["told"].numpy(), state["nearer"].numpy()
