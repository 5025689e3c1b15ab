"""The narrator: true, grammatical, and within what observations may hold."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textmaze.env.single import CHARSET, LONGEST_TEXT
from textmaze.game.layout import DIRECTIONS
from textmaze.game.maze import Maze, Room, make_maze
from textmaze.game.narrator import SAYINGS, describe, render
from textmaze.game.recipe import SPLITS, Recipe
from textmaze.game.theme import load_theme

mazes = st.builds(
    make_maze,
    st.builds(
        Recipe,
        topology=st.sampled_from(["grid", "corridor"]),
        rooms=st.integers(6, 40),
        loops=st.sampled_from([0.0, 0.3, 1.0]),
        goal=st.sampled_from(["coin", "exit"]),
    ),
    st.sampled_from(SPLITS),
    st.integers(0, 10**6),
)


def keys(maze):
    yield ("objective",)
    yield from (("say", name) for name in SAYINGS)
    for room in range(len(maze.rooms)):
        yield ("room", room, False)
        yield ("room", room, True)
        yield ("exit", room)


def two_rooms(name):
    """The smallest maze, with a room of this name in front."""
    rooms = (Room(name, (0, 0), (1, -1, -1, -1)), Room("Other", (0, 1), (-1, -1, 0, -1)))
    return Maze(rooms, 0, 1, "coin", "dungeon", "train", 7, 0, "train")


@given(mazes)
@settings(deadline=None, max_examples=30)
def test_every_text_fits_the_observation_space_and_is_tidy(maze):
    for key in keys(maze):
        text = render(maze, key)
        assert 0 < len(text) <= LONGEST_TEXT
        assert set(text) <= set(CHARSET)
        assert text == text.strip()
        assert "  " not in text
        assert "{" not in text
        assert text.endswith((".", "!"))


@given(mazes)
@settings(deadline=None, max_examples=30)
def test_a_description_names_the_open_ways_in_order_and_no_other(maze):
    for index, room in enumerate(maze.rooms):
        ways = [DIRECTIONS[way] for way, target in enumerate(room.exits) if target >= 0]
        text = describe(maze, index, coin_here=False)
        assert re.findall("|".join(DIRECTIONS), text) == ways
        listed = {1: "{}", 2: "{} and {}", 3: "{}, {} and {}", 4: "{}, {}, {} and {}"}[len(ways)].format(
            *ways
        )
        assert f" {listed}" in f" {text}"


@given(mazes)
@settings(deadline=None, max_examples=30)
def test_a_description_begins_with_the_name_and_says_it_with_the_right_article(maze):
    for index, room in enumerate(maze.rooms):
        heading, _, body = describe(maze, index, coin_here=False).partition("\n")
        assert heading == f"-= {room.name} =-"
        name = room.name.lower()
        article = {True: "an", False: "a"}[name.startswith(("a", "e", "i", "o", "u"))]
        assert re.search(rf"\b{article} {name}\b", body)


@pytest.mark.parametrize(
    ("name", "said"), [("Echoing Hall", "an echoing hall"), ("Mossy Archive", "a mossy archive")]
)
def test_the_article_goes_with_the_word_that_follows_it(name, said):
    assert said in describe(two_rooms(name), 0, coin_here=False)


def test_a_name_that_looks_like_a_template_is_said_as_it_is():
    assert "a {ways} {0}" in describe(two_rooms("{ways} {0}"), 0, coin_here=False)


@given(mazes)
@settings(deadline=None, max_examples=30)
def test_the_coin_adds_its_sentence_and_changes_nothing_else(maze):
    sentences = load_theme(maze.theme).words("coin", maze.wordings)
    for index in range(len(maze.rooms)):
        without = describe(maze, index, coin_here=False)
        with_coin = describe(maze, index, coin_here=True)
        assert "coin" not in without
        assert with_coin.startswith(f"{without} ")
        assert with_coin.removeprefix(f"{without} ") in sentences


@given(mazes)
@settings(deadline=None, max_examples=20)
def test_a_text_does_not_depend_on_what_was_rendered_before(maze):
    forwards = {key: render(maze, key) for key in keys(maze)}
    assert {key: render(maze, key) for key in reversed(list(forwards))} == forwards


@given(mazes)
@settings(deadline=None, max_examples=20)
def test_only_words_of_the_mazes_own_split_are_used(maze):
    theme = load_theme(maze.theme)
    read = "\n".join(render(maze, key) for key in keys(maze))
    for split in set(SPLITS) - {maze.wordings}:
        for kind in ("detail", "coin", "exit", "objective_coin", "objective_exit"):
            assert not any(sentence in read for sentence in theme.words(kind, split))


def test_rooms_differ_in_their_wording():
    maze = make_maze(Recipe(rooms=40), "train", 0)
    bodies = {describe(maze, room, coin_here=False).partition("\n")[2] for room in range(40)}
    assert len({re.sub(r"\b(a|an) .*?\.", "", body) for body in bodies}) > 20


@pytest.mark.parametrize("goal", ["coin", "exit"])
def test_the_objective_says_what_wins(goal):
    for seed in range(10):
        text = render(make_maze(Recipe(goal=goal), "train", seed), ("objective",))
        assert ("coin" in text) == (goal == "coin")
