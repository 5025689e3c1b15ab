"""The steps that foresight is measured on: what came stands beside what else might have come."""

import numpy as np
import pytest

from textmaze.catalog import load_game
from textmaze.errors import GameError
from textmaze.learn.answers import MEMORY
from textmaze.learn.foresight_report import uniform
from textmaze.learn.foresight_steps import CANDIDATES, KINDS, Numbering, collect

HEADING = MEMORY.index("headed like a place that was read")


def test_the_text_that_came_stands_first_among_distinct_ones():
    numbering = Numbering()
    steps = collect(load_game("keys", {"max_steps": 40}), "test", range(4), numbering, 0)
    choices, texts = steps.choices, list(numbering.numbers)
    assert choices.candidates.shape == (len(steps.kind), CANDIDATES)
    for row, present in zip(choices.candidates, choices.present, strict=True):
        assert len(set(row[present].tolist())) == present.sum() == CANDIDATES
    assert set(steps.kind.tolist()) == set(range(len(KINDS)))
    for kind, state, came in zip(steps.kind, choices.state, choices.candidates[:, 0], strict=True):
        named = texts[came].startswith("-=")
        assert named == (KINDS[kind] in ("new place", "known place"))
        if named:
            assert texts[state[2]].startswith("go ")
    new, known = (choices.remembered[steps.kind == kind, 0, HEADING] for kind in (0, 1))
    assert not new.any()
    assert known.all()


def test_a_small_maze_has_fewer_candidates_and_the_rest_is_padding():
    game = load_game("corridor", {"rooms": 3, "branches": 0, "max_steps": 10})
    steps = collect(game, "train", range(2), Numbering(), 0)
    assert not steps.choices.present.all()
    assert (steps.choices.present.sum(1) >= 5).all()
    np.testing.assert_allclose(uniform(steps.choices).sum(1), 1)


def test_the_same_seed_collects_the_same_steps():
    game = load_game("labyrinth", {"rooms": 8, "max_steps": 20})
    one, two, other = (collect(game, "train", range(3), Numbering(), seed) for seed in (0, 0, 1))
    for name in ("state", "candidates", "remembered", "present"):
        assert np.array_equal(getattr(one.choices, name), getattr(two.choices, name))
    assert not np.array_equal(one.choices.candidates, other.choices.candidates)


def test_a_game_whose_states_are_not_all_known_is_refused():
    game = load_game("labyrinth", {"rooms": 1000, "doors": 3, "locks": 3, "things": 2, "gates": 2, "cycle": 6})
    assert game.table("train", 0).live
    with pytest.raises(GameError, match="too many states"):
        collect(game, "train", range(1), Numbering(), 0)
