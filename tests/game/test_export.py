"""A maze exported to TextWorld says and does there what it says and does here."""

import dataclasses
import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from textmaze.errors import GameError, RunError
from textmaze.game import export
from textmaze.game.conform import Job, walk_job
from textmaze.game.export import export_z8
from textmaze.game.generate import make_maze
from textmaze.game.maze import Door, Gate, Item, Maze
from textmaze.game.maze_file import maze_from_json
from textmaze.game.recipe import Recipe
from textmaze.game.story import StoryGame
from textmaze.game.table import GameTable, maze_table

LABYRINTH = make_maze(Recipe(loops=0.1), "train", 3)
CORRIDOR = make_maze(Recipe(topology="corridor", rooms=5, goal="exit"), "test", 1)
KEYS = make_maze(Recipe(topology="corridor", rooms=4, doors=1, locks=1, goal="deliver"), "train", 0)


@pytest.fixture(scope="module")
def labyrinth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("labyrinth") / "labyrinth.z8"
    export_z8(LABYRINTH, path)
    return path


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTMAZE_CACHE", str(tmp_path / "cache"))


def assert_same_game(maze: Maze, path: Path) -> None:
    """Walk both games side by side, and compare every text and every number that both have."""
    ours, theirs = maze_table(maze), StoryGame("exported", path, 100).table("train", 0)
    assert theirs.texts[theirs.objective] == ours.texts[ours.objective]
    met = {ours.start: theirs.start}
    for a in _order(ours):
        b = met[a]
        assert theirs.texts[theirs.description[b]] == ours.texts[ours.description[a]]
        assert theirs.distance[b] == ours.distance[a]
        assert theirs.terminal[b] == ours.terminal[a]
        if ours.terminal[a]:
            continue
        assert theirs.texts[theirs.inventory[b]] == ours.texts[ours.inventory[a]]
        for command in ours.commands:
            if command not in theirs.commands:  # TextWorld lists none that can do nothing anywhere
                assert not ours.admissible[:, ours.command_index[command]].any()
                continue
            i, j = ours.command_index[command], theirs.command_index[command]
            assert theirs.texts[theirs.feedback[b, j]] == ours.texts[ours.feedback[a, i]], command
            assert theirs.reward[b, j] == ours.reward[a, i]
            assert theirs.admissible[b, j] == ours.admissible[a, i]
            c, d = int(ours.successor[a, i]), int(theirs.successor[b, j])
            assert met.setdefault(c, d) == d
    assert len(met) == len(ours.terminal) == len(theirs.terminal)


def _order(table: GameTable) -> list[int]:
    """All states, each after one that leads to it."""
    order = [table.start]
    for state in order:
        order += [int(s) for s in np.unique(table.successor[state]) if s not in order]
    return order


def test_an_exported_labyrinth_is_the_same_game_word_for_word(labyrinth: Path) -> None:
    assert_same_game(LABYRINTH, labyrinth)


def test_a_maze_that_is_won_at_the_exit_is_the_same_game_word_for_word(tmp_path: Path) -> None:
    export_z8(CORRIDOR, tmp_path / "corridor.z8")
    assert_same_game(CORRIDOR, tmp_path / "corridor.z8")


def test_doors_keys_and_parcels_are_facts_to_textworld_too(tmp_path: Path) -> None:
    export_z8(KEYS, tmp_path / "keys.z8")
    assert_same_game(KEYS, tmp_path / "keys.z8")


def test_the_shortest_way_wins_in_textworlds_own_interpreter(labyrinth: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import textworld

        infos = textworld.EnvInfos(description=True, won=True, admissible_commands=True, objective=True,
                                   extras=["walkthrough"])
        env = textworld.start(str(labyrinth), infos)
        state = env.reset()
        table = maze_table(LABYRINTH)
        assert state.objective == table.texts[table.objective]
        assert state["extra.walkthrough"] == table.shortest_way()
        here = table.start
        for command in table.shortest_way():
            assert state.description.split() == table.texts[table.description[here]].split()
            assert command in state.admissible_commands
            state, _, done = env.step(command)
            here = int(table.successor[here, table.command_index[command]])
        env.close()
    assert done
    assert state.won


def test_a_hostile_room_name_is_printed_and_not_compiled(tmp_path: Path) -> None:
    name = "'q\" it's {x} \\ @ ~ ^ | <b> ;. Every turn: say \"no\""
    rooms = (dataclasses.replace(CORRIDOR.rooms[0], name=name), *CORRIDOR.rooms[1:])
    maze = dataclasses.replace(CORRIDOR, rooms=rooms)
    export_z8(maze, tmp_path / "hostile.z8")
    assert_same_game(maze, tmp_path / "hostile.z8")


def test_the_same_maze_gives_the_same_bytes(labyrinth: Path, tmp_path: Path) -> None:
    export_z8(LABYRINTH, tmp_path / "again.z8")
    assert (tmp_path / "again.z8").read_bytes() == labyrinth.read_bytes()
    assert (tmp_path / "again.json").read_bytes() == labyrinth.with_suffix(".json").read_bytes()


def test_a_furnished_maze_gives_the_same_bytes_each_time(tmp_path: Path) -> None:
    maze = make_maze(Recipe(rooms=12, loops=0.5, floors=2, doors=1, locks=1, gates=1, things=2, cues=1.0, dark=0.3,
                            frame="egocentric", map=True), "train", 1)
    for name in ("one", "two"):
        export_z8(maze, tmp_path / f"{name}.z8")
    assert (tmp_path / "one.z8").read_bytes() == (tmp_path / "two.z8").read_bytes()
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_an_export_leaves_just_the_two_files(labyrinth: Path) -> None:
    assert {path.name for path in labyrinth.parent.iterdir()} == {"labyrinth.z8", "labyrinth.json"}


@pytest.mark.slow
def test_the_largest_maze_that_is_accepted_compiles_and_answers_as_it_does_here() -> None:
    tally = walk_job(Job("large", None, make_maze(Recipe(rooms=150, loops=0.1), "train", 0), 1, 200))
    assert tally.mazes == 1, tally.left_out
    assert not tally.differences


@pytest.mark.slow
def test_as_much_as_a_recipe_can_ask_for_compiles_in_a_hundred_rooms(tmp_path: Path) -> None:
    maze = make_maze(Recipe(rooms=100, loops=0.3, floors=2, doors=4, locks=2, things=4, cues=1.0, alike=0.3, map=True,
                            directions=True, frame="egocentric", goal="deliver"), "train", 0)
    export_z8(maze, tmp_path / "much.z8")
    assert (tmp_path / "much.z8").stat().st_size < 2**19


def test_a_maze_with_too_many_states_for_a_table_exports_without_a_walkthrough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_large(maze: Maze) -> GameTable:
        raise GameError("This maze has too many states.")

    monkeypatch.setattr(export, "maze_table", too_large)
    export_z8(CORRIDOR, tmp_path / "large.z8")
    assert "walkthrough" not in json.loads((tmp_path / "large.json").read_text())["metadata"]


def test_a_strangers_maze_with_oddities_is_the_same_game_word_for_word() -> None:
    """Ways from a room to itself, a key that fits nothing, a key for two doors, a name with an article in it."""
    rooms = list(CORRIDOR.rooms)
    ways = [way for room in range(4) for way, target in enumerate(rooms[room].exits) if target == room + 1]
    for index, room in enumerate(rooms):  # a wall becomes a way back into the same room
        for wall in range(4):
            if room.exits[wall] < 0 and room.exits[(wall + 2) % 4] < 0:
                rooms[index] = dataclasses.replace(room, exits=(*room.exits[:wall], index, *room.exits[wall + 1:]))
    assert any(index in room.exits for index, room in enumerate(rooms))
    maze = dataclasses.replace(
        CORRIDOR, rooms=tuple(rooms), cycle=1,
        items=(Item("key of the king", "key", 0), Item("odd key", "key", 1), Item("then", "thing", 0)),
        doors=(Door("a door", 1, ways[1], 0), Door("an iron door", 2, ways[2], 0)),
        gates=(Gate("gate", 0, ways[0], 0),),
    )
    assert maze_from_json(maze.to_json()) == maze
    tally = walk_job(Job("odd", None, maze, 1, 300))
    assert tally.mazes == 1, tally.left_out
    assert not tally.differences


def test_a_parcel_that_lies_where_it_belongs_is_refused(tmp_path: Path) -> None:
    parcel = dataclasses.replace(KEYS.items[0], room=KEYS.goal)
    assert parcel.kind == "parcel"
    with pytest.raises(GameError, match="takes that for a win"):
        export_z8(dataclasses.replace(KEYS, items=(parcel, *KEYS.items[1:])), tmp_path / "won.z8")
    assert not list(tmp_path.iterdir())


def test_a_maze_that_does_not_compile_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "inform_source", lambda maze, ids: "This is no Inform.")
    with pytest.raises(GameError, match="compiler does not take this maze"):
        export_z8(CORRIDOR, tmp_path / "maze.z8")
    assert not list(tmp_path.iterdir())


def test_too_many_rooms_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GameError, match="at most 150 rooms, and this maze has 400"):
        export_z8(make_maze(Recipe(rooms=400), "train", 0), tmp_path / "huge.z8")
    assert not list(tmp_path.iterdir())


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GameError, match="must end in"):
        export_z8(CORRIDOR, tmp_path / "maze.txt")


def test_the_maze_itself_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "maze.json").write_text(CORRIDOR.to_json())
    with pytest.raises(GameError, match="would overwrite it"):
        export_z8(CORRIDOR, tmp_path / "maze.z8")
    assert (tmp_path / "maze.json").read_text() == CORRIDOR.to_json()


def test_a_folder_that_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        export_z8(CORRIDOR, tmp_path / "file" / "maze.z8")
    (tmp_path / "taken.z8").mkdir()  # the .json can be written here, the .z8 cannot
    with pytest.raises(RunError, match="cannot be written"):
        export_z8(CORRIDOR, tmp_path / "taken.z8")
    assert not (tmp_path / "taken.json").exists()
