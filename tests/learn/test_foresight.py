"""Foresight: what an episode teaches about the next text, what is learned of it, and how it is measured."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from fakes import WordBag
from hypothesis import given, settings
from hypothesis import strategies as st
from mazes import plain_mazes

from textmaze.catalog import load_game
from textmaze.env.rollout import Observation
from textmaze.errors import GameError, RunError, TextmazeError
from textmaze.game.table import maze_table
from textmaze.learn import foresight
from textmaze.learn.foresight import (
    MEMORY,
    Choices,
    Foresight,
    Likelihood,
    Memory,
    Settings,
    State,
    learn,
    load_foresight,
    look_ahead,
    probabilities,
    save_foresight,
    shapes,
)
from textmaze.learn.foresight_report import (
    CANDIDATES,
    KINDS,
    Numbering,
    collect,
    interval,
    looked_up,
    most_similar,
    report,
    uniform,
)

DONE, OTHERWISE, RECKONED, HEADED, KNOWN, READ, HEADING, HERE, ELSEWHERE, ANSWER = range(len(MEMORY))
HALL, YARD, ROOF = "-= Hall =-\nA way leads east.", "-= Yard =-\nA way leads west.", "-= Roof =-\nBirds."
NO = "You can't go that way."
QUICK = Settings(hidden=16, epochs=4, batch=32)


def seen(description, text=None):
    return Observation(0, description if text is None else text, description, "Nothing.", "Win.", ())


def remembered(*steps, start=HALL):
    """The memory of an episode: its commands, each with the place that it led to and the answer, if it is another."""
    memory = Memory()
    memory.read(seen(start))
    for command, description, *answer in steps:
        memory.chose(command)
        memory.read(seen(description, *answer))
    return memory


def told(memory, command, text):
    return set(np.flatnonzero(memory.beside(command, [text])[0]).tolist())


def test_a_command_given_before_in_the_same_place_is_known_by_its_answer():
    memory = remembered(("go north", HALL, NO))
    assert DONE in told(memory, "go north", NO)
    assert OTHERWISE in told(memory, "go north", YARD)
    assert not {DONE, OTHERWISE} & told(memory, "go south", NO)


def test_the_last_answer_counts():
    memory = remembered(("open door", HALL, "It is locked."), ("open door", HALL, "You open it."))
    assert DONE in told(memory, "open door", "You open it.")
    assert OTHERWISE in told(memory, "open door", "It is locked.")


def test_the_way_back_leads_to_the_place_that_was_left():
    memory = remembered(("go east", YARD))
    assert RECKONED in told(memory, "go west", HALL)
    assert RECKONED not in told(memory, "go north", HALL)


def test_ways_as_the_player_sees_them_are_reckoned_by_where_the_player_faces():
    memory = remembered(("go right", YARD))
    assert RECKONED in told(memory, "go back", HALL)
    assert not {RECKONED, KNOWN} & told(memory, "go left", HALL)
    memory.chose("go left")  # to the north of the yard, facing north
    memory.read(seen(ROOF))
    assert RECKONED in told(memory, "go back", YARD)


def test_who_is_refused_has_not_moved():
    memory = remembered(("go east", HALL, NO), ("go north", YARD))
    assert RECKONED in told(memory, "go south", HALL)
    assert not {RECKONED, KNOWN} & told(memory, "go west", HALL)


def test_a_place_that_looks_different_now_is_known_by_its_heading():
    memory = remembered(("go east", YARD))
    changed = "-= Hall =-\nA coin lies here."
    assert {HEADED, HEADING} == told(memory, "go west", changed)
    assert KNOWN in told(memory, "go west", ROOF)


def test_who_is_carried_off_does_not_know_where():
    memory = remembered(("go east", YARD), ("wait", ROOF, "The guard takes you to the roof."))
    assert not {RECKONED, KNOWN} & told(memory, "go west", HALL)
    assert READ in told(memory, "go west", HALL)


def test_answers_are_told_apart_by_the_commands_that_they_followed():
    memory = remembered(("go north", HALL, NO), ("go east", YARD))
    assert told(memory, "go north", NO) == {ELSEWHERE}
    assert told(memory, "go south", NO) == {ANSWER}
    assert told(memory, "go north", YARD) == {READ, HEADING, HERE}
    assert told(memory, "go north", ROOF) == set()


def test_a_memory_holds_each_text_once_and_knows_its_places():
    memory = remembered(("go north", HALL, NO), ("go east", YARD), ("go west", HALL))
    assert memory.texts() == [HALL, YARD, NO]
    assert memory.knows("-= Yard =-\nIt rains.")
    assert not memory.knows(ROOF)
    assert memory.beside("look", []).shape == (0, len(MEMORY))


@given(plain_mazes(), st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_in_a_maze_on_squared_paper_a_place_read_before_is_always_reckoned_right(maze, seed):
    table, rng = maze_table(maze), np.random.default_rng(seed)
    ways = [column for column, command in enumerate(table.commands) if command.startswith("go ")]
    state, memory = table.start, remembered(start=table.texts[table.description[table.start]])
    for _ in range(40):
        column = int(rng.choice(ways))
        state_after = int(table.successor[state, column])
        if table.terminal[state_after]:
            break
        command, answer = table.commands[column], table.texts[table.feedback[state, column]]
        found = told(memory, command, answer)
        assert (RECKONED in found) == (state_after != state and answer in memory.texts())
        memory.chose(command)
        memory.read(seen(table.texts[table.description[state_after]], answer))
        state = state_after


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
    return Foresight(model, learn(steps.choices, vectors, QUICK, 0)), steps, vectors


def test_probabilities_sum_to_one_and_follow_the_order_of_the_candidates(found):
    predictor, state = found[0], State(YARD, "Nothing.", remembered(("go east", YARD)))
    chances = predictor.likely(state, "go west", [NO, HALL, ROOF])
    assert chances.sum() == pytest.approx(1)
    np.testing.assert_allclose(predictor.likely(state, "go west", [ROOF, NO, HALL]), chances[[2, 0, 1]], atol=1e-6)
    assert predictor.likely(state, "go west", []).shape == (0,)


def test_one_state_is_told_the_same_as_many(found):
    predictor, steps, vectors = found
    chances = probabilities(predictor.weights, steps.choices, vectors)
    np.testing.assert_allclose(probabilities(predictor.weights, steps.choices.take(slice(3, 4)), vectors),
                               chances[3:4], atol=1e-6)


def test_surprise_is_in_standard_deviations_of_the_steps_learned_from(found):
    predictor, steps, vectors = found
    losses = -np.log(probabilities(predictor.weights, steps.choices, vectors)[:, 0])
    assert predictor.weights["surprise"].tolist() == pytest.approx([losses.mean(), losses.std()], rel=1e-4)
    state = State(YARD, "Nothing.", remembered(("go east", YARD), ("go west", HALL), ("go east", YARD)))
    chances = predictor.likely(state, "go west", [HALL, YARD])
    expected = (-np.log(chances[0]) - losses.mean()) / losses.std()
    assert predictor.surprise(state, "go west", HALL) == pytest.approx(expected, rel=1e-3, abs=1e-4)
    assert predictor.surprise(state, "go west", ROOF) > predictor.surprise(state, "go west", HALL)


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


def test_weights_come_back_from_disk_as_they_were(found, tmp_path):
    save_foresight(tmp_path / "f.safetensors", found[0].weights)
    weights = load_foresight(tmp_path / "f.safetensors", found[2].shape[1])
    assert weights.keys() == found[0].weights.keys()
    assert all(torch.equal(weights[name], tensor) for name, tensor in found[0].weights.items())


@pytest.mark.parametrize("change", ["missing", "damaged", "width", "lacking", "nan", "double", "scalar"])
def test_files_that_hold_anything_else_are_refused_in_one_sentence(found, tmp_path, change):
    path, width = tmp_path / "f.safetensors", found[2].shape[1]
    weights = dict(found[0].weights)
    if change == "lacking":
        del weights["memory"]
    if change == "nan":
        weights["memory"] = torch.full_like(weights["memory"], torch.nan)
    if change == "double":
        weights["memory"] = weights["memory"].double()
    if change == "scalar":
        weights["meet.bias"] = torch.tensor(1.0)
    save_foresight(path, weights)
    if change == "missing":
        path.unlink()
    if change == "damaged":
        path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(RunError) as error:
        load_foresight(path, width + (change == "width"))
    assert "\n" not in str(error.value)


def test_a_file_too_large_is_not_read(found, tmp_path, monkeypatch):
    save_foresight(tmp_path / "f.safetensors", found[0].weights)
    monkeypatch.setattr(foresight, "MAX_BYTES", 1000)
    with pytest.raises(RunError, match="too large"):
        load_foresight(tmp_path / "f.safetensors", found[2].shape[1])


class Reader:
    """A language model by whom a text is the likelier the more of its words stood in the prompt; long ones are less."""

    def log_probabilities(self, prompts, continuations):
        return [
            np.array([sum(word in prompt for word in text.split()) - len(text) for text in texts], dtype=float)
            for prompt, texts in zip(prompts, continuations, strict=True)
        ]


def test_a_language_model_is_asked_with_the_story_and_without():
    state = State(YARD, "Nothing.", remembered(("go north", HALL, NO), ("go east", YARD)))
    predictor = Likelihood(Reader())
    chances = predictor.likely(state, "go west", ["birds", "leads west", "way leads west"])
    np.testing.assert_allclose(chances, np.exp([0, 2, 3]) / np.exp([0, 2, 3]).sum())  # length tells nothing
    assert replace(predictor, prior=0.0).likely(state, "go west", ["birds", "leads west"]).argmax() == 0
    assert predictor.likely(state, "go west", []).shape == (0,)
    flat = replace(predictor, temperature=1000.0).likely(state, "go west", ["birds", "way leads west"])
    np.testing.assert_allclose(flat, 0.5, atol=0.01)


def test_a_prompt_recalls_the_last_steps_only():
    state = State(YARD, "Nothing.", remembered(("go north", HALL, NO), ("go east", YARD)))
    assert Likelihood(Reader(), recall=1).prompt(state, "go west") == (
        f"> go east\n{YARD}\n\n{YARD}\nNothing.\n\n> go west\n")
    assert Likelihood(Reader(), recall=0).prompt(state, "go west") == f"{YARD}\nNothing.\n\n> go west\n"
    assert NO in Likelihood(Reader()).prompt(state, "go west")


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


def test_controls_give_probabilities(found):
    _, steps, vectors = found
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
