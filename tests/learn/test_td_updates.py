"""The learner: what an update does, what a lesson teaches, and that it goes on where it stopped."""

import json

import numpy as np
import pytest
import torch
from fakes import tiny_bert
from learners import CORRIDOR, LABYRINTH, bert_q, chosen, look, ready
from playing import assert_same_state, played

from textmaze.env.rollout import rollout
from textmaze.learn.evaluate import evaluate
from textmaze.learn.qhead import command_values

pytestmark = pytest.mark.usefixtures("words")


# -- updates -------------------------------------------------------------------------------------------------------


def test_every_target_is_what_its_name_says():
    """The same batch, four targets, each by the values of the slow head and of the fast one; plans are chosen."""
    found = {}
    for target in ("double_q", "q_learning", "sarsa", "expected_sarsa"):
        learner = ready(target=target, steps_ahead=2, notes="map")
        played(learner, LABYRINTH, range(4))
        learner.epsilon = 0.5
        with torch.no_grad():  # a slow head that disagrees with the fast one
            for parameter in learner.copies.slow.parameters():
                parameter.normal_(0, 0.3, generator=torch.Generator().manual_seed(1))
        batch = learner.replay.sample(64, np.random.default_rng(0))
        found[target] = learner._target(batch)
        plans = learner.copies.slow(batch.next_states, learner.reader).detach()
        slow = command_values(plans, batch.next_states)
        fast = command_values(learner.head(batch.next_states, learner.reader), batch.next_states)
        own = [plans[torch.from_numpy(batch.next_states.owner == row)] for row in range(64)]
        mean = torch.stack([values.mean() for values in own])
        assert any(len(own[row]) > slow[row].isfinite().sum() for row in range(64))  # several begin with one command
        best = slow.max(1).values
        following = {
            "q_learning": best,
            "double_q": slow[torch.arange(64), fast.argmax(1)],
            "sarsa": torch.stack([values[plan] for values, plan in zip(own, batch.next_plan, strict=True)]),
            "expected_sarsa": 0.5 * best + 0.5 * mean,
        }[target]
        expected = torch.from_numpy(batch.reward) + torch.from_numpy(batch.discount) * following
        torch.testing.assert_close(found[target], expected)
    values = list(found.values())
    assert not any(torch.allclose(one, two) for at, one in enumerate(values) for two in values[at + 1:])


def test_nothing_is_updated_before_the_warmup():
    learner = ready(CORRIDOR, warmup=30)
    before = learner.weights()
    for records in rollout(CORRIDOR, learner, range(10), split="train", slots=1):
        loss = learner.learn(records)
        unchanged = all(torch.equal(before[name], tensor) for name, tensor in learner.weights().items())
        assert unchanged == (learner.replay.size < 30) == (loss is None)
        if loss is not None:
            break
    assert learner.replay.size >= 30


@pytest.mark.parametrize("tau", [0.0, 0.25, 1.0])
def test_the_slow_head_takes_its_share_of_the_new_weights(tau):
    learner = ready(CORRIDOR, warmup=10, tau=tau)
    old = [parameter.clone() for parameter in learner.copies.slow.parameters()]
    for records in rollout(CORRIDOR, learner, range(6), split="train", slots=1):
        if learner.learn(records) is not None:
            break
    for before, fast, slow in zip(old, learner.head.parameters(), learner.copies.slow.parameters(), strict=True):
        torch.testing.assert_close(slow, before + tau * (fast.detach() - before))


def test_the_slow_head_begins_as_the_fast_one_with_its_scales():
    learner = ready()
    slow = learner.copies.slow.state_dict()
    assert slow["description_scale"].std() > 0
    assert all(torch.equal(slow[name], tensor) for name, tensor in learner.head.state_dict().items())


def test_with_averaging_it_plays_and_is_kept_by_the_mean_of_the_last_weights():
    learner = ready(CORRIDOR, warmup=10, averaging=0.1)
    played(learner, CORRIDOR, range(6))
    mean, weights = learner.copies.played.state_dict(), learner.weights()
    assert learner.greedy().head is learner.copies.played is not learner.head
    assert all(torch.equal(weights[f"head.{name}"], tensor) for name, tensor in mean.items())
    assert not all(torch.equal(mean[name], tensor) for name, tensor in learner.head.state_dict().items())


def test_an_update_leaves_priorities_by_the_size_of_the_errors():
    learner = ready(CORRIDOR, warmup=10, sampling="prioritised")
    played(learner, CORRIDOR, range(6))
    priority = learner.replay.priority[: learner.replay.size]
    assert priority.std() > 0
    assert (priority > 0).all()


def test_learning_leaves_the_global_generator_and_the_head_without_dropout():
    learner = ready(CORRIDOR, warmup=10, dropout=0.5)
    state = torch.random.get_rng_state()
    played(learner, CORRIDOR, range(4))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not learner.head.training
    assert not learner.greedy().head.training


def test_epsilon_falls_to_its_end_over_its_share_and_the_step_size_to_a_tenth():
    learner = bert_q.make_learner(chosen(epsilon=0.1, epsilon_share=0.5, learning_rate=1e-3))
    found = []
    for progress in (0.0, 0.25, 0.5, 1.0):
        learner.schedule(progress)
        found.append((learner.epsilon, learner.optimiser.param_groups[0]["lr"]))
    assert [epsilon for epsilon, _ in found] == pytest.approx([1.0, 0.55, 0.1, 0.1])
    assert [rate for _, rate in found] == pytest.approx([1e-3, 7.75e-4, 5.5e-4, 1e-4])


def test_the_greedy_agent_shares_the_weights_and_has_notes_of_its_own():
    learner = ready(CORRIDOR)
    greedy = learner.greedy()
    assert greedy.head is learner.head
    runs = [[r.command for records in rollout(CORRIDOR, agent, range(4), split="valid") for r in records]
            for agent in (greedy, learner.greedy())]
    assert runs[0] == runs[1]
    learner.begin([0])
    (first,) = look(CORRIDOR, 1)
    learner.act([first])
    memory = learner.memories[0]
    evaluate(greedy, CORRIDOR, range(4), name="greedy", split="valid")
    assert learner.memories == {0: memory}
    assert learner.replay.size == 0


# -- lessons -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_bert(tmp_path_factory.mktemp("tiny"))


def with_bert(folder, **changes):
    return ready(CORRIDOR, encoder=folder, lesson=64, **changes)


def test_lessons_are_given_evenly_the_last_when_nine_tenths_of_the_training_are_over(folder):
    learner = with_bert(folder, encoder_training="lora", lessons=2)
    played(learner, CORRIDOR, range(4))
    model = learner.reader.told.library.model
    versions = []
    for progress in (0.0, 0.44, 0.45, 0.6, 0.74, 0.89, 0.9, 1.0):
        learner.schedule(progress)
        versions.append(model.version)
    assert versions == [0, 0, 1, 1, 1, 1, 2, 2]


def test_without_lessons_the_encoder_stays_as_it_is(folder):
    learner = with_bert(folder, encoder_training="lora", lessons=0)
    played(learner, CORRIDOR, range(4))
    learner.schedule(1.0)
    assert learner.reader.told.library.model.version == 0


def test_a_lesson_for_a_frozen_encoder_changes_no_weight(folder):
    learner = with_bert(folder)
    played(learner, CORRIDOR, range(4))
    with torch.no_grad():
        for parameter in learner.copies.slow.parameters():
            parameter.add_(1.0)
    plain, tensors = learner.state()
    learner.schedule(0.5)
    again, same = learner.state()
    assert all(torch.equal(same[name], tensor) for name, tensor in tensors.items())
    assert again["rng"] == plain["rng"]


@pytest.mark.parametrize("training", ["frozen", "lora"])
def test_a_lesson_before_anything_was_remembered_teaches_nothing_and_breaks_nothing(folder, training):
    learner = with_bert(folder, encoder_training=training)
    learner.schedule(0.5)
    assert learner.replay.size == 0
    assert learner.reader.told.library.model.version == 0


# -- going on ------------------------------------------------------------------------------------------------------


def restored(old, **changes):
    plain, tensors = old.state()
    new = bert_q.make_learner(chosen(**changes))
    new.restore(json.loads(json.dumps(plain)), {name: tensor.clone() for name, tensor in tensors.items()})
    return new


KINDS = [
    {"target": "double_q", "steps_ahead": 3}, {"target": "sarsa", "sampling": "solved", "notes": "visits"},
    {"target": "expected_sarsa", "sampling": "prioritised", "scorer": "random"},
    {"target": "q_learning", "notes": "none", "memory": 4}, {"shaping": "advice", "scorer": "contrast"},
    {"surprise": 0.1}, {"look_ahead": 0.5, "surprise": 0.1, "scorer": "random", "warmup": 10},
    {"belief": True}, {"averaging": 0.01},
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(map(str, kind.values())))
def test_a_restored_learner_is_the_one_that_was_saved(kind):
    kind = {"warmup": 30, **kind}
    old = ready(CORRIDOR, **kind)
    played(old, CORRIDOR, range(8), slots=4)
    old.schedule(0.6)
    new = restored(old, **kind, seed=9)
    assert_same_state(new, old)
    assert (new.replay.size, new.replay.next, new.lessons) == (old.replay.size, old.replay.next, old.lessons)
    assert old.state()[1]["optimiser.0.step"] > 0


@pytest.mark.parametrize("kind", [*KINDS[:3], *KINDS[-2:]], ids=lambda kind: "-".join(map(str, kind.values())))
def test_a_restored_learner_goes_on_as_the_saved_one_would(kind):
    kind = {"warmup": 30, "dropout": 0.5, **kind}
    old = ready(CORRIDOR, **kind)
    played(old, CORRIDOR, range(8), slots=4)
    new = restored(old, **kind)
    courses = []
    for learner in (old, new):
        learner.schedule(0.4)
        courses.append([r.command for round_ in played(learner, CORRIDOR, range(20, 28), slots=4) for r in round_])
    assert courses[0] == courses[1]
    for (name, one), (_, two) in zip(old.weights().items(), new.weights().items(), strict=True):
        assert torch.equal(one, two), name


def test_what_a_lesson_taught_the_encoder_is_there_when_the_training_goes_on(folder):
    kind = {"encoder": folder, "encoder_training": "lora", "lesson": 64}
    old = ready(CORRIDOR, **kind)
    played(old, CORRIDOR, range(4))
    old.schedule(0.5)
    new = restored(old, **kind)
    assert new.lessons == 1
    weights = new.weights()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in old.weights().items())
    assert torch.equal(new.reader.told.library.vectors, old.reader.told.library.vectors)
