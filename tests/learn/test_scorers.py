"""Scorers: what reads well must score well, and the control must not have read."""

import numpy as np
import pytest
from fakes import WordBag

from textmaze.errors import SettingError, TextmazeError, UnknownNameError
from textmaze.learn.encoder import Bert, Library
from textmaze.learn.notes import every_note
from textmaze.learn.scorers import ADVICE, EXIT, SCORERS, WITH_MODEL, Anchors, Contrast, Distance, Random, make_scorer
from textmaze.learn.shaping import beforehand

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


# Sentences that speak of one way, in no theme's words.
FOR = ["Go east, the innkeeper said, and you will not regret it.", "A smiling face is drawn beside the east way.",
       "The way to the east looks safe and welcoming.", "Friends of ours took the way east and were glad of it."]
AGAINST = ["Keep out of the east, somebody has scrawled.", "A horrible stench comes from the east.",
           "Danger! The floor to the east is rotten.", "Nobody who went east has ever come back."]


@pytest.fixture(scope="module")
def bert():
    return Library(Bert())


def area(well, ill):
    """The area under the ROC curve: the share of pairs that are ranked right."""
    return (well[:, None] > ill[None]).mean()


@pytest.mark.parametrize("name", ["none", "contrast", "untried", "random"])
def test_one_value_a_consequence_the_same_every_time_and_in_any_company(name):
    scorer = make_scorer(name, Library(WordBag()))
    scores = scorer.score(WELL + ILL, OBJECTIVE)
    assert scores.shape == (8,)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scorer.score(ILL, OBJECTIVE), scores[4:], atol=1e-6)
    np.testing.assert_allclose(make_scorer(name, Library(WordBag())).score(WELL + ILL, OBJECTIVE), scores, atol=1e-6)
    assert scorer.score([], OBJECTIVE).shape == (0,)


def test_a_factory_needs_no_more_than_the_library():
    assert isinstance(SCORERS["contrast"](Library(WordBag())), Contrast)


def test_an_unknown_scorer_is_refused_with_the_nearest_name():
    with pytest.raises(UnknownNameError, match="did you mean 'contrast'"):
        make_scorer("contrsat", Library(WordBag()))


@pytest.mark.parametrize("name", sorted(SCORERS.keys() - set(WITH_MODEL)))
def test_a_scorer_that_takes_no_model_is_given_none(name):
    with pytest.raises(SettingError, match="takes no model"):
        make_scorer(name, Library(WordBag()), model="bert")


def test_contrast_ranks_what_is_plainly_good_over_what_is_plainly_bad(bert):
    """In all but a few of the pairs: it hears nothing of going in circles."""
    scores = Contrast(bert).score(WELL + ILL, OBJECTIVE)
    assert area(scores[:4], scores[4:]) >= 0.85
    assert scores[:4].mean() > scores[4:].mean() + 0.1


def test_contrast_tells_advice_from_warning_by_the_anchors_for_it(bert):
    scores = make_scorer("contrast", bert, anchors=ADVICE).score(FOR + AGAINST, OBJECTIVE)
    assert area(scores[:4], scores[4:]) >= 0.85


def test_untried_finds_what_was_not_tried_and_reads_nothing_else():
    scorer = make_scorer("untried", Library(WordBag()))
    notes = ["", *every_note()]
    new = np.array([note.startswith("not tried") for note in notes])
    assert 0 < new.sum() < len(new)
    for told in FOR + AGAINST:
        description = f"-= Hall =-\n{told}"
        scores = scorer.score([beforehand("go east", description, note) for note in notes], OBJECTIVE)
        np.testing.assert_array_equal(scores, new)


def test_none_shapes_nothing():
    assert make_scorer("none", Library(WordBag())).score(WELL, OBJECTIVE).tolist() == [0.0] * 4


def test_the_distance_cannot_be_read_from_a_text():
    scorer = make_scorer("distance", Library(WordBag()))
    assert isinstance(scorer, Distance)
    assert scorer.score_distances(np.array([0, 3, -1], dtype=np.int32)).tolist() == [0.0, -3.0, -np.inf]
    with pytest.raises(TextmazeError, match="reads no text"):
        scorer.score(WELL, OBJECTIVE)


def test_contrast_is_highest_at_its_good_pole_and_lowest_at_its_bad_one():
    for anchors in (*EXIT, ADVICE[0], Anchors("cold soup", "hot tea")):
        scores = Contrast(Library(WordBag()), [anchors]).score([*WELL, anchors.good, anchors.bad], OBJECTIVE)
        assert (scores.argmax(), scores.argmin()) == (4, 5)


def test_contrast_in_several_respects_is_the_weighted_sum_of_each():
    library, soup, light = Library(WordBag()), Anchors("cold soup", "hot tea", 2.0), Anchors("bright day", "dark night")
    apart = [Contrast(library, [pair._replace(weight=1.0)]).score(WELL + ILL, OBJECTIVE) for pair in (soup, light)]
    together = Contrast(library, [soup, light]).score(WELL + ILL, OBJECTIVE)
    np.testing.assert_allclose(together, 2 * apart[0] + apart[1], atol=1e-6)


def test_the_control_spreads_evenly_and_knows_no_words():
    texts = [f"room {number}" for number in range(4000)]
    scores = Random().score(texts, OBJECTIVE)
    assert len(set(scores.tolist())) == len(texts)
    assert 0 <= scores.min() < 0.01 < 0.99 < scores.max() < 1
    assert abs(scores.mean() - 0.5) < 0.02
