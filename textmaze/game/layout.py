"""Topologies: from a recipe and a random generator to rooms in space and the passages between them."""

import functools
import math
import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from textmaze.game.recipe import Recipe

# In an order in which the opposite of a direction stands half the way round.
DIRECTIONS = ("north", "east", "south", "west")
WAYS = (*DIRECTIONS, "up", "down")
STEPS = ((0, 1, 0), (1, 0, 0), (0, -1, 0), (-1, 0, 0), (0, 0, 1), (0, 0, -1))
BACK = (2, 3, 0, 1, 5, 4)  # the opposite of each way
OPPOSITE = {way: WAYS[BACK[number]] for number, way in enumerate(WAYS)}

_STAIRS = 0.2  # how often a stair is thought of where a new room is dug, so that floors are wide

T = TypeVar("T")
Place = tuple[int, int, int]  # to the east, to the north, up


class Layout(NamedTuple):
    """The shape of a maze: `exits[room][way]` is a room or -1."""

    places: tuple[Place, ...]
    exits: tuple[tuple[int, ...], ...]
    start: int
    goal: int


def lay_out(recipe: Recipe, rng: random.Random) -> Layout:
    """Draw a layout. Only `rng.random()` is called, so that one seed gives one layout on every platform."""
    layout = TOPOLOGIES[recipe.topology](recipe, rng)
    return _one_ways(layout, recipe.one_way, rng) if recipe.one_way else layout


def _grid(recipe: Recipe, rng: random.Random) -> Layout:
    """A random spanning tree of a nearly square grid (depth-first, so with long winding ways), then loops."""
    level = -(-recipe.rooms // recipe.floors)
    width = math.ceil(math.sqrt(level))
    height = -(-level // width)
    places, around = _box(width, height, recipe.floors)
    here = int(rng.random() * width) * height
    here = (here + int(rng.random() * height)) * recipe.floors
    rooms = [-1] * len(places)  # by place
    rooms[here] = 0
    exits = [[-1] * len(WAYS)]
    trail = [here]
    dug = [here]
    while trail and len(exits) < recipe.rooms:
        here = trail[-1]
        free = [step for step in around[here] if rooms[step[1]] < 0]
        if not free:
            trail.pop()
            continue
        way, there = _drawn(free, rng) if recipe.floors > 1 else free[int(rng.random() * len(free))]
        rooms[there] = exits[rooms[here]][way] = len(exits)
        exits.append([-1] * len(WAYS))
        exits[-1][BACK[way]] = rooms[here]
        trail.append(there)
        dug.append(there)
    return _finish({places[there]: room for room, there in enumerate(dug)}, exits, recipe.loops, rng)


def _planar(recipe: Recipe, rng: random.Random) -> Layout:
    """A cave that grows from one room into any direction, each new room beside a random old one, then loops."""
    room_at: dict[Place, int] = {(0, 0, 0): 0}
    exits = [[-1] * len(WAYS)]
    growing = [(0, 0, 0)]
    while len(exits) < recipe.rooms:
        index = int(rng.random() * len(growing))
        here = growing[index]
        free = [(way, place) for way, place in _beside(here) if place not in room_at and 0 <= place[2] < recipe.floors]
        if not free:
            growing[index] = growing[-1]
            growing.pop()
            continue
        way, there = _drawn(free, rng)
        room_at[there] = len(exits)
        exits.append([-1] * len(WAYS))
        _join(exits, room_at[here], way, room_at[there])
        growing.append(there)
    return _finish(room_at, exits, recipe.loops, rng)


def _corridor(recipe: Recipe, rng: random.Random) -> Layout:
    """A winding chain of rooms, from the start at one end to the goal at the other."""
    places, exits = _chain(recipe.rooms, rng)
    return Layout(tuple(places), tuple(map(tuple, exits)), 0, recipe.rooms - 1)


def _tree(recipe: Recipe, rng: random.Random) -> Layout:
    """A chain from the start to the goal, with dead ends beside it, as in TextWorld's Coin Collector."""
    length = max(2, -(-recipe.rooms // (1 + recipe.branches)))
    places, exits = _chain(length, rng)
    room_at = {place: room for room, place in enumerate(places)}
    hosts = [room for room in range(length - 1) for _ in range(recipe.branches)]
    while len(exits) < recipe.rooms:
        # Where there is no space beside a room of the chain, a dead end grows longer instead.
        host = hosts.pop(0) if hosts else int(rng.random() * len(exits))
        free = [(way, place) for way, place in _beside(places[host])[:4] if place not in room_at]
        if not free or host == length - 1:
            continue
        way, there = free[int(rng.random() * len(free))]
        room_at[there] = len(exits)
        places.append(there)
        exits.append([-1] * len(WAYS))
        _join(exits, host, way, room_at[there])
    return Layout(tuple(places), tuple(map(tuple, exits)), 0, length - 1)


TOPOLOGIES: dict[str, Callable[[Recipe, random.Random], Layout]] = {
    "grid": _grid, "planar": _planar, "tree": _tree, "corridor": _corridor,
}


def _chain(rooms: int, rng: random.Random) -> tuple[list[Place], list[list[int]]]:
    """One direction is never taken and no step is undone, so the chain cannot meet itself."""
    never = last = int(rng.random() * 4)
    x, y = 0, 0
    places = [(x, y, 0)]
    exits = [[-1] * len(WAYS)]
    while len(places) < rooms:
        ways = [way for way in range(4) if way != never and (len(places) == 1 or way != BACK[last])]
        last = ways[int(rng.random() * len(ways))]
        x, y = x + STEPS[last][0], y + STEPS[last][1]
        places.append((x, y, 0))
        exits.append([-1] * len(WAYS))
        _join(exits, len(places) - 2, last, len(places) - 1)
    return places, exits


def _finish(room_at: dict[Place, int], exits: list[list[int]], loops: float, rng: random.Random) -> Layout:
    """Open some walls between neighbours; the goal is any room at least half as far from the start as the farthest."""
    if loops:
        for (x, y, z), room in list(room_at.items()):
            north, east, *_ = exits[room]  # each wall once
            if north < 0 and (other := room_at.get((x, y + 1, z), -1)) >= 0 and rng.random() < loops:
                _join(exits, room, 0, other)
            if east < 0 and (other := room_at.get((x + 1, y, z), -1)) >= 0 and rng.random() < loops:
                _join(exits, room, 1, other)
    start = int(rng.random() * len(exits))
    steps = steps_from(start, exits)
    farthest = max(steps)
    far = [room for room, count in enumerate(steps) if 2 * count >= farthest]
    return Layout(tuple(room_at), tuple(map(tuple, exits)), start, far[int(rng.random() * len(far))])


def _one_ways(layout: Layout, share: float, rng: random.Random) -> Layout:
    """Close one direction of this share of the passages, of none that is the only way to somewhere."""
    exits = [list(ways) for ways in layout.exits]
    passages = [(room, way) for room, ways in enumerate(exits) for way in (0, 1, 4) if ways[way] >= 0]
    wanted = round(share * len(passages))
    while passages and wanted:
        room, way = passages.pop(int(rng.random() * len(passages)))
        other = exits[room][way]
        if rng.random() < 0.5:
            room, way, other = other, BACK[way], room
        exits[room][way] = -1
        if _leads(exits, room, other):
            wanted -= 1
        else:
            exits[room][way] = other
    return layout._replace(exits=tuple(map(tuple, exits)))


def _leads(exits: list[list[int]], start: int, goal: int) -> bool:
    """Whether any way leads from one room to another."""
    found, queue = {start}, [start]
    for room in queue:
        if room == goal:
            return True
        for target in exits[room]:
            if target >= 0 and target not in found:
                found.add(target)
                queue.append(target)
    return False


@functools.cache
def _box(width: int, height: int, floors: int) -> tuple[list[Place], list[list[tuple[int, int]]]]:
    """The places of a box, and for each the ways to those beside it, by their numbers."""
    places = [(x, y, z) for x in range(width) for y in range(height) for z in range(floors)]
    number = {place: index for index, place in enumerate(places)}
    return places, [[(way, number[there]) for way, there in _beside(here) if there in number] for here in places]


def _beside(place: Place) -> list[tuple[int, Place]]:
    x, y, z = place
    return [(way, (x + dx, y + dy, z + dz)) for way, (dx, dy, dz) in enumerate(STEPS)]


def _drawn(free: list[tuple[int, T]], rng: random.Random) -> tuple[int, T]:
    """One of the free steps; a stair seldom, where there is another."""
    level = [step for step in free if step[0] < 4]
    if level and len(level) < len(free) and rng.random() >= _STAIRS:
        free = level
    return free[int(rng.random() * len(free))]


def _join(exits: list[list[int]], room: int, way: int, other: int) -> None:
    exits[room][way] = other
    exits[other][BACK[way]] = room


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
