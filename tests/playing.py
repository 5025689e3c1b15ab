"""Games that a learner plays and learns from, for the tests of learners."""

import torch

from textmaze.env.rollout import rollout


def played(learner, game, seeds, slots=1):
    """Let it play and learn; the records of each round."""
    rounds = []
    for records in rollout(game, learner, seeds, split="train", slots=slots):
        learner.learn(records)
        rounds.append(records)
    return rounds


def assert_same_state(learner, other):
    """Whatever a checkpoint would hold of the one, it would hold of the other."""
    (plain, tensors), (also, same) = learner.state(), other.state()
    assert plain == also
    assert tensors.keys() == same.keys()
    assert all(torch.equal(tensors[name], same[name]) for name in tensors)
