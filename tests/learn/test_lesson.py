"""A lesson: the encoder learns what sentences foretell, and those that it has not read move along."""

import copy

import numpy as np
import pytest
import torch
from fakes import tiny_bert

from textmaze.learn.encoder import Bert, Library
from textmaze.learn.hindsight import Hindsight
from textmaze.learn.lesson import BATCH, _batches, lesson
from textmaze.learn.qhead import PLAN_COLUMNS, STATE_PARTS, QHead, States
from textmaze.learn.reading import Reader

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
    """What was told, a head, and what turned out: the good sentences told of ways that led nearer, the bad ones not."""
    reader = Reader(Library(model))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        head = QHead(model.width, hidden=16, told=8).eval()
    hindsight = Hindsight(1000)
    for sentences, nearer in ((GOOD, 1.0), (BAD, -1.0)):
        told = [(("go east",), sentence.replace("north", "east")) for sentence in sentences]
        hindsight.add(reader, [(which, nearer) for which in told] * 3)
    return reader.told, head, hindsight


def foretold(head, texts, sentences):
    with torch.no_grad():
        return head.nearer(head.meaning(texts.library.model.encode(sentences))).squeeze(-1)


def give(texts, head, hindsight, seed=0, sentences=SENTENCES, **more):
    return lesson(texts.library.model, head, texts, hindsight, np.random.default_rng(seed), sentences=sentences, **more)


@pytest.fixture(scope="module")
def given(folder):
    """A lesson that was given, and how it went."""
    texts, head, hindsight = taught(Bert(folder, training="full"))
    before = texts.library.vectors.clone()
    with torch.no_grad():
        effects = head.told_in["told"](head.meaning(before))
    course = []
    share = give(texts, head, hindsight, show=lambda done, error: course.append((done, error)))
    return texts, head, before, effects, course, share


def test_after_a_lesson_little_of_the_differences_is_unexplained(given):
    *_, course, share = given
    assert share < 0.3
    assert course[-1][1] == share < course[0][1]
    assert [done for done, _ in course] == list(range(1, SENTENCES // 32 + 1))


def test_after_a_lesson_it_is_foretold_what_turned_out(given):
    texts, head, *_ = given
    assert (foretold(head, texts, GOOD) > 0.3).all()
    assert (foretold(head, texts, BAD) < -0.3).all()


def test_after_a_lesson_the_difference_between_good_and_bad_sentences_has_the_effect_that_it_had(given):
    """What is read now tells these two kinds apart and little else, so no more than that can be kept."""
    texts, head, _, before, *_ = given
    with torch.no_grad():
        after = head.told_in["told"](head.meaning(texts.library.vectors))
    kinds = [(effects[: len(GOOD)].mean(0), effects[len(GOOD):].mean(0)) for effects in (before, after)]
    (good, bad), (good_now, bad_now) = kinds
    assert ((good_now - bad_now) - (good - bad)).norm() < 0.5 * (good - bad).norm()


@pytest.mark.parametrize(("sentences", "steps"), [(32, [0]), (32 * 4, [2, 3]), (32 * 5, [2, 3, 4])])
def test_what_a_lesson_keeps_is_the_mean_of_the_weights_of_its_second_half(folder, sentences, steps):
    texts, head, hindsight = taught(Bert(folder, training="lora"))
    model, course, adapters = texts.library.model, [], []

    def show(*_):
        course.append(head.nearer.weight.detach().clone())
        adapters.append(model.adapter())

    give(texts, head, hindsight, sentences=sentences, show=show)
    torch.testing.assert_close(head.nearer.weight.detach(), torch.stack([course[step] for step in steps]).mean(0))
    for name, tensor in model.adapter().items():
        torch.testing.assert_close(tensor, torch.stack([adapters[step][name] for step in steps]).mean(0))


def test_a_lesson_before_anything_else_was_learned_leaves_the_layers_behind_as_they_were(folder):
    texts, head, hindsight = taught(Bert(folder, training="lora"))
    before = {name: tensor.clone() for name, tensor in head.told_in.state_dict().items()}
    give(texts, head, hindsight, sentences=64, fit=False)
    assert all(torch.equal(tensor, before[name]) for name, tensor in head.told_in.state_dict().items())
    assert texts.library.model.version == 1


def test_batches_are_of_sentences_of_like_length_each_drawn_by_its_weight():
    lengths, weight = list(range(10, 110)), np.repeat([0.5, 1.5], 50).astype(np.float32)
    batches = list(_batches(lengths, weight, 100, np.random.default_rng(0)))
    assert [len(rows) for rows in batches] == [BATCH] * 100
    spread = np.mean([np.ptp(np.array(lengths)[rows]) for rows in batches])
    assert spread < 25  # of 99
    counts = np.bincount(np.concatenate(batches), minlength=100)
    assert 2.5 < counts[50:].sum() / counts[:50].sum() < 3.5
    firsts = [lengths[rows[0]] for rows in batches[:16]]
    assert firsts != sorted(firsts)


def test_sentences_that_were_not_in_the_lesson_are_read_like_those_that_are_like_them(given):
    texts, head, *_ = given
    good, bad = foretold(head, texts, [UNREAD_GOOD, UNREAD_BAD])
    assert good > 0.3
    assert bad < -0.3


def test_after_a_lesson_the_library_holds_the_vectors_of_the_encoder_as_it_is_now(given):
    texts, _, before, *_ = given
    assert not torch.allclose(texts.library.vectors, before)
    assert torch.equal(texts.library.vectors, texts.library.model.encode(GOOD + BAD))


def test_a_lesson_is_decided_by_its_generator(folder):
    found = []
    for seed in (1, 1, 2):
        model = Bert(folder, training="lora")
        texts, head, hindsight = taught(model)
        state = torch.random.get_rng_state()
        give(texts, head, hindsight, seed, sentences=64)
        assert torch.equal(torch.random.get_rng_state(), state)
        found.append((texts.library.vectors, head.state_dict()))
    assert torch.equal(found[0][0], found[1][0])
    assert all(torch.equal(tensor, found[1][1][name]) for name, tensor in found[0][1].items())
    assert not torch.equal(found[0][0], found[2][0])


@pytest.mark.parametrize("when", ["while it learns", "while it encodes"])
def test_a_lesson_that_is_broken_off_changes_nothing_and_can_be_given_again(folder, monkeypatch, when):
    def interrupt(*_):
        raise KeyboardInterrupt

    def show(done, _):
        if when == "while it learns" and done == 2:
            interrupt()

    whole, again = taught(Bert(folder, training="lora")), taught(Bert(folder, training="lora"))
    give(*whole, sentences=64)
    texts, head, hindsight = again
    model, rng = texts.library.model, np.random.default_rng(0)
    vectors, weights, adapter = texts.library.vectors.clone(), copy.deepcopy(head.state_dict()), model.adapter()
    if when == "while it encodes":
        monkeypatch.setattr(model, "encode", interrupt)
    with pytest.raises(KeyboardInterrupt):
        lesson(model, head, texts, hindsight, rng, sentences=64, show=show)
    monkeypatch.undo()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in head.state_dict().items())
    assert all(torch.equal(tensor, adapter[name]) for name, tensor in model.adapter().items())
    assert torch.equal(texts.library.vectors, vectors)
    lesson(model, head, texts, hindsight, rng, sentences=64)
    assert torch.equal(texts.library.vectors, whole[0].library.vectors)
    assert all(torch.equal(tensor, whole[1].state_dict()[name]) for name, tensor in head.state_dict().items())


def test_a_lesson_for_a_frozen_encoder_changes_nothing(folder):
    texts, head, hindsight = taught(Bert(folder))
    before, weights = texts.library.vectors.clone(), {n: t.clone() for n, t in head.state_dict().items()}
    assert give(texts, head, hindsight) == 0.0
    assert torch.equal(texts.library.vectors, before)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in head.state_dict().items())


def test_a_lesson_before_anything_turned_out_changes_nothing(folder):
    texts, head, _ = taught(Bert(folder, training="lora"))
    weights = {name: tensor.clone() for name, tensor in head.state_dict().items()}
    assert give(texts, head, Hindsight(10)) == 0.0
    assert all(torch.equal(tensor, weights[name]) for name, tensor in head.state_dict().items())


@pytest.mark.parametrize("told", [GOOD[:1], GOOD[:2], [GOOD[0], BAD[0]]])
def test_a_lesson_on_a_sentence_or_two_leaves_finite_weights(folder, told):
    reader = Reader(Library(Bert(folder, training="lora")))
    hindsight = Hindsight(10)
    hindsight.add(reader, [((("go north",), sentence), 1.0) for sentence in told])
    _, head, _ = taught(Bert(folder))
    assert np.isfinite(give(reader.told, head, hindsight, sentences=64))
    assert all(tensor.isfinite().all() for tensor in head.state_dict().values())
    assert reader.told.library.vectors.isfinite().all()


def test_a_lesson_where_no_sentence_has_an_effect_leaves_finite_weights(folder):
    texts, head, hindsight = taught(Bert(folder, training="lora"))
    with torch.no_grad():
        for layer in head.told_in.values():
            layer.weight.zero_()
    assert np.isfinite(give(texts, head, hindsight, sentences=64))
    assert all(tensor.isfinite().all() for tensor in head.state_dict().values())


def test_other_texts_keep_their_vectors_and_what_is_told_has_others(folder):
    reader = Reader(Library(Bert(folder)), Library(Bert(folder, training="lora")))
    reader.take_in(["A hall.", "go east"], [(("go east",), "A draught blows from the east. A skull lies to the east.")])
    before = reader.texts.library.vectors.clone(), reader.told.library.vectors.clone()
    _, head, hindsight = taught(Bert(folder))
    states = States(np.zeros((1, len(STATE_PARTS)), dtype=np.int64) + 1,
                    np.zeros((1, len(PLAN_COLUMNS)), dtype=np.int64), np.zeros(1, dtype=np.int64),
                    np.zeros(1, dtype=np.int64))
    untold = head(states, reader)
    hindsight = Hindsight(10)
    hindsight.add(reader, [((("go east",), "A draught blows from the east. A skull lies to the east."), 1.0)])
    give(reader.told, head, hindsight, sentences=128)
    assert torch.equal(reader.texts.library.vectors, before[0])
    assert not torch.equal(reader.told.library.vectors, before[1])
    # A plan of which nothing is told is worth what it was.
    torch.testing.assert_close(head(states, reader), untold)


@pytest.mark.slow
def test_the_real_encoder_is_taught_to_read_sentences_that_it_was_not_shown():
    texts, head, hindsight = taught(Bert(training="lora"))
    assert give(texts, head, hindsight, sentences=32 * 120) < 0.3
    unread = ["There is a fresh breeze to the north.", "A dead man lies to the north."]
    good, bad = foretold(head, texts, unread)
    assert good > bad + 0.5
