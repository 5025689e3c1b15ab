"""Topologies: whatever is drawn is a sound map, and drawn from the generator in the one portable way."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textmaze.game.layout import BACK, OPPOSITE, STEPS, TOPOLOGIES, WAYS, lay_out, steps_from
from textmaze.game.recipe import Recipe

SPACIOUS = ("grid", "planar")


def drawn(topology, rooms, seed, **settings):
    return lay_out(Recipe(topology=topology, rooms=rooms, **settings), random.Random(seed))


some_layouts = st.one_of(
    st.builds(
        lambda topology, rooms, loops, floors, seed: drawn(topology, rooms, seed, loops=loops, floors=floors),
        st.sampled_from(SPACIOUS), st.integers(2, 60), st.floats(0, 1), st.integers(1, 4), st.integers(0, 10**6),
    ),
    st.builds(
        lambda topology, rooms, branches, seed: drawn(topology, rooms, seed, branches=branches),
        st.sampled_from(["tree", "corridor"]), st.integers(2, 60), st.integers(0, 2), st.integers(0, 10**6),
    ),
)


def passages(layout):
    return {
        frozenset((room, other)) for room, exits in enumerate(layout.exits) for other in exits if other >= 0
    }


def reached(layout):
    """The rooms that a walker marks who goes everywhere he can: depth first, unlike the code's own search."""
    marked, stack = set(), [layout.start]
    while stack:
        room = stack.pop()
        if room not in marked:
            marked.add(room)
            stack.extend(other for other in layout.exits[room] if other >= 0)
    return marked


def test_the_way_back_undoes_a_way():
    for way, name in enumerate(WAYS):
        assert OPPOSITE[OPPOSITE[name]] == name
        assert STEPS[BACK[way]] == tuple(-step for step in STEPS[way])
        assert way >= 4 or BACK[way] == (way + 2) % 4


@given(some_layouts)
@settings(deadline=None, max_examples=80)
def test_every_passage_leads_to_the_neighbour_in_space_and_back(layout):
    assert len(set(layout.places)) == len(layout.places) == len(layout.exits)
    for room, exits in enumerate(layout.exits):
        for way, other in enumerate(exits):
            if other >= 0:
                there = tuple(map(sum, zip(layout.places[room], STEPS[way], strict=True)))
                assert layout.places[other] == there
                assert layout.exits[other][BACK[way]] == room


@given(some_layouts)
@settings(deadline=None, max_examples=60)
def test_every_room_can_be_reached_and_the_goal_is_elsewhere_than_the_start(layout):
    assert reached(layout) == set(range(len(layout.places)))
    assert layout.goal != layout.start


@given(st.sampled_from(sorted(TOPOLOGIES)), st.integers(2, 200), st.integers())
@settings(deadline=None, max_examples=60)
def test_there_are_as_many_rooms_as_asked_for_and_without_loops_they_form_a_tree(topology, rooms, seed):
    layout = drawn(topology, rooms, seed)
    assert len(layout.places) == rooms
    assert len(passages(layout)) == rooms - 1


@given(st.sampled_from(SPACIOUS), st.integers(2, 60), st.integers(1, 3), st.integers())
@settings(deadline=None, max_examples=30)
def test_with_all_loops_there_is_no_wall_between_neighbours_on_a_floor(topology, rooms, floors, seed):
    layout = drawn(topology, rooms, seed, loops=1.0, floors=floors)
    room_at = {place: room for room, place in enumerate(layout.places)}
    for (x, y, z), room in room_at.items():
        expected = tuple(room_at.get((x + dx, y + dy, z), -1) for dx, dy, _ in STEPS[:4])
        assert layout.exits[room][:4] == expected


@given(st.sampled_from(SPACIOUS), st.integers(2, 60), st.floats(0, 1), st.integers())
@settings(deadline=None, max_examples=40)
def test_the_goal_of_a_spacious_maze_lies_in_the_farther_half(topology, rooms, loops, seed):
    layout = drawn(topology, rooms, seed, loops=loops)
    steps = steps_from(layout.start, layout.exits)
    assert 2 * steps[layout.goal] >= max(steps)


@given(st.integers(2, 60), st.integers())
@settings(deadline=None, max_examples=40)
def test_a_corridor_is_a_chain_from_the_start_to_the_goal(rooms, seed):
    layout = drawn("corridor", rooms, seed)
    ends = [room for room, exits in enumerate(layout.exits) if sum(other >= 0 for other in exits) == 1]
    assert sorted(ends) == sorted({layout.start, layout.goal})
    assert steps_from(layout.start, layout.exits)[layout.goal] == rooms - 1


@pytest.mark.parametrize("branches", [0, 1, 2])
def test_a_tree_is_a_chain_with_as_many_dead_ends_as_asked_for(branches):
    for seed in range(20):
        layout = drawn("tree", 10 * (1 + branches), seed, branches=branches)
        assert steps_from(layout.start, layout.exits)[layout.goal] == 9
        assert sum(other >= 0 for other in layout.exits[layout.goal]) == 1


def test_floors_are_joined_by_few_stairs_and_all_are_used():
    for seed in range(20):
        layout = drawn("grid", 48, seed, floors=4)
        assert {z for _, _, z in layout.places} == {0, 1, 2, 3}
        stairs = sum(exits[4] >= 0 for exits in layout.exits)
        assert 3 <= stairs <= 20


@given(st.integers(4, 40), st.floats(0.1, 1), st.integers())
@settings(deadline=None, max_examples=60)
def test_one_way_passages_cut_off_no_room_and_make_no_trap(rooms, share, seed):
    layout = drawn("grid", rooms, seed, loops=0.5, one_way=share)
    assert reached(layout) == set(range(rooms))
    for room in range(rooms):
        assert min(steps_from(room, layout.exits)) >= 0


def test_one_way_passages_are_as_many_as_asked_for_where_there_is_space():
    layout = drawn("grid", 100, 1, loops=1.0, one_way=0.2)
    single = [(room, way) for room, exits in enumerate(layout.exits) for way, other in enumerate(exits)
              if other >= 0 and layout.exits[other][BACK[way]] < 0]
    assert len(single) == round(0.2 * 180)


def test_a_room_that_no_way_leads_to_has_no_number_of_steps():
    assert steps_from(0, [(-1, 1, -1, -1), (-1, -1, -1, 0), (-1, -1, -1, -1)]) == [0, 1, -1]


class OnlyRandom:
    """A generator that has nothing but `random()`: the rest of Python's draws otherwise in other versions."""

    def __init__(self, seed):
        self.random = random.Random(seed).random


@pytest.mark.parametrize("topology", sorted(TOPOLOGIES))
def test_only_the_portable_part_of_the_generator_is_used(topology):
    loops = 0.3 if topology in SPACIOUS else 0.0
    recipe = Recipe(topology=topology, rooms=20, loops=loops, one_way=loops)
    assert lay_out(recipe, OnlyRandom(5)) == lay_out(recipe, random.Random(5))
