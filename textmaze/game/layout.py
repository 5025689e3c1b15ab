"""Topologies: from a number of rooms and a random generator to rooms on a grid and the passages between them."""

import math
import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

# In an order in which the opposite of a direction stands half the way round.
DIRECTIONS = ("north", "east", "south", "west")
STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))
OPPOSITE = {"north": "south", "east": "west", "south": "north", "west": "east"}

Place = tuple[int, int]


class Layout(NamedTuple):
    """The shape of a maze: `exits[room][direction]` is a room or -1."""

    places: tuple[Place, ...]
    exits: tuple[tuple[int, ...], ...]
    start: int
    goal: int


def lay_out(topology: str, rooms: int, loops: float, rng: random.Random) -> Layout:
    """Draw a layout. Only `rng.random()` is called, so that one seed gives one layout on every platform."""
    return TOPOLOGIES[topology](rooms, loops, rng)


def _grid(rooms: int, loops: float, rng: random.Random) -> Layout:
    """A random spanning tree of a nearly square grid (depth-first, so with long winding ways), then loops.

    The start is any room; the goal is any room at least half as far from it as the farthest one.
    """
    width = math.ceil(math.sqrt(rooms))
    height = math.ceil(rooms / width)
    here = (int(rng.random() * width), int(rng.random() * height))
    room_at: dict[Place, int] = {here: 0}
    exits = [[-1] * 4]
    trail = [here]
    while trail and len(room_at) < rooms:
        x, y = here = trail[-1]
        free = [
            (way, (x + dx, y + dy))
            for way, (dx, dy) in enumerate(STEPS)
            if 0 <= x + dx < width and 0 <= y + dy < height and (x + dx, y + dy) not in room_at
        ]
        if not free:
            trail.pop()
            continue
        way, there = free[int(rng.random() * len(free))]
        room_at[there] = len(exits)
        exits.append([-1] * 4)
        _join(exits, room_at[here], way, room_at[there])
        trail.append(there)
    if loops:
        for (x, y), room in list(room_at.items()):
            for way in (0, 1):  # north and east: each wall once
                dx, dy = STEPS[way]
                other = room_at.get((x + dx, y + dy), -1)
                if other >= 0 and exits[room][way] < 0 and rng.random() < loops:
                    _join(exits, room, way, other)
    start = int(rng.random() * rooms)
    steps = steps_from(start, exits)
    far = [room for room in range(rooms) if 2 * steps[room] >= max(steps)]
    return Layout(tuple(room_at), tuple(map(tuple, exits)), start, far[int(rng.random() * len(far))])


def _corridor(rooms: int, loops: float, rng: random.Random) -> Layout:
    """A winding chain of rooms, from the start at one end to the goal at the other.

    One direction is never taken and no step is undone, so the chain cannot meet itself.
    """
    never = last = int(rng.random() * 4)
    x, y = 0, 0
    places = [(x, y)]
    exits = [[-1] * 4]
    while len(places) < rooms:
        ways = [way for way in range(4) if way != never and (len(places) == 1 or way != (last + 2) % 4)]
        last = ways[int(rng.random() * len(ways))]
        x, y = x + STEPS[last][0], y + STEPS[last][1]
        places.append((x, y))
        exits.append([-1] * 4)
        _join(exits, len(places) - 2, last, len(places) - 1)
    return Layout(tuple(places), tuple(map(tuple, exits)), 0, rooms - 1)


TOPOLOGIES: dict[str, Callable[[int, float, random.Random], Layout]] = {"grid": _grid, "corridor": _corridor}


def _join(exits: list[list[int]], room: int, way: int, other: int) -> None:
    exits[room][way] = other
    exits[other][(way + 2) % 4] = room


def steps_from(start: int, exits: Sequence[Sequence[int]]) -> list[int]:
    """The number of passages from `start` to each room, -1 where no way leads."""
    steps = [-1] * len(exits)
    steps[start] = 0
    queue = deque([start])
    while queue:
        room = queue.popleft()
        for target in exits[room]:
            if target >= 0 and steps[target] < 0:
                steps[target] = steps[room] + 1
                queue.append(target)
    return steps
