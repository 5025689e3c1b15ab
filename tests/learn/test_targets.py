"""TD targets on a chain that is small enough to compute by hand.

Three transitions, gamma 0.5. The first goes on to a state with three commands, the second to one with a single command
(the rest is padding), the third has won. Next values, and what the online network thinks of the same commands:

    row  reward  discount  next values        online values      chosen there
    0    1       0.5       2, 4, 3            9, 1, 2            2
    1    0       0.5       -6, -inf, -inf     -1, -inf, -inf     0
    2    1       0         -inf, -inf, -inf   -inf, -inf, -inf   1
"""

import pytest
import torch

from textmaze.learn import targets

INF = float("inf")
REWARD = torch.tensor([1.0, 0.0, 1.0])
DISCOUNT = torch.tensor([0.5, 0.5, 0.0])
NEXT = torch.tensor([[2.0, 4.0, 3.0], [-6.0, -INF, -INF], [-INF, -INF, -INF]])
ONLINE = torch.tensor([[9.0, 1.0, 2.0], [-1.0, -INF, -INF], [-INF, -INF, -INF]])
CHOICE = torch.tensor([2, 0, 1])


def test_q_learning_takes_the_highest_next_value():
    assert targets.q_learning(REWARD, DISCOUNT, NEXT).tolist() == [1 + 0.5 * 4, 0.5 * -6, 1]


def test_double_q_takes_the_slow_value_of_the_command_that_the_online_network_likes_best():
    assert targets.double_q(REWARD, DISCOUNT, NEXT, ONLINE).tolist() == [1 + 0.5 * 2, 0.5 * -6, 1]


def test_sarsa_takes_the_value_of_the_command_that_was_given():
    assert targets.sarsa(REWARD, DISCOUNT, NEXT, CHOICE).tolist() == [1 + 0.5 * 3, 0.5 * -6, 1]


def test_expected_sarsa_weighs_the_best_command_and_the_mean_of_the_real_ones():
    values = targets.expected_sarsa(REWARD, DISCOUNT, NEXT, 0.2)
    assert values.tolist() == pytest.approx([1 + 0.5 * (0.8 * 4 + 0.2 * 3), 0.5 * -6, 1])


def test_expected_sarsa_without_exploration_is_q_learning():
    assert torch.equal(targets.expected_sarsa(REWARD, DISCOUNT, NEXT, 0.0), targets.q_learning(REWARD, DISCOUNT, NEXT))


def test_expected_sarsa_under_chance_alone_is_the_mean():
    assert targets.expected_sarsa(REWARD, DISCOUNT, NEXT, 1.0).tolist() == pytest.approx([1 + 0.5 * 3, 0.5 * -6, 1])


EVERY = {
    "q_learning": lambda r, d, n: targets.q_learning(r, d, n),
    "double_q": lambda r, d, n: targets.double_q(r, d, n, n),
    "sarsa": lambda r, d, n: targets.sarsa(r, d, n, torch.zeros(len(r), dtype=torch.int64)),
    "expected_sarsa": lambda r, d, n: targets.expected_sarsa(r, d, n, 0.3),
}


@pytest.mark.parametrize("name", EVERY)
def test_a_won_game_is_worth_its_reward_alone_whatever_stands_where_the_next_state_would(name):
    junk = torch.tensor([[7.0, -INF], [-INF, -INF]])
    assert EVERY[name](torch.ones(2), torch.zeros(2), junk).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("name", EVERY)
def test_an_episode_that_was_cut_off_bootstraps_like_any_other_step(name):
    """Only the discount tells the ends apart: gamma here, 0 after a win."""
    target = EVERY[name](torch.tensor([0.25]), torch.tensor([0.5]), torch.tensor([[3.0, -INF]]))
    assert target.tolist() == [0.25 + 0.5 * 3]


@pytest.mark.parametrize("name", EVERY)
def test_padding_beside_negative_values_changes_nothing(name):
    values = torch.tensor([[-5.0, -7.0]])
    padded = torch.cat([values, torch.full((1, 3), -INF)], dim=1)
    reward, discount = torch.tensor([0.0]), torch.tensor([0.9])
    torch.testing.assert_close(EVERY[name](reward, discount, padded), EVERY[name](reward, discount, values))


def test_q_learning_on_a_corridor_of_three_rooms_finds_gamma_to_the_distance():
    """Rooms 0 - 1 - 2, the exit beyond 2: commands back and on. Sweeping the targets must end at gamma^(d - 1)."""
    follows = torch.tensor([[0, 1], [0, 2], [1, 2]])
    reward = torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    discount = torch.full((3, 2), 0.9)
    discount[2, 1] = 0.0
    values = torch.zeros(3, 2)
    for _ in range(20):
        new = targets.q_learning(reward.ravel(), discount.ravel(), values[follows.ravel()])
        values = new.reshape(3, 2)
    expected = [[0.9**3, 0.9**2], [0.9**3, 0.9], [0.9**2, 1.0]]
    torch.testing.assert_close(values, torch.tensor(expected))
