"""Rounds and the ear: what is certain is true of the one who walks, and hints are told from warnings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textmaze.env.rounds import LENGTHS, Ear, Rounds

ROW = [(x, 0) for x in range(12)]


def beside(place):
    """Along a corridor of a dozen places."""
    x, _ = place
    return {at for at in ((x - 1, 0), (x, 0), (x + 1, 0)) if at in ROW}


@st.composite
def routes(draw):
    """A round in the corridor: some steps, and the same steps back, with rests in between."""
    x = draw(st.integers(0, 11))
    out = [x]
    for step in draw(st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=6)):
        out.append(min(max(out[-1] + step, 0), 11))
    route = out + out[-2:0:-1]
    return [(x, 0) for x in route] if len(route) > 1 else [ROW[0], ROW[0]]


def listen(route, ears):
    """What somebody hears who is at the place `ears[turn]` at each turn: all within two places."""
    rounds = Rounds(beside)
    for turn, ear in enumerate(ears):
        at = route[turn % len(route)]
        distance = abs(at[0] - ear)
        around = {place for place in ROW if abs(place[0] - ear) <= 2}
        rounds.hear(turn, {at} if distance <= 2 else None, around - {at})
    return rounds


@given(routes(), st.lists(st.integers(0, 11), min_size=1, max_size=40))
def test_who_walks_a_round_is_never_refuted_and_what_is_certain_is_so(route, ears):
    rounds = listen(route, ears)
    assert not rounds.refuted
    for turn in range(len(ears), len(ears) + 13):
        before, now = route[(turn - 1) % len(route)], route[turn % len(route)]
        for here in ROW:
            for there in beside(here):
                if rounds.misses(here, there, turn):
                    assert now != there
                    assert not (now == here and before == there and here != there)


@given(routes())
def test_who_was_heard_for_two_of_the_longest_rounds_is_known_to_the_turn(route):
    turns = 2 * LENGTHS[-1] + len(route)
    rounds = listen(route, [route[turn % len(route)][0] for turn in range(turns)])  # always beside him
    for turn in range(turns, turns + len(route)):
        now = route[turn % len(route)]
        assert rounds.meets(now, now, turn)


def test_nobody_is_feared_who_was_never_heard():
    rounds = listen([ROW[11], ROW[10]], [0] * 20)
    assert not rounds.heard
    assert not any(rounds.meets(place, place, turn) for place in ROW for turn in range(20))


def test_one_who_is_in_two_places_far_apart_at_once_walks_no_round():
    rounds = Rounds(beside)
    rounds.hear(0, {ROW[0]}, set())
    assert not rounds.refuted
    rounds.hear(1, {ROW[9]}, set())
    assert rounds.refuted


@pytest.mark.parametrize("turns", [3, 5, 12])
def test_who_comes_towards_the_player_is_met_between_two_places(turns):
    route = [ROW[4], ROW[5]] + [ROW[5]] * (turns - 2)
    rounds = listen(route, [4] * 60)  # a whole number of rounds
    assert rounds.meets(ROW[5], ROW[4], 61)  # he goes from 4 to 5 then
    assert rounds.misses(ROW[3], ROW[4], 61)


HINT, WARNING = "A draught blows from the north.", "You hear the ogre to the north."


def test_any_sentence_that_points_is_taken_for_a_warning_at_first():
    assert Ear().about_somebody("hall", {"A hall.", HINT}, {HINT}) == {HINT}


def test_a_sentence_that_is_always_there_is_a_hint_in_the_end_and_one_that_goes_is_a_warning():
    ear = Ear()
    for _ in range(LENGTHS[-1] + 1):
        ear.about_somebody("hall", {"A hall.", HINT}, {HINT})
    assert ear.hints
    assert ear.about_somebody("hall", {"A hall.", HINT}, {HINT}) == set()
    ear.about_somebody("hall", {"A hall.", HINT, WARNING}, {HINT, WARNING})
    ear.about_somebody("hall", {"A hall.", HINT}, {HINT})
    assert ear.about_somebody("cellar", {WARNING}, {WARNING}) == {WARNING}
    assert ear.about_somebody("hall", {"A hall.", HINT, WARNING}, {HINT, WARNING}) == {WARNING}


def test_who_goes_to_and_fro_in_step_with_somebody_does_not_take_the_warning_for_a_hint():
    """In one room he is always heard, as the player is only there at every other turn of his round."""
    ear = Ear()
    for _ in range(40):
        assert ear.about_somebody("hall", {"A hall.", WARNING}, {WARNING}) == {WARNING}
        assert ear.about_somebody("cell", {"A cell."}, set()) == set()
    assert not ear.hints
