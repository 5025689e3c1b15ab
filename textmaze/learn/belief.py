"""Where the goal may be, reckoned from all that was told on the map.

A hint speaks of more than the way that it is about. Where the goal lies behind a way, every known room has a step that
leads nearer to it; so each hint in each room, near or far, speaks for some plans and against others, and one that was
misread is outvoted. Of every sentence the head foretells whether a way of which it is told leads nearer to the goal.
By Bayes' rule, the log odds that a plan leads to the goal are then the sum over the rooms of those of the step that
leads from there to the plan, and the chances of all plans are their softmax. (Such a belief over hidden states is what
a planner under partial observability acts on: Kaelbling, Littman and Cassandra 1998.)
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from textmaze.env.chart import Chart, Room, walks_into, ways_into

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

    @staticmethod
    def of(told: Sequence[Sequence[int]]) -> "Clues":
        """The clues of one state, plan by plan."""
        counts = [len(own) for own in told]
        numbers = np.fromiter((number for own in told for number in own), dtype=np.int64, count=sum(counts))
        plans = np.arange(len(told))
        return Clues(numbers, np.repeat(plans, counts), np.zeros_like(plans), plans)

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


def steps_towards(chart: Chart, goals: Iterable[Room]) -> dict[Room, list[tuple[Room, str]]]:
    """For each of these rooms, every other one from which known ways lead there, nearest first, with the command that
    is the first step of a shortest walk; without those where that way is barred by now."""
    rooms = [room for room, _, _ in chart.walks()]
    into, steps = ways_into(rooms), {room: chart.steps(room) for room in rooms}
    return {goal: [(room, steps[room][way]) for room, way, _ in walks_into(goal, into) if way in steps[room]]
            for goal in goals}


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
