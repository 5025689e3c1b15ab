"""The rules: where each command leads, and what it never does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textmaze.game.layout import DIRECTIONS, OPPOSITE
from textmaze.game.maze import make_maze
from textmaze.game.recipe import SPLITS, Recipe
from textmaze.game.rules import COMMANDS, State, coin_here, description, first_state, step

mazes = st.builds(
    make_maze,
    st.builds(
        Recipe,
        topology=st.sampled_from(["grid", "corridor"]),
        rooms=st.integers(6, 30),
        loops=st.sampled_from([0.0, 0.3, 1.0]),
        goal=st.sampled_from(["coin", "exit"]),
    ),
    st.sampled_from(SPLITS),
    st.integers(0, 10**6),
)


def unwon(maze):
    """The states that the player can be in before the win."""
    rooms = range(len(maze.rooms))
    return [State(room) for room in rooms if maze.goal_kind == "coin" or room != maze.goal]


@given(mazes)
@settings(deadline=None, max_examples=40)
def test_there_and_back_is_where_you_were(maze):
    for state in unwon(maze):
        for direction in DIRECTIONS:
            there = step(maze, state, f"go {direction}").state
            if there not in (state, there._replace(won=True)):
                assert step(maze, there, f"go {OPPOSITE[direction]}").state == state


@given(mazes)
@settings(deadline=None, max_examples=40)
def test_a_wall_stops_the_player_and_says_so(maze):
    for state in unwon(maze):
        for way, direction in enumerate(DIRECTIONS):
            state_after, feedback = step(maze, state, f"go {direction}")
            target = maze.rooms[state.room].exits[way]
            if target < 0:
                assert (state_after, feedback) == (state, ("say", "no_way"))
            else:
                assert state_after.room == target
                assert feedback == description(maze, state_after)


@given(mazes)
@settings(deadline=None, max_examples=40)
def test_looking_waiting_and_asking_change_nothing(maze):
    for state in unwon(maze):
        for command in ("look", "inventory", "wait", "help"):
            assert step(maze, state, command).state == state
        assert step(maze, state, "look").feedback == description(maze, state)


@given(mazes)
@settings(deadline=None, max_examples=40)
def test_after_the_win_nothing_changes_any_more(maze):
    won = State(maze.goal, won=True)
    for command in COMMANDS:
        assert step(maze, won, command).state == won


@given(mazes)
@settings(deadline=None, max_examples=40)
def test_only_the_goal_wins(maze):
    for state in unwon(maze):
        for command in COMMANDS:
            after = step(maze, state, command).state
            if maze.goal_kind == "coin":
                assert after.won == (state.room == maze.goal and command == "take coin")
            else:
                assert after.won == (after.room == maze.goal)


@given(mazes)
@settings(deadline=None, max_examples=40)
def test_the_coin_lies_in_its_room_until_it_is_taken(maze):
    here = [state.room for state in unwon(maze) if coin_here(maze, state)]
    assert here == ([maze.goal] if maze.goal_kind == "coin" else [])
    assert not coin_here(maze, State(maze.goal, won=True))
    for state in unwon(maze):
        if not coin_here(maze, state):
            assert step(maze, state, "take coin") == (state, ("say", "no_coin"))


@pytest.mark.parametrize(("goal", "key"), [("coin", "room"), ("exit", "exit")])
def test_the_last_view_fits_the_goal(goal, key):
    maze = make_maze(Recipe(goal=goal), "train", 0)
    assert description(maze, State(maze.goal, won=True))[:2] == (key, maze.goal)


def test_a_game_begins_at_the_start_and_not_won():
    maze = make_maze(Recipe(), "train", 0)
    assert first_state(maze) == State(maze.start, won=False)
