"""The learner that reads: that it learns in every way there is, that chance is seeded, and what it refuses.

A bag of words stands in for BERT, so that a training takes seconds.
"""

import dataclasses
import json

import pytest
import torch
from fakes import WordBag, tiny_bert

from textmaze.catalog import load_agent, load_game
from textmaze.env.rollout import rollout
from textmaze.errors import RunError, SettingError
from textmaze.learn import encoder
from textmaze.learn.bert import TRAININGS
from textmaze.learn.checkpoint import load_model, load_state
from textmaze.learn.evaluate import evaluate
from textmaze.learn.train import TrainSettings, train

bert_q = load_agent("bert_q")
CORRIDOR = load_game("corridor")
TINY = load_game("corridor", {"rooms": 3, "max_steps": 8})
LABYRINTH = load_game("labyrinth", {"rooms": 9, "max_steps": 30})


@pytest.fixture(autouse=True)
def words(monkeypatch):
    monkeypatch.setitem(encoder.MODELS, "words", WordBag)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_bert(tmp_path_factory.mktemp("tiny"))


def chosen(**changes):
    fast = {"encoder": "words", "hidden": 32, "batch": 64, "replay": 4000, "warmup": 200, "learning_rate": 3e-3,
            "blur": 0.0, "scorer": "none"}
    return bert_q.Settings(**{**fast, **changes})


def config(learner):
    return {"agent": "bert_q", "settings": {"seed": learner.settings.seed}, "game": {"spec": "corridor", "with": {}}}


def trained(folder, game=CORRIDOR, steps=600, seed=0, slots=8, valid_every=300, games=10, **changes):
    learner = bert_q.make_learner(chosen(seed=seed, **changes))
    settings = TrainSettings(
        steps=steps, games=games, slots=slots, valid_every=valid_every, valid_episodes=5, stop_at=2.0)
    train(learner, game, settings, folder, config(learner), seed=seed)
    return learner


def metrics(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


def test_the_bonus_for_new_places_cannot_beat_the_win_by_default():
    settings = bert_q.Settings()
    assert settings.novelty <= 1 - settings.gamma


# -- it learns -----------------------------------------------------------------------------------------------------


def solves(learner, game=TINY, games=10, split="train"):
    result = evaluate(learner.greedy(), game, range(games), name="bert_q", split=split)
    return result.success == 1.0 and result.spl > 0.9


@pytest.mark.parametrize(("target", "steps_ahead", "changes"), [
    ("sarsa", 1, {}),
    ("sarsa", 4, {"sampling": "prioritised"}),
    ("expected_sarsa", 1, {"notes": "none"}),
    ("expected_sarsa", 4, {"sampling": "solved"}),
    ("q_learning", 1, {"notes": "visits"}),
    ("q_learning", 4, {"scorer": "contrast", "shaping": "advice"}),
    ("double_q", 1, {"notes": "none", "memory": 16}),
    ("double_q", 4, {"scorer": "distance"}),
    ("double_q", 3, {"scorer": "contrast", "shaping": "bonus"}),
])
def test_by_every_target_sampling_memory_and_reward_a_tiny_game_is_solved(tmp_path, target, steps_ahead, changes):
    """Within 200 updates or so, with the fewest steps in nearly every game."""
    quick = {"hidden": 16, "batch": 32, "warmup": 100, "updates": 1, "target": target, "steps_ahead": steps_ahead}
    assert solves(trained(tmp_path, TINY, 500, slots=2, valid_every=500, **quick, **changes))


def test_who_was_advised_in_training_is_advised_alike_when_it_is_loaded(tmp_path):
    learner = trained(tmp_path, TINY, 300, slots=2, scorer="contrast", shaping="advice", hidden=16, batch=32)
    again = bert_q.make(learner.settings, load_model(tmp_path)[1])
    assert (again.advice.mean, again.advice.scale) == (learner.advice.mean, learner.advice.scale)
    assert again.advice.scale != 1.0
    assert again.advice.heeded == learner.advice.heeded
    learner.advice.heeded = not learner.advice.heeded
    again.load(learner.weights())
    assert again.advice.heeded == learner.advice.heeded
    with pytest.raises(RunError, match="advice"):
        bert_q.make(dataclasses.replace(learner.settings, scorer="none"), load_model(tmp_path)[1])


def test_a_tiny_game_is_solved_by_attention_to_tokens(tmp_path):
    quick = {"hidden": 16, "batch": 32, "warmup": 100, "updates": 1, "encoder": tiny_bert(tmp_path / "bert")}
    learner = trained(tmp_path, TINY, 500, slots=2, valid_every=500, pooling="tokens", **quick)
    assert solves(learner)
    again = bert_q.make(learner.settings, load_model(tmp_path)[1])
    assert evaluate(again, TINY, range(10), name="bert_q", split="train").success == 1.0


def test_a_tiny_game_is_solved_by_an_encoder_that_learns_with_an_adapter(tmp_path):
    quick = {"hidden": 16, "batch": 32, "warmup": 100, "updates": 1, "encoder": tiny_bert(tmp_path / "bert")}
    learner = trained(tmp_path, TINY, 500, slots=2, valid_every=500, encoder_training="lora", lesson=128, **quick)
    assert learner.lessons == learner.reader.told.library.model.version == 2
    assert solves(learner)


def test_a_replay_that_never_holds_what_learning_begins_with_is_refused():
    with pytest.raises(SettingError, match="set warmup to 500 or less, or a larger replay"):
        bert_q.make_learner(chosen(replay=500, warmup=501))


@pytest.mark.parametrize("changes", [{"encoder": "hash"}, {"encoder_training": "lora"}])
def test_attention_asks_for_an_encoder_that_has_tokens_and_stays_as_it_is(changes):
    with pytest.raises(SettingError, match="pooling=tokens"):
        bert_q.make(dataclasses.replace(bert_q.Settings(), pooling="tokens", **changes))


@pytest.mark.slow
@pytest.mark.parametrize("target", ["double_q", "sarsa"])
def test_the_corridor_is_learned_and_for_corridors_never_seen(target, tmp_path):
    assert solves(trained(tmp_path, CORRIDOR, 3000, target=target), CORRIDOR, 50, "test")


@pytest.mark.slow
def test_it_learns_a_little_labyrinth_with_the_real_bert(tmp_path):
    """Who walks about at random finds the coin in half of them."""
    default = bert_q.Settings()
    kept = {name: getattr(default, name) for name in ("encoder", "hidden", "batch", "learning_rate", "scorer")}
    learner = trained(tmp_path, LABYRINTH, 4000, slots=16, valid_every=4000, games=100, **kept)
    assert evaluate(learner.greedy(), LABYRINTH, range(40), name="bert_q").success >= 0.8


@pytest.mark.slow
def test_it_learns_with_an_adapter_of_the_real_bert_and_is_taught_twice(tmp_path):
    learner = trained(tmp_path, TINY, 400, slots=4, warmup=50, encoder=encoder.DEFAULT_MODEL, encoder_training="lora",
                      lesson=64, valid_every=200)
    assert learner.lessons == 2
    assert learner.reader.told.library.model.version == 2
    weights = load_model(tmp_path)[1]
    again = bert_q.make(learner.settings, weights)
    assert any(name.startswith("encoder.") for name in weights)
    assert again.reader.told.library.model.trainable_parameters()


def test_what_of_the_encoder_is_trained_is_a_setting(folder):
    for training in TRAININGS:
        agent = bert_q.make(chosen(encoder=folder, encoder_training=training))
        shared = agent.reader.told.library is agent.reader.texts.library
        assert shared == (training == "frozen")
        assert not agent.reader.texts.library.model.trainable_parameters()
        assert bool(agent.reader.told.library.model.trainable_parameters()) == (training != "frozen")


def test_what_is_told_can_be_read_by_another_encoder_and_the_rest_by_the_first(tmp_path, folder):
    wide = tiny_bert(tmp_path / "wide", width=64, layers=4)
    kind = {"encoder": folder, "told_encoder": wide, "lesson": 64, "warmup": 50, "hidden": 16}
    learner = trained(tmp_path / "run", TINY, 300, slots=4, valid_every=300, encoder_training="lora_top", **kind)
    texts, told = learner.reader.texts.library, learner.reader.told.library
    assert (texts.model.hidden, told.model.hidden) == (32, 64)
    assert told.model.version == 2
    again = bert_q.make(learner.settings, load_model(tmp_path / "run")[1])
    seen = told.texts[0]
    assert torch.equal(again.reader.told.library.read([seen]), told.read([seen]))
    frozen = bert_q.make(chosen(**kind))
    assert not frozen.reader.told.library.model.trainable_parameters()
    assert frozen.reader.told.library.model.hidden == 64


def test_a_training_that_ends_before_the_first_transition_is_complete_is_no_error(tmp_path, folder):
    """A lesson falls due when half of the steps are done, and there is nothing yet that it could teach."""
    for number, changes in enumerate(({}, {"encoder_training": "lora"})):
        trained(tmp_path / str(number), TINY, 8, slots=4, steps_ahead=4, encoder=folder, lesson=32, **changes)


# -- chance is seeded ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{}, {"sampling": "prioritised", "memory": 8, "dropout": 0.0}],
                         ids=["default", "with memory"])
def test_the_same_seed_gives_the_same_metrics_and_weights_and_another_seed_others(tmp_path, changes):
    weights = []
    for run, seed in enumerate((1, 1, 2)):
        torch.rand(run)  # what others draw from torch's generator must not matter
        weights.append(trained(tmp_path / str(run), seed=seed, **changes).weights())
    one, same, other = (metrics(tmp_path / str(run)) for run in range(3))
    assert len(one) == 2
    assert one == same
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert one != other
    assert any(not torch.equal(weights[0][name], weights[2][name]) for name in weights[0])


def test_the_same_seed_gives_the_same_metrics_and_weights_where_the_encoder_is_taught(tmp_path, folder):
    kind = {"encoder": folder, "encoder_training": "lora", "lesson": 128, "warmup": 100}
    weights = [trained(tmp_path / str(run), TINY, 300, **kind).weights() for run in range(2)]
    assert metrics(tmp_path / "0") == metrics(tmp_path / "1")
    assert any(name.startswith("encoder.") for name in weights[0])
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_making_one_leaves_the_global_generator_as_it_was():
    state = torch.random.get_rng_state()
    bert_q.make_learner(chosen(seed=5, memory=4))
    assert torch.equal(torch.random.get_rng_state(), state)


# -- weights -------------------------------------------------------------------------------------------------------


def test_weights_on_disk_are_enough_to_play_the_same(tmp_path, folder):
    kind = {"encoder": folder, "encoder_training": "lora", "lesson": 64, "warmup": 50}
    learner = trained(tmp_path, TINY, 300, valid_every=300, **kind)
    again = bert_q.make(learner.settings, load_model(tmp_path)[1])
    runs = [[record.command for records in rollout(LABYRINTH, agent, range(4), split="test") for record in records]
            for agent in (learner.greedy(), again)]
    assert runs[0] == runs[1]


@pytest.mark.parametrize("damage", ["of another width", "fewer", "more", "none", "of another memory"])
def test_weights_that_do_not_fit_are_refused_in_one_sentence(damage):
    weights = bert_q.make_learner(chosen(hidden=32)).weights()
    match damage:
        case "of another width":
            weights = bert_q.make_learner(chosen(hidden=16)).weights()
        case "fewer":
            del weights[next(iter(weights))]
        case "more":
            weights["head.more"] = torch.zeros(1)
        case "none":
            weights = {}
        case "of another memory":
            weights = bert_q.make_learner(chosen(hidden=32, memory=4)).weights()
    with pytest.raises(RunError, match="weights") as caught:
        bert_q.make(chosen(hidden=32), weights)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", ["without the adapter", "not a number", "frozen"])
def test_weights_of_an_encoder_that_do_not_fit_are_refused_in_one_sentence(folder, damage):
    trained_encoder = chosen(encoder=folder, encoder_training="lora")
    weights = bert_q.make(trained_encoder).weights()
    name = next(name for name in weights if name.startswith("encoder."))
    settings = trained_encoder
    match damage:
        case "without the adapter":
            del weights[name]
        case "not a number":
            weights[name] = weights[name] * float("nan")
        case "frozen":
            settings = chosen(encoder=folder)
    with pytest.raises(RunError, match="weights") as caught:
        bert_q.make(settings, weights)
    assert "\n" not in str(caught.value)


def test_head_weights_that_are_no_numbers_are_refused():
    weights = bert_q.make_learner(chosen()).weights()
    name = next(name for name in weights if name.endswith("weight"))
    weights[name] = weights[name] * float("nan")
    with pytest.raises(RunError, match="weights"):
        bert_q.make(chosen(), weights)


# -- going on ------------------------------------------------------------------------------------------------------


def test_an_interrupted_training_goes_on_from_its_folder_as_it_was(tmp_path, folder):
    """What was remembered, the weights of both heads and of the encoder, the optimiser, the count of the lessons."""
    changes = {"encoder": folder, "encoder_training": "lora", "lesson": 64, "warmup": 50}
    old = bert_q.make_learner(chosen(**changes))
    settings = TrainSettings(steps=400, games=5, slots=8, valid_every=400, valid_episodes=4, stop_at=2.0)

    def interrupt(progress):
        if progress.steps >= 240:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(old, TINY, settings, tmp_path, config(old), seed=0, show=interrupt)
    assert old.lessons == 1
    state, tensors = load_state(tmp_path)
    new = bert_q.make_learner(chosen(**changes))
    new.restore(state["learner"], tensors)
    plain, expected = old.state()
    again, found = new.state()
    assert again == plain
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    weights = new.weights()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in old.weights().items())
    train(new, TINY, settings, tmp_path, config(new), seed=0, resume=True)
    assert new.lessons == 2
