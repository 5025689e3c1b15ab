"""How foresight is measured: controls, intervals, and that a report comes out the same again."""

import json

import numpy as np
import pytest
from fakes import Echo, WordBag

from textmaze.catalog import load_game
from textmaze.learn.answers import MEMORY
from textmaze.learn.foresight import Settings
from textmaze.learn.foresight_report import interval, looked_up, most_similar, report, uniform
from textmaze.learn.foresight_steps import CANDIDATES, Numbering, collect

DONE = MEMORY.index("done here before, and answered so")
QUICK = Settings(hidden=16, epochs=4, batch=32)


@pytest.fixture(scope="module")
def found():
    """The steps of a few small mazes, and the vectors of their texts."""
    game, numbering = load_game("labyrinth", {"rooms": 8, "max_steps": 30}), Numbering()
    steps, model = collect(game, "train", range(12), numbering, 0), WordBag()
    vectors = model.encode(list(numbering.numbers))
    return steps, vectors


def test_controls_give_probabilities(found):
    steps, vectors = found
    for chances in (
        looked_up(steps.choices, steps.choices), most_similar(steps.choices, steps.choices, vectors),
        uniform(steps.choices),
    ):
        np.testing.assert_allclose(chances.sum(1), 1)
        assert not chances[~steps.choices.present].any()
    done = steps.choices.remembered[:, 0, DONE] > 0
    assert done.any()
    assert (looked_up(steps.choices, steps.choices)[done].argmax(1) == 0).all()


def test_an_interval_holds_the_mean_and_is_wider_where_episodes_differ():
    rng = np.random.default_rng(0)
    episode = np.repeat(np.arange(20), 30)
    apart, alike = rng.normal(size=20)[episode], np.tile(rng.normal(size=30), 20)
    wide, narrow = interval(apart, episode, 0), interval(alike, episode, 0)
    for values, found in ((apart, wide), (alike, narrow)):
        assert found.value == pytest.approx(values.mean())
        assert found.low - 1e-9 <= found.value <= found.high + 1e-9
    assert wide.high - wide.low > 0.1
    assert narrow.high - narrow.low < 1e-9


def test_a_language_model_is_one_more_predictor_of_the_same_steps_and_has_read_what_happened():
    game, said = load_game("labyrinth", {"rooms": 8, "max_steps": 20}), []

    def once(**more):
        found = report(game, WordBag(), encoder="words", train_episodes=8, episodes=4, seed=3, settings=QUICK, **more)
        return {(row.kind, row.predictor): row for row in found.rows}

    without, beside = once(), once(language_model=Echo(), say=said.append)
    assert {key: row for key, row in beside.items() if key[1] != "language model"} == without
    row = beside["all", "language model"]
    assert row.steps == without["all", "uniform"].steps
    assert f"the language model reads: {row.steps} of {row.steps} steps" in said
    # What was read before is told again in a place that is known, and this model tells it from the rest.
    assert beside["known place", "language model"].accuracy.value > without["known place", "uniform"].accuracy.value


def test_a_report_is_reproducible_and_sets_each_control_beside_foresight():
    game = load_game("labyrinth", {"rooms": 8, "max_steps": 20})

    def once():
        return report(game, WordBag(), encoder="words", train_episodes=8, episodes=4, seed=3, settings=QUICK)

    found = once()
    assert json.loads(json.dumps(found.to_dict())) == json.loads(json.dumps(once().to_dict()))
    rows = {(row.kind, row.predictor): row for row in found.rows}
    assert {kind for kind, _ in rows} >= {"all", "new place", "known place", "failing"}
    for (kind, _), row in rows.items():
        best = rows[kind, "foresight"]
        assert row.accuracy_lead.value == pytest.approx(best.accuracy.value - row.accuracy.value)
        assert row.log_loss_lead.value == pytest.approx(row.log_loss.value - best.log_loss.value)
        assert row.steps == best.steps
    guess = rows["all", "uniform"]
    assert guess.log_loss.value == pytest.approx(np.log(CANDIDATES), abs=0.2)
    assert guess.accuracy.value == pytest.approx(1 / CANDIDATES, abs=0.02)
    assert rows["all", "memory look-up"].accuracy.value > guess.accuracy.value
