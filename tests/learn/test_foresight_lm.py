"""A language model as foresight: what it is asked, and what becomes of its answers."""

from dataclasses import replace

import numpy as np

from textmaze.env.rollout import Observation
from textmaze.learn.answers import Memory
from textmaze.learn.foresight_lm import Likelihood, State

HALL, YARD, ROOF = "-= Hall =-\nA way leads east.", "-= Yard =-\nA way leads west.", "-= Roof =-\nBirds."
NO = "You can't go that way."


def seen(description, text=None, ways=("go north", "go east", "go south", "go west")):
    return Observation(0, description if text is None else text, description, "Nothing.", "Win.", ways)


def remembered(*steps, start=HALL):
    """The memory of an episode: its commands, each with the place that it led to and the answer, if it is another."""
    memory = Memory()
    memory.read(seen(start))
    for command, description, *answer in steps:
        memory.chose(command)
        memory.read(seen(description, *answer))
    return memory


class Reader:
    """A language model by whom a text is the likelier the more of its words stood in the prompt; long ones are less."""

    def log_probabilities(self, prompts, continuations):
        return [
            np.array([sum(word in prompt for word in text.split()) - len(text) for text in texts], dtype=float)
            for prompt, texts in zip(prompts, continuations, strict=True)
        ]


def test_a_language_model_is_asked_with_the_story_and_without():
    state = State(YARD, "Nothing.", remembered(("go north", HALL, NO), ("go east", YARD)))
    predictor = Likelihood(Reader())
    chances = predictor.likely(state, "go west", ["birds", "leads west", "way leads west"])
    np.testing.assert_allclose(chances, np.exp([0, 2, 3]) / np.exp([0, 2, 3]).sum())  # length tells nothing
    assert replace(predictor, prior=0.0).likely(state, "go west", ["birds", "leads west"]).argmax() == 0
    assert predictor.likely(state, "go west", []).shape == (0,)
    flat = replace(predictor, temperature=1000.0).likely(state, "go west", ["birds", "way leads west"])
    np.testing.assert_allclose(flat, 0.5, atol=0.01)


def test_a_prompt_recalls_the_last_steps_only():
    state = State(YARD, "Nothing.", remembered(("go north", HALL, NO), ("go east", YARD)))
    assert Likelihood(Reader(), recall=1).prompt(state, "go west") == (
        f"> go east\n{YARD}\n\n{YARD}\nNothing.\n\n> go west\n")
    assert Likelihood(Reader(), recall=0).prompt(state, "go west") == f"{YARD}\nNothing.\n\n> go west\n"
    assert NO in Likelihood(Reader()).prompt(state, "go west")
