"""Reads a maze from JSON, and believes nothing of it: a file may come from a stranger."""

import json
import re
import typing
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from textmaze.errors import GameError, UnknownNameError
from textmaze.game.layout import BACK, DIRECTIONS, WAYS, steps_from
from textmaze.game.maze import CUE_KINDS, FORMAT, GOALS, ITEM_KINDS, Maze, Patrol
from textmaze.game.recipe import MAX_FILE_BYTES, MOST_MAPPED, SPLITS
from textmaze.game.theme import load_theme

MAX_ROOMS = 10_000
MAX_CYCLE = 60
_MOST = {"items": 16, "doors": 8, "gates": 8, "patrols": 4}

T = TypeVar("T")


def read_maze(path: Path) -> Maze:
    """The maze in a JSON file."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES * 10 + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        raise GameError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    if len(data) > MAX_FILE_BYTES * 10:
        raise GameError(f"{path} is larger than {MAX_FILE_BYTES * 10:,} bytes, too large for a maze.")
    return maze_from_json(data.decode("utf-8", errors="replace"), path.name)


def maze_from_json(text: str, where: str = "the maze file") -> Maze:
    """The maze that `Maze.to_json` wrote; a stranger's file is checked before anything is built from it."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GameError(f"{where} is not valid JSON: {error}.") from None
    if not isinstance(data, dict) or data.pop("format", None) != FORMAT:
        raise GameError(f"{where} is not a maze of this version: its format must be {FORMAT!r}.")
    try:
        maze = _read(Maze, data, "a maze")
        _check(maze)
    except UnknownNameError as error:
        raise GameError(f"{where}: {error}") from None
    except ValueError as error:
        raise GameError(f"{where} does not describe a maze: {error}.") from None
    return maze


def _read(kind: type[T], data: Any, what: str) -> T:
    """A dataclass of this module from JSON's dicts and lists, its types checked."""
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    if not isinstance(data, dict) or set(data) != set(names):
        raise ValueError(f"{what} has just {', '.join(names)}")
    hints = typing.get_type_hints(kind)
    return kind(**{name: _value(hints[name], data[name], f"{name} of {what}") for name in names})


_NOUNS = {int: "a whole number", str: "text", bool: "true or false"}


def _value(hint: Any, data: Any, what: str) -> Any:
    if typing.get_origin(hint) is tuple:
        if not isinstance(data, list):
            raise ValueError(f"{what} must be a list")
        inner = typing.get_args(hint)[0]
        return tuple(_value(inner, entry, f"an entry of {what}") for entry in data)
    if hint in (int, str, bool):
        if type(data) is not hint or (hint is int and abs(data) >= 2**63):
            raise ValueError(f"{what} must be {_NOUNS[hint]}")
        return data
    return _read(hint, data, f"a {hint.__name__.lower()}")


def _check(maze: Maze) -> None:
    """Raise ValueError where the maze could not be played as the rules expect."""
    count = len(maze.rooms)
    if not 2 <= count <= MAX_ROOMS:
        raise ValueError(f"a maze has 2 to {MAX_ROOMS:,} rooms, not {count}")
    for what, value, allowed in (
        ("goal_kind", maze.goal_kind, GOALS), ("frame", maze.frame, ("compass", "egocentric")),
        ("caught", maze.caught, ("lost", "back")), ("wordings", maze.wordings, SPLITS), ("split", maze.split, SPLITS),
    ):
        if value not in allowed:
            raise ValueError(f"{what} must be {' or '.join(allowed)}")
    for what, most in _MOST.items():
        if len(getattr(maze, what)) > most:
            raise ValueError(f"a maze has at most {most} {what}")
    if not (0 <= maze.start < count and 0 <= maze.goal < count and maze.start != maze.goal):
        raise ValueError("start and goal must be two different rooms")
    if maze.map and count > MOST_MAPPED:
        raise ValueError(f"a map shows at most {MOST_MAPPED} rooms")
    load_theme(maze.theme)
    if any(len(room.exits) != len(WAYS) or len(room.at) != 3 for room in maze.rooms):
        raise ValueError(f"a room's exits must be {len(WAYS)} whole numbers, its place 3")
    for index in range(count):
        _check_room(maze, index)
    if len({room.name for room in maze.rooms}) < len({room.look for room in maze.rooms}):
        raise ValueError("two rooms have the same name")
    if steps_from(maze.start, [room.exits for room in maze.rooms])[maze.goal] < 0:
        raise ValueError("no way leads from the start to the goal")
    _check_furniture(maze)


def _check_room(maze: Maze, index: int) -> None:
    room = maze.rooms[index]
    # Brackets and quotes are code to Inform 7, into which a maze can be exported.
    if not re.fullmatch(r"[ !#-Z\\^-~]{1,60}", room.name) or room.name != room.name.strip():
        raise ValueError("a room's name must be 1 to 60 printable ASCII characters, without brackets and quotes")
    if any(not -1 <= target < len(maze.rooms) for target in room.exits):
        raise ValueError(f"a way from {room.name!r} leads to a room that is not there")
    if not 0 <= room.look < len(maze.rooms) or maze.rooms[room.look].name != room.name:
        raise ValueError(f"the look of {room.name!r} must be a room of the same name")
    for way, target in enumerate(room.exits):
        if target >= 0 and maze.rooms[target].exits[BACK[way]] not in (index, -1):
            raise ValueError(f"the way {WAYS[way]} from {room.name!r} does not lead there and back")


def _check_furniture(maze: Maze) -> None:
    names = [thing.name for thing in maze.things]
    for name in names:
        # Names become words of commands, and of Inform's.
        if not re.fullmatch(r"[a-z]+([ -][a-z]+){0,3}", name) or len(name) > 40 or name == "coin":
            raise ValueError(f"{name!r} is no name for a thing: it must be one to four words in small letters")
    if len(set(names)) < len(names):
        raise ValueError("two things have the same name")
    if any(item.kind not in ITEM_KINDS or not 0 <= item.room < len(maze.rooms) for item in maze.items):
        raise ValueError(f"an item's kind must be {' or '.join(ITEM_KINDS)}, and its room a room")
    if [item.kind for item in maze.items].count("parcel") != (maze.goal_kind == "deliver"):
        raise ValueError("a maze has one parcel where the goal is to deliver it, else none")
    if [item.kind for item in maze.items].count("lamp") > 1:
        raise ValueError("a maze has at most one lamp")
    barred: set[tuple[int, int]] = set()
    for bar in maze.bars:
        if not (0 <= bar.room < len(maze.rooms) and 0 <= bar.way < len(DIRECTIONS)):
            raise ValueError(f"{bar.name!r} must stand in a passage to the north, east, south or west")
        other = maze.rooms[bar.room].exits[bar.way]
        if other < 0 or maze.rooms[other].exits[BACK[bar.way]] != bar.room or other == bar.room:
            raise ValueError(f"{bar.name!r} must stand in a passage that leads there and back")
        if (bar.room, bar.way) in barred:
            raise ValueError("two doors or gates stand in one passage")
        barred |= {(bar.room, bar.way), (other, BACK[bar.way])}
    for door in maze.doors:
        if door.key != -1 and not (0 <= door.key < len(maze.items) and maze.items[door.key].kind == "key"):
            raise ValueError(f"the key of {door.name!r} must be an item that is a key, or -1")
    if not 1 <= maze.cycle <= MAX_CYCLE or any(not 0 <= gate.opens < maze.cycle for gate in maze.gates):
        raise ValueError(f"cycle must be 1 to {MAX_CYCLE}, and what opens a gate a turn of it")
    for patrol in maze.patrols:
        _check_patrol(maze, patrol)
    for cue in maze.cues:
        if cue.kind not in CUE_KINDS or not 0 <= cue.room < len(maze.rooms) or not 0 <= cue.way < len(DIRECTIONS):
            raise ValueError("a cue has a room, one of the four directions, and a kind among " + ", ".join(CUE_KINDS))
    if len({cue.room for cue in maze.cues}) < len(maze.cues):
        raise ValueError("two cues are in one room")
    if any(not 0 <= way < len(WAYS) for way in maze.directions) or len(maze.directions) > 2 * MAX_ROOMS:
        raise ValueError("directions must be ways")


def _check_patrol(maze: Maze, patrol: Patrol) -> None:
    route = patrol.route
    if len(route) != maze.cycle or any(not 0 <= room < len(maze.rooms) for room in route):
        raise ValueError(f"the route of {patrol.name!r} must hold one room for each turn of the cycle")
    if {maze.start, maze.goal} & set(route):
        raise ValueError(f"the route of {patrol.name!r} must leave out start and goal")
    for here, there in zip(route, (*route[1:], route[0]), strict=True):
        if there != here and there not in maze.rooms[here].exits[:4]:
            raise ValueError(f"the route of {patrol.name!r} must follow passages")
