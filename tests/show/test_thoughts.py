"""What an agent thought is what it acted by."""

import numpy as np
import torch
from remembering import HALL, seen

from textmaze.catalog import load_agent, load_game, make_agent
from textmaze.env.rollout import rollout
from textmaze.learn.actor import Choice
from textmaze.learn.notes import Plan
from textmaze.learn.replay import Decision
from textmaze.show.thoughts import Watched, last_thoughts, weighed


def choice(plans, values, chosen):
    none = np.zeros(0, dtype=np.int64)
    return Choice(Decision(none, none, none, chosen, 0), plans, torch.tensor(values), np.zeros(0), False)


def test_a_command_is_worth_as_much_as_the_best_plan_that_begins_with_it():
    commands = ("go north", "go east", "wait")
    plans = [Plan(0, HALL, "go north", "not tried", 0, commands), Plan(1, HALL, "take key", "there", 2, commands),
             Plan(0, HALL, "go west", "later", 3, commands)]
    found = weighed(choice(plans, [0.25, 0.5, 0.75], 0), commands)
    north, east, wait = found.weighed
    assert (north.value, north.aim, north.steps, north.note) == (0.75, "go west", 3, "later")
    assert (east.value, east.aim) == (0.5, "take key")
    assert wait.value is None
    assert found.chosen == "go north"


def test_an_agent_plays_the_same_whether_or_not_it_is_watched():
    game = load_game("labyrinth")
    watched = Watched(make_agent("bert_q", {"encoder": "hash"}, 0)[1])
    alone = make_agent("bert_q", {"encoder": "hash"}, 0)[1]
    records, others = ([record for rounds in rollout(game, agent, [3], split="test", slots=1) for record in rounds]
                       for agent in (watched, alone))
    assert records == others
    thoughts = watched.thoughts[0]
    assert [thought.chosen for thought in thoughts] == [record.command for record in records]
    for thought, record in zip(thoughts, records, strict=True):
        assert tuple(one.command for one in thought.weighed) == record.before.admissible
        values = {one.command: one.value for one in thought.weighed if one.value is not None}
        assert thought.going_on or values[thought.chosen] == max(values.values())


def test_nothing_is_told_of_an_agent_that_weighs_nothing():
    module = load_agent("explorer")
    agent = module.make(module.Settings())
    agent.begin([0])
    agent.act([seen(HALL)])
    assert last_thoughts(agent, seen(HALL)) is None


def test_what_was_expected_is_told_where_the_agent_looks_ahead():
    game = load_game("corridor")
    module = load_agent("bert_q")
    settings = module.Settings(encoder="hash", look_ahead=0.05, warmup=64)
    learner = module.make_learner(settings)
    for played in rollout(game, learner, range(200), split="train", slots=8):
        learner.learn(played)
    assert learner.expectation.weights
    watched = Watched(learner)
    for _ in rollout(game, watched, [0], split="test", slots=1):
        pass
    chances = [[one.chance for one in thought.expected] for thought in watched.thoughts[0]]
    assert all(found and found == sorted(found, reverse=True) for found in chances)
    assert all(0 <= sum(found) <= 1 + 1e-6 for found in chances)
