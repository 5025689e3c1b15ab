"""Exports a maze as a game for TextWorld, written in Inform 7, that says and does the same, word for word."""

import contextlib
import json
import re
import tempfile
from pathlib import Path
from typing import Any

from textmaze.errors import GameError, RunError
from textmaze.files import write_file
from textmaze.game.explore import textworld_at_hand
from textmaze.game.inform import Ids, inform_source
from textmaze.game.layout import BACK, DIRECTIONS
from textmaze.game.maze import FORMAT, Maze
from textmaze.game.narrator import objective
from textmaze.game.table import maze_table

# With 150 rooms of ours a game compiles, with 200 it overflows what memory a Z-machine has.
MOST_ROOMS = 150

_UNTOLD = "-"  # what TextWorld takes for a description, else it would make one up
# Lines of TextWorld's source that take space for nothing, for our rules do not let Inform tell of rooms and things.
_UNREAD = re.compile(
    r'^(The place \d+ part |The description of [a-z]+_\d+ is |Understand "(place|thing|bar) ).*\n', re.MULTILINE)


def export_z8(maze: Maze, path: Path) -> None:
    """Write the maze as a TextWorld game: `path`, which ends in .z8, and the .json that belongs beside it.

    GameError where TextWorld cannot hold the maze, or the name does not end in .z8; RunError where the folder
    does not take the files.
    """
    if path.suffix != ".z8":
        raise GameError(f"{path.name} must end in .z8 to be a TextWorld game.")
    info_path = path.with_suffix(".json")
    if _is_maze(info_path):
        raise GameError(f"{info_path} is a maze, and the .json of {path.name} would overwrite it; "
                        "choose another name.")
    if len(maze.rooms) > MOST_ROOMS:
        raise GameError(f"TextWorld takes at most {MOST_ROOMS} rooms, and this maze has {len(maze.rooms)}.")
    if any(item.kind == "parcel" and item.room == maze.goal for item in maze.items):
        raise GameError("What is to be delivered lies where it belongs already, and TextWorld takes that for a win.")
    with textworld_at_hand(), tempfile.TemporaryDirectory(prefix="textmaze-") as folder:
        from textworld.generator import CouldNotCompileGameError, compile_inform7_game, generate_inform7_source

        world = _World(maze)
        source = _UNREAD.sub("", generate_inform7_source(world.game)) + inform_source(maze, world.ids)
        made = Path(folder) / "game.z8"
        try:
            compile_inform7_game(source, str(made))
        except CouldNotCompileGameError:
            raise GameError("TextWorld's compiler does not take this maze; fewer rooms may help.") from None
        story = made.read_bytes()
        info = world.info()
    write_file(info_path, json.dumps(info))
    try:
        write_file(path, story)
    except RunError:
        info_path.unlink(missing_ok=True)  # half a game is none
        raise


def _is_maze(path: Path) -> bool:
    """Whether a file is a maze of ours, which is likely to have the name that its export shall have."""
    try:
        with path.open("rb") as file:
            return FORMAT.encode() in file.read(100)
    except OSError:
        return False


class _World:
    """TextWorld's model of the maze, with its id for each thing; the coin is the last of the items.

    Names become code in Inform, so things have plain ones until the source is written.
    """

    def __init__(self, maze: Maze) -> None:
        import textworld

        self.maze = maze
        options = textworld.GameOptions()
        options.seeds = 0  # nothing is left to chance, but TextWorld would note a random number in the files
        self.maker = maker = textworld.GameMaker(options)
        rooms = [maker.new_room(name=f"place {index}", desc=_UNTOLD) for index in range(len(maze.rooms))]
        doors = self._connect(rooms)
        items = [maker.new(type="k" if item.kind == "key" else "o", name=f"thing {bit}", desc=_UNTOLD)
                 for bit, item in enumerate(maze.items)]
        for bit, item in enumerate(maze.items):
            rooms[item.room].add(items[bit])
        for number, door in enumerate(maze.doors):
            doors[number].add_property("closed" if door.key < 0 else "locked")
            if door.key >= 0:
                maker.add_fact("match", items[door.key], doors[number])
        if maze.goal_kind == "coin":
            items.append(maker.new(type="o", name="coin", desc=_UNTOLD))
            rooms[maze.goal].add(items[-1])
        maker.set_player(rooms[maze.start])
        coin = ["coin"] if maze.goal_kind == "coin" else []
        names = [*(item.name for item in maze.items), *coin, *(door.name for door in maze.doors)]
        self.ids = Ids(
            rooms=tuple(room.id for room in rooms), items=tuple(item.id for item in items),
            doors=tuple(door.id for door in doors),
            names=tuple(zip((thing.id for thing in (*items, *doors)), names, strict=True)))
        self.game = self._finish(rooms, items)

    def _connect(self, rooms: list[Any]) -> list[Any]:
        """Join the rooms as far as TextWorld can: on the level, and both ways. The doors among the passages."""
        exits = [room.exits for room in self.maze.rooms]
        paths = {}
        for index, ways in enumerate(exits):
            for way, target in enumerate(ways[:4]):
                both_ways = target >= 0 and exits[target][BACK[way]] == index
                if both_ways and target != index and (index, way) not in paths:
                    there, back = rooms[index].exits[DIRECTIONS[way]], rooms[target].exits[DIRECTIONS[BACK[way]]]
                    paths[index, way] = paths[target, BACK[way]] = self.maker.connect(there, back)
        return [self.maker.new_door(paths[door.room, door.way], name=f"bar {number}", desc=_UNTOLD)
                for number, door in enumerate(self.maze.doors)]

    def _finish(self, rooms: list[Any], items: list[Any]) -> Any:
        from textworld.generator.game import Event, Quest

        maze, maker = self.maze, self.maker
        if maze.goal_kind == "coin":
            won = maker.new_fact("in", items[-1], maker.inventory)
        elif maze.goal_kind == "exit":
            won = maker.new_fact("at", maker.player, rooms[maze.goal])
        else:
            parcel = next(bit for bit, item in enumerate(maze.items) if item.kind == "parcel")
            won = maker.new_fact("at", items[parcel], rooms[maze.goal])
        maker.quests = [Quest(win_events=[Event(conditions={won})], reward=1, desc=objective(maze))]
        # TextWorld's own checks take a second, and are about what a maze cannot hold.
        game = maker.build(validate=False)
        game.objective = "objective"  # TextWorld would cut it up, escapes too; our rules set it
        game.metadata["desc"] = "Exported from textmaze."
        with contextlib.suppress(GameError):  # of a maze that has too many states for a table
            game.metadata["walkthrough"] = maze_table(maze).shortest_way()
        return game

    def info(self) -> dict[str, Any]:
        """What belongs into the .json, with the names that are read."""
        self.game.objective = objective(self.maze)
        rooms = (room.name for room in self.maze.rooms)
        names = dict((*zip(self.ids.rooms, rooms, strict=True), *self.ids.names))
        for id_, thing in self.game.infos.items():
            thing.name = names.get(id_, thing.name)
        info: dict[str, Any] = self.game.serialize()
        info["grammar"]["names_to_exclude"] = []  # of use to TextWorld's own wordings only, and in no fixed order
        return info
