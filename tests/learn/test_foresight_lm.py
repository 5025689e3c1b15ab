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
    prompt = predictor.prompt(state, "go west")

    def likely(predictor, *candidates):
        return predictor.likely([prompt], [candidates])[0]

    chances = likely(predictor, "birds", "leads west", "way leads west")
    np.testing.assert_allclose(chances, np.exp([0, 2, 3]) / np.exp([0, 2, 3]).sum())  # length tells nothing
    assert likely(replace(predictor, prior=0.0), "birds", "leads west").argmax() == 0
    assert likely(predictor).shape == (0,)
    flat = likely(replace(predictor, temperature=1000.0), "birds", "way leads west")
    np.testing.assert_allclose(flat, 0.5, atol=0.01)


def test_many_prompts_are_answered_each_as_it_would_be_alone():
    predictor, done = Likelihood(Reader()), []
    prompts = [f"> go {way}\n" for way in ("north", "south", "up") * 7]
    candidates = [["You go north.", "You go up."], ["You go south.", "Birds.", "You go up."], ["Birds."]] * 7
    found = predictor.likely(prompts, candidates, done.append)
    assert done == [8, 16, 21]
    for chances, prompt, texts in zip(found, prompts, candidates, strict=True):
        np.testing.assert_allclose(chances, predictor.likely([prompt], [texts])[0])


def test_a_prompt_recalls_the_last_steps_only():
    state = State(YARD, "Nothing.", remembered(("go north", HALL, NO), ("go east", YARD)))
    assert Likelihood(Reader(), recall=1).prompt(state, "go west") == (
        f"> go east\n{YARD}\n\n{YARD}\nNothing.\n\n> go west\n")
    assert Likelihood(Reader(), recall=0).prompt(state, "go west") == f"{YARD}\nNothing.\n\n> go west\n"
    assert NO in Likelihood(Reader()).prompt(state, "go west")
