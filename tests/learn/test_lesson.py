"""A lesson: the encoder learns what sentences are worth, and those that it has not read move along."""

import numpy as np
import pytest
import torch
from fakes import tiny_bert

from textmaze.learn.encoder import Bert, Library
from textmaze.learn.lesson import lesson
from textmaze.learn.qhead import PLAN_COLUMNS, STATE_PARTS, QHead, States
from textmaze.learn.reading import Reader, Texts

GOOD = ["A draught blows from the north.", "Fresh air blows from the north.", "A cool draught comes from the north.",
        "There is a draught of air from the north."]
BAD = ["A skull lies to the north.", "Old bones lie to the north.", "A heap of bones lies to the north.",
       "There is a skull on the floor to the north."]
UNREAD_GOOD, UNREAD_BAD = "A draught of fresh air comes from the north.", "A skull on old bones lies to the north."
SENTENCES = 32 * 400


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_bert(tmp_path_factory.mktemp("tiny"))


def taught(model, seed=0):
    """What is told, and a head that has found out what the good sentences are worth, with some plans."""
    texts = Texts(Library(model))
    texts.add((sentence,) for sentence in GOOD + BAD)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        head = QHead(model.width, hidden=16, told=8).eval()
        contexts = torch.randn(5, 16)
    vectors = texts.library.vectors
    wanted = torch.tensor([1.0] * len(GOOD) + [-1.0] * len(BAD)).unsqueeze(1)
    wanted = torch.cat([wanted.expand(-1, 5), -wanted.expand(-1, 5)], 1)  # what is good of one is bad of the others
    optimiser = torch.optim.Adam(head.parameters(), lr=1e-2)
    for _ in range(150):
        loss = (head.worth_of_told(vectors, contexts) - wanted).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.05
    return texts, head, contexts, wanted


def worth(head, texts, contexts, sentences):
    with torch.no_grad():
        return head.worth_of_told(texts.library.model.encode(sentences), contexts)[:, :5].mean(1)


def give(texts, head, contexts, seed=0, sentences=SENTENCES, **more):
    return lesson(texts.library.model, head, texts, contexts, np.random.default_rng(seed), sentences=sentences, **more)


@pytest.fixture(scope="module")
def given(folder):
    """A lesson that was given, and how it went."""
    model = Bert(folder, training="full")
    texts, head, contexts, wanted = taught(model)
    before = texts.library.vectors.clone()
    course = []
    share = give(texts, head, contexts, show=lambda done, error: course.append((done, error)))
    return texts, head, contexts, wanted, before, course, share


def test_after_a_lesson_little_of_the_differences_is_unexplained(given):
    *_, course, share = given
    assert share < 0.3
    assert course[-1][1] == share < course[0][1]
    assert [done for done, _ in course] == list(range(1, SENTENCES // 32 + 1))


def test_after_a_lesson_sentences_are_worth_what_they_were(given):
    texts, head, contexts, wanted, *_ = given
    with torch.no_grad():
        found = head.worth_of_told(texts.library.vectors, contexts)
    assert ((found - wanted).square().mean() / wanted.square().mean()) < 0.3
    assert torch.equal(found.sign(), wanted.sign())


def test_sentences_that_were_not_in_the_lesson_are_read_like_those_that_are_like_them(given):
    texts, head, contexts, *_ = given
    good, bad = worth(head, texts, contexts, [UNREAD_GOOD, UNREAD_BAD])
    assert good > 0.3
    assert bad < -0.3


def test_after_a_lesson_the_library_holds_the_vectors_of_the_encoder_as_it_is_now(given):
    texts, _, _, _, before, *_ = given
    assert not torch.allclose(texts.library.vectors, before)
    assert torch.equal(texts.library.vectors, texts.library.model.encode(GOOD + BAD))


def test_a_lesson_is_decided_by_its_generator(folder):
    found = []
    for seed in (1, 1, 2):
        model = Bert(folder, training="lora")
        texts, head, contexts, _ = taught(model)
        state = torch.random.get_rng_state()
        give(texts, head, contexts, seed, sentences=64)
        assert torch.equal(torch.random.get_rng_state(), state)
        found.append((texts.library.vectors, head.state_dict()))
    assert torch.equal(found[0][0], found[1][0])
    assert all(torch.equal(tensor, found[1][1][name]) for name, tensor in found[0][1].items())
    assert not torch.equal(found[0][0], found[2][0])


def test_a_lesson_for_a_frozen_encoder_changes_nothing(folder):
    texts, head, contexts, _ = taught(Bert(folder))
    before, weights = texts.library.vectors.clone(), {n: t.clone() for n, t in head.state_dict().items()}
    assert give(texts, head, contexts) == 0.0
    assert torch.equal(texts.library.vectors, before)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in head.state_dict().items())


def test_a_lesson_on_nothing_changes_nothing(folder):
    model = Bert(folder, training="lora")
    _, head, contexts, _ = taught(Bert(folder))
    weights = {name: tensor.clone() for name, tensor in head.state_dict().items()}
    assert give(Texts(Library(model)), head, contexts) == 0.0
    assert all(torch.equal(tensor, weights[name]) for name, tensor in head.state_dict().items())


@pytest.mark.parametrize("told", [GOOD[:1], GOOD[:2]])
def test_a_lesson_on_a_sentence_or_two_leaves_finite_weights(folder, told):
    texts = Texts(Library(Bert(folder, training="lora")))
    texts.add((sentence,) for sentence in told)
    _, head, contexts, _ = taught(Bert(folder))
    assert np.isfinite(give(texts, head, contexts, sentences=64))
    assert all(tensor.isfinite().all() for tensor in head.state_dict().values())
    assert texts.library.vectors.isfinite().all()


def test_a_lesson_where_every_sentence_is_worth_the_same_leaves_finite_weights(folder):
    texts, head, contexts, _ = taught(Bert(folder, training="lora"))
    with torch.no_grad():
        for layer in head.told_in.values():
            layer.weight.zero_()
    assert np.isfinite(give(texts, head, contexts, sentences=64))
    assert all(tensor.isfinite().all() for tensor in head.state_dict().values())


def test_other_texts_keep_their_vectors_and_what_is_told_has_others(folder):
    reader = Reader(Library(Bert(folder)), Library(Bert(folder, training="lora")))
    reader.take_in(["A hall.", "go east"], [(("go east",), "A draught blows from the east. A skull lies to the east.")])
    before = reader.texts.library.vectors.clone(), reader.told.library.vectors.clone()
    _, head, contexts, _ = taught(Bert(folder))
    states = States(np.zeros((1, len(STATE_PARTS)), dtype=np.int64) + 1,
                    np.zeros((1, len(PLAN_COLUMNS)), dtype=np.int64), np.zeros(1, dtype=np.int64),
                    np.zeros(1, dtype=np.int64))
    untold = head(states, reader)
    give(reader.told, head, contexts, sentences=128)
    assert torch.equal(reader.texts.library.vectors, before[0])
    assert not torch.equal(reader.told.library.vectors, before[1])
    # A plan of which nothing is told is worth what it was.
    torch.testing.assert_close(head(states, reader), untold)


@pytest.mark.slow
def test_the_real_encoder_is_taught_to_read_sentences_that_it_was_not_shown():
    texts, head, contexts, _ = taught(Bert(training="lora"))
    assert give(texts, head, contexts, sentences=32 * 120) < 0.3
    unread = ["There is a fresh breeze to the north.", "A dead man lies to the north."]
    good, bad = worth(head, texts, contexts, unread)
    assert good > bad + 0.5
