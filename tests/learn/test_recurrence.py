"""The memory that is learned: what it looks back on, and that a stored state stands for what lay before."""

import numpy as np
import pytest
import torch

from textmaze.learn.recurrence import Moment, Recurrence, recalled

WIDTH = 5


def episode(steps, seed=0):
    """The moments of an episode: step i read text i, after command 100 + i."""
    rng = np.random.default_rng(seed)
    moments, previous = [], None
    for number in range(steps):
        before = rng.standard_normal(WIDTH).astype(np.float32)
        previous = Moment(number, 100 + number, before, previous)
        moments.append(previous)
    return moments


def test_the_last_steps_are_recalled_oldest_first_and_padded_before_the_first():
    moments = episode(6)
    past = recalled([moments[1], moments[5], moments[0]], length=4)
    assert past.descriptions.T.tolist() == [[-1, -1, 0, 1], [2, 3, 4, 5], [-1, -1, -1, 0]]
    assert past.commands.T.tolist() == [[-1, -1, 100, 101], [102, 103, 104, 105], [-1, -1, -1, 100]]
    expected = [moments[0].before, moments[2].before, moments[0].before]
    np.testing.assert_array_equal(past.before.numpy(), np.stack(expected))


def test_the_episode_that_is_just_as_long_is_recalled_whole():
    past = recalled(episode(4)[-1:], length=4)
    assert past.descriptions.T.tolist() == [[0, 1, 2, 3]]


def test_a_moment_whose_past_was_left_out_stands_on_its_own():
    moment = episode(3)[-1]
    alone = Moment(moment.description, moment.command, moment.before, None)
    past = recalled([alone], length=3)
    assert past.descriptions.T.tolist() == [[-1, -1, 2]]
    np.testing.assert_array_equal(past.before.numpy()[0], moment.before)


@pytest.fixture
def cell():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Recurrence(3, WIDTH)


def test_padding_changes_nothing(cell):
    steps, before = torch.randn(2, 1, 3), torch.randn(1, WIDTH)
    whole = cell(steps, torch.ones(2, 1, dtype=torch.bool), before)
    padded = cell(torch.cat([torch.full((3, 1, 3), 7.0), steps]), torch.tensor([[False]] * 3 + [[True]] * 2), before)
    torch.testing.assert_close(padded, whole)


def test_episodes_beside_one_another_do_not_touch(cell):
    steps, before = torch.randn(4, 6, 3), torch.randn(6, WIDTH)
    valid = torch.arange(4)[:, None] >= torch.tensor([0, 1, 2, 3, 0, 4])
    together = cell(steps, valid, before)
    for column in range(6):
        alone = cell(steps[:, [column]], valid[:, [column]], before[[column]])
        torch.testing.assert_close(together[[column]], alone)
    torch.testing.assert_close(together[5], before[5])  # nothing was read


def test_a_stored_state_gives_the_same_as_unrolling_from_the_beginning(cell):
    inputs = torch.randn(9, 3)
    state, moments, previous = torch.zeros(1, WIDTH), [], None
    for number, step in enumerate(inputs):
        previous = Moment(number, number, state[0].detach().numpy().copy(), previous)
        moments.append(previous)
        state = cell(step.view(1, 1, 3), torch.ones(1, 1, dtype=torch.bool), state)
    for length in (1, 4, 9, 12):
        past = recalled(moments[-1:], length)
        steps = inputs[np.maximum(past.descriptions[:, 0], 0)].unsqueeze(1)
        found = cell(steps, torch.from_numpy(past.descriptions >= 0), past.before)
        torch.testing.assert_close(found, state)
