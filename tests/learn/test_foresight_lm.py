"""A language model as foresight: what it is asked, and what becomes of its answers."""

from dataclasses import replace

import numpy as np
from fakes import Echo
from remembering import HALL, NO, YARD, remembered

from textmaze.learn.foresight_lm import Likelihood, State


def test_a_language_model_is_asked_with_the_story_and_without():
    state = State(YARD, "Nothing.", remembered(("go north", HALL, NO), ("go east", YARD)))
    predictor = Likelihood(Echo())
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
    predictor, done = Likelihood(Echo()), []
    prompts = [f"> go {way}\n" for way in ("north", "south", "up") * 7]
    candidates = [["You go north.", "You go up."], ["You go south.", "Birds.", "You go up."], ["Birds."]] * 7
    found = predictor.likely(prompts, candidates, done.append)
    assert done == [8, 16, 21]
    for chances, prompt, texts in zip(found, prompts, candidates, strict=True):
        np.testing.assert_allclose(chances, predictor.likely([prompt], [texts])[0])


def test_a_prompt_recalls_the_last_steps_only():
    state = State(YARD, "Nothing.", remembered(("go north", HALL, NO), ("go east", YARD)))
    assert Likelihood(Echo(), recall=1).prompt(state, "go west") == (
        f"> go east\n{YARD}\n\n{YARD}\nNothing.\n\n> go west\n")
    assert Likelihood(Echo(), recall=0).prompt(state, "go west") == f"{YARD}\nNothing.\n\n> go west\n"
    assert NO in Likelihood(Echo()).prompt(state, "go west")
