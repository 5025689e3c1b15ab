"""`GameTable`: the graph says exactly what the rules say, and its distances are the true ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mazes import fewest_commands, first, mazes, plain_mazes, step, there_and_back

from textmaze.errors import GameError
from textmaze.game.generate import make_maze
from textmaze.game.layout import WAYS
from textmaze.game.mazes import MazeGame, SingleMaze
from textmaze.game.recipe import Recipe
from textmaze.game.rules import WON
from textmaze.game.table import Texts, distances, maze_table


@given(mazes())
@settings(deadline=None, max_examples=60)
def test_every_maze_can_be_won_and_its_shortest_way_wins(maze):
    table = maze_table(maze)
    way = table.shortest_way()
    assert len(way) == table.distance[table.start] > 0
    player = first(maze)
    for command in way:
        assert player.outcome != WON
        player = step(maze, player, command)
    assert player.outcome == WON


@given(mazes())
@settings(deadline=None, max_examples=40)
def test_the_table_holds_just_the_states_that_can_be_reached_and_their_distances_are_those_of_another_search(maze):
    table = maze_table(maze)
    costs = fewest_commands(maze, table.commands)
    assert len(costs) == len(table.distance)
    numbers, queue = {first(maze): table.start}, [first(maze)]
    for player in queue:
        cost = costs[player]
        assert table.distance[numbers[player]] == (-1 if cost is None else cost)
        if player.outcome:
            continue
        for column, command in enumerate(table.commands):
            after = step(maze, player, command)
            if after not in numbers:
                numbers[after] = int(table.successor[numbers[player], column])
                queue.append(after)
            assert numbers[after] == table.successor[numbers[player], column]
            won = after.outcome == WON
            assert table.reward[numbers[player], column] == won
            assert table.terminal[numbers[after]] == (after.outcome != 0)
    assert len(numbers) == len(costs)


@given(mazes())
@settings(deadline=None, max_examples=40)
def test_the_best_command_brings_the_win_one_step_nearer(maze):
    table = maze_table(maze)
    for state in range(min(len(table.distance), 300)):
        best = table.best_command(state)
        if table.terminal[state] or table.distance[state] < 0:
            assert best is None
        else:
            assert best in table.admissible_commands(state)
            following = table.successor[state, table.command_index[best]]
            assert table.distance[following] == table.distance[state] - 1


@given(mazes(patrols=0) | mazes(patrols=1, caught="back"))
@settings(deadline=None, max_examples=40)
def test_where_nobody_kills_nothing_that_can_happen_makes_the_maze_impossible(maze):
    assert (maze_table(maze).distance >= 0).all()


@given(mazes())
@settings(deadline=None, max_examples=40)
def test_admissible_is_what_changes_something_and_nothing_else_is(maze):
    table = maze_table(maze)
    changes = table.successor != np.arange(len(table.distance))[:, None]
    assert (table.admissible == changes).all()
    assert (table.reward[~changes] == 0).all()
    for state in range(min(len(table.distance), 100)):
        admissible = table.admissible_commands(state)
        assert list(admissible) == [command for command in table.commands if command in admissible]


@given(mazes(frame="compass", gates=0, patrols=0, goal="coin"))
@settings(deadline=None, max_examples=40)
def test_going_there_and_back_returns(maze):
    table = maze_table(maze)
    headings = [table.texts[text].partition("\n")[0] for text in table.description]
    ways = {(maze.rooms[room].name, way): (maze.rooms[other].name, back)
            for room, way, other, back in there_and_back(maze)}
    for state in np.flatnonzero(~table.terminal)[:200]:
        for (room, way), (_, back) in ways.items():
            there = table.successor[state, table.command_index[f"go {WAYS[way]}"]]
            if headings[state] == f"-= {room} =-" and there != state and not maze.rooms[0].dark:
                returned = table.successor[there, table.command_index[f"go {WAYS[back]}"]]
                assert returned in (state, there)  # there: the way back is one of several alike, or shut
                if len({r.name for r in maze.rooms}) == len(maze.rooms) and not any(r.dark for r in maze.rooms):
                    assert returned == state


@given(plain_mazes())
@settings(deadline=None, max_examples=30)
def test_the_coin_is_told_of_in_one_state_only(maze):
    table = maze_table(maze)
    told = ["coin" in table.texts[text] for text in table.description]
    assert sum(told) == (maze.goal_kind == "coin")
    if maze.goal_kind == "coin":
        assert table.admissible[told, table.command_index["take coin"]].all()


@given(mazes())
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


def test_a_small_part_of_many_possible_states_is_found_without_looking_at_all():
    recipe = Recipe(rooms=12, locks=2, doors=2, things=3, gates=1, cycle=3)
    maze = make_maze(recipe, "train", 0)
    table = maze_table(maze)
    assert len(table.terminal) == len(fewest_commands(maze, table.commands))


def test_a_maze_with_too_many_states_is_refused_in_a_sentence():
    recipe = Recipe(rooms=1000, locks=3, doors=3, things=4, gates=1, cycle=12, frame="egocentric")
    with pytest.raises(GameError, match="too many states for a table"):
        maze_table(make_maze(recipe, "train", 0))


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
