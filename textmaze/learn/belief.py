"""Where the goal may be, reckoned from all that was told on the map.

A hint speaks of more than the way that it is about. Where the goal lies behind a way, every known room has a step that
leads nearer to it; so each hint in each room, near or far, speaks for some plans and against others, and one that was
misread is outvoted. Of every sentence the head foretells whether a way of which it is told leads nearer to the goal.
By Bayes' rule, the log odds that a plan leads to the goal are then the sum over the rooms of those of the step that
leads from there to the plan, and the chances of all plans are their softmax. (Such a belief over hidden states is what
a planner under partial observability acts on: Kaelbling, Littman and Cassandra 1998.)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from textmaze.env.chart import Chart, Room

MOST_SURE = 0.95  # how surely at most a hint is thought to lead nearer, from -1 to 1
LEAST = -6.0  # the log chance below which plans are all the same
WIDTH = 2  # numbers by which a plan's chance is told

Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Clues:
    """What was told on the map that speaks for each of N plans, of which M are asked for."""

    told: Numbers  # (K,) what was told of one step, as numbers in a `Reader`
    plan: Numbers  # (K,) the plan that the step leads to, in order
    owner: Numbers  # (N,) the state that each plan belongs to, in order
    asked: Numbers  # (M,) plans

    def only(self, kept: NDArray[np.bool_]) -> "Clues":
        """The same clues, and these alone of the plans that are asked for."""
        return Clues(self.told, self.plan, self.owner, self.asked[kept])


def together(clues: Sequence[Clues]) -> Clues:
    """The clues of several states, numbered through."""
    plans = np.cumsum([0, *(len(own.owner) for own in clues)])[:-1]
    return Clues(
        np.concatenate([own.told for own in clues]),
        np.concatenate([own.plan + first for own, first in zip(clues, plans, strict=True)]),
        np.concatenate([own.owner + state for state, own in enumerate(clues)]),
        np.concatenate([own.asked + first for own, first in zip(clues, plans, strict=True)]),
    )


def steps_towards(chart: Chart) -> "dict[Room | None, list[tuple[Room, str]]]":
    """For each known room, the command in every other one that is the first step of a shortest known walk to it."""
    into: dict[Room, list[tuple[Room, int]]] = {}
    rooms = [room for room, _, _ in chart.walks()]
    for room in rooms:
        for way, target in room.ways.items():
            if target is not None:
                into.setdefault(target, []).append((room, way))
    return {room: list(_walks_into(chart, room, into)) for room in rooms}


def _walks_into(chart: Chart, goal: Room, into: "dict[Room, list[tuple[Room, int]]]") -> Iterator[tuple[Room, str]]:
    queue, found = [goal], {goal}
    for room in queue:
        for before, way in into.get(room, ()):
            if before not in found:
                found.add(before)
                queue.append(before)
                command = chart.steps(before).get(way)
                if command is not None:  # else the way is barred by now
                    yield before, command


def believed(nearer: torch.Tensor, clues: Clues) -> torch.Tensor:
    """The chance of each plan that is asked for, and its log in shares of `LEAST`, (M, WIDTH), by how sure it is that
    each clue leads nearer to the goal (K,), from -1 to 1."""
    odds = 2 * torch.atanh(nearer.clamp(-MOST_SURE, MOST_SURE))
    plans, states = len(clues.owner), int(clues.owner.max(initial=-1)) + 1
    owner = torch.from_numpy(clues.owner)
    sums = torch.zeros(plans).index_add(0, torch.from_numpy(clues.plan), odds)
    best = torch.full((states,), -torch.inf).scatter_reduce(0, owner, sums.detach(), "amax")
    shifted = sums - best[owner]
    chance = shifted - torch.zeros(states).index_add(0, owner, shifted.exp()).log()[owner]
    asked = chance[torch.from_numpy(clues.asked)]
    return torch.stack([asked.exp(), asked.clamp(min=LEAST) / abs(LEAST)], dim=1)
