"""The learner that reads: what it remembers, that it learns, and that chance is seeded.

A bag of words stands in for BERT, so that a training takes seconds.
"""

import json

import numpy as np
import pytest
import torch
from fakes import WordBag

from textmaze.catalog import load_agent, load_game
from textmaze.env.rollout import Observation, rollout
from textmaze.errors import RunError
from textmaze.learn import encoder
from textmaze.learn.evaluate import evaluate
from textmaze.learn.notes import Notes
from textmaze.learn.qhead import STATE_PARTS
from textmaze.learn.train import TrainSettings, train

bert_q = load_agent("bert_q")
CORRIDOR = load_game("corridor")
LABYRINTH = load_game("labyrinth", {"rooms": 9, "max_steps": 30})
GAMMA = np.float32(bert_q.Settings().gamma)


@pytest.fixture(autouse=True)
def words(monkeypatch):
    monkeypatch.setitem(encoder.MODELS, "words", WordBag)


def chosen(**changes):
    fast = {"encoder": "words", "hidden": 32, "batch": 64, "replay": 4000, "warmup": 200, "learning_rate": 3e-3}
    return bert_q.Settings(**{**fast, **changes})


def look(game, count=8):
    """A first look at the training games: the places where they begin."""
    agent = bert_q.make(chosen())
    (records, *_) = rollout(game, agent, range(count), split="train", slots=count)
    return [record.before for record in records]


def ready(game=CORRIDOR, **changes):
    """A learner that has had its first look and acts by chance."""
    learner = bert_q.make_learner(chosen(**changes))
    learner.prepare(look(game))
    learner.schedule(0.0)
    return learner


def played(learner, game, seeds, slots=1):
    """Let it play and learn; the records of each round."""
    rounds = []
    for records in rollout(game, learner, seeds, split="train", slots=slots):
        learner.learn(records)
        rounds.append(records)
    return rounds


def rows(learner):
    """The replay, one dict a transition, in the order of their coming."""
    size = learner.replay.size
    return [{name: values[i] for name, values in learner.replay.arrays.items()} for i in range(size)]


def text(learner, numbers):
    return [learner.library.texts[number] for number in numbers]


def test_it_is_told_nothing_that_no_player_reads():
    assert tuple(bert_q.make(chosen()).infos) == ()
    assert tuple(bert_q.make_learner(chosen()).infos) == ()
    assert tuple(bert_q.make_learner(chosen()).greedy().infos) == ()


def test_the_bonus_for_new_places_cannot_beat_the_win_by_default():
    settings = bert_q.Settings()
    assert settings.novelty <= 1 - settings.gamma


def test_it_chooses_only_admissible_commands_and_waits_where_there_are_none():
    records = [r for round_ in played(ready(LABYRINTH), LABYRINTH, range(6), slots=3) for r in round_]
    assert all(record.command in record.before.admissible for record in records)
    agent = bert_q.make(chosen())
    agent.begin([0])
    assert agent.act([Observation(0, "text", "nothing", "inventory", "objective", ())]) == ["wait"]


def test_what_it_chooses_in_a_game_does_not_depend_on_the_games_beside_it():
    agent = bert_q.make(chosen())
    together = [r for round_ in rollout(LABYRINTH, agent, range(6), split="test", slots=6) for r in round_]
    alone = [r for round_ in rollout(LABYRINTH, bert_q.make(chosen()), [4], split="test", slots=1) for r in round_]
    assert [r.command for r in together if r.seed == 4] == [r.command for r in alone]


def test_the_replay_holds_each_step_as_it_was():
    learner = ready(LABYRINTH, warmup=10**6)
    records = [r for (r,) in played(learner, LABYRINTH, range(5))]
    assert any(record.terminated for record in records)
    assert any(record.truncated for record in records)
    remembered = rows(learner)
    assert len(remembered) == len(records)
    for row, record, following in zip(remembered, records, [*records[1:], None], strict=True):
        for side, observation in ((0, record.before), (1, record.after)):
            if side == 1 and record.terminated:
                continue
            assert text(learner, row["state"][side]) == [getattr(observation, part) for part in STATE_PARTS]
            mask = row["admissible"][side]
            assert text(learner, row["commands"][side][mask]) == list(observation.admissible)
        assert text(learner, [row["commands"][0][row["choice"][0]]]) == [record.command]
        if not record.ended:
            assert text(learner, [row["commands"][1][row["choice"][1]]]) == [following.command]


def test_the_notes_in_the_replay_are_those_of_the_moment_at_a_cut_off_too():
    learner = ready(LABYRINTH, warmup=10**6)
    records = [r for (r,) in played(learner, LABYRINTH, range(5))]
    notes = None
    for row, record in zip(rows(learner), records, strict=True):
        if record.step == 1:
            notes = Notes()
            notes.read(record.before)
        for side, observation in ((0, record.before), (1, record.after)):
            if side == 1:
                if record.terminated:
                    break
                notes.chose(record.command)
                notes.read(record.after)
            beside = text(learner, row["notes"][side][row["admissible"][side]])
            assert beside == notes.beside(observation.admissible)


def test_the_slow_head_begins_as_the_fast_one_with_its_scales():
    learner = ready()
    slow = learner.slow_head.state_dict()
    assert slow["scale"].std() > 0
    assert all(torch.equal(slow[name], tensor) for name, tensor in learner.head.state_dict().items())


def test_a_won_game_ends_in_the_replay_and_one_that_was_cut_off_goes_on():
    learner = ready(LABYRINTH, warmup=10**6)
    records = [r for (r,) in played(learner, LABYRINTH, range(5))]
    for row, record in zip(rows(learner), records, strict=True):
        assert row["discount"] == (0 if record.terminated else GAMMA)
        assert row["admissible"][1].any() == (not record.terminated)


def test_games_that_are_played_at_once_are_remembered_apart():
    learner = ready(LABYRINTH, warmup=10**6)
    rounds = played(learner, LABYRINTH, range(9), slots=4)
    steps = {
        (record.before.description, record.command, record.after.description)
        for records in rounds for record in records if not record.terminated
    }
    kept = [row for row in rows(learner) if row["discount"]]
    assert len(kept) == sum(not record.terminated for records in rounds for record in records)
    for row in kept:
        before, after = text(learner, row["state"][:, 0])
        (command,) = text(learner, [row["commands"][0][row["choice"][0]]])
        assert (before, command, after) in steps


def test_a_step_of_an_abandoned_episode_is_not_glued_to_the_next_one():
    learner = ready(LABYRINTH, warmup=10**6)
    first = rollout(LABYRINTH, learner, [0], split="train", slots=1)
    learner.learn(next(first))
    first.close()
    second = rollout(LABYRINTH, learner, [1], split="train", slots=1)
    for _ in range(3):
        learner.learn(next(second))
    places = {LABYRINTH.table("train", 1).texts[i] for i in LABYRINTH.table("train", 1).description}
    for row in rows(learner):
        assert set(text(learner, row["state"][:, 0])) <= places


def test_without_bonus_and_scorer_the_reward_is_the_games_own():
    learner = ready(LABYRINTH, warmup=10**6, novelty=0.0, scorer="none")
    records = [r for (r,) in played(learner, LABYRINTH, range(5))]
    assert [row["reward"] for row in rows(learner)] == [record.reward for record in records]


def test_the_bonus_is_paid_once_for_each_new_place_of_an_episode():
    learner = ready(LABYRINTH, warmup=10**6, novelty=0.25, scorer="none")
    records = [r for (r,) in played(learner, LABYRINTH, range(5))]
    known = {}
    for row, record in zip(rows(learner), records, strict=True):
        places = known.setdefault(record.episode, {record.before.description})
        bonus = 0.0 if record.after.description in places else 0.25
        places.add(record.after.description)
        assert row["reward"] == pytest.approx(record.reward + bonus)


def test_shaping_pays_the_discounted_difference_of_the_potentials():
    learner = ready(LABYRINTH, warmup=10**6, novelty=0.0, scorer="random", shaping=0.5)
    records = [r for (r,) in played(learner, LABYRINTH, range(5))]
    for row, record in zip(rows(learner), records, strict=True):
        before, after = learner.potential.of([record.before.description, record.after.description], ["objective"] * 2)
        term = GAMMA * (0.0 if record.terminated else after) - before
        assert row["reward"] == pytest.approx(record.reward + term, abs=1e-6)


def test_without_notes_there_are_none():
    learner = ready(LABYRINTH, warmup=10**6, notes=False)
    played(learner, LABYRINTH, range(2))
    for row in rows(learner):
        assert set(text(learner, row["notes"][0])) == {""}


def test_epsilon_falls_to_its_end_over_its_share_and_the_step_size_to_a_tenth():
    learner = bert_q.make_learner(chosen(epsilon=0.1, epsilon_share=0.5, learning_rate=1e-3))
    found = []
    for progress in (0.0, 0.25, 0.5, 1.0):
        learner.schedule(progress)
        found.append((learner.epsilon, learner.optimiser.param_groups[0]["lr"]))
    assert [epsilon for epsilon, _ in found] == pytest.approx([1.0, 0.55, 0.1, 0.1])
    assert [rate for _, rate in found] == pytest.approx([1e-3, 7.75e-4, 5.5e-4, 1e-4])


def test_nothing_is_updated_before_the_warmup():
    learner = ready(warmup=50)
    before = learner.weights()
    losses = []
    for records in rollout(CORRIDOR, learner, range(10), split="train", slots=1):
        losses.append(learner.learn(records))
        unchanged = all(torch.equal(before[name], tensor) for name, tensor in learner.head.state_dict().items())
        assert unchanged == (learner.replay.size < 50)
        assert (losses[-1] is None) == unchanged
    assert learner.replay.size >= 50


@pytest.mark.parametrize("tau", [0.0, 0.25, 1.0])
def test_the_slow_head_takes_its_share_of_the_new_weights(tau):
    learner = ready(warmup=10, updates=1, tau=tau)
    old = [parameter.clone() for parameter in learner.slow_head.parameters()]
    for records in rollout(CORRIDOR, learner, range(3), split="train", slots=1):
        if learner.learn(records) is not None:
            break
    moved = zip(old, learner.head.parameters(), learner.slow_head.parameters(), strict=True)
    for before, fast, slow in moved:
        torch.testing.assert_close(slow, before + tau * (fast.detach() - before))


def test_the_head_is_left_without_dropout_after_learning():
    learner = ready(warmup=10)
    played(learner, CORRIDOR, range(3))
    assert not learner.head.training
    assert not learner.greedy().head.training


def test_the_greedy_agent_shares_the_weights_and_has_notes_of_its_own():
    learner = ready()
    greedy = learner.greedy()
    assert greedy.head is learner.head
    assert greedy.epsilon == 0
    learner.begin([0])
    learner.act(look(CORRIDOR, 1))
    before = {slot: len(notes.tried) for slot, notes in learner._notes.items()}
    evaluate(greedy, CORRIDOR, range(4), name="greedy", split="valid")
    assert {slot: len(notes.tried) for slot, notes in learner._notes.items()} == before
    assert learner.replay.size == 0


@pytest.mark.parametrize("target", ["double_q", "q_learning", "sarsa", "expected_sarsa"])
def test_the_corridor_is_learned_in_3000_steps_and_for_corridors_never_seen(target, tmp_path):
    learner = bert_q.make_learner(chosen(target=target))
    settings = TrainSettings(steps=3000, games=20, slots=16, valid_every=3000, valid_episodes=5, stop_at=2.0)
    train(learner, CORRIDOR, settings, tmp_path, config(learner), seed=0)
    result = evaluate(learner.greedy(), CORRIDOR, range(50), name="bert_q")
    assert result.success == 1.0
    assert result.spl > 0.9


def test_every_target_is_another_one():
    """The settings really choose: the same batch, four different targets."""
    found = []
    for target in ("double_q", "q_learning", "sarsa", "expected_sarsa"):
        learner = ready(LABYRINTH, target=target, warmup=10**6)
        played(learner, LABYRINTH, range(4))
        learner.epsilon = 0.5
        with torch.no_grad():  # a slow head that disagrees with the fast one
            for parameter in learner.slow_head.parameters():
                parameter.normal_(0, 0.3, generator=torch.Generator().manual_seed(1))
        batch = learner.replay.sample(64, np.random.default_rng(0))
        found.append(learner._target(batch, learner.library.vectors))
        assert torch.isfinite(found[-1]).all()
        over = torch.from_numpy(batch.discount == 0)
        assert torch.equal(found[-1][over], torch.from_numpy(batch.reward)[over])
    for index, one in enumerate(found):
        assert not any(torch.allclose(one, other) for other in found[index + 1 :])


def config(learner):
    return {"agent": "bert_q", "settings": {"seed": learner.settings.seed}, "game": {"spec": "corridor", "with": {}}}


SHORT = TrainSettings(steps=600, games=10, slots=8, valid_every=200, valid_episodes=6, stop_at=2.0)


def metrics(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


def test_the_same_seed_gives_the_same_metrics_and_weights_and_another_seed_others(tmp_path):
    weights = []
    for run, seed in enumerate((1, 1, 2)):
        learner = bert_q.make_learner(chosen(seed=seed))
        torch.rand(run)  # what others draw from torch's generator must not matter
        train(learner, CORRIDOR, SHORT, tmp_path / str(run), config(learner), seed=seed)
        weights.append(learner.weights())
    one, same, other = (metrics(tmp_path / str(run)) for run in range(3))
    assert len(one) == 3
    assert one == same
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert one != other
    assert not torch.equal(weights[0]["advantage.1.weight"], weights[2]["advantage.1.weight"])


def test_making_one_leaves_the_global_generator_as_it_was():
    state = torch.random.get_rng_state()
    bert_q.make_learner(chosen(seed=5))
    assert torch.equal(torch.random.get_rng_state(), state)


def trained(tmp_path, **changes):
    learner = bert_q.make_learner(chosen(**changes))
    train(learner, CORRIDOR, SHORT, tmp_path / "run", config(learner), seed=0)
    return learner


def test_a_restored_learner_is_the_one_that_was_saved(tmp_path):
    old = trained(tmp_path)
    plain, tensors = old.state()
    new = bert_q.make_learner(chosen(seed=9))
    new.restore(json.loads(json.dumps(plain)), {name: tensor.clone() for name, tensor in tensors.items()})
    again, same = new.state()
    assert again == plain
    assert same.keys() == tensors.keys()
    assert all(torch.equal(same[name], tensors[name]) for name in tensors)
    assert torch.equal(new.library.vectors, old.library.vectors)


def test_a_restored_learner_goes_on_as_the_saved_one_would(tmp_path):
    old = trained(tmp_path)
    plain, tensors = old.state()
    new = bert_q.make_learner(chosen())
    new.restore(json.loads(json.dumps(plain)), {name: tensor.clone() for name, tensor in tensors.items()})
    courses = []
    for learner in (old, new):
        learner.schedule(0.5)
        courses.append([r.command for round_ in played(learner, CORRIDOR, range(20, 30), slots=4) for r in round_])
    assert courses[0] == courses[1]
    for (name, one), (_, two) in zip(old.weights().items(), new.weights().items(), strict=True):
        assert torch.equal(one, two), name


def test_weights_on_their_own_are_enough_to_play_the_same(tmp_path):
    learner = trained(tmp_path)
    again = bert_q.make(learner.settings, learner.weights())
    runs = [
        [record.command for round_ in rollout(LABYRINTH, agent, range(5), split="test") for record in round_]
        for agent in (learner.greedy(), again)
    ]
    assert runs[0] == runs[1]


def test_weights_of_another_width_are_refused():
    weights = bert_q.make_learner(chosen(hidden=16)).weights()
    with pytest.raises(RunError, match="weights"):
        bert_q.make(chosen(hidden=32), weights)


def test_weights_given_away_do_not_change_any_more():
    learner = ready(warmup=10)
    weights = learner.weights()
    copied = {name: tensor.clone() for name, tensor in weights.items()}
    played(learner, CORRIDOR, range(5))
    assert all(torch.equal(weights[name], copied[name]) for name in weights)


@pytest.mark.slow
def test_it_learns_a_little_labyrinth_with_the_real_bert(tmp_path):
    learner = bert_q.make_learner(chosen(encoder=encoder.DEFAULT_MODEL, dropout=0.5))
    settings = TrainSettings(steps=5000, games=20, slots=16, valid_every=5000, valid_episodes=5, stop_at=2.0)
    train(learner, LABYRINTH, settings, tmp_path, config(learner), seed=0)
    result = evaluate(learner.greedy(), LABYRINTH, range(40), name="bert_q")
    assert result.success >= 0.9
