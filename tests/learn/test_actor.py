"""The agent as it plays: what it is told, what it hands to the head, and what it chooses."""

import numpy as np
import pytest
import torch
from fakes import WordBag, tiny_bert

from textmaze.catalog import load_game
from textmaze.env.rollout import Observation, rollout
from textmaze.errors import RunError
from textmaze.learn.actor import Actor
from textmaze.learn.encoder import Bert, Library
from textmaze.learn.notes import MEMORIES, Map
from textmaze.learn.qhead import PLAN_COLUMNS, STATE_PARTS, QHead, command_values
from textmaze.learn.reading import Reader, told_of
from textmaze.learn.replay import gathered

LABYRINTH = load_game("labyrinth", {"rooms": 9, "max_steps": 12})


def actor(notes="map", memory=0, seed=0, told=None, belief=False):
    library = Library(WordBag())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        head = QHead(library.model.width, hidden=16, told=8, memory=memory, belief=belief).eval()
    return Actor(Reader(library, told), head, notes, seed)


def played(agent, seeds, slots=1, each=lambda records: None):
    found = []
    for records in rollout(LABYRINTH, agent, seeds, split="train", slots=slots):
        each(records)
        found += records
    return found


def text(agent, number):
    """The sentences of a text, by its number."""
    items, _ = agent.reader.texts.items(np.array([number]))
    return [agent.reader.texts.library.texts[item] for item in items]


def told(agent, number):
    items, _ = agent.reader.told.items(np.array([number]))
    return [agent.reader.told.library.texts[item] for item in items]


def test_it_is_told_nothing_that_no_player_reads():
    assert tuple(actor().infos) == ()


@pytest.mark.parametrize("notes", sorted(MEMORIES))
@pytest.mark.parametrize("memory", [0, 4])
def test_it_gives_the_first_command_of_the_best_plan(notes, memory):
    agent = actor(notes, memory)

    def check(records):
        for record in records:
            choice = agent.choices[record.before.slot]
            if choice.going_on:
                continue
            plan = int(choice.values.argmax())
            best = choice.plans[plan].first
            assert record.command == record.before.admissible[best]
            assert choice.decision.plan == plan
            assert choice.decision.choice == best
            values = command_values(choice.values, gathered([choice.decision]))
            assert values.argmax() == best

    assert played(agent, range(4), 2, check)


def test_it_goes_on_with_a_plan_until_it_is_carried_out_or_something_new_is_read():
    agent, before, surprised, went_on = actor(), None, False, 0

    def check(records):
        nonlocal before, surprised, went_on
        (record,) = records
        choice = agent.choices[0]
        plan = choice.plans[choice.decision.plan]
        if record.step > 1 and before.steps and not surprised:
            assert choice.going_on
            assert plan.follows(before)
            went_on += 1
        elif not choice.going_on:
            assert choice.decision.plan == int(choice.values.argmax())
        before = plan
        surprised = not agent.memories[0].knows(record.after.description)

    played(agent, range(20), each=check)
    assert went_on > 5


def test_where_nothing_can_be_done_it_waits():
    agent = actor()
    agent.begin([0])
    nothing = Observation(0, "text", "nothing", "inventory", "objective", ())
    assert agent.act([nothing]) == ["wait"]
    assert nothing.choices == ("wait",)


@pytest.mark.parametrize(("notes", "memory", "belief"), [
    ("map", 0, False), ("visits", 0, False), ("none", 6, False), ("map", 0, True), ("visits", 0, True)])
def test_what_it_chooses_in_a_game_does_not_depend_on_the_games_beside_it(notes, memory, belief):
    together = [r.command for r in played(actor(notes, memory, belief=belief), range(6), slots=6) if r.seed == 4]
    assert [r.command for r in played(actor(notes, memory, belief=belief), [4])] == together


def test_with_a_belief_a_decision_holds_what_was_told_in_every_room_of_the_step_to_each_plan():
    agent, far = actor(belief=True), 0

    def check(records):
        nonlocal far
        choice, chart = agent.choices[0], agent.memories[0].chart
        clues = choice.decision.clues
        assert clues.asked.tolist() == list(range(len(choice.plans)))
        for row, plan in enumerate(choice.plans):
            found = [told(agent, number) for number in clues.told[clues.plan == row]]
            # In a labyrinth every way is told of, and leads back as well as there.
            is_way = plan.command.startswith("go ")
            assert len(found) == len(list(chart.walks())) - 1 + is_way
            assert (list(told_of(plan.command, plan.place)) in found) == is_way
            far = max(far, len(found))

    played(agent, range(6), each=check)
    assert far > 5


def test_without_a_belief_a_decision_has_no_clues():
    agent = actor()
    played(agent, [2])
    assert agent.choices[0].decision.clues is None


def test_a_decision_holds_the_texts_of_the_moment():
    agent = actor()
    memory = None

    def check(records):
        nonlocal memory
        (record,) = records
        if record.step == 1:
            memory = Map()
        seen = record.before
        memory.read(seen)
        decision = agent.choices[0].decision
        plans = memory.plans(seen, seen.admissible)
        memory.give(record.command)
        assert [plan._replace(room=None) for plan in agent.choices[0].plans] == [
            plan._replace(room=None) for plan in plans]
        reader = agent.reader
        assert decision.state.tolist() == [reader.text_number(getattr(seen, part)) for part in STATE_PARTS]
        assert decision.first.tolist() == [plan.first for plan in plans]
        for row, plan in zip(decision.plans, plans, strict=True):
            own = dict(zip(PLAN_COLUMNS, row.tolist(), strict=True))
            assert told(agent, own["told"]) == list(told_of(plan.command, plan.place))
            assert told(agent, own["rivals"]) == [
                sentence for other in plan.commands if other != plan.command for sentence in told_of(other, plan.place)]
            assert told(agent, own["first"]) == list(told_of(seen.admissible[plan.first], seen.description))
            assert (text(agent, own["command"]), text(agent, own["note"])) == ([plan.command], [plan.note])
            assert own["steps"] == plan.steps
            assert text(agent, own["place"]) == []  # in this game nobody waits, and nothing is worth a look

    records = played(agent, range(3), each=check)
    assert any(record.truncated for record in records)


def test_what_is_remembered_is_handed_from_step_to_step_and_begins_anew_with_an_episode():
    agent = actor("none", memory=4)
    before = {}

    def check(records):
        for record in records:
            slot, choice = record.before.slot, agent.choices[record.before.slot]
            moment = choice.decision.moment
            if record.step == 1:
                assert (moment.previous, moment.command) == (None, 0)
                assert not moment.before.any()
            else:
                last, command = before[slot]
                assert moment.previous is last.decision.moment
                assert text(agent, moment.command) == [command]
                np.testing.assert_array_equal(moment.before, last.remembered)
            assert moment.description == choice.decision.state[0]
            before[slot] = choice, record.command
            # Whole, the episode gives the same memory as step by step.
            past = gathered([choice.decision], length=30).past
            torch.testing.assert_close(agent.head.recall(past, agent.reader)[0].detach(),
                                       torch.from_numpy(choice.remembered))

    assert played(agent, range(3), 2, check)


def test_without_a_memory_of_its_own_a_decision_has_no_moment():
    agent = actor()
    played(agent, [0])
    assert agent.choices[0].decision.moment is None


def test_its_weights_are_a_copy_and_enough_to_play_the_same():
    agent, other = actor(memory=4), actor(memory=4)
    with torch.no_grad():
        for parameter in agent.head.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    weights = agent.weights()
    other.load(weights)
    assert [r.command for r in played(agent, range(3))] == [r.command for r in played(other, range(3))]
    kept = {name: tensor.clone() for name, tensor in weights.items()}
    with torch.no_grad():
        for parameter in agent.head.parameters():
            parameter.add_(1.0)
    assert all(torch.equal(kept[name], tensor) for name, tensor in weights.items())


def test_what_was_trained_of_the_encoder_goes_with_the_weights(tmp_path):
    folder = tiny_bert(tmp_path)
    agent, other, frozen = (actor(told=Library(Bert(folder, training=kind, seed=seed)))
                            for kind, seed in (("lora", 1), ("lora", 2), ("frozen", 0)))
    # The head reads vectors of one width.
    for one in (agent, other, frozen):
        one.head = QHead(64, hidden=16, told=8).eval()
        one.reader = Reader(Library(Bert(folder)), one.reader.told.library)
    model = agent.reader.told.library.model
    with torch.no_grad():
        for parameter in model.trainable_parameters():
            parameter.add_(0.1)
    other.load(agent.weights())
    assert torch.equal(other.reader.told.library.read(["A way."]), agent.reader.told.library.model.encode(["A way."]))
    assert not any(name.startswith("encoder.") for name in frozen.weights())
    with pytest.raises(RunError, match="weights") as caught:
        other.load(frozen.weights())
    assert "\n" not in str(caught.value)
