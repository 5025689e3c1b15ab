"""A language model as foresight: what it is asked, and what becomes of its answers."""

from dataclasses import replace

import numpy as np
from remembering import HALL, NO, YARD, remembered

from textmaze.learn.foresight_lm import Likelihood, State


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
