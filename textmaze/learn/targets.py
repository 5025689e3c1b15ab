"""What a value should become: TD targets as pure functions on tensors.

Shapes: B transitions; next values are (B, A), of commands or of plans, with -inf where there is none. `discount` (B,)
is gamma to the number of steps that the reward sums up, and 0 where the game was won or lost: an episode that was
merely cut off goes on in theory, so its target bootstraps.
"""

from collections.abc import Sequence

import torch


def q_learning(reward: torch.Tensor, discount: torch.Tensor, next_values: torch.Tensor) -> torch.Tensor:
    """r + gamma max_a Q'(s', a) (Watkins 1989). Returns (B,)."""
    return reward + discount * _or_zero(next_values.max(1).values)


def double_q(
    reward: torch.Tensor, discount: torch.Tensor, next_values: torch.Tensor, online_values: torch.Tensor
) -> torch.Tensor:
    """r + gamma Q'(s', argmax_a Q(s', a)) (van Hasselt, Guez and Silver 2016). Returns (B,)."""
    best = online_values.argmax(1, keepdim=True)
    return reward + discount * _or_zero(next_values.gather(1, best).squeeze(1))


def sarsa(
    reward: torch.Tensor, discount: torch.Tensor, next_values: torch.Tensor, next_choice: torch.Tensor
) -> torch.Tensor:
    """r + gamma Q'(s', a') with what was chosen there (Rummery and Niranjan 1994). Returns (B,)."""
    return reward + discount * _or_zero(next_values.gather(1, next_choice.unsqueeze(1)).squeeze(1))


def expected_sarsa(
    reward: torch.Tensor, discount: torch.Tensor, next_values: torch.Tensor, epsilon: float
) -> torch.Tensor:
    """r + gamma E_a' Q'(s', a') under the epsilon-greedy policy (van Seijen et al. 2009). Returns (B,)."""
    known = next_values.isfinite()
    mean = next_values.masked_fill(~known, 0.0).sum(1) / known.sum(1).clamp(min=1)
    return reward + discount * ((1 - epsilon) * _or_zero(next_values.max(1).values) + epsilon * mean)


def n_step(rewards: Sequence[float], gamma: float) -> tuple[float, float]:
    """r_1 + gamma r_2 + ... + gamma^(n-1) r_n, and gamma^n: what a transition over n steps brings, and how much of what
    follows it counts (Sutton 1988). Whatever follows is valued by one of the targets above.
    """
    total, discount = 0.0, 1.0
    for reward in rewards:
        total += discount * reward
        discount *= gamma
    return total, discount


def _or_zero(values: torch.Tensor) -> torch.Tensor:
    """0 for a state without commands; -inf times a discount of 0 would be nan."""
    return values.masked_fill(~values.isfinite(), 0.0)
