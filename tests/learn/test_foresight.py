"""Foresight: what is learned of the next text, and what is told of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fakes import WordBag
from hypothesis import given, settings
from hypothesis import strategies as st

from textmaze.catalog import load_game
from textmaze.errors import RunError, TextmazeError
from textmaze.learn import foresight
from textmaze.learn.answers import MEMORY
from textmaze.learn.foresight import Choices, Settings, check, learn, look_ahead, probabilities, shapes
from textmaze.learn.foresight_steps import Numbering, collect

DONE, OTHERWISE = range(2)
QUICK = Settings(hidden=16, epochs=4, batch=32)


def puzzle(steps=400, seed=0, candidates=6):
    """Steps in which a command brings the text that names it, among texts that name others; words differ."""
    rng = np.random.default_rng(seed)
    numbering, states, rows = Numbering(), [], []
    ways = [f"way{number}" for number in range(candidates)]
    for step in range(steps):
        way = int(rng.integers(candidates))
        states.append(numbering.of([f"place {seed} {step}", "nothing", f"go {ways[way]}"]))
        order = [way, *(other for other in range(candidates) if other != way)]
        rows.append(numbering.of([f"{ways[other]} {rng.integers(50)}" for other in order]))
    size = steps, candidates
    choices = Choices(np.array(states), np.array(rows), np.zeros((*size, len(MEMORY)), np.float32), np.full(size, True))
    return choices, WordBag().encode(list(numbering.numbers))


def test_what_holds_in_every_place_is_learned():
    choices, vectors = puzzle(400)
    weights = learn(choices.take(slice(0, 300)), vectors, replace(QUICK, epochs=12), 0)
    chances = probabilities(weights, choices.take(slice(300, 400)), vectors)
    assert (chances.argmax(1) == 0).mean() > 0.8


def test_what_is_remembered_is_learned_too():
    choices, vectors = puzzle(200)
    marks = np.zeros_like(choices.remembered)
    marks[:, 0, DONE] = 1
    marks[:, 1:, OTHERWISE] = 1
    choices, unreadable = replace(choices, remembered=marks), torch.zeros_like(vectors)
    chances = probabilities(learn(choices, unreadable, replace(QUICK, epochs=8), 0), choices, unreadable)
    assert (chances[:, 0] > 0.8).all()


def test_equal_seeds_give_equal_weights_and_no_other_generator_is_touched():
    choices, vectors = puzzle(60)
    state = torch.get_rng_state()
    one, two, other = (learn(choices, vectors, QUICK, seed) for seed in (0, 0, 1))
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["text.meet"], other["text.meet"])
    assert {name: tuple(tensor.shape) for name, tensor in one.items()} == shapes(vectors.shape[1], QUICK.hidden)


def test_nothing_is_learned_from_no_steps():
    choices, vectors = puzzle(4)
    with pytest.raises(TextmazeError, match="no step"):
        learn(choices.take(slice(0, 0)), vectors, QUICK, 0)


def test_a_text_that_is_among_a_steps_own_candidates_is_not_its_negative_twice():
    choices, vectors = puzzle(2)
    same = choices.take(np.array([0, 0, 0]))
    generator = torch.Generator().manual_seed(0)
    weights = foresight.first_weights(vectors, choices, 8, generator)
    own, _ = foresight.logits(weights, same, vectors)
    loss = foresight._loss(weights, same, vectors, replace(QUICK, dropout=0.0), generator)
    torch.testing.assert_close(loss, -own.log_softmax(1)[:, 0].mean())


@given(st.integers(0, 10**6), st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_padding_has_no_probability_and_changes_none(seed, count):
    choices, vectors = puzzle(5, seed)
    weights = foresight.first_weights(vectors, choices, 8, torch.Generator().manual_seed(seed))
    weights["meet.out"] += 1
    present = np.arange(6) < count
    padded = probabilities(weights, replace(choices, present=np.tile(present, (5, 1))), vectors)
    short = Choices(choices.state, choices.candidates[:, :count], choices.remembered[:, :count],
                    choices.present[:, :count])
    assert not padded[:, count:].any()
    np.testing.assert_allclose(padded[:, :count], probabilities(weights, short, vectors), atol=1e-6)
    np.testing.assert_allclose(padded.sum(1), 1)


@pytest.fixture(scope="module")
def found():
    """Foresight that has learned from a few small mazes."""
    game, numbering = load_game("labyrinth", {"rooms": 8, "max_steps": 30}), Numbering()
    steps, model = collect(game, "train", range(12), numbering, 0), WordBag()
    vectors = model.encode(list(numbering.numbers))
    return learn(steps.choices, vectors, QUICK, 0), steps, vectors


def test_one_state_is_told_the_same_as_many(found):
    weights, steps, vectors = found
    chances = probabilities(weights, steps.choices, vectors)
    np.testing.assert_allclose(probabilities(weights, steps.choices.take(slice(3, 4)), vectors),
                               chances[3:4], atol=1e-6)


@given(st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_looking_ahead_expects_no_more_than_the_best_and_no_less_than_the_worst(seed):
    rng = np.random.default_rng(seed)
    chances, scores = rng.dirichlet(np.ones(5), size=3), rng.normal(size=(3, 5))
    expected = look_ahead(chances, scores)
    assert expected.shape == (3,)
    assert (expected <= scores.max(1) + 1e-9).all()
    assert (expected >= scores.min(1) - 1e-9).all()
    np.testing.assert_allclose(look_ahead(np.eye(5), np.tile(scores[0], (5, 1))), scores[0])


def test_the_more_strangers_there_are_the_less_likely_is_what_came():
    choices, vectors = puzzle(40)
    generator = torch.Generator().manual_seed(0)
    weights = foresight.first_weights(vectors, choices, 8, generator)
    still = replace(QUICK, dropout=0.0)
    losses = [float(foresight._loss(weights, choices, vectors, still, generator, count)) for count in (1, 8, 64)]
    own, others = foresight.logits(weights, choices, vectors)
    assert losses == sorted(losses)
    known = torch.from_numpy((choices.candidates[:, :, None] == choices.candidates[None, None, :, 0]).any(1))
    expected = torch.cat([own, others.masked_fill(known, -torch.inf) + np.log(8 / 40)], 1).log_softmax(1)[:, 0]
    assert losses[1] == pytest.approx(float(-expected.mean()), rel=1e-5)


@pytest.mark.parametrize("change", ["width", "lacking", "nan", "double", "scalar", "nothing"])
def test_weights_of_anything_else_are_refused_in_one_sentence(found, change):
    weights, width = dict(found[0]), found[2].shape[1]
    check(weights, width)
    if change == "lacking":
        del weights["memory"]
    if change == "nan":
        weights["memory"] = torch.full_like(weights["memory"], torch.nan)
    if change == "double":
        weights["memory"] = weights["memory"].double()
    if change == "scalar":
        weights["meet.bias"] = torch.tensor(1.0)
    if change == "nothing":
        weights = {}
    with pytest.raises(RunError) as error:
        check(weights, width + (change == "width"))
    assert "\n" not in str(error.value)
