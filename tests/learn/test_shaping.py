"""Potential shaping: worth much on the way, and nothing to the question which command is best."""

import numpy as np
import pytest
from fakes import Scripted, WordBag
from hypothesis import given, settings
from hypothesis import strategies as st

from textmaze.catalog import load_game
from textmaze.errors import TextmazeError
from textmaze.learn.encoder import Library
from textmaze.learn.scorers import Contrast, Distance, Random
from textmaze.learn.shaping import CLIP, Advice, Bonus, Potential, beforehand, shaping, told_of_alone

GAMMA = 0.95
TABLES = {
    "corridor": load_game("corridor").table("train", 3),
    "labyrinth": load_game("labyrinth", {"rooms": 9, "loops": 0.5}).table("train", 5),
    "exit": load_game("labyrinth", {"rooms": 9, "loops": 0.5, "goal": "exit"}).table("train", 7),
    "signposts": load_game("signposts", {"rooms": 6, "cues": 1.0}).table("train", 4),
}
SCORERS = ["contrast", "random", "distance", "misleading", "wild"]


def phi_of(potential, texts, distances=None):
    return potential.of(texts, ["objective"] * len(texts), distances)


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
    phi = phi_of(potential, described(table), table.distance)
    after = table.successor
    before = np.repeat(phi[:, None], after.shape[1], axis=1)
    return table.reward + shaping(before, phi[after], table.terminal[after], GAMMA)


def scorers(table):
    texts = described(table)
    rng = np.random.default_rng(0)
    return {
        "contrast": Contrast(Library(WordBag())),
        "random": Random(),
        "distance": Distance(),
        "misleading": Scripted({text: float(d) for text, d in zip(texts, table.distance, strict=True)}),
        "wild": Scripted({text: rng.normal() * 1e6 for text in texts}),
    }


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("scorer", SCORERS)
@pytest.mark.parametrize("weight", [0.05, 5.0])
def test_whatever_the_scorer_says_the_best_commands_stay_the_best(name, scorer, weight):
    table = TABLES[name]
    potential = Potential(scorers(table)[scorer], weight)
    potential.calibrate(described(table), "objective", table.distance)
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


# -- the control that knows the distance ---------------------------------------------------------------------------


def test_the_distance_is_read_from_step_records_and_from_nothing_else():
    potential = Potential(Distance(), 2.0)
    distances = np.array([0, 10, 20, 1000, -1])
    texts = ["the same text"] * 5
    assert phi_of(potential, texts, distances).tolist() == [0.0, -2.0, -4.0, -2.0 * CLIP, -2.0 * CLIP]
    with pytest.raises(TextmazeError, match="needs the distances"):
        phi_of(potential, texts)


def test_distances_are_brought_to_the_scale_of_those_that_lead_to_a_win():
    potential = Potential(Distance(), 1.0)
    potential.calibrate([""] * 4, "objective", np.array([1, 2, 3, -1]))
    deviation = np.std([1, 2, 3])
    phi = phi_of(potential, [""] * 4, np.array([1, 2, 3, -1]))
    assert phi.tolist() == pytest.approx([1 / deviation, 0, -1 / deviation, -CLIP])


def test_other_scorers_do_not_see_the_distance():
    potential = Potential(Scripted({"a": 1.0}), 1.0)
    assert phi_of(potential, ["a", "b"], np.array([5, 7])).tolist() == [1.0, 0.0]


# -- advice --------------------------------------------------------------------------------------------------------

ROOM = (
    "-= North Hall =-\nA cold hall, and colder to the north. Ways lead north and east. "
    "Northern lights flicker. I went east and lost a whole day! An iron door bars the way west. A key hangs here."
)


@pytest.mark.parametrize(("command", "told"), [
    ("go north", "A cold hall, and colder to the north."),
    ("go east", "I went east and lost a whole day!"),
    ("go south", ""),
    ("open iron door", "An iron door bars the way west."),
    ("take brass key", "A key hangs here."),
    ("wait", ""),
    ("", ""),
    ("take (", ""),
])
def test_of_a_command_is_told_by_sentences_that_hold_its_last_word_and_no_other_way(command, told):
    assert told_of_alone(command, ROOM) == told


def test_what_is_to_the_front_is_told_of_going_forward():
    room = "-= Hall =-\nYou can go forward, left or back. Bones lie to the front. It smells of grass to the left."
    assert told_of_alone("go forward", room) == "Bones lie to the front."
    assert told_of_alone("go left", room) == "It smells of grass to the left."
    assert told_of_alone("go back", room) == ""


def test_where_nothing_is_told_of_a_command_its_advice_is_nothing():
    advice = Advice(Scripted({"Bones lie to the east.": 4.0, "Grass lies to the west.": 2.0}), 0.5)
    advice.calibrate(["Bones lie to the east.", "Grass lies to the west."], "objective")
    room = "Ways lead east, west and south. Bones lie to the east. Grass lies to the west."
    commands = ["go east", "go west", "go south"]
    assert advice.of([room] * 3, commands, ["objective"] * 3).tolist() == [0.5, -0.5, 0.0]
    assert advice.of([], [], []).shape == (0,)


def test_advice_reads_the_note_beside_a_command_too():
    advice = Advice(Scripted({"Bones lie to the east. Tried once.": 4.0, "Tried once.": 2.0}), 0.5)
    advice.calibrate(["Bones lie to the east. Tried once.", "Tried once."], "objective")
    room = "Ways lead east and west. Bones lie to the east."
    assert advice.of([room] * 2, ["go east", "go west"], ["objective"] * 2, ["tried once"] * 2).tolist() == [0.5, -0.5]
    assert beforehand("go west", room, "") == ""


# -- a potential of commands, as looking ahead has it -----------------------------------------------------------------


def of_commands(table):
    """Any Phi of every command in every state, (S, C)."""
    return 0.7 * np.random.default_rng(0).uniform(-CLIP, CLIP, (len(table.successor), len(table.commands)))


@pytest.mark.parametrize("name", ["labyrinth", "exit", "signposts"])
def test_under_look_ahead_advice_the_best_commands_have_the_highest_sum_of_value_and_advice(name):
    table = TABLES[name]
    phi = of_commands(table)
    values = np.zeros_like(phi)
    for _ in range(1000):  # value iteration, where what follows is chosen, and paid for, as look-ahead advice has it
        following = (values + phi).argmax(1)[table.successor]
        ended = table.terminal[table.successor]
        after = np.where(ended, 0.0, values[table.successor, following])
        values = table.reward + shaping(phi, phi[table.successor, following], ended, GAMMA) + GAMMA * after
    exact = solved(table, table.reward)
    going = ~table.terminal
    np.testing.assert_allclose((values + phi)[going], exact[going], atol=1e-9)
    chosen = (values + phi)[going] >= (values + phi)[going].max(1, keepdims=True) - 1e-6
    np.testing.assert_array_equal(chosen, best(table, table.reward))


def test_learning_with_look_ahead_advice_is_learning_from_values_that_begin_at_the_advice():
    """The same walk, the same commands, the same values less Phi, after every step (Wiewiora 2003)."""
    table = TABLES["signposts"]
    phi = of_commands(table)
    plain, advised_values = phi.copy(), np.zeros_like(phi)
    rng, state = np.random.default_rng(1), table.start
    for _ in range(3000):
        choices = plain[state].argmax(), (advised_values + phi)[state].argmax()
        assert choices[0] == choices[1] or np.ptp(plain[state, list(choices)]) < 1e-9
        command = rng.integers(len(table.commands)) if rng.random() < 0.3 else choices[0]
        after, ended = table.successor[state, command], np.array([table.terminal[table.successor[state, command]]])
        reward = table.reward[state, command]
        target = reward + (0.0 if ended[0] else GAMMA * plain[after].max())
        plain[state, command] += 0.5 * (target - plain[state, command])
        best_after = (advised_values + phi)[after].argmax()
        paid = shaping(phi[state, [command]], phi[after, [best_after]], ended, GAMMA)[0]
        target = reward + paid + (0.0 if ended[0] else GAMMA * advised_values[after, best_after])
        advised_values[state, command] += 0.5 * (target - advised_values[state, command])
        state = table.start if ended[0] else after
    np.testing.assert_allclose(advised_values + phi, plain, atol=1e-9)
    assert np.abs(advised_values).max() > 0.1


# -- the bonus -----------------------------------------------------------------------------------------------------


def test_the_bonus_is_paid_for_what_reads_well_and_less_for_what_was_read_before():
    bonus = Bonus(Scripted({"ill": 0.0, "well": 2.0}), 0.3, threshold=0.5, power=2.0)
    bonus.calibrate(["ill", "well"], "objective")  # -1 and 1
    found = bonus.of(["ill", "well", "well"], ["objective"] * 3, np.array([1, 1, 2]))
    assert found.tolist() == pytest.approx([0.0, 0.3, 0.075])


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=20), st.floats(0, 3), st.floats(0, 4), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_the_bonus_is_never_less_than_nothing_or_more_than_the_clipped_score_and_fades_with_its_factor(
    scores, threshold, power, factor
):
    texts = [str(number) for number in range(len(scores))]
    bonus = Bonus(Scripted(dict(zip(texts, scores, strict=True))), 1.0, threshold, power)
    found = bonus.of(texts, ["o"] * len(texts), np.arange(1, len(texts) + 1), factor)
    assert (found >= 0).all()
    assert (found <= factor * CLIP).all()
    assert not found[np.array(scores) < threshold].any()
