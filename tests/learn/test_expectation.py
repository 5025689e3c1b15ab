"""What is expected: that it is learned from what comes, that surprises are told apart, and that it looks ahead."""

import json

import numpy as np
import pytest
import torch
from fakes import Scripted, WordBag

from textmaze.env.rollout import Observation, StepRecord
from textmaze.errors import RunError
from textmaze.learn import expectation
from textmaze.learn.encoder import Library
from textmaze.learn.expectation import FIRST, KEPT, READ, STRANGERS, Expectation
from textmaze.learn.notes import Plan
from textmaze.learn.reading import Reader
from textmaze.learn.shaping import CLIP, Standard

WAYS = ("go west", "go east")
SCORES = {"-= Place 0 =-\nA way leads east.": 2.0, "-= Place 1 =-\nA way leads west.": -1.0}


def place(number, slot=0):
    text = f"-= Place {number} =-\nA way leads {('east', 'west')[number % 2]}."
    return Observation(slot, text, text, "Nothing.", "Win.", WAYS)


def fresh(weight=0.0, seed=0):
    reader = Reader(Library(WordBag()))
    return Expectation(reader, Standard(Scripted(SCORES)) if weight else None, weight, seed)


def step(found, before, command, after, slot=0):
    """One step of an episode that has begun; how surprising it was."""
    found.read(before)
    found.chose(slot, command)
    (surprise,) = found.observe([StepRecord("hand", "train", 0, 0, 1, before, command, 0.0, False, False, after, 1, 1)])
    return surprise


def to_and_fro(found, steps, first=0):
    """From one place to the next and back, again and again, each time in two new places."""
    surprises = []
    for count in range(steps):
        if count % 8 == 0:
            found.begin([0])
            number = first + count // 4
        here, there = place(number + count % 2), place(number + (count + 1) % 2)
        surprises.append(step(found, here, WAYS[1 - count % 2], there))
    return np.array(surprises)


@pytest.fixture(scope="module")
def learned():
    found = fresh(weight=0.5)
    return found, to_and_fro(found, FIRST + 400)


def test_nothing_is_surprising_and_nothing_is_foreseen_before_there_was_enough_to_learn_from():
    found = fresh(weight=1.0)
    assert not to_and_fro(found, FIRST - 1).any()
    assert not found.weights
    assert not found.playing()
    assert not found.values(place(0), [Plan(0, "", "go west", "", 0, WAYS)]).any()


def test_a_place_that_was_never_read_is_more_surprising_than_the_way_back(learned):
    surprises = learned[1][-200:].reshape(-1, 8)
    assert surprises[:, 0].min() > surprises[:, 2:].max()
    assert np.abs(learned[1]).max() <= CLIP


def test_surprises_are_in_standard_deviations_of_the_last_steps(learned):
    found, surprises = learned
    clipped = np.clip((found._surprises - found._surprises.mean()) / found._surprises.std(), -CLIP, CLIP)
    assert surprises[-1] == pytest.approx(clipped[-1])


def test_what_came_is_sure_to_be_among_the_candidates_and_all_sum_to_one(learned):
    found = learned[0]
    chances = found._chances(found._kept.take(slice(-20, None)))
    assert chances.shape == (20, 1 + READ + len(found.strangers))
    assert 2 < len(found.strangers) <= STRANGERS
    np.testing.assert_allclose(chances.sum(1), 1)


def test_who_is_among_a_steps_own_candidates_is_no_stranger(learned):
    found = learned[0]
    kept, strangers = found._kept.take(slice(-8, None)), found.strangers
    found.strangers = found._reader.texts.means(kept.candidates[:1, 0])  # what came to the first of these
    try:
        chances = found._chances(kept)
    finally:
        found.strangers = strangers
    own = (kept.candidates == kept.candidates[0, 0]).any(1)
    assert own.any()
    assert not chances[own, -1].any()
    np.testing.assert_allclose(chances.sum(1), 1)


def test_only_the_last_steps_are_kept(monkeypatch):
    monkeypatch.setattr(expectation, "KEPT", 20)
    found = fresh(weight=1.0)
    to_and_fro(found, 50)
    assert len(found._kept) == len(found._came) == 20
    assert KEPT > FIRST


def test_a_way_that_leads_to_a_text_that_reads_well_is_worth_more(learned):
    found = learned[0]
    found.begin([0])
    for count in range(4):
        step(found, place(count % 2), WAYS[1 - count % 2], place((count + 1) % 2))
    found.read(place(0))
    plans = [Plan(1, "", "go east", "", 0, WAYS), *(Plan(0, "", "go west", "", far, WAYS) for far in (0, 2))]
    values = found.values(place(0), plans)
    assert values.dtype == np.float32
    assert values[0] < values[1]  # to the east lies place 1, which reads ill
    assert values[2] == 0.0
    assert np.abs(values).max() <= 0.5 * 2.0
    found.chose(0, "go east")
    found.read(place(1))
    assert found.values(place(1), plans)[1] > 0.25  # and back to the west place 0


def test_looking_ahead_is_the_sum_of_chances_times_scores(learned):
    found = learned[0]
    found.begin([0])
    found.read(place(0))
    candidates = found._memories[0].likeliest("go east", READ)
    chances = found._chances(found._choices([place(0)], ["go east"], [candidates]))[0]
    scores = [SCORES.get(text, 0.0) for text in candidates] + [0.0] * (1 + READ - len(candidates)) + list(found.scores)
    value = found.values(place(0), [Plan(1, "", "go east", "", 0, WAYS)])
    assert value == pytest.approx(0.5 * (chances * scores).sum(), abs=1e-6)


def test_a_twin_expects_the_same_in_games_of_its_own(learned):
    found = learned[0]
    found.begin([0])
    twin, plans = found.twin(), [Plan(1, "", "go east", "", 0, WAYS)]
    twin.begin([0])
    for each in (found, twin):
        each.read(place(0))
    assert twin.values(place(0), plans) == found.values(place(0), plans)
    assert twin._memories[0] is not found._memories[0]


def test_what_it_takes_to_play_goes_with_the_weights(learned):
    found, plans = learned[0], [Plan(1, "", "go east", "", 0, WAYS)]
    other = fresh(weight=0.5, seed=3)
    other.load(found.playing())
    for each in (found, other):
        each.begin([0])
        each.read(place(0))
    assert other.values(place(0), plans) == found.values(place(0), plans)
    assert not fresh().playing()


@pytest.mark.parametrize("change", ["lacking", "nan", "shape", "more"])
def test_weights_that_do_not_fit_are_refused_in_one_sentence(learned, change):
    tensors = dict(learned[0].playing())
    if change == "lacking":
        del tensors["scores"]
    if change == "nan":
        tensors["strangers"] = torch.full_like(tensors["strangers"], torch.nan)
    if change == "shape":
        tensors["scale"] = torch.zeros(3)
    if change == "more":
        tensors["weights.more"] = torch.zeros(3)
    with pytest.raises(RunError) as error:
        fresh(weight=0.5).load(tensors)
    assert "\n" not in str(error.value)


def restored(found, weight=0.0):
    plain, tensors = found.state()
    other = fresh(weight, seed=7)
    other._reader.restore(json.loads(json.dumps(found._reader.state())))
    other.restore(json.loads(json.dumps(plain)), {name: tensor.clone() for name, tensor in tensors.items()})
    return other


@pytest.mark.parametrize("steps", [40, FIRST + 40])
def test_it_goes_on_as_it_would_have(steps):
    found = fresh()
    to_and_fro(found, steps)
    other = restored(found)
    courses = [to_and_fro(each, 240, first=1000) for each in (found, other)]
    np.testing.assert_array_equal(*courses)
    assert courses[0].any()
    assert all(torch.equal(found.weights[name], tensor) for name, tensor in other.weights.items())


@pytest.mark.parametrize("change", ["count", "number", "negative", "shape"])
def test_a_state_that_does_not_fit_together_is_refused(change):
    found = fresh()
    to_and_fro(found, 10)
    plain, tensors = found.state()
    if change == "count":
        tensors["came"] = tensors["came"][1:]
    if change == "number":
        tensors["kept.candidates"][0, 0] = 10**6
    if change == "negative":
        tensors["kept.state"][0, 0] = -1
    if change == "shape":
        tensors["kept.remembered"] = tensors["kept.remembered"][:, :, :3]
    other = fresh()
    other._reader.restore(found._reader.state())
    with pytest.raises(ValueError, match="expected"):
        other.restore(plain, tensors)


def test_equal_seeds_expect_the_same_and_no_other_generator_is_touched():
    state = torch.get_rng_state()
    one, two, other = (fresh(seed=seed) for seed in (0, 0, 1))
    courses = [to_and_fro(found, FIRST + 60) for found in (one, two, other)]
    assert torch.equal(state, torch.get_rng_state())
    np.testing.assert_array_equal(courses[0], courses[1])
    assert not np.array_equal(courses[0], courses[2])
