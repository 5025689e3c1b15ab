"""Topologies: whatever is drawn is a sound map, and drawn from the generator in the one portable way."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textmaze.game.layout import DIRECTIONS, OPPOSITE, STEPS, TOPOLOGIES, lay_out, steps_from

some_layouts = st.builds(
    lambda topology, rooms, loops, seed: lay_out(topology, rooms, loops, random.Random(seed)),
    st.sampled_from(sorted(TOPOLOGIES)),
    st.integers(2, 60),
    st.floats(0, 1),
    st.integers(0, 10**6),
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


def test_the_opposite_of_a_direction_stands_half_the_way_round():
    for way, direction in enumerate(DIRECTIONS):
        back = DIRECTIONS.index(OPPOSITE[direction])
        assert back == (way + 2) % 4
        assert STEPS[back] == (-STEPS[way][0], -STEPS[way][1])


@given(some_layouts)
@settings(deadline=None, max_examples=60)
def test_every_passage_leads_to_the_neighbour_on_the_grid_and_back(layout):
    assert len(set(layout.places)) == len(layout.places) == len(layout.exits)
    for room, exits in enumerate(layout.exits):
        for way, other in enumerate(exits):
            if other >= 0:
                (x, y), (dx, dy) = layout.places[room], STEPS[way]
                assert layout.places[other] == (x + dx, y + dy)
                assert layout.exits[other][(way + 2) % 4] == room


@given(some_layouts)
@settings(deadline=None, max_examples=60)
def test_every_room_can_be_reached_and_the_goal_is_elsewhere_than_the_start(layout):
    assert reached(layout) == set(range(len(layout.places)))
    assert layout.goal != layout.start


@given(st.sampled_from(sorted(TOPOLOGIES)), st.integers(2, 200), st.integers())
@settings(deadline=None, max_examples=40)
def test_there_are_as_many_rooms_as_asked_for_and_without_loops_they_form_a_tree(topology, rooms, seed):
    layout = lay_out(topology, rooms, 0.0, random.Random(seed))
    assert len(layout.places) == rooms
    assert len(passages(layout)) == rooms - 1


@given(st.integers(2, 60), st.integers())
@settings(deadline=None, max_examples=20)
def test_with_all_loops_a_grid_has_no_wall_between_neighbours(rooms, seed):
    layout = lay_out("grid", rooms, 1.0, random.Random(seed))
    room_at = {place: room for room, place in enumerate(layout.places)}
    for (x, y), room in room_at.items():
        expected = tuple(room_at.get((x + dx, y + dy), -1) for dx, dy in STEPS)
        assert layout.exits[room] == expected


@given(st.integers(2, 60), st.floats(0, 1), st.integers())
@settings(deadline=None, max_examples=40)
def test_the_goal_of_a_grid_lies_in_the_farther_half(rooms, loops, seed):
    layout = lay_out("grid", rooms, loops, random.Random(seed))
    steps = steps_from(layout.start, layout.exits)
    assert 2 * steps[layout.goal] >= max(steps)


@given(st.integers(2, 60), st.integers())
@settings(deadline=None, max_examples=40)
def test_a_corridor_is_a_chain_from_the_start_to_the_goal(rooms, seed):
    layout = lay_out("corridor", rooms, 0.0, random.Random(seed))
    ends = [room for room, exits in enumerate(layout.exits) if sum(other >= 0 for other in exits) == 1]
    assert sorted(ends) == sorted({layout.start, layout.goal})
    assert steps_from(layout.start, layout.exits)[layout.goal] == rooms - 1


def test_a_room_that_no_way_leads_to_has_no_number_of_steps():
    assert steps_from(0, [(-1, 1, -1, -1), (-1, -1, -1, 0), (-1, -1, -1, -1)]) == [0, 1, -1]


class OnlyRandom:
    """A generator that has nothing but `random()`: the rest of Python's draws otherwise in other versions."""

    def __init__(self, seed):
        self.random = random.Random(seed).random


@pytest.mark.parametrize("topology", sorted(TOPOLOGIES))
def test_only_the_portable_part_of_the_generator_is_used(topology):
    assert lay_out(topology, 20, 0.3, OnlyRandom(5)) == lay_out(topology, 20, 0.3, random.Random(5))
