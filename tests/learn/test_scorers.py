"""Scorers: what reads well must score well, and the control must not have read."""

import numpy as np
import pytest
from fakes import WordBag

from textmaze.learn.encoder import Bert, Library
from textmaze.learn.scorers import BAD, GOOD, SCORERS, Contrast, Random

OBJECTIVE = "Find the way out."
WELL = [
    "Daylight falls through an archway just ahead.",
    "You feel fresh air; the way out must be near.",
    "You step out into the open and leave the maze behind.",
    "The exit is right in front of you.",
]
ILL = [
    "A dead end. There is nothing here but a bare wall.",
    "You are lost; this passage only leads deeper into the dark.",
    "You have been here before. You are walking in circles.",
    "The tunnel ends in rubble deep below the ground.",
]


@pytest.mark.parametrize("name", SCORERS)
def test_one_value_a_consequence_the_same_every_time_and_in_any_company(name):
    scorer = SCORERS[name](Library(WordBag()))
    scores = scorer.score(WELL + ILL, OBJECTIVE)
    assert scores.shape == (8,)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scorer.score(ILL, OBJECTIVE), scores[4:], atol=1e-6)
    np.testing.assert_allclose(SCORERS[name](Library(WordBag())).score(WELL + ILL, OBJECTIVE), scores, atol=1e-6)
    assert scorer.score([], OBJECTIVE).shape == (0,)


def test_contrast_ranks_what_is_plainly_good_over_what_is_plainly_bad():
    """In all but a few of the pairs: it hears nothing of going in circles."""
    scores = Contrast(Library(Bert())).score(WELL + ILL, OBJECTIVE)
    assert (scores[:4, None] > scores[None, 4:]).mean() >= 0.85  # the area under the ROC curve
    assert scores[:4].mean() > scores[4:].mean() + 0.1


def test_contrast_is_highest_at_its_good_pole_and_lowest_at_its_bad_one():
    scores = Contrast(Library(WordBag())).score([*WELL, GOOD, BAD], OBJECTIVE)
    assert (scores.argmax(), scores.argmin()) == (4, 5)


def test_the_control_spreads_evenly_and_knows_no_words():
    texts = [f"room {number}" for number in range(4000)]
    scores = Random(Library(WordBag())).score(texts, OBJECTIVE)
    assert len(set(scores.tolist())) == len(texts)
    assert 0 <= scores.min() < 0.01 < 0.99 < scores.max() < 1
    assert abs(scores.mean() - 0.5) < 0.02
