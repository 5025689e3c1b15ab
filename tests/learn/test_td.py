"""The learner: which transitions it remembers, which rewards and targets, and that it goes on where it stopped."""

import itertools
import json

import numpy as np
import pytest
import torch
from fakes import Scripted, WordBag, tiny_bert
from playing import played

from textmaze.catalog import load_agent, load_game
from textmaze.env.rollout import Observation, StepRecord, rollout
from textmaze.errors import RunError, SettingError
from textmaze.learn import encoder
from textmaze.learn.evaluate import evaluate
from textmaze.learn.notes import Map
from textmaze.learn.qhead import PLAN_COLUMNS, PLAN_PARTS, command_values
from textmaze.learn.shaping import Potential

bert_q = load_agent("bert_q")
CORRIDOR = load_game("corridor")
LABYRINTH = load_game("labyrinth", {"rooms": 9, "max_steps": 20})
GAMMA = 0.5


@pytest.fixture(autouse=True)
def words(monkeypatch):
    monkeypatch.setitem(encoder.MODELS, "words", WordBag)


def chosen(**changes):
    fast = {"encoder": "words", "hidden": 16, "batch": 32, "replay": 2000, "warmup": 10**6, "learning_rate": 3e-3,
            "gamma": GAMMA, "novelty": 0.0, "scorer": "none", "updates": 1}
    return bert_q.Settings(**{**fast, **changes})


def look(game, count=8):
    """A first look at the training games: the places where they begin."""
    agent = bert_q.make(chosen())
    (records, *_) = rollout(game, agent, range(count), split="train", slots=count)
    return [record.before for record in records]


def ready(game=LABYRINTH, **changes):
    """A learner that has had its first look and acts by chance."""
    learner = bert_q.make_learner(chosen(**changes))
    learner.prepare(look(game))
    learner.schedule(0.0)
    return learner


def kept(learner):
    """What the replay holds, in the order of its coming: (decision, following or None, reward, discount, solved)."""
    replay = learner.replay
    assert replay.size < replay.capacity
    return [(before, after, replay.reward[row], replay.discount[row], replay.solved[row])
            for row, (before, after) in enumerate(zip(replay._decisions, replay._following, strict=True))]


# -- transitions ---------------------------------------------------------------------------------------------------


def seen(name, slot=0):
    return Observation(slot, name, f"-= {name} =-\nA room.", "nothing", "win", ("go east", "go west"))


def episode(learner, names, rewards, *, won=False, slot=0):
    """Play an episode by hand: one step between each two names. The decisions it took."""
    learner.begin([slot])
    decisions = []
    for step, (before, after, reward) in enumerate(zip(names[:-1], names[1:], rewards, strict=True), 1):
        (command,) = learner.act([seen(before, slot)])
        decisions.append(learner.choices[slot].decision)
        last = step == len(rewards)
        learner.learn([StepRecord("hand", "train", 0, 0, step, seen(before, slot), command, reward, last and won,
                                  last and not won, seen(after, slot), 5, 0 if last and won else 4)])
    return decisions


def by_hand(**changes):
    learner = bert_q.make_learner(chosen(**{"notes": "visits", **changes}))
    learner.prepare([seen("a")])
    learner.epsilon = 0.0
    return learner


@pytest.mark.parametrize("steps_ahead", [1, 2, 3, 9])
@pytest.mark.parametrize("won", [True, False], ids=["won", "cut off"])
def test_a_transition_spans_its_steps_and_ends_with_the_episode(steps_ahead, won):
    learner = by_hand(steps_ahead=steps_ahead)
    rewards = [1.0, 2.0, 4.0, 8.0]
    decisions = episode(learner, "abcde", rewards, won=won)
    found = kept(learner)
    assert len(found) == 4
    for first, (before, after, reward, discount, solved) in enumerate(found):
        span = rewards[first: first + steps_ahead]
        end = first + len(span)
        assert before is decisions[first]
        assert reward == sum(GAMMA**i * one for i, one in enumerate(span))
        assert solved == won
        if end < 4:
            assert after is decisions[end]
        elif won:
            assert after is None
        else:
            assert after.state[0] == learner.reader.text_number(seen("e").description)
        assert discount == (0.0 if end == 4 and won else GAMMA ** len(span))


def test_where_an_episode_was_cut_off_the_plans_that_follow_have_the_notes_of_that_moment():
    learner = by_hand(steps_ahead=1, notes="map")
    decisions = episode(learner, "aba", [0.0, 0.0])
    after = kept(learner)[-1][1]
    memory, commands = Map(), []
    for name, decision in zip("aba", [*decisions, None], strict=True):
        memory.read(seen(name))
        if decision:
            commands.append(seen(name).admissible[decision.choice])
            memory.give(commands[-1])
    notes = [plan.note for plan in memory.plans(seen("a"), seen("a").admissible)]
    assert after.plans[:, PLAN_PARTS.index("note")].tolist() == [learner.reader.text_number(note) for note in notes]


def test_an_abandoned_episode_is_not_glued_to_the_next_one():
    learner = by_hand(steps_ahead=3)
    learner.begin([0])
    learner.act([seen("x")])
    learner.learn([StepRecord("hand", "train", 0, 0, 1, seen("x"), "go east", 100.0, False, False, seen("y"), 5, 4)])
    episode(learner, "abc", [1.0, 1.0], won=True)
    assert [reward for _, _, reward, _, _ in kept(learner)] == [1.5, 1.0]


def test_games_that_are_played_at_once_are_remembered_apart():
    learner = ready(steps_ahead=1, notes="visits")
    rounds = played(learner, LABYRINTH, range(9), slots=4)
    reader = learner.reader
    steps = {(reader.text_number(r.before.description), reader.text_number(r.after.description))
             for records in rounds for r in records if not r.terminated}
    found = [(int(before.state[0]), int(after.state[0])) for before, after, *_ in kept(learner) if after]
    assert len(found) == sum(not record.terminated for records in rounds for record in records)
    assert set(found) == steps


def place(name, *ways):
    """A room of a row: at its eastern end b and c, at its beginning a way to the north that is left untried."""
    return Observation(0, f"-= {name} =-\nA room.", f"-= {name} =-\nA room.", "nothing", "win",
                       tuple(f"go {way}" for way in ways))


ROW = [place("a", "east", "north"), place("b", "west", "east", "south"), place("c", "west"),
       place("b", "west", "east", "south"), place("a", "east", "north"), place("d", "south"),
       place("a", "east", "north")]


def along_the_row(picks, **changes):
    """Play through the row as far as there are picks: (steps of the plan, its command). Each step is worth 1."""
    learner = by_hand(notes="map", **changes)
    script = iter(picks)

    def pick(slot, plans, values, left):
        wanted = next(script, None)
        return next(n for n, plan in enumerate(plans) if wanted is None or (plan.steps, plan.command) == wanted)

    learner.pick = pick
    learner.begin([0])
    decisions = []
    for step, (before, after) in enumerate(itertools.pairwise(ROW[: len(picks) + 1]), 1):
        (command,) = learner.act([before])
        decisions.append(learner.choices[0].decision)
        learner.learn([StepRecord("hand", "train", 0, 0, step, before, command, 1.0, False, False, after, 5, 4)])
    return learner, decisions


THERE = [(0, "go east"), (0, "go east"), (2, "go north"), (1, "go north"), (0, "go north"), (2, "go south")]


def test_a_transition_spans_the_walk_of_the_plan_that_was_chosen_and_its_deed():
    """From c over b to a, and north: one decision. Whoever begins on the way there has less of it before him."""
    learner, decisions = along_the_row(THERE, steps_ahead=1)
    found = {id(before): (after, reward, discount) for before, after, reward, discount, _ in kept(learner)}
    lengths = {0: 1, 1: 1, 2: 3, 3: 2, 4: 1}
    assert len(found) == len(lengths)
    for number, length in lengths.items():
        after, reward, discount = found[id(decisions[number])]
        assert reward == sum(GAMMA**i for i in range(length))
        assert discount == GAMMA**length
        assert after is decisions[number + length]


def test_a_plan_that_is_given_up_on_the_way_ends_its_transition_there():
    learner, decisions = along_the_row([*THERE[:3], (0, "go south")], steps_ahead=1)
    (found,) = [row for row in kept(learner) if row[0] is decisions[2]]
    assert (found[1], found[2], found[3]) == (decisions[3], 1.0, GAMMA)


def test_chance_follows_a_plan_to_its_end_and_begins_any():
    learner = ready(steps_ahead=1)
    begun, followed = set(), 0
    for seed in range(12):
        last = None
        for (record,) in rollout(LABYRINTH, learner, [seed], split="train", slots=1):
            choice = learner.choices[0]
            plan = choice.plans[choice.decision.plan]
            assert record.command == record.before.admissible[plan.first]
            if last is not None and last.steps:
                assert plan.follows(last)
                followed += 1
            elif len(record.before.admissible) == 3:
                begun.add(plan.first)
            last = plan
    assert begun == {0, 1, 2}
    assert followed > 5


# -- rewards -------------------------------------------------------------------------------------------------------


def rewards(learner, seeds=range(12)):
    """(record, reward in the replay) of each step."""
    records = [record for (record,) in played(learner, LABYRINTH, seeds)]
    assert any(record.terminated for record in records)
    assert any(record.truncated for record in records)
    return list(zip(records, [reward for _, _, reward, _, _ in kept(learner)], strict=True))


def test_without_bonus_and_scorer_the_reward_is_the_games_own():
    assert all(record.reward == reward for record, reward in rewards(ready(steps_ahead=1, notes="visits")))


def test_the_bonus_is_paid_once_for_each_new_place_of_an_episode():
    known = {}
    for record, reward in rewards(ready(steps_ahead=1, novelty=0.25, notes="visits")):
        places = known.setdefault(record.episode, {record.before.description})
        bonus = 0.0 if record.after.description in places else 0.25
        places.add(record.after.description)
        assert reward == pytest.approx(record.reward + bonus)


def test_the_potential_of_a_game_that_is_over_is_0_and_that_of_one_cut_off_is_kept():
    learner = ready(steps_ahead=1, scorer="random", shaping_weight=0.5, notes="visits")
    for record, reward in rewards(learner):
        before, after = learner.shaper.of([record.before.description, record.after.description],
                                          [record.before.objective] * 2)
        term = GAMMA * (0.0 if record.terminated else after) - before
        assert reward == pytest.approx(record.reward + term, abs=1e-6)


def test_over_several_steps_the_potentials_between_cancel_out():
    learner = by_hand(steps_ahead=3)
    learner.shaper = Potential(Scripted({seen("a").description: 1.0, seen("b").description: 5.0,
                                         seen("c").description: 2.0, seen("d").description: 3.0}), 0.1)
    episode(learner, "abcd", [0.0, 0.0, 0.0])
    found = [reward for _, _, reward, _, _ in kept(learner)]
    score = {"a": 1.0, "b": 3.0, "c": 2.0, "d": 3.0}  # clipped
    expected = [0.1 * (GAMMA**span * score["d"] - score[start]) for start, span in zip("abc", (3, 2, 1), strict=True)]
    assert found == pytest.approx(expected, abs=1e-6)


def test_a_bonus_for_answers_falls_with_their_count_and_with_progress():
    learner = by_hand(steps_ahead=1, shaping="bonus", scorer="random")
    learner.shaper._scorer = Scripted({"b": 2.0})
    learner.shaper.mean, learner.shaper.scale = 0.0, 1.0
    found = []
    for progress in (0.0, 0.5, 1.0):
        learner.progress = progress
        episode(learner, "abab", [0.0] * 3)
        found += [reward for _, _, reward, _, _ in kept(learner)[-3:]]
    first = learner.settings.shaping_weight * 2.0
    assert found == pytest.approx([first, 0, first / 8, first / 2, 0, first / 16, 0, 0, 0])


def test_a_surprise_is_rewarded_by_its_weight_and_less_and_less(monkeypatch):
    learner = by_hand(steps_ahead=1, surprise=0.5)
    monkeypatch.setattr(learner.expectation, "observe", lambda records: np.full(len(records), 2.0))
    found = []
    for progress in (0.0, 0.75, 1.0):
        learner.progress = progress
        episode(learner, "ab", [3.0])
        found.append(kept(learner)[-1][2])
    assert found == [4.0, 3.25, 3.0]


def test_without_surprise_and_look_ahead_nothing_is_expected():
    learner = ready()
    assert learner.expectation is None
    assert learner.greedy().expectation is None
    assert not any("expectation" in name for part in learner.state() for name in part)
    assert ready(surprise=0.1).greedy().expectation is None


def test_looking_ahead_is_kept_with_each_decision_so_that_it_stands_in_targets_too():
    learner = ready(look_ahead=0.5, scorer="random", notes="map")
    played(learner, LABYRINTH, range(24), slots=4)
    decisions = [before for before, *_ in kept(learner)]
    steps = [decision.plans[:, PLAN_COLUMNS.index("steps")] for decision in decisions]
    assert not any(decision.advice[far > 0].any() for decision, far in zip(decisions, steps, strict=True))
    assert any(decision.advice.any() for decision in decisions)
    assert sum(len(set(decision.advice[far == 0].tolist())) > 1
               for decision, far in zip(decisions, steps, strict=True)) > 10
    batch = learner.replay.sample(32, np.random.default_rng(0))
    assert batch.next_states.advice.any()


def test_who_looks_ahead_plays_the_same_with_the_weights_alone():
    learner = ready(look_ahead=0.5, scorer="random")
    played(learner, LABYRINTH, range(24), slots=4)
    again = bert_q.make(learner.settings, learner.weights())
    courses = [[r.command for records in rollout(LABYRINTH, agent, range(6), split="valid") for r in records]
               for agent in (learner.greedy(), again)]
    assert courses[0] == courses[1]
    with pytest.raises(RunError, match="looks ahead"):
        bert_q.make(chosen(), learner.weights())


@pytest.mark.parametrize("scorer", ["none", "distance"])
def test_looking_ahead_needs_a_scorer_that_reads(scorer):
    with pytest.raises(SettingError, match=f"reads texts, and '{scorer}'"):
        bert_q.make(chosen(look_ahead=0.1, scorer=scorer))


# -- updates -------------------------------------------------------------------------------------------------------


def test_every_target_is_what_its_name_says():
    """The same batch, four targets, each by the values of the slow head and of the fast one."""
    found = {}
    for target in ("double_q", "q_learning", "sarsa", "expected_sarsa"):
        learner = ready(target=target, steps_ahead=2)
        played(learner, LABYRINTH, range(4))
        learner.epsilon = 0.5
        with torch.no_grad():  # a slow head that disagrees with the fast one
            for parameter in learner.slow_head.parameters():
                parameter.normal_(0, 0.3, generator=torch.Generator().manual_seed(1))
        batch = learner.replay.sample(64, np.random.default_rng(0))
        found[target] = learner._target(batch)
        slow = command_values(learner.slow_head(batch.next_states, learner.reader), batch.next_states).detach()
        fast = command_values(learner.head(batch.next_states, learner.reader), batch.next_states)
        mean = torch.stack([row[row.isfinite()].mean() for row in slow])
        best = slow.max(1).values
        following = {
            "q_learning": best,
            "double_q": slow[torch.arange(64), fast.argmax(1)],
            "sarsa": slow[torch.arange(64), torch.from_numpy(batch.next_choice)],
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
    old = [parameter.clone() for parameter in learner.slow_head.parameters()]
    for records in rollout(CORRIDOR, learner, range(6), split="train", slots=1):
        if learner.learn(records) is not None:
            break
    for before, fast, slow in zip(old, learner.head.parameters(), learner.slow_head.parameters(), strict=True):
        torch.testing.assert_close(slow, before + tau * (fast.detach() - before))


def test_the_slow_head_begins_as_the_fast_one_with_its_scales():
    learner = ready()
    slow = learner.slow_head.state_dict()
    assert slow["description_scale"].std() > 0
    assert all(torch.equal(slow[name], tensor) for name, tensor in learner.head.state_dict().items())


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


def test_lessons_are_given_when_half_and_three_quarters_of_the_training_are_over(folder):
    learner = with_bert(folder, encoder_training="lora", lessons=2)
    played(learner, CORRIDOR, range(4))
    model = learner.reader.told.library.model
    versions = []
    for progress in (0.0, 0.49, 0.5, 0.6, 0.74, 0.76, 0.9, 1.0):
        learner.schedule(progress)
        versions.append(model.version)
    assert versions == [0, 0, 1, 1, 1, 2, 2, 2]


def test_without_lessons_the_encoder_stays_as_it_is(folder):
    learner = with_bert(folder, encoder_training="lora", lessons=0)
    played(learner, CORRIDOR, range(4))
    learner.schedule(1.0)
    assert learner.reader.told.library.model.version == 0


def test_a_lesson_for_a_frozen_encoder_changes_no_weight(folder):
    learner = with_bert(folder)
    played(learner, CORRIDOR, range(4))
    with torch.no_grad():
        for parameter in learner.slow_head.parameters():
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
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(map(str, kind.values())))
def test_a_restored_learner_is_the_one_that_was_saved(kind):
    kind = {"warmup": 30, **kind}
    old = ready(CORRIDOR, **kind)
    played(old, CORRIDOR, range(8), slots=4)
    old.schedule(0.6)
    new = restored(old, **kind, seed=9)
    plain, tensors = old.state()
    again, same = new.state()
    assert again == plain
    assert same.keys() == tensors.keys()
    assert all(torch.equal(same[name], tensors[name]) for name in tensors)
    assert (new.replay.size, new.replay.next, new.lessons) == (old.replay.size, old.replay.next, old.lessons)
    assert tensors["optimiser.0.step"] > 0


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
