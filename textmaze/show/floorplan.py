"""The plan of a game for whoever looks on: its rooms and ways, and where the player was at each step.

It is drawn from the game's true graph, which no player knows: of a maze from its rooms as they lie, of another game
from the places in its table. Where there is no such graph, it shows what the records tell.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from textmaze.env.rollout import StepRecord
from textmaze.game.layout import BACK, STEPS, WAYS
from textmaze.game.maze import Maze, Room
from textmaze.game.mazes import MazeGame, SingleMaze
from textmaze.game.mixture import Mixture
from textmaze.game.narrator import render
from textmaze.game.parser import read
from textmaze.game.rules import OPEN, Rules
from textmaze.game.table import Game, GameTable
from textmaze.game.turn import step

MOST_CELLS = 50_000_000  # of a table whose ways are looked through

Place = tuple[int, int, int]  # to the east, to the north, up


@dataclass(frozen=True, slots=True)
class Passage:
    """A way between two rooms: `kind` is open, one_way (from `a` to `b`), door, gate or stairs."""

    a: int
    b: int
    kind: str
    name: str = ""  # of the door or gate


@dataclass(frozen=True, slots=True)
class Floorplan:
    """Rooms by number, the ways between them, and one episode in them; position 0 is before the first step."""

    names: tuple[str, ...]
    places: tuple[Place, ...]
    passages: tuple[Passage, ...]
    goal: int  # -1 where it is not known
    at: tuple[int, ...]  # the room at each position
    shut: tuple[tuple[int, ...], ...] = ()  # the passages that are shut at each position
    walkers: tuple[tuple[str, tuple[int, ...]], ...] = ()  # who walks about, and the room at each position


def floorplan(game: Game | None, records: Sequence[StepRecord]) -> Floorplan:
    """The plan for the records of one episode of `game`, or of a game that cannot be had."""
    seed, first = records[0].seed, records[0]
    if isinstance(game, Mixture):
        game, seed = game.part(seed)
    if isinstance(game, MazeGame | SingleMaze):
        found = _of_maze(game.maze(first.split, seed), records)
        if found:
            return found
    table = game.table(first.split, seed) if game else None
    known = table is not None and not table.live and table.successor.size <= MOST_CELLS
    edges = list(_told(records))
    if known and table is not None and first.before.description == table.texts[int(table.description[table.start])]:
        edges += _edges(table)
    return _reckoned(records, edges)


def _of_maze(maze: Maze, records: Sequence[StepRecord]) -> Floorplan | None:
    """The plan of a maze; None where these are records of another one."""
    rules = Rules(maze)
    codes = [rules.start]
    for record in records:
        command = read(record.command, rules.commands, record.before.admissible)[0]
        code = codes[-1]
        if command is not None and not rules.view(code).outcome:
            code = int(step(rules, np.array([code]))[0][0][rules.commands.index(command)])
        codes.append(code)
    if any(render(rules, int(rules.look(np.array([code]))[0])) != text
           for code, text in zip(codes, _descriptions(records), strict=True)):
        return None
    views = [rules.view(code) for code in codes]
    passages = tuple(_passages(maze, rules))
    shut = []
    for view in views:
        doors = {maze.doors[number].name for number, state in enumerate(view.doors) if state != OPEN}
        gates = {gate.name for gate, opens in zip(maze.gates, rules.gate_open, strict=True) if not opens[view.turn]}
        shut.append(tuple(number for number, passage in enumerate(passages) if passage.name in doors | gates))
    walkers = tuple((patrol.name, tuple(patrol.route[view.turn] for view in views)) for patrol in maze.patrols)
    return Floorplan(
        tuple(room.name for room in maze.rooms), tuple(map(_place, maze.rooms)),
        passages, maze.goal, tuple(view.room for view in views), tuple(shut), walkers,
    )


def _place(room: Room) -> Place:
    x, y, z = (*room.at, 0)[:3]
    return x, y, z


def _passages(maze: Maze, rules: Rules) -> Iterator[Passage]:
    for number, room in enumerate(maze.rooms):
        for way, target in enumerate(room.exits):
            if target < 0:
                continue
            both = maze.rooms[target].exits[BACK[way]] == number
            if both and target < number:
                continue
            door, gate = rules.door_at[number, way], rules.gate_at[number, way]
            if door >= 0:
                yield Passage(number, target, "door", maze.doors[door].name)
            elif gate >= 0:
                yield Passage(number, target, "gate", maze.gates[gate].name)
            else:
                yield Passage(number, target, "one_way" if not both else "stairs" if way >= 4 else "open")


Edge = tuple[str, str, str]  # the heading of a place, the way out of it, and the heading where it leads


def _heading(description: str) -> str:
    """By which a place is known; nothing where a text describes none, as after the end of a game."""
    first = description.partition("\n")[0]
    return first if first.startswith("-= ") else ""


def _descriptions(records: Sequence[StepRecord]) -> list[str]:
    return [records[0].before.description, *(record.after.description for record in records)]


def _told(records: Sequence[StepRecord]) -> Iterator[Edge]:
    """The ways that were taken."""
    for record in records:
        before, after = _heading(record.before.description), _heading(record.after.description)
        if before != after and before and after and record.command.startswith("go "):
            yield before, record.command.removeprefix("go "), after


def _edges(table: GameTable) -> list[Edge]:
    """All ways of a table, each once."""
    texts, heading = np.unique(table.description, return_inverse=True)
    heads = [_heading(table.texts[int(text)]) for text in texts]
    found: dict[Edge, None] = {}
    for column, command in enumerate(table.commands):
        if command.startswith("go "):
            pairs = np.stack([heading, heading[table.successor[:, column]]], axis=1)
            for before, after in np.unique(pairs, axis=0).tolist():
                if heads[before] != heads[after] and heads[before] and heads[after]:
                    found[heads[before], command.removeprefix("go "), heads[after]] = None
    return list(found)


def _reckoned(records: Sequence[StepRecord], edges: Iterable[Edge]) -> Floorplan:
    """The plan of places that are told apart by their headings; each lies where the first way to it leads."""
    read_at: list[str] = []
    for text in _descriptions(records):
        read_at.append(_heading(text) or (read_at[-1] if read_at else ""))
    ways: dict[str, dict[str, str]] = {name: {} for name in dict.fromkeys(read_at)}
    for before, way, after in edges:
        ways.setdefault(before, {})[way] = after
        ways.setdefault(after, {})
    places: dict[str, Place] = {}
    taken: set[Place] = set()
    for root in ways:  # the start first; others only where no way leads to them
        if root in places:
            continue
        places[root] = _free((max((x for x, _, _ in taken), default=-2) + 2, 0, 0), taken)
        queue = deque([root])
        while queue:
            here = queue.popleft()
            for way, there in ways[here].items():
                if there not in places:
                    move = STEPS[WAYS.index(way)] if way in WAYS else (1, 0, 0)
                    x, y, z = (a + b for a, b in zip(places[here], move, strict=True))
                    places[there] = _free((x, y, z), taken)
                    queue.append(there)
    number = {name: index for index, name in enumerate(places)}
    passages = {}
    for here, targets in ways.items():
        for way, there in targets.items():
            a, b = number[here], number[there]
            if (b, a) not in passages:
                back = here in ways[there].values()
                passages[a, b] = Passage(a, b, "stairs" if way in WAYS[4:] else "open" if back else "one_way")
    goal = number[read_at[-1]] if records[-1].won else -1
    names = tuple(name.strip("-= ") for name in places)
    return Floorplan(names, tuple(places.values()), tuple(passages.values()), goal,
                     tuple(number[name] for name in read_at))


def _free(wanted: Place, taken: set[Place]) -> Place:
    """The place, or the nearest free one on its floor; it is taken now."""
    x, y, z = wanted
    reach = 0
    while True:
        ring = [(x + dx, y + dy, z) for dx in range(-reach, reach + 1) for dy in range(-reach, reach + 1)
                if max(abs(dx), abs(dy)) == reach]
        free = [place for place in ring if place not in taken]
        if free:
            taken.add(free[0])
            return free[0]
        reach += 1
