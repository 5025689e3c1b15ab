"""What an agent thought is what it acted by."""

import numpy as np
import pytest
import torch
from remembering import HALL

from textmaze.catalog import load_agent, load_game, make_agent
from textmaze.env.rollout import rollout
from textmaze.explain import Watched
from textmaze.learn.actor import Choice
from textmaze.learn.notes import Plan
from textmaze.learn.replay import Decision


def watched(agent, game, seed=0):
    """An agent that has been watched in a game, and the records of this."""
    found = Watched(agent)
    return found, [record for rounds in rollout(game, found, [seed], split="test", slots=1) for record in rounds]


def test_a_command_is_worth_as_much_as_the_best_plan_that_begins_with_it():
    commands = ("go north", "go east", "wait")
    plans = [Plan(0, HALL, "go north", "not tried", 0, commands), Plan(1, HALL, "take key", "there", 2, commands),
             Plan(0, HALL, "go west", "later", 3, commands)]
    none = np.zeros(0, dtype=np.int64)
    agent = make_agent("bert_q", {"encoder": "hash"}, 0)[1]
    agent.begin([0])
    decision = Decision(none, none, np.array([0, 1, 0]), 2)
    agent.choices[0] = Choice(decision, plans, torch.tensor([0.25, 0.5, 0.75]), np.zeros(0), True, commands)
    north, east = agent.thoughts(0)
    assert (north.command, north.value, north.aim, north.steps, north.note) == ("go north", 0.75, "go west", 3, "later")
    assert (east.command, east.value, east.aim) == ("go east", 0.5, "take key")
    assert (north.going_on, east.going_on) == (True, False)


def test_an_agent_plays_the_same_whether_or_not_it_is_watched():
    game = load_game("labyrinth")
    alone, agent = (make_agent("bert_q", {"encoder": "hash"}, 0)[1] for _ in range(2))
    found, records = watched(agent, game, 3)
    assert records == [record for rounds in rollout(game, alone, [3], split="test", slots=1) for record in rounds]
    for thought, record in zip(found.thoughts, records, strict=True):
        values = {one.command: one.value for one in thought.weighed}
        assert [command for command in record.before.admissible if command in values] == list(values)
        assert thought.going_on or values[record.command] == max(values.values())


@pytest.mark.parametrize("name", ["explorer", "wander"])
def test_nothing_is_told_of_an_agent_that_weighs_nothing(name):
    found, records = watched(make_agent(name, {}, 0)[1], load_game("corridor"))
    assert len(found.thoughts) == len(records)
    assert not any(thought.weighed or thought.expected or thought.words for thought in found.thoughts)


def test_whoever_values_commands_is_watched_alike():
    found, records = watched(make_agent("drrn", {}, 0)[1], load_game("corridor"))
    for thought, record in zip(found.thoughts, records, strict=True):
        assert tuple(one.command for one in thought.weighed) == record.before.admissible


def test_what_was_expected_is_told_where_the_agent_looks_ahead():
    game = load_game("corridor")
    module = load_agent("bert_q")
    settings = module.Settings(encoder="hash", look_ahead=0.05, warmup=64)
    learner = module.make_learner(settings)
    for played in rollout(game, learner, range(200), split="train", slots=8):
        learner.learn(played)
        if learner.expectation.weights:
            break
    assert learner.expectation.weights
    chances = [[chance for _, chance in thought.expected] for thought in watched(learner, game)[0].thoughts]
    assert all(found and found == sorted(found, reverse=True) for found in chances)
    assert all(0 <= sum(found) <= 1 + 1e-6 for found in chances)
