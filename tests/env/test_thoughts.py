"""Agents that are asked for advice in somebody else's game."""

from collections.abc import Sequence

import pytest

from textmaze.catalog import load_agent, load_game, make_agent
from textmaze.env.rollout import Agent, Observation, StepRecord, rollout
from textmaze.env.thoughts import Follower, Thinker, advise, thoughts_of

SMALL = {"encoder": "hash", "scorer": "none"}


def episode(agent: Agent, name: str = "labyrinth", seed: int = 3) -> list[StepRecord]:
    rounds = rollout(load_game(name), agent, [seed], split="train", slots=1)
    return [record for (record,) in rounds]


def made(name: str) -> Agent:
    return make_agent(name, SMALL if name == "bert_q" else {}, 0)[1]


@pytest.mark.parametrize("name", ["explorer", "bert_q", "drrn"])
def test_whoever_follows_its_own_game_would_do_what_it_did(name):
    agent = made(name)
    assert isinstance(agent, Follower)
    if name == "drrn":
        agent.temperature = 0.0  # nothing by chance
    records = episode(agent)[:25]
    for number in (0, 1, 7, len(records) - 1):
        assert advise(agent, records[:number], records[number].before).command == records[number].command


@pytest.mark.parametrize("name", ["explorer", "bert_q"])
def test_whoever_follows_another_game_knows_what_was_tried_there(name):
    """In a room with two ways, one of them tried and found to end: the other one is advised."""
    text = "-= Hall =-\nWays lead east and west."
    hall = Observation(0, text, text, "", "Find it.", ("go east", "go west"))
    den = Observation(0, "-= Den =-\nA way leads {}.", "-= Den =-\nA way leads {}.", "", "Find it.", ())
    agent = made(name)
    for way, back in (("east", "west"), ("west", "east")):
        text = den.text.format(back)
        end = Observation(0, text, text, "", "Find it.", (f"go {back}",))
        records = [StepRecord("x", "train", 0, 0, step, before, command, 0.0, False, False, after, -1, -1)
                   for step, before, command, after in ((1, hall, f"go {way}", end), (2, end, f"go {back}", hall))]
        assert advise(agent, records, hall).command == f"go {back}"


@pytest.mark.parametrize("name", ["bert_q", "drrn"])
def test_agents_that_value_commands_say_what_each_is_worth(name):
    agent = made(name)
    assert isinstance(agent, Thinker)
    records = episode(made("explorer"))
    advice = advise(agent, records[:5], records[5].before)
    assert advice.thoughts == thoughts_of(agent, 0)
    assert {thought.command for thought in advice.thoughts} <= set(records[5].before.admissible)
    if name == "bert_q":
        best = max(advice.thoughts, key=lambda thought: thought.value)
        assert best.command == advice.command


def test_a_bert_q_says_what_it_aims_at_and_which_room_it_expects():
    hall = Observation(0, "-= Hall =-\nWays lead east, north.", "-= Hall =-\nWays lead east, north.", "", "Find it.",
                       ("go north", "go east"))
    den = Observation(0, "-= Den =-\nA way leads west.", "-= Den =-\nA way leads west.", "", "Find it.", ("go west",))
    record = StepRecord("x", "train", 0, 0, 1, hall, "go east", 0.0, False, False, den, -1, -1)
    (thought,) = advise(made("bert_q"), [record], den).thoughts
    assert (thought.command, thought.aim, thought.steps, thought.room) == ("go west", "go north", 1, "Hall")


def test_an_agent_that_cannot_follow_is_asked_about_what_is_seen_now():
    class Stubborn:
        infos: Sequence[str] = ()

        def begin(self, episodes: Sequence[int]) -> None:
            self.asked = 0

        def act(self, observations: Sequence[Observation]) -> list[str]:
            self.asked += 1
            return ["wait"]

    agent = Stubborn()
    records = episode(made("explorer"))
    assert advise(agent, records[:4], records[4].before) == ("wait", ())
    assert agent.asked == 1


def test_a_language_model_is_not_asked_about_the_steps_that_it_follows():
    llm = load_agent("llm")

    class Counts:
        prompts: list[str]

        def choose(self, prompts: Sequence[str], choices: Sequence[Sequence[str]]) -> list[str]:
            self.prompts = list(prompts)
            return [these[0] for these in choices]

    chooser = Counts()
    agent = llm.LLM(llm.Settings(history=2), chooser)
    records = episode(made("explorer"))
    advise(agent, records[:3], records[3].before)
    (prompt,) = chooser.prompts
    assert f"> {records[2].command}\n" in prompt
    assert f"> {records[1].command}\n" in prompt
