"""Learners for tests: small ones, by hand, and what they have remembered."""

from textmaze.catalog import load_agent, load_game
from textmaze.env.rollout import rollout
from textmaze.learn.train import first_look

bert_q = load_agent("bert_q")
CORRIDOR = load_game("corridor")
LABYRINTH = load_game("labyrinth", {"rooms": 9, "max_steps": 20})
HINTS = load_game("signposts", {"rooms": 9, "max_steps": 60})
GAMMA = 0.5


def chosen(**changes):
    fast = {"encoder": "words", "hidden": 16, "batch": 32, "replay": 2000, "warmup": 2000, "learning_rate": 3e-3,
            "gamma": GAMMA, "novelty": 0.0, "scorer": "none", "updates": 1}
    return bert_q.Settings(**{**fast, **changes})


def look(game, count=8):
    """A first look at the training games: the places where they begin."""
    agent = bert_q.make(chosen())
    (records, *_) = rollout(game, agent, range(count), split="train", slots=count)
    return [record.before for record in records]


def ready(game=LABYRINTH, **changes):
    """A learner that has had its first look and acts by chance."""
    learner = bert_q.make_learner(chosen(**changes))
    learner.prepare(look(game))
    learner.schedule(0.0)
    return learner


def kept(learner):
    """What the replay holds, in the order of its coming: (decision, following or None, reward, discount, solved)."""
    replay = learner.replay
    assert replay.size < replay.capacity
    return [(before, after, replay.reward[row], replay.discount[row], replay.solved[row])
            for row, (before, after) in enumerate(zip(replay._decisions, replay._following, strict=True))]


def scouting(share=0.5, **changes):
    """A learner that scouts in games with hints, and has had its first look."""
    learner = bert_q.make_learner(chosen(scouting=share, **changes))
    learner.prepare(first_look(HINTS, 4))
    return learner


def rounds(learner, count, games=20, progress=0.0):
    """Play so many rounds of steps and learn from them, at one point of the training: the records, and the loss."""
    learner.schedule(progress)
    found = []
    for records in rollout(HINTS, learner, range(games), split="train", slots=4):
        found.append((records, learner.learn(records)))
        if len(found) == count:
            break
    return found
