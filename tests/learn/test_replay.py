"""Replay: what goes in comes out, the oldest leaves first, and chance is seeded and as it should be."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textmaze.learn.belief import Clues
from textmaze.learn.qhead import PLAN_COLUMNS, STATE_PARTS
from textmaze.learn.recurrence import Moment
from textmaze.learn.replay import (
    PRIORITY_CORRECTION,
    PRIORITY_POWER,
    SAMPLING,
    SMALLEST_PRIORITY,
    SOLVED_SHARE,
    Decision,
    Replay,
    gathered,
)

WIDTH = 3


def decision(first, commands=2, choice=0, *, more=0, expected=False, moment=None, clues=False):
    """A state whose texts are numbered from `first`, with a plan a command and some `more` for the last one. Of these
    the last is followed where that command was chosen."""
    count = commands + more
    numbers = 100 * first + np.arange(count * len(PLAN_COLUMNS)).reshape(count, -1)
    begins = np.minimum(np.arange(count), commands - 1)
    state = np.arange(first, first + len(STATE_PARTS))
    told = np.full(count, first, dtype=np.float32) if expected else None
    followed = count - 1 if choice == commands - 1 else choice
    about = None
    if clues:  # one for the first plan, two for the next, none for the third
        which = np.array([0, 1, 1][: 2 * count - 1])
        about = Clues(first + np.arange(len(which)), which, np.zeros(count, dtype=np.int64), np.arange(count))
    return Decision(state, numbers, begins, followed, told, moment, about)


def filled(count, capacity=8, sampling="uniform"):
    replay = Replay(capacity, sampling)
    for i in range(count):
        replay.add(decision(i), float(i), 0.9, decision(i + 1))
    return replay


def frequencies(replay, draws=20_000, seed=0):
    """How often each row is drawn, and the batch."""
    batch = replay.sample(draws, np.random.default_rng(seed))
    return np.bincount(batch.rows, minlength=replay.size) / draws, batch


def test_a_transition_comes_back_as_it_was_added_with_the_plan_alone_that_was_followed():
    before, after = decision(10, 3, choice=2, more=2, expected=True), decision(20, 2, choice=1, expected=True)
    replay = Replay(4)
    assert replay.add(before, 0.5, 0.9, after) == 0
    batch = replay.sample(1, np.random.default_rng(0))
    assert batch.states.state.tolist() == [before.state.tolist()]
    assert batch.states.plans.tolist() == before.plans[[4]].tolist()
    assert batch.states.first.tolist() == [2]
    assert batch.states.owner.tolist() == [0]
    assert batch.states.expected.tolist() == [10]
    assert batch.next_states.plans.tolist() == after.plans.tolist()
    assert batch.next_states.first.tolist() == [0, 1]
    assert batch.next_plan.tolist() == [after.plan]
    assert batch.reward.tolist() == [0.5]
    assert batch.discount.tolist() == [np.float32(0.9)]
    assert batch.weight.tolist() == [1.0]


def test_several_transitions_stand_one_after_the_other_each_with_its_owner():
    replay = filled(5)
    batch = replay.sample(30, np.random.default_rng(0))
    np.testing.assert_array_equal(batch.states.owner, np.arange(30))  # one plan is left of each
    np.testing.assert_array_equal(batch.states.state[:, 0], batch.rows)
    np.testing.assert_array_equal(batch.reward, batch.rows)
    np.testing.assert_array_equal(batch.next_states.owner, np.repeat(np.arange(30), 2))
    np.testing.assert_array_equal(batch.next_states.state[:, 0], batch.rows + 1)


def test_after_the_end_of_a_game_nothing_counts_even_in_a_used_row():
    replay = Replay(1)
    replay.add(decision(1), 0.0, 0.9, decision(2))
    replay.solve([0])
    assert replay.add(decision(3), 1.0, 0.9, None) == 0
    batch = replay.sample(1, np.random.default_rng(0))
    assert batch.states.state[0, 0] == 3
    assert batch.discount.tolist() == [0.0]
    assert len(batch.next_states.first) > batch.next_plan[0] >= 0  # so that its value can be looked up, times 0
    assert not replay.solved[0]


def test_the_ring_forgets_the_oldest_first():
    replay = filled(11, capacity=8)
    assert replay.size == 8
    assert sorted(replay.reward.tolist()) == list(range(3, 11))
    _, batch = frequencies(replay, 500)
    assert set(batch.states.state[:, 0].tolist()) == set(range(3, 11))
    assert replay.add(decision(99), 0.0, 0.9, None) == 3


@pytest.mark.parametrize("sampling", SAMPLING)
def test_sampling_is_seeded_and_reaches_every_transition(sampling):
    replay = filled(5, capacity=100, sampling=sampling)
    one, same, other = (replay.sample(200, np.random.default_rng(seed)).rows.tolist() for seed in (3, 3, 4))
    assert one == same
    assert one != other
    assert set(one) == {0, 1, 2, 3, 4}


def test_any_transition_is_as_likely_as_another_where_sampling_is_uniform():
    replay = filled(5)
    replay.learned(np.arange(5), np.array([1.0, 9.0, 0.0, 3.0, 100.0]))
    replay.solve([2])
    found, batch = frequencies(replay)
    np.testing.assert_allclose(found, 0.2, atol=0.02)
    assert set(batch.weight.tolist()) == {1.0}


def test_by_priority_a_transition_is_drawn_in_proportion_to_a_power_of_its_error_and_weighed_against_it():
    replay = filled(4, sampling="prioritised")
    errors = np.array([0.5, -2.0, 8.0, 0.0])
    replay.learned(np.arange(4), errors)
    power = (np.abs(errors) + SMALLEST_PRIORITY) ** PRIORITY_POWER
    chance = power / power.sum()
    found, batch = frequencies(replay)
    np.testing.assert_allclose(found, chance, atol=0.02)
    weight = (4 * chance[batch.rows]) ** -PRIORITY_CORRECTION
    np.testing.assert_allclose(batch.weight, weight / weight.max(), rtol=1e-5)
    assert batch.weight.max() == 1.0


def test_what_is_new_has_the_highest_priority_so_far():
    replay = filled(3, sampling="prioritised")
    replay.learned(np.arange(3), np.array([0.5, 7.0, 0.1]))
    at = replay.add(decision(9), 0.0, 0.9, None)
    assert replay.priority[at] == replay.priority[1]


def test_half_of_a_batch_is_from_games_that_were_won_where_there_are_any():
    replay = filled(8, sampling="solved")
    uniform, _ = frequencies(replay)
    np.testing.assert_allclose(uniform, 1 / 8, atol=0.02)
    replay.solve([1, 6])
    found, batch = frequencies(replay)
    expected = np.full(8, (1 - SOLVED_SHARE) / 8)
    expected[[1, 6]] += SOLVED_SHARE / 2
    np.testing.assert_allclose(found, expected, atol=0.02)
    assert set(batch.weight.tolist()) == {1.0}


def test_an_episode_longer_than_the_replay_can_be_won():
    replay = Replay(3, "solved")
    rows = [replay.add(decision(i), 0.0, 0.9, None) for i in range(7)]
    replay.solve(rows)
    assert replay.solved.all()


def test_a_sample_is_a_copy():
    replay = filled(1, capacity=1)
    batch = replay.sample(1, np.random.default_rng(0))
    replay.add(decision(70), 9.0, 0.9, None)
    assert batch.reward.tolist() == [0.0]
    assert batch.states.state[0, 0] == 0


def episode(count):
    """Decisions of one episode for a head with a memory."""
    moment, found = None, []
    for number in range(count):
        moment = Moment(number, 50 + number, np.full(WIDTH, number, dtype=np.float32), moment)
        found.append(decision(number, moment=moment))
    return found


def test_a_batch_looks_back_on_the_steps_before():
    decisions = episode(5)
    past = gathered(decisions[3:], length=3).past
    assert past.descriptions.T.tolist() == [[1, 2, 3], [2, 3, 4]]
    assert past.before[:, 0].tolist() == [1, 2]
    replay = Replay(8)
    replay.add(decisions[3], 0.0, 0.9, decisions[4])
    batch = replay.sample(2, np.random.default_rng(0))
    assert batch.states.past.descriptions[-4:].T.tolist() == [[0, 1, 2, 3]] * 2
    assert batch.next_states.past.descriptions[-5:].T.tolist() == [[0, 1, 2, 3, 4]] * 2


def same(one, two):
    """Whether two batches are the same."""
    def arrays(batch):
        for states in (batch.states, batch.next_states):
            yield from (states.state, states.plans, states.first, states.owner)
            yield from () if states.expected is None else (states.expected,)
            yield from (getattr(states.clues, name) for name in ("told", "plan", "owner", "asked") if states.clues)
        yield from (batch.reward, batch.discount, batch.next_plan, batch.weight, batch.rows)
    return all(np.array_equal(a, b) for a, b in zip(arrays(one), arrays(two), strict=True))


def copied(replay):
    """Its state as it comes from a file, which can be read-only."""
    arrays = {name: values.copy() for name, values in replay.state().items()}
    for values in arrays.values():
        values.setflags(write=False)
    return arrays


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 4), st.integers(0, 3), st.booleans()), max_size=12),
       st.sampled_from(SAMPLING), st.booleans(), st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_restored_replay_goes_on_like_the_one_it_came_from(transitions, sampling, expected, clues):
    old, new = Replay(7, sampling), Replay(7, sampling)
    last = decision(0, expected=expected, clues=clues)
    for number, commands, more, ended in transitions:
        following = decision(number, commands, commands - 1, more=more, expected=expected, clues=clues)
        at = old.add(last, float(number), 0.9, None if ended else following)
        if number % 3 == 0:
            old.solve([at])
        last = following
    if old.size:
        old.learned(np.arange(old.size), np.arange(old.size) - 2.0)
    new.restore(copied(old), old.next)
    assert (new.size, new.next) == (old.size, old.next)
    for replay in (old, new):
        replay.add(decision(30, 3, expected=expected, clues=clues), 2.0, 0.9, None)
    assert same(*(replay.sample(20, np.random.default_rng(1)) for replay in (old, new)))
    assert all(np.array_equal(a, b) for a, b in zip(old.state().values(), new.state().values(), strict=True))


def test_a_decision_that_ends_one_step_and_begins_another_is_kept_once():
    replay, decisions = Replay(8), [decision(i) for i in range(5)]
    for before, after in itertools.pairwise(decisions):
        replay.add(before, 0.0, 0.9, after)
    assert len(replay.state()["state"]) == 5


def test_restored_moments_stand_on_the_memory_that_was_stored_with_them():
    old, new, decisions = Replay(8), Replay(8), episode(4)
    for before, after in zip(decisions, [*decisions[1:], None], strict=True):
        old.add(before, 0.0, 0.9, after)
    new.restore(copied(old), old.next)
    batch = new.sample(50, np.random.default_rng(0))
    past = batch.states.past
    assert (past.descriptions[:-1] == -1).all()
    np.testing.assert_array_equal(past.descriptions[-1], batch.rows)
    np.testing.assert_array_equal(past.commands[-1], batch.rows + 50)
    np.testing.assert_array_equal(past.before[:, 0], batch.rows)
    again = new.state()
    assert all(np.array_equal(again[name], values) for name, values in old.state().items())


@pytest.mark.parametrize(("capacity", "following"), [(2, 0), (8, 8), (8, -1)])
def test_a_replay_that_says_it_holds_what_it_cannot_is_refused(capacity, following):
    old = filled(3)
    with pytest.raises(ValueError, match="replay"):
        Replay(capacity).restore(old.state(), following)


@pytest.mark.parametrize(("name", "change"), [
    ("pairs", lambda a: a + 100), ("pairs", lambda a: a - 5), ("counts", lambda a: a + 1),
    ("plan", lambda a: a + 2), ("plan", lambda a: a - 1),
    ("plan", lambda a: a[:1]), ("state", lambda a: a[:, :1]), ("plans", lambda a: a[:3]), ("first", lambda a: a[:3]),
    ("first", lambda a: a - 9), ("reward", lambda a: a[:1]), ("plans", lambda a: a - 10**6),
    ("priority", lambda a: a * np.nan),
])
def test_a_damaged_replay_is_refused_before_anything_is_learned_from_it(name, change):
    old = filled(5)
    arrays = old.state()
    arrays[name] = change(arrays[name])
    new = Replay(8)
    with pytest.raises((ValueError, LookupError)):
        new.restore(arrays, old.next)
    assert new.size == 0


def test_the_clues_of_all_plans_are_kept_where_one_alone_was_followed():
    replay = Replay(4)
    replay.add(decision(10, 3, choice=2, clues=True), 0.5, 0.9, decision(20, 2, clues=True))
    batch = replay.sample(2, np.random.default_rng(0))
    own, after = batch.states.clues, batch.next_states.clues
    assert (own.told.tolist(), own.plan.tolist()) == ([10, 11, 12] * 2, [0, 1, 1, 3, 4, 4])
    assert (own.owner.tolist(), own.asked.tolist()) == ([0, 0, 0, 1, 1, 1], [2, 5])
    assert (after.told.tolist(), after.asked.tolist()) == ([20, 21, 22] * 2, [0, 1, 2, 3])


@pytest.mark.parametrize(("name", "change"), [
    ("clues", lambda a: a[:-1]), ("clues", lambda a: a[:, :1]), ("clues", lambda a: a + np.array([0, 3])),
    ("clues", lambda a: a - 10**6), ("clue_counts", lambda a: a[:-1]), ("clue_counts", lambda a: a + 1),
    ("clue_counts", lambda a: a - 4),
])
def test_damaged_clues_are_refused(name, change):
    old = Replay(8)
    for i in range(5):
        old.add(decision(i, clues=True), float(i), 0.9, decision(i + 1, clues=True))
    arrays = old.state()
    Replay(8).restore(arrays, old.next)
    arrays[name] = change(arrays[name])
    with pytest.raises((ValueError, LookupError)):
        Replay(8).restore(arrays, old.next)
