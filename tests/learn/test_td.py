"""The learner: which transitions it remembers, and which rewards."""

import itertools

import numpy as np
import pytest
from fakes import Scripted
from learners import GAMMA, LABYRINTH, bert_q, chosen, kept, ready
from playing import played

from textmaze.catalog import load_game
from textmaze.env.rollout import Observation, StepRecord, rollout
from textmaze.errors import RunError, SettingError
from textmaze.learn.notes import Map
from textmaze.learn.qhead import PLAN_COLUMNS, PLAN_PARTS
from textmaze.learn.shaping import Potential

pytestmark = pytest.mark.usefixtures("words")

HINTS = load_game("signposts", {"rooms": 9, "max_steps": 30})


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


def first_choices(learner, count):
    """The first choice in some games, and what is advised of its plans."""
    for records in rollout(HINTS, learner, range(count), split="train", slots=count):
        observations = [record.before for record in records]
        learner.begin([seen.slot for seen in observations])
        learner.act(observations)
        for seen in observations:
            choice = learner.choices[seen.slot]
            plans = choice.plans
            told = [[getattr(plan, part) for plan in plans] for part in ("place", "command")]
            advised = learner.advice.of(*told, [seen.objective] * len(plans), [plan.note for plan in plans])
            yield choice, advised
        return


def test_before_anything_is_learned_advice_is_added_to_values_that_hardly_differ():
    learner = ready(HINTS, shaping="advice", scorer="contrast", notes="visits", shaping_weight=0.3)
    found = list(first_choices(learner.greedy(), 16))
    assert sum(len(set(advised.tolist())) > 1 for _, advised in found) > 5
    for choice, advised in found:
        assert choice.decision.plan == choice.values.argmax()
        assert np.ptp(choice.values.numpy() - advised) < 0.3
    learner.reuse.restore([[0.0, 0.0], [1.0, 1.0]])  # so it is not heeded
    for (choice, advised), (alone, _) in zip(found, first_choices(learner.greedy(), 16), strict=True):
        np.testing.assert_allclose(choice.values - alone.values, advised, atol=1e-5)


def test_advice_is_part_of_no_value_that_is_learned():
    learner = ready(HINTS, shaping="advice", scorer="contrast", notes="visits", shaping_weight=0.3)
    played(learner, HINTS, range(24), slots=4)
    assert all(before.expected is None for before, *_ in kept(learner))


def test_some_games_are_played_by_advice_and_some_without_and_what_they_brought_is_known_by_kind():
    learner = ready(HINTS, shaping="advice", scorer="contrast", notes="visits", shaping_weight=0.3)
    records = played(learner, HINTS, range(24), slots=4)
    returns = learner.reuse.state()
    assert all(returns)
    assert sum(map(len, returns)) == 24
    won = [learner.settings.gamma ** (record.step - 1) for step in records for record in step if record.won]
    assert sorted(found for kind in returns for found in kind if found) == pytest.approx(sorted(won))


def test_who_plays_greedily_heeds_advice_unless_games_went_better_without():
    learner = ready(HINTS, shaping="advice", scorer="contrast", notes="visits", shaping_weight=0.3)
    learner.reuse.restore([[0.5, 0.6], [0.4, 0.5]])
    assert learner.greedy().heeds(0)
    learner.reuse.restore([[0.5, 0.6], [0.9, 0.9]])
    assert not learner.greedy().heeds(0)


def test_looking_ahead_is_kept_with_each_decision_so_that_it_stands_in_targets_too():
    learner = ready(look_ahead=0.5, scorer="random", notes="map")
    played(learner, LABYRINTH, range(24), slots=4)
    decisions = [before for before, *_ in kept(learner)]
    steps = [decision.plans[:, PLAN_COLUMNS.index("steps")] for decision in decisions]
    assert not any(decision.expected[far > 0].any() for decision, far in zip(decisions, steps, strict=True))
    assert any(decision.expected.any() for decision in decisions)
    assert sum(len(set(decision.expected[far == 0].tolist())) > 1
               for decision, far in zip(decisions, steps, strict=True)) > 10
    batch = learner.replay.sample(32, np.random.default_rng(0))
    assert batch.next_states.expected.any()


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


@pytest.mark.parametrize("without", [{"notes": "visits"}, {"hindsight": 0.0}])
def test_a_belief_needs_a_map_and_hindsight(without):
    bert_q.make(chosen(belief=True))
    with pytest.raises(SettingError, match="set notes=map and hindsight above 0"):
        bert_q.make(chosen(belief=True, **without))
