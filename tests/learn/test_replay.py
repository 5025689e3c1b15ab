"""Replay: what goes in comes out, the oldest leaves first, and chance is seeded."""

import numpy as np
import pytest

from textmaze.learn.qhead import STATE_PARTS
from textmaze.learn.replay import Decision, Replay


def decision(first, commands=2, choice=0):
    """A state whose texts are numbered from `first`."""
    numbers = np.arange(commands)
    state = tuple(range(first, first + len(STATE_PARTS)))
    return Decision(state, first + 100 + numbers, first + 200 + numbers, choice)


def filled(count, capacity=8, commands=2):
    replay = Replay(capacity)
    for i in range(count):
        replay.add(decision(i, commands), float(i), 0.9, decision(i + 1, commands))
    return replay


def test_a_transition_comes_back_as_it_was_added():
    replay = Replay(4)
    replay.add(decision(10, 3, choice=2), 0.5, 0.9, decision(20, 2, choice=1))
    batch = replay.sample(1, np.random.default_rng(0))
    assert batch.states.state.tolist() == [[10, 11, 12]]
    assert batch.states.commands[0, :3].tolist() == [110, 111, 112]
    assert batch.states.notes[0, :3].tolist() == [210, 211, 212]
    assert batch.states.admissible.tolist() == [[True, True, True, False]]
    assert (batch.choice.tolist(), batch.next_choice.tolist()) == ([2], [1])
    assert batch.reward.tolist() == [0.5]
    assert batch.discount.tolist() == [np.float32(0.9)]
    assert batch.next_states.state.tolist() == [[20, 21, 22]]
    assert batch.next_states.commands[0, :2].tolist() == [120, 121]
    assert batch.next_states.admissible.tolist() == [[True, True, False, False]]


def test_padding_repeats_a_real_command_so_that_it_names_a_text_there_is():
    replay = filled(1)
    batch = replay.sample(1, np.random.default_rng(0))
    assert batch.states.commands[0].tolist() == [100, 101, 100, 100]
    assert batch.states.notes[0].tolist() == [200, 201, 200, 200]


def test_the_end_of_a_game_has_discount_0_and_no_next_commands_even_in_a_used_row():
    replay = Replay(1)
    replay.add(decision(1), 0.0, 0.9, decision(2))
    replay.add(decision(3), 1.0, 0.9, None)
    batch = replay.sample(1, np.random.default_rng(0))
    assert batch.states.state[0, 0] == 3
    assert batch.discount.tolist() == [0.0]
    assert not batch.next_states.admissible.any()


def test_the_ring_forgets_the_oldest_first():
    replay = filled(11, capacity=8)
    assert replay.size == 8
    assert sorted(replay.arrays["reward"].tolist()) == list(range(3, 11))


def test_a_state_with_more_commands_than_any_before_widens_the_arrays_and_keeps_what_they_hold():
    replay = filled(3, commands=3)
    before = {name: values.copy() for name, values in replay.arrays.items()}
    replay.add(decision(50, commands=9, choice=8), 1.0, 0.9, decision(60, commands=2))
    for name, old in before.items():
        kept = replay.arrays[name][:3][tuple(slice(0, n) for n in old[:3].shape)]
        np.testing.assert_array_equal(kept, old[:3])
    assert not replay.arrays["admissible"][:3, :, 3:].any()
    assert replay.arrays["admissible"][3, 0].all()
    assert replay.arrays["commands"][3, 0].tolist() == list(range(150, 159))
    assert replay.arrays["admissible"][3, 1].tolist() == [True] * 2 + [False] * 7


def test_the_next_state_may_be_the_wider_one():
    replay = filled(1)
    replay.add(decision(5), 0.0, 0.9, decision(6, commands=7, choice=6))
    assert replay.arrays["commands"][1, 1].tolist() == list(range(106, 113))
    assert replay.arrays["choice"][1, 1] == 6


def test_sampling_is_seeded_and_reaches_every_transition_and_no_empty_row():
    replay = filled(5, capacity=100)
    one, same = (replay.sample(200, np.random.default_rng(3)).reward for _ in range(2))
    other = replay.sample(200, np.random.default_rng(4)).reward
    np.testing.assert_array_equal(one, same)
    assert set(one.tolist()) == {0, 1, 2, 3, 4}
    assert one.tolist() != other.tolist()


def test_a_sample_is_a_copy():
    replay = filled(1, capacity=1)
    batch = replay.sample(1, np.random.default_rng(0))
    replay.add(decision(70), 9.0, 0.9, None)
    assert batch.reward.tolist() == [0.0]
    assert batch.states.state[0, 0] == 0


def test_a_restored_replay_goes_on_like_the_one_it_came_from():
    old, new = filled(11), Replay(8)
    frozen = {name: values.copy() for name, values in old.arrays.items()}
    for values in frozen.values():
        values.setflags(write=False)  # tensors from a file can be
    new.restore(frozen, old.size, old.next)
    for replay in (old, new):
        replay.add(decision(30, commands=6), 2.0, 0.9, None)
    one, two = (replay.sample(50, np.random.default_rng(1)) for replay in (old, new))
    np.testing.assert_array_equal(one.reward, two.reward)
    np.testing.assert_array_equal(one.states.commands, two.states.commands)
    np.testing.assert_array_equal(one.next_states.admissible, two.next_states.admissible)


def test_a_replay_of_another_capacity_is_refused():
    old = filled(3)
    with pytest.raises(ValueError, match="another capacity"):
        Replay(9).restore(old.arrays, old.size, old.next)


@pytest.mark.parametrize(("size", "following"), [(9, 0), (-1, 0), (3, 8), (3, -1)])
def test_a_replay_that_says_it_holds_what_it_cannot_is_refused(size, following):
    old = filled(3)
    with pytest.raises(ValueError, match="replay"):
        Replay(8).restore(old.arrays, size, following)
