"""Mazes: drawn the same everywhere, dealt out to splits without overlap, and safe to read from a stranger."""

import dataclasses
import json
import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mazes import mazes, plain_mazes, recipes

from textmaze.catalog import load_game
from textmaze.env.single import CHARSET
from textmaze.errors import GameError
from textmaze.game.generate import make_maze
from textmaze.game.layout import Layout
from textmaze.game.maze import FORMAT, Room, layout_hash, split_of
from textmaze.game.maze_file import maze_from_json, read_maze
from textmaze.game.mazes import MazeGame
from textmaze.game.recipe import SPLITS, Recipe
from textmaze.game.table import maze_table

GOLDEN = Path(__file__).parent / "golden"


def layout(maze):
    return Layout(tuple(r.at for r in maze.rooms), tuple(r.exits for r in maze.rooms), maze.start, maze.goal)


def all_texts(maze):
    """Every text of a maze, as one page."""
    return "\n\n".join(maze_table(maze).texts) + "\n"


@pytest.mark.parametrize(
    ("name", "split", "seed"),
    [("labyrinth", "test", 3), ("corridor", "train", 0), ("keys", "valid", 1), ("clockwork", "test", 2),
     ("egocentric", "train", 1), ("mapreader", "test", 0), ("minotaur", "test", 0)],
)
def test_the_same_recipe_split_and_seed_give_the_bytes_that_they_always_gave(name, split, seed):
    # Published results name games by seed, so these files change only where words or layouts change on
    # purpose; then write `maze.to_json()` and `all_texts(maze)` into them anew.
    maze = load_game(name).maze(split, seed)
    stem = f"{name}-{split}-{seed}"
    assert maze.to_json().encode() == (GOLDEN / f"{stem}.json").read_bytes()
    assert all_texts(maze).encode() == (GOLDEN / f"{stem}.txt").read_bytes()


@given(recipes(), st.sampled_from(SPLITS), st.integers(0, 10**9))
@settings(deadline=None, max_examples=30)
def test_a_maze_depends_on_nothing_but_recipe_split_and_seed(recipe, split, seed):
    try:
        first = make_maze(recipe, split, seed).to_json()
    except GameError:
        return
    random.seed(seed)  # the global generator must not matter
    assert make_maze(recipe, split, seed).to_json() == first


@given(mazes())
@settings(deadline=None, max_examples=40)
def test_a_maze_survives_json(maze):
    again = maze_from_json(maze.to_json())
    assert again == maze
    assert again.to_json() == maze.to_json()
    assert again.layout_hash == maze.layout_hash


@given(mazes())
@settings(deadline=None, max_examples=40)
def test_a_maze_is_of_the_split_it_was_drawn_for(maze):
    assert maze.wordings == maze.split == split_of(maze.layout_hash)
    assert len({room.name for room in maze.rooms}) == len({room.look for room in maze.rooms})


def test_wordings_can_be_those_of_another_split():
    maze = make_maze(Recipe(wordings="test"), "train", 1)
    assert (maze.split, maze.wordings) == ("train", "test")


def test_no_layout_is_in_two_splits():
    # So few rooms that layouts come again and again within a split.
    recipe = Recipe(topology="corridor", rooms=5, goal="exit")
    hashes = {split: {make_maze(recipe, split, seed).layout_hash for seed in range(150)} for split in SPLITS}
    assert all(hashes.values())
    assert hashes["train"].isdisjoint(hashes["valid"])
    assert hashes["train"].isdisjoint(hashes["test"])
    assert hashes["valid"].isdisjoint(hashes["test"])


EVERYTHING = Recipe(
    rooms=24, floors=2, loops=0.4, one_way=0.1, locks=1, doors=1, gates=1, cycle=3, patrols=1, caught="back", cues=0.6,
    lies=0.4, things=1, dark=0.2, goal="deliver", directions=True, map=True,
)
WAY_WORDS = r"\b(north|east|south|west|up|down|and|then)\b|,"


def sentences(maze):
    """The sentences of a maze without the names and ways in them: what is left is their wording."""
    names = [room.name.lower() for room in maze.rooms]
    names += [thing.name for thing in (*maze.items, *maze.doors, *maze.gates, *maze.patrols)]
    found = set()
    for text in maze_table(maze).texts:
        if text.startswith(("The ", "You ", "This is not where", "Type a command")):
            continue  # the game's own answers, the same in every theme and split
        text = text.removeprefix("Time passes.\n\n")
        for line in re.split(r"(?<=[.!?])\s+|\n+", re.sub(r"-= .* =-", "", text).lower()):
            for name in sorted(names, key=len, reverse=True):
                line = re.sub(rf"\b(an? )?{re.escape(name)}\b", "", line)
            line = " ".join(re.sub(WAY_WORDS, " ", line).split())
            if len(line.split()) > 2:
                found.add(line)
    return found


@pytest.mark.parametrize("theme", ["dungeon", "garden", "manor", "mine", "station"])
def test_no_name_and_no_sentence_of_one_split_is_read_in_another(theme):
    game = MazeGame("everything", dataclasses.replace(EVERYTHING, theme=theme))
    names, lines = {}, {}
    for split in SPLITS:
        drawn = [game.maze(split, seed) for seed in range(3)]
        names[split] = {thing.name for maze in drawn for thing in
                        (*maze.rooms, *maze.items, *maze.doors, *maze.gates, *maze.patrols)}
        lines[split] = set().union(*map(sentences, drawn))
        assert len(lines[split]) > 50
    for one, other in (("train", "valid"), ("train", "test"), ("valid", "test")):
        assert names[one].isdisjoint(names[other])
        assert lines[one].isdisjoint(lines[other])


def test_more_rooms_than_pairs_of_words_still_have_different_names():
    maze = make_maze(Recipe(rooms=1000), "test", 0)
    assert len({room.name for room in maze.rooms}) == 1000


def test_a_recipe_without_enough_layouts_says_so():
    # Two rooms side by side make two layouts, so one of the three splits goes without.
    def all_splits():
        return [make_maze(Recipe(rooms=2), split, 0) for split in SPLITS]

    with pytest.raises(GameError, match="too few different layouts"):
        all_splits()


@given(plain_mazes(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
def test_the_hash_is_of_the_shape_not_of_names_numbers_or_places(maze, rng):
    order = list(range(len(maze.rooms)))
    rng.shuffle(order)  # order[new] = old
    new = {old: index for index, old in enumerate(order)}
    new[-1] = -1
    rooms = tuple(
        Room(
            f"Room {index}",
            (maze.rooms[old].at[0] + 3, maze.rooms[old].at[1] - 2, 0),
            tuple(new[other] for other in maze.rooms[old].exits),
            index,
        )
        for index, old in enumerate(order)
    )
    moved = dataclasses.replace(
        maze, rooms=rooms, start=new[maze.start], goal=new[maze.goal], voice=1, seed=2
    )
    assert moved.layout_hash == maze.layout_hash


@given(plain_mazes(), st.data())
@settings(deadline=None, max_examples=40)
def test_a_moved_goal_or_an_opened_wall_gives_another_hash(maze, data):
    others = [room for room in range(len(maze.rooms)) if room not in (maze.start, maze.goal)]
    goal = data.draw(st.sampled_from(others))
    assert dataclasses.replace(maze, goal=goal).layout_hash != maze.layout_hash
    walls = [
        (room, way) for room, exits in enumerate(layout(maze).exits) for way in range(4) if exits[way] < 0
    ]
    room, way = data.draw(st.sampled_from(walls))
    exits = [list(row) for row in layout(maze).exits]
    exits[room][way] = data.draw(st.sampled_from(others))
    assert layout_hash(layout(maze)._replace(exits=tuple(map(tuple, exits)))) != maze.layout_hash


def test_the_splits_have_their_shares():
    rng = random.Random(0)
    found = [split_of(f"{rng.getrandbits(256):064x}") for _ in range(5000)]
    assert [round(found.count(split) / 5000, 1) for split in SPLITS] == [0.6, 0.2, 0.2]
    assert split_of("0" * 64) == "train"
    assert split_of("f" * 64) == "test"


# -- what a stranger may send ------------------------------------------------------------------------------

SMALL = make_maze(Recipe(rooms=6, topology="corridor", goal="coin"), "train", 0)
SOUND = json.loads(SMALL.to_json())
FULL = make_maze(Recipe(rooms=10, loops=0.3, locks=1, gates=1, patrols=1, cycle=3, cues=0.5, things=1, dark=0.2,
                        goal="deliver", directions=True, map=True), "train", 0)
FULL_SOUND = json.loads(FULL.to_json())

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-1, 6)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["train", "exit", "dungeon", "\ud800", 10**60, '" "']),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def mutants(draw):
    """The JSON of a sound maze with one to three things in it replaced, removed or added."""
    data = json.loads(draw(st.sampled_from([SMALL, FULL])).to_json())
    for _ in range(draw(st.integers(1, 3))):
        node = data
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(node[key], dict | list) and node[key] and draw(st.booleans()):
                node = node[key]
                continue
            change = draw(st.sampled_from(["replace", "replace", "remove", "add"]))
            if change == "replace":
                node[key] = draw(values)
            elif change == "remove":
                del node[key]
            elif isinstance(node, dict):
                node[draw(st.text(max_size=5) | st.sampled_from(["\ud800", "layout_hash", "format"]))] = draw(
                    values
                )
            else:
                node.insert(key, draw(values))
            break
    return json.dumps(data)


def assert_playable_or_refused(text):
    try:
        maze = maze_from_json(text, "stranger.json")
    except GameError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert "stranger.json" in refusal
        refusal.encode()  # can be shown: no halves of characters
        return
    assert maze_from_json(maze.to_json()) == maze
    table = maze_table(maze)  # a stranger's maze need not be one that can be won
    assert len(maze.layout_hash) == 64
    for words in table.texts:
        assert set(words) <= set(CHARSET)


@given(mutants())
@settings(deadline=None, max_examples=300)
def test_a_mutated_maze_is_playable_or_refused_by_a_game_error(text):
    assert_playable_or_refused(text)


@given(st.text(max_size=50), st.integers(0, len(SMALL.to_json())), st.integers(0, 30))
@settings(deadline=None, max_examples=100)
def test_a_maze_with_some_of_its_text_overwritten_is_playable_or_refused(junk, at, length):
    text = SMALL.to_json()
    assert_playable_or_refused(text[:at] + junk + text[at + length :])


@given(values.map(json.dumps) | st.text(max_size=100))
@settings(deadline=None, max_examples=100)
def test_what_is_no_maze_at_all_is_refused(text):
    with pytest.raises(GameError):
        maze_from_json(text)


def changed(**changes):
    return json.dumps({**SOUND, **changes})


def room(index=0, **changes):
    rooms = json.loads(json.dumps(SOUND["rooms"]))
    rooms[index] |= changes
    return changed(rooms=rooms)


def full(what, **changes):
    things = json.loads(json.dumps(FULL_SOUND[what]))
    things[0] |= changes
    return json.dumps({**FULL_SOUND, what: things})


LAST = len(SOUND["rooms"]) - 1
CUT = [{**r, "exits": [-1] * 6} for r in SOUND["rooms"]]
WALLED = next(way for way in range(4) if FULL.rooms[FULL.start].exits[way] < 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ('{"voice": 1' + "0" * 9000 + "}", "not valid JSON"),
        ("[]", "its format must be"),
        (changed(format="textmaze-maze-99"), "its format must be"),
        (json.dumps({"format": FORMAT}), "a maze has just rooms, start"),
        (changed(extra=1), "a maze has just rooms, start"),
        (changed(rooms=[]), "2 to 10,000 rooms, not 0"),
        (changed(rooms=SOUND["rooms"][:1], goal=0), "2 to 10,000 rooms, not 1"),
        (changed(rooms=SOUND["rooms"][:3], goal=2), "leads to a room that is not there"),
        (changed(rooms=CUT), "no way leads from the start to the goal"),
        (changed(goal=SOUND["start"]), "two different rooms"),
        (changed(goal=LAST + 1), "two different rooms"),
        (changed(goal=-1), "two different rooms"),
        (changed(start=True), "start of a maze must be a whole number"),
        (changed(voice=0.5), "voice of a maze must be a whole number"),
        (changed(voice=float("nan")), "must be a whole number"),
        (changed(voice=2**63), "must be a whole number"),
        (changed(map=1), "map of a maze must be true or false"),
        (changed(goal_kind="crown"), "goal_kind must be coin or exit or deliver"),
        (changed(frame="polar"), "frame must be compass or egocentric"),
        (changed(split="dev"), "split must be train or valid or test"),
        (changed(wordings=[]), "wordings of a maze must be text"),
        (changed(theme="dungoen"), "did you mean 'dungeon'"),
        (changed(theme="../labyrinth"), "no theme named"),
        (changed(theme=7), "theme of a maze must be text"),
        (changed(directions=[9]), "directions must be ways"),
        (changed(cycle=0), "cycle must be 1 to 60"),
        (room(name=""), "1 to 60 printable ASCII"),
        (room(name="x" * 61), "1 to 60 printable ASCII"),
        (room(name="Café"), "1 to 60 printable ASCII"),
        (room(name="two\nlines"), "1 to 60 printable ASCII"),
        (room(name="nul\0"), "1 to 60 printable ASCII"),
        (room(name=5), "name of a room must be text"),
        # Inform 7 reads quotes and brackets in a name as code.
        (room(name='Hall". Include Evil by "Me'), "brackets and quotes"),
        (room(name="Hall [if true]"), "brackets and quotes"),
        (room(name=SOUND["rooms"][1]["name"]), "two rooms have the same name"),
        (room(look=1), "the look of"),
        (room(look=-1), "the look of"),
        (room(dark=0), "dark of a room must be true or false"),
        (room(exits=[-1, -1]), "6 whole numbers"),
        (room(LAST, exits=[]), "6 whole numbers"),  # before the rooms that lead there are checked
        (room(exits=[0.0, *[-1] * 5]), "must be a whole number"),
        (room(exits=[True, *[-1] * 5]), "must be a whole number"),
        (room(exits=5), "must be a list"),
        (room(exits=[99, *[-1] * 5]), "leads to a room that is not there"),
        (room(exits=[-2, *[-1] * 5]), "leads to a room that is not there"),
        (room(at=[0]), "its place 3"),
        (room(extra=1), "a room has just name, at, exits"),
        (full("items", kind="crown"), "an item's kind must be"),
        (full("items", kind="thing"), "one parcel where the goal is to deliver it"),
        (full("items", room=99), "and its room a room"),
        (full("items", name="coin"), "no name for a thing"),
        (full("items", name="Crown!"), "no name for a thing"),
        (full("items", name="a b c d e"), "no name for a thing"),
        (full("doors", name=FULL.items[0].name), "two things have the same name"),
        (full("doors", key=0), "must be an item that is a key"),
        (full("doors", key=-2), "must be an item that is a key"),
        (full("doors", way=4), "must stand in a passage to the north, east, south or west"),
        (full("doors", room=FULL.start, way=WALLED), "must stand in a passage that leads there and back"),
        (full("doors", room=FULL.gates[0].room, way=FULL.gates[0].way), "two doors or gates stand in one passage"),
        (full("gates", opens=3), "a turn of it"),
        (full("patrols", route=[0]), "one room for each turn"),
        (full("patrols", route=[FULL.start] * 3), "must leave out start and goal"),
        (full("cues", kind="hearsay"), "a cue has a room"),
        (full("cues", way=5), "a cue has a room"),
        (json.dumps({**FULL_SOUND, "cues": FULL_SOUND["cues"][:1] * 2}), "two cues are in one room"),
        (json.dumps({**FULL_SOUND, "doors": FULL_SOUND["doors"] * 9}), "at most 8 doors"),
    ],
)
def test_each_fault_is_named(text, words):
    with pytest.raises(GameError) as caught:
        maze_from_json(text, "mine.json")
    assert words in str(caught.value)
    assert str(caught.value).startswith("mine.json")


def test_a_maze_file_is_read_from_disk_and_a_wrong_one_refused(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(SMALL.to_json())
    assert read_maze(path) == SMALL
    path.write_bytes(b"\xff\xfe\0")
    with pytest.raises(GameError, match=r"mine\.json is not valid JSON"):
        read_maze(path)
    path.write_bytes(b" " * 10_000_001)
    with pytest.raises(GameError, match="too large for a maze"):
        read_maze(path)
    with pytest.raises(GameError, match="cannot be read"):
        read_maze(tmp_path)
