"""Belief: Bayes' rule over all that was told on the map, and nothing that is not on it."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from textmaze.catalog import load_game, make_agent
from textmaze.env.rollout import rollout
from textmaze.learn.belief import LEAST, MOST_SURE, Clues, believed, steps_towards, together
from textmaze.learn.hindsight import turned_out
from textmaze.learn.notes import Map


def clues(plans):
    """Clues numbered from 0, of which each plan has so many."""
    ends = np.cumsum(plans)
    return Clues.of([range(end - count, end) for end, count in zip(ends, plans, strict=True)])


def chances(nearer, which):
    return believed(torch.tensor(nearer, dtype=torch.float32), which)[:, 0]


def test_what_is_told_of_one_way_alone_is_believed_as_far_as_it_is_foretold():
    # Foretold .5: so three in four ways like this lead nearer. Against a way that half of the time does, 3 : 1.
    assert chances([0.5, 0.0], clues([1, 1])).tolist() == pytest.approx([0.75, 0.25])
    assert chances([0.5], clues([1, 0])).tolist() == pytest.approx([0.75, 0.25])  # of which nothing is told


def test_two_rooms_that_agree_outvote_one():
    found = chances([0.8, 0.5, 0.5], clues([1, 2]))
    odds = (1.8 / 0.2) / (3 * 3)
    assert found.tolist() == pytest.approx([odds / (1 + odds), 1 / (1 + odds)])


@pytest.mark.parametrize("error", [0.05, 0.2, 0.4])
@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_posterior_where_hints_err_at_random(error, seed):
    """Rooms with three ways each, of which one leads to each of the plans; each way has a hint that errs."""
    rng = np.random.default_rng(seed)
    rooms, plans = 4, 5
    step = rng.integers(3, size=(rooms, plans))  # the way in each room that leads to each plan
    says = rng.choice([-1, 1], size=(rooms, 3))  # what the hint of each way says
    posterior = np.array([
        np.prod([1 - error if (says[room, way] == 1) == (step[room, plan] == way) else error
                 for room in range(rooms) for way in range(3)]) for plan in range(plans)])
    nearer = [says[room, step[room, plan]] * (1 - 2 * error) for plan in range(plans) for room in range(rooms)]
    assert chances(nearer, clues([rooms] * plans)).tolist() == pytest.approx(
        (posterior / posterior.sum()).tolist(), rel=1e-4)


@given(st.lists(st.lists(st.lists(st.floats(-1, 1), max_size=4), min_size=1, max_size=4), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_chances_are_finite_add_up_to_one_in_each_state_and_do_not_depend_on_the_states_beside_it(states):
    own = [clues([len(plan) for plan in state]) for state in states]
    apart = [believed(torch.tensor([v for plan in state for v in plan]), which)
             for state, which in zip(states, own, strict=True)]
    numbered = [Clues(which.told + 100 * row, which.plan, which.owner, which.asked) for row, which in enumerate(own)]
    joint = together(numbered)
    assert joint.told.tolist() == [number for which in numbered for number in which.told]
    found = believed(torch.tensor([v for state in states for plan in state for v in plan]), joint)
    assert torch.allclose(found, torch.cat(apart), atol=1e-6)
    assert found.isfinite().all()
    assert (found[:, 1] >= -1).all()
    sums = torch.zeros(len(states)).index_add(0, torch.from_numpy(joint.owner), found[:, 0])
    assert torch.allclose(sums, torch.ones(len(states)))


def test_only_what_is_asked_for_is_answered_but_all_plans_count():
    which = clues([1, 1, 1])
    nearer = torch.tensor([0.5, -0.5, 0.1])
    kept = np.array([False, True, True])
    assert torch.equal(believed(nearer, which.only(kept)), believed(nearer, which)[1:])
    assert torch.equal(believed(nearer, which.only(kept).only(np.array([False, True]))), believed(nearer, which)[2:])


def test_no_hint_is_thought_to_be_certain_and_what_is_out_of_the_question_is_all_the_same():
    sure, surer = (chances([value, 0.0], clues([1, 1])) for value in (MOST_SURE, 1.0))
    assert torch.equal(sure, surer)
    hopeless = believed(torch.tensor([1.0] * 9 + [-1.0] * 9 + [-1.0] * 8), clues([9, 9, 8]))
    assert hopeless[1:, 1].tolist() == [-1.0, -1.0]
    assert -LEAST > 1


def maps(game, seed):
    """The map after each step of an explorer."""
    memory = Map()
    for (record,) in rollout(game, make_agent("explorer", {}, 0)[1], [seed], split="train", slots=1):
        memory.read(record.before)
        yield memory.chart, record
        memory.give(record.command)


@pytest.mark.parametrize("frame", ["compass", "egocentric"])
def test_the_steps_towards_a_room_lead_there_by_shortest_known_ways(frame):
    for chart, _ in itertools.islice(maps(load_game("signposts", {"rooms": 12, "frame": frame}), 3), 12):
        towards = steps_towards(chart, [room for room, _, _ in chart.walks()])
        for goal, steps in towards.items():
            far = {goal: 0}
            for room, command in steps:  # nearest first
                target = room.ways[chart.way(command, room.facing)]
                far[room] = far[target] + 1
            assert len(far) == len(steps) + 1
            for room in far:
                others = [far[target] for target in room.ways.values() if target in far]
                assert room is goal or far[room] == 1 + min(others)


def test_the_step_to_the_goal_is_the_one_that_turns_out_to_lead_nearer():
    *_, (chart, last) = maps(load_game("signposts", {"loops": 0.0, "rooms": 12}), 5)
    assert last.won
    led = {(command, text) for ((command,), text), nearer in turned_out(chart) if nearer == 1}
    steps = {(command, room.description) for room, command in steps_towards(chart, [chart.room])[chart.room]}
    assert steps
    assert steps <= led


def test_nothing_leads_through_a_way_that_is_barred_now():
    *_, (chart, _) = maps(load_game("signposts", {"loops": 0.0, "rooms": 6}), 1)
    room, command = steps_towards(chart, [chart.room])[chart.room][0]
    room.commands = tuple(other for other in room.commands if other != command)
    assert room not in {before for before, _ in steps_towards(chart, [chart.room])[chart.room]}
