"""`GameTable`: the graph says exactly what the rules say, and its distances are the true ones."""

import heapq

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textmaze.game import rules
from textmaze.game.layout import DIRECTIONS, OPPOSITE
from textmaze.game.maze import make_maze
from textmaze.game.narrator import render
from textmaze.game.recipe import SPLITS, Recipe
from textmaze.game.table import MazeGame, SingleMaze, Texts, distances, maze_table

recipes = st.builds(
    Recipe,
    topology=st.sampled_from(["grid", "corridor"]),
    rooms=st.integers(6, 40),
    loops=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    goal=st.sampled_from(["coin", "exit"]),
)
mazes = st.builds(make_maze, recipes, st.sampled_from(SPLITS), st.integers(0, 10**6))


def cheapest(maze):
    """The fewest commands that win from each room: Dijkstra over passages, knowing no table."""
    costs = {maze.goal: 1 if maze.goal_kind == "coin" else 0}
    heap = [(costs[maze.goal], maze.goal)]
    while heap:
        cost, room = heapq.heappop(heap)
        for other in maze.rooms[room].exits:
            if other >= 0 and cost + 1 < costs.get(other, 10**9):
                costs[other] = cost + 1
                heapq.heappush(heap, (cost + 1, other))
    return costs


def room_of(maze, table, state):
    """The room of a state, from what its description is headed with."""
    heading = table.texts[table.description[state]].partition("\n")[0]
    return [f"-= {room.name} =-" for room in maze.rooms].index(heading)


@given(mazes)
@settings(deadline=None, max_examples=60)
def test_every_maze_can_be_won_and_its_shortest_way_wins(maze):
    table = maze_table(maze)
    way = table.shortest_way()
    assert len(way) == table.distance[table.start] > 0
    state = rules.first_state(maze)
    for command in way:
        assert not state.won
        state = rules.step(maze, state, command).state
    assert state.won


@given(mazes)
@settings(deadline=None, max_examples=60)
def test_distances_are_those_of_another_search(maze):
    table, costs = maze_table(maze), cheapest(maze)
    for state in range(len(table.distance)):
        if table.terminal[state]:
            assert table.distance[state] == 0
        else:
            assert table.distance[state] == costs[room_of(maze, table, state)]


@given(mazes)
@settings(deadline=None, max_examples=40)
def test_the_best_command_brings_the_win_one_step_nearer(maze):
    table = maze_table(maze)
    for state in range(len(table.distance)):
        best = table.best_command(state)
        if table.terminal[state]:
            assert best is None
        else:
            assert best in table.admissible_commands(state)
            following = table.successor[state, table.command_index[best]]
            assert table.distance[following] == table.distance[state] - 1


@given(mazes)
@settings(deadline=None, max_examples=40)
def test_the_table_walks_and_talks_like_the_rules(maze):
    table = maze_table(maze)
    states = {table.start: rules.first_state(maze)}  # number in the table -> state of the rules
    waiting = [table.start]
    while waiting:
        number = waiting.pop()
        assert table.texts[table.description[number]] == render(maze, rules.description(maze, states[number]))
        for column, command in enumerate(table.commands):
            state, feedback = rules.step(maze, states[number], command)
            target = int(table.successor[number, column])
            if target not in states:
                states[target] = state
                waiting.append(target)
            assert states[target] == state
            assert table.texts[table.feedback[number, column]] == render(maze, feedback)
            assert table.reward[number, column] == (state.won and not states[number].won)
    assert len(set(states.values())) == len(states) == len(table.distance)
    assert [states[number].won for number in range(len(states))] == table.terminal.tolist()


@given(mazes)
@settings(deadline=None, max_examples=40)
def test_admissible_is_what_changes_something_and_nothing_else_is(maze):
    table = maze_table(maze)
    for state in range(len(table.distance)):
        admissible = table.admissible_commands(state)
        assert list(admissible) == [command for command in table.commands if command in admissible]
        for column, command in enumerate(table.commands):
            target = table.successor[state, column]
            if command in admissible:
                assert target != state
            else:
                assert target == state
                assert table.reward[state, column] == 0


@given(mazes)
@settings(deadline=None, max_examples=40)
def test_going_there_and_back_returns(maze):
    table = maze_table(maze)
    for state in range(len(table.distance)):
        for direction in DIRECTIONS:
            there = table.successor[state, table.command_index[f"go {direction}"]]
            if there != state and not table.terminal[there]:
                assert table.successor[there, table.command_index[f"go {OPPOSITE[direction]}"]] == state


@given(mazes)
@settings(deadline=None, max_examples=30)
def test_the_coin_is_told_of_in_one_state_only(maze):
    table = maze_table(maze)
    told = ["coin" in table.texts[text] for text in table.description]
    takes = [table.successor[state, table.command_index["take coin"]] != state for state in range(len(told))]
    assert told == takes
    assert sum(told) == (maze.goal_kind == "coin")


@given(mazes)
@settings(deadline=None, max_examples=30)
def test_arrays_have_the_shapes_and_ranges_that_are_promised(maze):
    table = maze_table(maze)
    states, commands, texts = len(table.distance), len(table.commands), len(table.texts)
    for name in ("successor", "feedback", "reward", "admissible"):
        assert getattr(table, name).shape == (states, commands)
    for name in ("description", "inventory", "terminal", "distance"):
        assert getattr(table, name).shape == (states,)
    assert 0 <= table.successor.min() <= table.successor.max() < states
    for name in ("feedback", "description", "inventory"):
        assert 0 <= getattr(table, name).min() <= getattr(table, name).max() < texts
    assert 0 <= table.objective < texts
    assert 0 <= table.start < states


graphs = st.integers(1, 12).flatmap(
    lambda states: st.tuples(
        st.lists(
            st.lists(st.integers(0, states - 1), min_size=3, max_size=3), min_size=states, max_size=states
        ),
        st.lists(st.booleans(), min_size=states, max_size=states),
    )
)


@given(graphs)
@settings(deadline=None, max_examples=150)
def test_distances_are_right_in_any_graph_also_where_no_win_is_left(graph):
    successor, won = np.array(graph[0]), np.array(graph[1])
    # Bellman-Ford: relax until nothing gets shorter.
    costs = np.where(won, 0.0, np.inf)
    for _ in range(len(won)):
        costs = np.minimum(costs, costs[successor].min(axis=1) + 1)
    assert distances(successor, won).tolist() == np.where(np.isinf(costs), -1, costs).astype(int).tolist()


def test_texts_are_rendered_once_and_when_first_read():
    rendered = []

    def shout(key):
        rendered.append(key)
        return key.upper()

    texts = Texts(["a", "b", "c"], shout)
    assert len(texts) == 3
    assert rendered == []
    assert (texts[1], texts[1], texts[-1]) == ("B", "B", "C")
    assert rendered == ["b", "c"]
    assert texts[:2] == ["A", "B"]
    assert list(texts) == ["A", "B", "C"]
    assert rendered == ["b", "c", "a"]
    with pytest.raises(IndexError):
        texts[3]


def test_equal_texts_of_different_states_have_one_number():
    table = maze_table(make_maze(Recipe(), "train", 0))
    assert len(set(table.texts)) == len(table.texts)


def test_a_family_gives_each_seed_its_maze_and_a_single_maze_always_itself():
    family = MazeGame("mine", Recipe(rooms=9, max_steps=7))
    assert family.max_steps == 7
    assert family.maze("test", 5) == make_maze(Recipe(rooms=9, max_steps=7), "test", 5)
    assert family.table("test", 5).shortest_way() == maze_table(family.maze("test", 5)).shortest_way()
    single = SingleMaze("one", family.maze("test", 5), 3)
    assert single.maze("train", 0) == single.maze("valid", 9) == family.maze("test", 5)
    assert single.table("train", 0).shortest_way() == family.table("test", 5).shortest_way()
