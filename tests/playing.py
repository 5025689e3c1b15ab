"""Games that a learner plays and learns from, for the tests of learners."""

from textmaze.env.rollout import rollout


def played(learner, game, seeds, slots=1):
    """Let it play and learn; the records of each round."""
    rounds = []
    for records in rollout(game, learner, seeds, split="train", slots=slots):
        learner.learn(records)
        rounds.append(records)
    return rounds
