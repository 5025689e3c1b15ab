"""Potential shaping: worth much on the way, and nothing to the question which command is best."""

import numpy as np
import pytest
from fakes import Scripted, WordBag
from hypothesis import given, settings
from hypothesis import strategies as st

from textmaze.catalog import load_game
from textmaze.learn.encoder import Library
from textmaze.learn.scorers import Contrast, Random
from textmaze.learn.shaping import CLIP, Potential, shaping

GAMMA = 0.95
TABLES = {
    "corridor": load_game("corridor").table("train", 3),
    "labyrinth": load_game("labyrinth", {"rooms": 9, "loops": 0.5}).table("train", 5),
    "exit": load_game("labyrinth", {"rooms": 9, "loops": 0.5, "goal": "exit"}).table("train", 7),
}


def phi_of(potential, texts):
    return potential.of(texts, ["objective"] * len(texts))


def described(table):
    return [table.texts[number] for number in table.description]


def solved(table, reward):
    """The value of each command in each state, by value iteration; (S, C)."""
    follows, ended = table.successor, table.terminal
    values = np.zeros(len(follows))
    for _ in range(1000):
        commands = reward + GAMMA * values[follows]
        values = np.where(ended, 0.0, commands.max(1))
    return commands


def best(table, reward):
    """Which commands are best in each state that is not an end; (S, C)."""
    commands = solved(table, reward)[~table.terminal]
    return commands >= commands.max(1, keepdims=True) - 1e-6


def shaped(table, potential):
    """The table's rewards with shaping added; (S, C)."""
    phi = phi_of(potential, described(table))
    after = table.successor
    before = np.repeat(phi[:, None], after.shape[1], axis=1)
    return table.reward + shaping(before, phi[after], table.terminal[after], GAMMA)


def scorers(table):
    texts = described(table)
    rng = np.random.default_rng(0)
    return {
        "contrast": Contrast(Library(WordBag())),
        "random": Random(Library(WordBag())),
        "distance": Scripted({text: -float(d) for text, d in zip(texts, table.distance, strict=True)}),
        "misleading": Scripted({text: float(d) for text, d in zip(texts, table.distance, strict=True)}),
        "wild": Scripted({text: rng.normal() * 1e6 for text in texts}),
    }


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("scorer", ["contrast", "random", "distance", "misleading", "wild"])
@pytest.mark.parametrize("weight", [0.05, 5.0])
def test_whatever_the_scorer_says_the_best_commands_stay_the_best(name, scorer, weight):
    table = TABLES[name]
    potential = Potential(scorers(table)[scorer], weight)
    potential.calibrate(described(table), "objective")
    reward = shaped(table, potential)
    assert np.abs(reward - table.reward).max() > weight / 10  # it does say something
    np.testing.assert_array_equal(best(table, reward), best(table, table.reward))


@pytest.mark.parametrize("name", TABLES)
def test_shaping_lowers_the_value_of_every_command_in_a_state_by_the_potential_of_the_state(name):
    table = TABLES[name]
    potential = Potential(scorers(table)["wild"], 1.0)
    potential.calibrate(described(table), "objective")
    phi = phi_of(potential, described(table))
    difference = solved(table, table.reward) - solved(table, shaped(table, potential))
    going = ~table.terminal
    np.testing.assert_allclose(difference[going], np.repeat(phi[going, None], difference.shape[1], axis=1), atol=1e-9)


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=30), st.booleans(), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_over_a_way_the_terms_sum_up_to_its_ends(phi, won, gamma):
    potentials = np.array(phi)
    steps = len(phi) - 1
    terminated = np.zeros(steps, dtype=bool)
    terminated[-1] = won
    terms = shaping(potentials[:-1], potentials[1:], terminated, gamma)
    total = float(np.sum(gamma ** np.arange(steps) * terms))
    end = 0.0 if won else gamma**steps * phi[-1]
    assert total == pytest.approx(end - phi[0], abs=1e-9)


def test_an_episode_that_was_cut_off_keeps_the_potential_of_its_last_state():
    before, after = np.array([1.0, 1.0]), np.array([2.0, 2.0])
    assert shaping(before, after, np.array([False, True]), 0.5).tolist() == [0.0, -1.0]


def test_scores_become_deviations_from_the_mean_clipped_and_weighed():
    scores = {"low": 0.0, "mid": 1.0, "high": 2.0, "far": 100.0, "deep": -100.0}
    potential = Potential(Scripted(scores), 0.5)
    potential.calibrate(["low", "mid", "high"], "objective")
    deviation = np.std([0.0, 1.0, 2.0])
    assert phi_of(potential, ["low", "mid", "high"]).tolist() == pytest.approx([-0.5 / deviation, 0, 0.5 / deviation])
    assert phi_of(potential, ["far", "deep"]).tolist() == [0.5 * CLIP, -0.5 * CLIP]


def test_a_scorer_that_says_the_same_of_all_shapes_nothing():
    potential = Potential(Scripted({"a": 3.0, "b": 3.0}), 1.0)
    potential.calibrate(["a", "b"], "objective")
    assert phi_of(potential, ["a", "b"]).tolist() == [0.0, 0.0]


def test_each_distinct_text_is_scored_once():
    scorer = Scripted({"a": 1.0})
    potential = Potential(scorer, 1.0)
    assert phi_of(potential, ["a", "b", "a"]).tolist() == [1.0, 0.0, 1.0]
    phi_of(potential, ["b", "c", "b"])
    assert scorer.asked == [["a", "b"], ["c"]]


def test_a_new_scale_holds_for_texts_scored_before_it():
    potential = Potential(Scripted({"a": 1.0, "b": 3.0}), 1.0)
    phi_of(potential, ["a"])
    potential.calibrate(["a", "b"], "objective")
    assert phi_of(potential, ["a"]).tolist() == [-1.0]


def test_the_same_text_is_scored_for_each_objective_by_itself():
    class Wish:
        """A scorer to which a text reads well where it holds the objective."""

        def score(self, consequences, objective):
            return np.array([float(objective in text) for text in consequences])

    potential = Potential(Wish(), 1.0)
    texts = ["a coin", "an exit", "a coin", "a coin"]
    assert potential.of(texts, ["coin", "coin", "exit", "coin"]).tolist() == [1.0, 0.0, 0.0, 1.0]
