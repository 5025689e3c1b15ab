"""The narrator: true, grammatical, and within what observations may hold."""

import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given, settings
from mazes import mazes, plain_mazes

from textmaze.env.single import CHARSET, LONGEST_TEXT
from textmaze.game.generate import make_maze
from textmaze.game.layout import DIRECTIONS, WAYS
from textmaze.game.maze import Cue, Maze, Room
from textmaze.game.narrator import describe, inventory, map_text, objective, plain_ways, render
from textmaze.game.recipe import SPLITS, Recipe
from textmaze.game.rules import WON, Rules, View
from textmaze.game.table import maze_table
from textmaze.game.theme import load_theme


def seen(maze, room, **changes):
    """What is seen in a room at the beginning, or after changes."""
    start = Rules(maze).view(Rules(maze).start)
    return describe(maze, start._replace(room=room, **changes))


def two_rooms(name, **changes):
    """The smallest maze, with a room of this name in front."""
    rooms = (Room(name, (0, 0, 0), (1, -1, -1, -1, -1, -1), 0), Room("Other", (0, 1, 0), (-1, -1, 0, -1, -1, -1), 1))
    maze = Maze(rooms, 0, 1, "coin", "compass", (), (), (), (), 4, "lost", (), (), False,
                "dungeon", "train", 7, 0, "train")
    return dataclasses.replace(maze, **changes)


@given(mazes())
@settings(deadline=None, max_examples=40)
def test_every_text_fits_the_observation_space_and_is_tidy(maze):
    for text in list(maze_table(maze).texts)[:400]:
        assert 0 < len(text) <= LONGEST_TEXT
        assert set(text) <= set(CHARSET)
        assert text == text.strip()
        assert "  " not in text
        assert "{" not in text
        assert text.endswith((".", "!", "?"))
        assert not re.search(r"\ba [aeiou]\w+\b(?<!one)(?<!once)(?<!useful)(?<!uniform)(?<!used)", text)


@given(plain_mazes())
@settings(deadline=None, max_examples=30)
def test_a_plain_rooms_description_names_the_open_ways_in_order_and_no_other(maze):
    for index, room in enumerate(maze.rooms):
        ways = [DIRECTIONS[way] for way, target in enumerate(room.exits[:4]) if target >= 0]
        text = seen(maze, index)
        assert re.findall("|".join(DIRECTIONS), text) == ways
        listed = {1: "{}", 2: "{} and {}", 3: "{}, {} and {}", 4: "{}, {}, {} and {}"}[len(ways)].format(*ways)
        assert f" {listed}" in f" {text}"


@given(mazes(frame="compass", dark=0.0, cues=0.0, patrols=0))
@settings(deadline=None, max_examples=40)
def test_every_way_out_of_a_room_is_named_and_no_other(maze):
    for index, room in enumerate(maze.rooms):
        text = seen(maze, index)
        body = text.partition("\n")[2]
        expected = {WAYS[way] for way, target in enumerate(room.exits) if target >= 0}
        named = set(re.findall(rf"\b({'|'.join(WAYS)})\b", body.lower()))
        assert expected <= named
        assert named - expected <= {"up", "down"}  # banners hang down, too


@given(mazes(frame="egocentric", dark=0.0, cues=0.0, patrols=0, floors=1))
@settings(deadline=None, max_examples=40)
def test_in_the_egocentric_frame_ways_are_told_from_where_the_player_looks(maze):
    words = (("forward", "front"), ("right",), ("back",), ("left",))
    for index, room in enumerate(maze.rooms):
        for heading in range(4):
            body = seen(maze, index, heading=heading).partition("\n")[2]
            named = set(re.findall(r"\w+", body.lower()))
            assert not named & set(DIRECTIONS)
            for way, target in enumerate(room.exits[:4]):
                assert target < 0 or named & set(words[(way - heading) % 4])


@given(plain_mazes())
@settings(deadline=None, max_examples=30)
def test_a_description_begins_with_the_name_and_says_it_with_the_right_article(maze):
    for index, room in enumerate(maze.rooms):
        heading, _, body = seen(maze, index).partition("\n")
        assert heading == f"-= {room.name} =-"
        name = room.name.lower()
        article = {True: "an", False: "a"}[name.startswith(("a", "e", "i", "o", "u"))]
        assert re.search(rf"\b{article} {name}\b", body)


@pytest.mark.parametrize(
    ("name", "said"), [("Echoing Hall", "an echoing hall"), ("Mossy Archive", "a mossy archive")]
)
def test_the_article_goes_with_the_word_that_follows_it(name, said):
    assert said in seen(two_rooms(name), 0)


def test_a_name_that_looks_like_a_template_is_said_as_it_is():
    assert "a {ways} {0}" in seen(two_rooms("{ways} {0}"), 0)


@given(plain_mazes(goals=("coin",)))
@settings(deadline=None, max_examples=30)
def test_the_coin_adds_its_sentence_and_changes_nothing_else(maze):
    sentences = load_theme(maze.theme).words("coin", maze.wordings)
    without, with_coin = seen(maze, maze.goal, outcome=WON), seen(maze, maze.goal)
    assert "coin" not in without
    assert with_coin.startswith(f"{without} ")
    assert with_coin.removeprefix(f"{without} ") in sentences


@given(mazes())
@settings(deadline=None, max_examples=20)
def test_a_text_does_not_depend_on_what_was_rendered_before(maze):
    forwards, backwards = maze_table(maze).texts, maze_table(maze).texts
    last = min(len(forwards), 200)
    assert [forwards[i] for i in range(last)] == [backwards[i] for i in reversed(range(last))][::-1]


@given(mazes())
@settings(deadline=None, max_examples=20)
def test_only_words_of_the_mazes_own_split_are_used(maze):
    theme = load_theme(maze.theme)
    read = "\n".join(list(maze_table(maze).texts)[:300])
    for split in set(SPLITS) - {maze.wordings}:
        for kind in ("detail", "coin", "exit", "objective_coin", "objective_exit", "dark", "stairs_up", "stairs_down"):
            assert not any(sentence in read for sentence in theme.words(kind, split))


def test_rooms_differ_in_their_wording():
    maze = make_maze(Recipe(rooms=40), "train", 0)
    bodies = {seen(maze, room).partition("\n")[2] for room in range(40)}
    assert len({re.sub(r"\b(a|an) .*?\.", "", body) for body in bodies}) > 20


@pytest.mark.parametrize("goal", ["coin", "exit", "deliver"])
def test_the_objective_says_what_wins(goal):
    for seed in range(10):
        maze = make_maze(Recipe(goal=goal), "train", seed)
        text = objective(maze)
        assert ("coin" in text) == (goal == "coin")
        if goal == "deliver":
            assert maze.items[0].name in text
            assert maze.rooms[maze.goal].name.lower() in text


def test_directions_lead_to_the_goal_where_none_is_wrong():
    for seed in range(10):
        maze = make_maze(Recipe(directions=True, loops=0.3), "train", seed)
        room = maze.start
        for way in maze.directions:
            room = maze.rooms[room].exits[way]
        assert room == maze.goal
        told = re.findall(rf"\b({'|'.join(DIRECTIONS)})\b", objective(maze))
        assert told == [DIRECTIONS[way] for way in maze.directions]


def test_egocentric_directions_are_those_of_somebody_who_walks_them():
    words = ("forward", "right", "back", "left")
    for seed in range(10):
        maze = make_maze(Recipe(directions=True, frame="egocentric"), "train", seed)
        heading, room = 0, maze.start
        for word in re.findall(rf"\b({'|'.join(words)})\b", objective(maze)):
            heading = (heading + words.index(word)) % 4
            room = maze.rooms[room].exits[heading]
        assert room == maze.goal


def test_wrong_directions_are_as_many_as_asked_for():
    told = wrong = 0
    for seed in range(100):
        right = make_maze(Recipe(directions=True), "train", seed)
        other = make_maze(Recipe(directions=True, wrong=0.4), "train", seed)
        told += len(right.directions)
        wrong += sum(a != b for a, b in zip(right.directions, other.directions, strict=True))
    assert 0.3 < wrong / told < 0.5


def test_a_map_tells_every_way_and_is_read_in_the_inventory():
    maze = make_maze(Recipe(map=True, rooms=9), "train", 0)
    assert map_text(maze) in inventory(maze, 0)
    for room in maze.rooms:
        line = next(line for line in map_text(maze).split("\n") if line.startswith(f"From the {room.name.lower()}:"))
        for way, target in enumerate(room.exits):
            told = f"{WAYS[way]} to the {maze.rooms[target].name.lower()}" in line
            assert told == (target >= 0)


def test_honest_hints_speak_for_the_way_and_against_others_and_lies_say_the_opposite():
    for lies in (0.0, 1.0):
        maze = make_maze(Recipe(cues=1.0, lies=lies, loops=0.2), "train", 5)
        table = maze_table(maze)
        nearer = {}
        for state in range(len(table.terminal)):
            name = table.texts[table.description[state]].partition("\n")[0]
            if not table.terminal[state]:
                nearer[name] = np.flatnonzero(table.distance[table.successor[state, :4]] < table.distance[state])
        assert len(maze.cues) > 15
        for cue in maze.cues:
            is_right = cue.way in nearer[f"-= {maze.rooms[cue.room].name} =-"]
            assert cue.kind.endswith("_doubtful") == (lies == 1.0)
            assert is_right == (cue.kind.startswith("inviting") != (lies == 1.0))


def test_the_style_of_a_hint_is_that_of_its_kind():
    for kind in ("inviting", "warning", "inviting_doubtful", "warning_doubtful"):
        text = seen(two_rooms("Hall", cues=(Cue(0, 0, kind),)), 0)
        sentences = [s.replace("{way}", "north") for s in load_theme("dungeon").words(kind, "train")]
        assert any(text.endswith(sentence) for sentence in sentences)


def test_in_the_dark_nothing_is_seen_until_the_lamp_is_carried():
    maze = make_maze(Recipe(dark=1.0, goal="exit"), "train", 0)
    lamp = next(bit for bit, item in enumerate(maze.items) if item.kind == "lamp")
    dark = next(number for number, room in enumerate(maze.rooms) if room.dark)
    assert seen(maze, dark).startswith("-= Darkness =-\n")
    assert not re.search("|".join(DIRECTIONS), seen(maze, dark))
    assert seen(maze, dark, taken=1 << lamp).startswith(f"-= {maze.rooms[dark].name} =-\n")
    assert not maze.rooms[maze.items[lamp].room].dark


def test_rooms_that_are_alike_cannot_be_told_apart_but_by_their_ways():
    maze = make_maze(Recipe(alike=1.0, loops=0.5), "train", 0)
    alike = [number for number, room in enumerate(maze.rooms) if number != maze.goal]
    assert len({maze.rooms[number].name for number in alike}) == 1
    by_ways = {}
    for number in alike:
        by_ways.setdefault(tuple(plain_ways(maze, number)), set()).add(seen(maze, number))
    assert all(len(texts) == 1 for texts in by_ways.values())


def test_an_answer_names_the_things_it_is_about():
    maze = make_maze(Recipe(locks=1, rooms=12), "train", 0)
    table = maze_table(maze)
    door, key = maze.doors[0].name, maze.items[0].name
    texts = set(table.texts)
    assert f"You unlock the {door} with the {key}." in texts
    assert f"The {door} is locked." in texts
    assert f"You take the {key}." in texts
    assert "You are carrying nothing." in texts
    assert any(text.startswith("You are carrying a") and key in text for text in texts)


def test_what_the_rules_say_in_codes_can_all_be_rendered():
    maze = make_maze(Recipe(rooms=8, gates=1, patrols=1, caught="back", goal="deliver", cycle=3), "train", 1)
    rules = Rules(maze)
    told = {rules.told(code).saying for code in maze_table(maze).texts._keys}
    assert {"wait", "sent_back", "delivered", "gate_shut", "", "objective", "help"} <= told
    assert isinstance(rules.view(rules.start), View)
    assert render(rules, int(rules.look(np.array([rules.start]))[0])).startswith("-= ")
