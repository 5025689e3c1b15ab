"""Exports a maze as a game for TextWorld, written in Inform 7, that says and does the same, word for word."""

import json
import tempfile
from pathlib import Path
from typing import Any

from textmaze.errors import GameError, RunError
from textmaze.files import write_file
from textmaze.game.explore import textworld_at_hand
from textmaze.game.layout import DIRECTIONS, OPPOSITE
from textmaze.game.maze import FORMAT, Maze
from textmaze.game.narrator import SAYINGS, describe, render
from textmaze.game.table import maze_table

# With 150 rooms of ours a game compiles, with 200 it overflows what memory a Z-machine has.
MOST_ROOMS = 150
_COIN = "o_0"  # TextWorld's id for the first thing that is made

# Brackets and quotes are code to Inform, and an apostrophe at the edge of a word becomes a quotation mark.
_INFORM = str.maketrans({"[": "[bracket]", "]": "[close bracket]", '"': "[quotation mark]",
                         "'": "[apostrophe]", "\n": "[line break]"})


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
    if any(index in room.exits for index, room in enumerate(maze.rooms)):
        raise GameError("This maze has a way from a room to itself, which TextWorld does not know.")
    if len(maze.rooms) > MOST_ROOMS:
        raise GameError(f"TextWorld takes at most {MOST_ROOMS} rooms, and this maze has {len(maze.rooms)}.")
    with textworld_at_hand(), tempfile.TemporaryDirectory(prefix="textmaze-") as folder:
        from textworld.generator import (
            CouldNotCompileGameError,
            compile_inform7_game,
            generate_inform7_source,
        )

        game, ids = _build(maze)
        game.objective = "objective"  # TextWorld would cut it up, escapes too; `_rules` sets it
        source = generate_inform7_source(game) + _rules(maze, ids)
        game.objective = render(maze, ("objective",))
        made = Path(folder) / "game.z8"
        try:
            compile_inform7_game(source, str(made))
        except CouldNotCompileGameError:
            raise GameError("TextWorld's compiler does not take this maze; fewer rooms may help.") from None
        story = made.read_bytes()
        for room, id_ in zip(maze.rooms, ids, strict=True):
            game.infos[id_].name = room.name
        info = game.serialize()
    info["grammar"]["names_to_exclude"] = []  # of use to TextWorld's own wordings only, and in no fixed order
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


def _build(maze: Maze) -> tuple[Any, list[str]]:
    """TextWorld's model of the maze, and its id for each room."""
    import textworld
    from textworld.generator.game import Event, Quest

    options = textworld.GameOptions()
    options.seeds = 0  # nothing is left to chance, but TextWorld would note a random number in the files
    maker = textworld.GameMaker(options)
    # The names of rooms become code in Inform, so they are plain here; `_rules` sets what is printed.
    rooms = [maker.new_room(name=f"place {index}") for index in range(len(maze.rooms))]
    for index, room in enumerate(maze.rooms):
        for way, target in zip(DIRECTIONS, room.exits, strict=True):
            if target >= 0 and rooms[index].exits[way].dest is None:
                maker.connect(rooms[index].exits[way], rooms[target].exits[OPPOSITE[way]])
    maker.set_player(rooms[maze.start])
    if maze.goal_kind == "coin":
        coin = maker.new(type="o", name="coin", desc="It is a coin.")
        rooms[maze.goal].add(coin)
        won = maker.new_fact("in", coin, maker.inventory)
    else:
        won = maker.new_fact("at", maker.player, rooms[maze.goal])
    for index, room in enumerate(rooms):
        room.infos.desc = _description(maze, index, room.id)
    won_event = Event(conditions={won})
    maker.quests = [Quest(win_events=[won_event], reward=1, desc=render(maze, ("objective",)))]
    # TextWorld's own checks take a second, and are about what a maze cannot hold.
    game = maker.build(validate=False)
    game.metadata["desc"] = "Exported from textmaze."
    game.metadata["walkthrough"] = maze_table(maze).shortest_way()
    return game, [room.id for room in rooms]


def _description(maze: Maze, index: int, room: str) -> str:
    """What is seen in a room, below its name, as Inform text; `room` is TextWorld's id for it."""
    if index == maze.goal and maze.goal_kind == "exit":
        return _body(render(maze, ("exit", index)))
    bare = _body(describe(maze, index, coin_here=False))
    if index != maze.goal:
        return bare
    coin = _body(describe(maze, index, coin_here=True)).removeprefix(bare)
    return f"{bare}[if {_COIN} is in {room}]{coin}[end if]"


def _body(text: str) -> str:
    return text.partition("\n")[2].translate(_INFORM)


def _rules(maze: Maze, ids: list[str]) -> str:
    """Inform rules that make TextWorld print the maze's own words instead of its own.

    Inform follows a rule that is declared as the first before TextWorld's own.
    """
    names = "".join(f'\tnow the printed name of {id_} is "-= {room.name.translate(_INFORM)} =-";\n'
                    for room, id_ in zip(maze.rooms, ids, strict=True))
    said = {name: text.translate(_INFORM) for name, text in SAYINGS.items()}
    return f"""
When play begins:
{names}\tnow the objective is "{render(maze, ("objective",)).translate(_INFORM)}".

First rule for printing the things on the floor: do nothing.

Instead of displaying help message: say "{said["help"]}".

First report taking something: say "{said["taken"]}" instead.

The simpler notify score changes rule does nothing.

Last every turn rule: if quest0 completed is true, end the story finally.
"""
