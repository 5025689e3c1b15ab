"""A second opinion: what sentences have told of tells what others like them tell of."""

import numpy as np
import pytest
import torch
from fakes import WordBag
from learners import bert_q, chosen, rounds, scouting

from textmaze.errors import RunError, SettingError
from textmaze.learn import recollection as module
from textmaze.learn.encoder import Hash, Library
from textmaze.learn.reading import Reader
from textmaze.learn.recollection import Recollection

pytestmark = pytest.mark.usefixtures("words")

GOOD = ["a cool draught blows here", "a draught of fresh air", "fresh air and a draught", "a fresh draught blows"]
BAD = ["old bones lie here", "a heap of old bones", "bones and a skull", "a skull lies on a heap"]
NEARER = np.array([1.0] * 4 + [-1.0] * 4, dtype=np.float32)
BELIEF = {"belief": True, "recollection": True, "lessons": 1}


def fitted(model=None, weight=None):
    found = Recollection(model or WordBag())
    found.fit(GOOD + BAD, NEARER, np.ones(8, dtype=np.float32) if weight is None else weight)
    return found


def test_nothing_is_said_before_anything_turned_out():
    recollection = Recollection(WordBag())
    assert not recollection
    assert recollection.encode(["a draught"]).tolist() == [[0.0]]
    recollection.fit([], np.zeros(0, np.float32), np.zeros(0, np.float32))
    assert not recollection
    assert recollection.state() == {}


def test_what_was_recollected_is_said_again_and_what_is_like_it_says_the_same():
    recollection = fitted()
    said = recollection.encode(GOOD + BAD).squeeze(1)
    assert (said * torch.from_numpy(NEARER) > 0.5).all()
    good, bad = recollection.encode(["a draught of air blows", "a skull and a heap of bones"]).squeeze(1)
    assert good > 0.2
    assert bad < -0.2


def test_a_sentence_like_no_other_says_little():
    assert fitted(Hash()).encode(["a draught blows"]).abs() < 0.2


def test_what_is_relied_on_less_is_said_less_surely():
    doubtful = np.array([0.05] * 4 + [1.0] * 4, dtype=np.float32)
    sure, unsure = fitted().encode(GOOD).mean(), fitted(weight=doubtful).encode(GOOD).mean()
    assert unsure < sure - 0.2


def test_the_most_telling_are_kept_where_there_are_too_many(monkeypatch):
    monkeypatch.setattr(module, "MOST", 4)
    recollection = fitted(weight=np.array([2.0, 0.1] * 4, dtype=np.float32))
    assert recollection.state()["known"].shape[0] == 4
    assert recollection.encode([GOOD[0]]) > 0.5


def test_a_restored_one_says_the_same():
    old, new = fitted(), Recollection(WordBag())
    new.restore(old.state())
    assert torch.equal(old.encode(["fresh air"]), new.encode(["fresh air"]))
    assert new.version == 1


@pytest.mark.parametrize("change", [
    {"known": torch.zeros(8, 3, dtype=torch.float16)}, {"weights": torch.zeros(7)}, {"mean": torch.zeros(3)},
    {"weights": torch.full((8,), torch.nan)}, {"other": torch.zeros(1)},
])
def test_what_does_not_fit_is_refused_and_changes_nothing(change):
    recollection = fitted()
    before = recollection.state()
    with pytest.raises(RuntimeError):
        recollection.restore(before | change)
    assert recollection.state() == before


def test_a_reader_sums_up_what_is_recollected_of_each_sentence_and_forgets_it_once_more_is_known():
    recollection = Recollection(WordBag())
    reader = Reader(Library(WordBag()), recollection=recollection)
    told = [(("go north",), "A draught blows from the north. Old bones lie to the north."),
            (("go north",), "A draught blows from the north."), (("go north",), "A hall.")]
    reader.take_in((), told)
    numbers = np.array([reader.told_number(which) for which in told])
    assert reader.recollected(numbers) is None
    recollection.fit(GOOD + BAD, NEARER, np.ones(8, dtype=np.float32))
    first = reader.recollected(numbers)
    one, other = recollection.encode(["A draught blows from the north.", "Old bones lie to the north."]).squeeze(1)
    torch.testing.assert_close(first, torch.stack([one + other, one, torch.zeros(())]))
    recollection.fit(GOOD + BAD, -NEARER, np.ones(8, dtype=np.float32))
    torch.testing.assert_close(reader.recollected(numbers), -first)


def test_a_learner_recollects_with_its_lesson_and_keeps_it_with_its_weights():
    learner = scouting(**BELIEF)
    rounds(learner, 100)
    assert not learner.recollection()
    learner.schedule(0.5)
    assert learner.recollection()["known"].shape[0] > 20
    again = bert_q.make(chosen(scouting=0.5, **BELIEF), learner.weights())
    assert torch.equal(again.recollection()["weights"], learner.recollection()["weights"])
    other = scouting(**BELIEF)
    other.restore(*learner.state())
    assert torch.equal(other.recollection()["known"], learner.recollection()["known"])


def test_a_belief_asks_both(monkeypatch):
    """What is believed is as if the head foretold the mean of the two."""
    learner = scouting(**BELIEF)
    told = [(("go north",), f"{sentence} north") for sentence in GOOD + BAD]
    learner.reader.take_in((), told)
    numbers = np.array([learner.reader.told_number(which) for which in told])
    asked = []
    monkeypatch.setattr("textmaze.learn.qhead.believed", lambda nearer, clues: asked.append(nearer))
    clues = type("Clues", (), {"told": numbers})()
    with torch.no_grad():
        learner.head._believed(clues, learner.reader)
        learner.reader.recollection.fit([which[1] for which in told], NEARER, np.ones(8, dtype=np.float32))
        learner.head._believed(clues, learner.reader)
    alone, both = asked
    torch.testing.assert_close(both, (alone + learner.reader.recollected(numbers)) / 2)


def test_weights_that_recollect_are_refused_by_an_agent_that_does_not():
    learner = scouting(**BELIEF)
    rounds(learner, 60)
    learner.schedule(0.5)
    with pytest.raises(RunError, match="recollects sentences"):
        bert_q.make(chosen(scouting=0.5, belief=True), learner.weights())


@pytest.mark.parametrize("changes", [{"belief": False}, {"lessons": 0}])
def test_recollection_without_a_belief_or_a_lesson_is_refused(changes):
    with pytest.raises(SettingError, match="recollection=true is a part of the belief"):
        bert_q.make(chosen(**{**BELIEF, **changes}))
