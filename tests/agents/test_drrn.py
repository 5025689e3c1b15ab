"""The agent that learns to read from nothing: what it remembers, that it learns, and that chance is seeded."""

import json

import numpy as np
import pytest
import torch
from playing import assert_same_state, played

from textmaze.catalog import load_agent, load_game
from textmaze.env.rollout import Observation, rollout
from textmaze.errors import RunError
from textmaze.learn.evaluate import evaluate
from textmaze.learn.train import TrainSettings, train

drrn = load_agent("drrn")
CORRIDOR = load_game("corridor")
LABYRINTH = load_game("labyrinth", {"rooms": 9, "max_steps": 30})
GAMMA = np.float32(drrn.Settings().gamma)
NEVER = 10**6


def chosen(**changes):
    small = {"vocabulary": 500, "embedding": 8, "hidden": 16, "batch": 32, "replay": 2000, "warmup": 100}
    return drrn.Settings(**{**small, **changes})


def ready(**changes):
    """A learner that acts by chance."""
    learner = drrn.make_learner(chosen(**changes))
    learner.schedule(0.0)
    return learner


def text(learner, number):
    return list(learner.texts.numbers)[number]


def menu(learner, number):
    return tuple(text(learner, command) for command in learner.menus.commands(np.array([number]))[0])


def seen(slot=0, description="A cellar.", answer="Taken.", admissible=("go north", "go south")):
    return Observation(slot, answer, description, "Nothing.", "Get out.", admissible)


def test_it_is_told_nothing_that_no_player_reads():
    assert tuple(drrn.make(chosen()).infos) == ()
    assert tuple(drrn.make_learner(chosen()).infos) == ()
    assert tuple(drrn.make_learner(chosen()).greedy().infos) == ()


def test_it_chooses_only_admissible_commands_and_waits_where_there_are_none():
    records = [r for round_ in played(ready(), LABYRINTH, range(6), slots=3) for r in round_]
    assert all(record.command in record.before.admissible for record in records)
    agent = drrn.make(chosen())
    agent.begin([0])
    assert agent.act([seen(admissible=())]) == ["wait"]


def test_commands_are_drawn_by_the_softmax_of_their_values():
    agent = drrn.make(chosen(temperature=0.05))
    count = 4000
    agent.begin(range(count))
    commands = ("go north", "go south", "take lamp")
    given = agent.act([seen(slot, admissible=commands) for slot in range(count)])
    values = agent._values(np.array([agent._number(seen(admissible=commands), "")]))[0]
    expected = torch.softmax(values / 0.05, 0)
    assert expected.max() - expected.min() > 0.1  # else the temperature would not matter
    for command, share in zip(commands, expected.tolist(), strict=True):
        assert given.count(command) / count == pytest.approx(share, abs=0.03)


def test_at_the_lowest_temperature_the_best_command_is_given_whatever_the_games_beside_it():
    cold = chosen(temperature=1e-6)
    together = [r for round_ in rollout(LABYRINTH, drrn.make(cold), range(6), split="test", slots=6) for r in round_]
    alone = [r for round_ in rollout(LABYRINTH, drrn.make(cold), [4], split="test", slots=1) for r in round_]
    assert [r.command for r in together if r.seed == 4] == [r.command for r in alone]


def test_a_state_is_its_texts_and_the_command_given_last_and_nothing_else_of_the_past():
    agent = drrn.make(chosen())
    state = agent._number(seen(answer="Get out.\n\nA cellar."), "go east")
    assert [text(agent, number) for number in state[:-1]] == ["A cellar.", "", "Nothing.", "Get out.", "go east"]
    assert menu(agent, state[-1]) == ("go north", "go south")
    assert text(agent, agent._number(seen(), "go east")[1]) == "Taken."


def test_without_echo_the_command_given_last_is_hidden():
    agent = drrn.make(chosen(echo=False))
    assert agent._number(seen(), "go east") == agent._number(seen(), "go west")
    assert text(agent, agent._number(seen(), "go east")[4]) == ""


def test_a_new_episode_has_no_command_given_last():
    agent = drrn.make(chosen(temperature=1e-6))
    agent.begin([0])
    first = agent.act([seen()])
    assert agent._last == {0: first[0]}
    agent.begin([0])
    assert agent._last == {0: ""}


def test_the_values_are_those_that_are_learned():
    """The cached way, of a whole menu, and the way with gradients, command by command."""
    learner = ready()
    state = np.array([learner._number(seen(), "go east"), learner._number(seen(admissible=("look",)), "")])
    values = learner._values(state)
    assert values[1, 1] == -torch.inf
    reading = drrn.read_once(learner.network.grus, learner.texts)
    for row, column in ((0, 0), (0, 1), (1, 0)):
        command = learner.menus.commands(state[:, -1])[row, column]
        again = learner.network(state[row: row + 1, :-1], np.array([[command]]), reading)
        torch.testing.assert_close(again[0, 0], values[row, column])


def test_the_replay_holds_each_step_as_it_was():
    learner = ready(warmup=NEVER)
    records = [r for (r,) in played(learner, LABYRINTH, range(5))]
    assert any(record.terminated for record in records)
    assert any(record.truncated for record in records)
    assert learner.added == len(records)
    last = ""
    for row, record in enumerate(records):
        last = "" if record.step == 1 else last
        *texts, command = (text(learner, number) for number in learner.replay["before"][row])
        assert (texts[0], *texts[2:]) == (
            record.before.description, record.before.inventory, record.before.objective, last
        )
        assert command == record.command
        *after, number = learner.replay["after"][row]
        assert [text(learner, one) for one in after][::4] == [record.after.description, record.command]
        assert menu(learner, number) == (record.after.admissible or ("wait",))
        assert learner.replay["reward"][row] == record.reward
        assert learner.replay["discount"][row] == (0 if record.terminated else GAMMA)
        last = record.command




def test_games_that_are_played_at_once_are_remembered_apart():
    learner = ready(warmup=NEVER)
    rounds = played(learner, LABYRINTH, range(9), slots=4)
    last, expected = {}, []
    for record in (record for records in rounds for record in records):
        before = last.get(record.episode, "")
        expected.append((record.before.description, before, record.command, record.after.description))
        last[record.episode] = record.command
    found = [
        (*(text(learner, before[i]) for i in (0, 4, 5)), text(learner, after[0]))
        for before, after in zip(learner.replay["before"], learner.replay["after"], strict=True)
    ]
    assert found[: learner.added] == expected


def test_the_oldest_transitions_make_room_for_new_ones():
    learner = ready(warmup=NEVER, replay=7)
    records = [r for (r,) in played(learner, LABYRINTH, range(2))]
    assert learner.added == len(records) > 14
    kept = [text(learner, number) for number in learner.replay["before"][:, -1]]
    start = len(records) - 7
    assert [kept[i % 7] for i in range(start, len(records))] == [record.command for record in records[start:]]


def test_a_share_of_each_batch_is_rewarded():
    learner = ready(warmup=NEVER, rewarded=0.75)
    played(learner, LABYRINTH, range(10))
    paid = learner.replay["reward"] > 0
    assert 0 < paid.sum() < 10
    rows = learner._sample()
    assert len(rows) == 32
    assert paid[rows[:24]].all()
    assert not paid[rows[24:]].all()
    assert rows.max() < learner.added


def test_before_any_reward_the_batch_is_drawn_from_all():
    learner = ready(warmup=NEVER)
    learner.added = 40
    assert len(np.unique(learner._sample())) > 10


def test_the_temperature_falls_from_one_to_its_end_over_its_share():
    learner = drrn.make_learner(chosen(temperature=0.01, temperature_share=0.5))
    found = []
    for progress in (0.0, 0.25, 0.5, 1.0):
        learner.schedule(progress)
        found.append(learner.temperature)
    assert found == pytest.approx([1.0, 0.1, 0.01, 0.01])
    learner = drrn.make_learner(chosen(temperature=0.01, temperature_share=0.0))
    learner.schedule(0.0)
    assert learner.temperature == 0.01


def test_nothing_is_updated_before_the_warmup():
    learner = ready(warmup=50)
    before = learner.weights()
    for records in rollout(CORRIDOR, learner, range(10), split="train", slots=1):
        loss = learner.learn(records)
        unchanged = all(torch.equal(before[name], tensor) for name, tensor in learner.network.state_dict().items())
        assert unchanged == (learner.added < 50) == (loss is None)
    assert learner.added >= 50


def test_it_plays_by_a_copy_that_is_renewed_after_each_so_many_updates():
    learner = ready(warmup=1, sync=3)
    for records in rollout(CORRIDOR, learner, range(4), split="train", slots=1):
        learner.learn(records)
        fast, slow = learner.network.state_dict(), learner.playing.state_dict()
        assert all(torch.equal(fast[name], slow[name]) for name in fast) == (learner.updated % 3 == 0)
    states = np.array([learner._number(records[0].after, records[0].command)])
    values = learner._values(states)
    learner.cache.forget()  # nothing in it was of an older copy
    torch.testing.assert_close(learner._values(states), values)
    assert learner.updated > 6


def test_the_target_is_the_reward_and_the_best_value_of_what_comes_next():
    """Repeated on two transitions, one of them the last of a game, updates come to where that holds."""
    learner = ready(warmup=NEVER, sync=1, learning_rate=1e-2)
    played(learner, LABYRINTH, range(5))
    won, other = np.flatnonzero(learner.replay["discount"] == 0)[0], 0
    assert learner.replay["reward"][won] == 1
    for _ in range(150):
        loss = learner._update(np.array([won, other]))
    assert loss < 1e-4
    before, after = learner.replay["before"][[won, other]], learner.replay["after"][[won, other]]
    reading = drrn.read_once(learner.network.grus, learner.texts)
    values = learner.network(before[:, :-1], before[:, -1:], reading).flatten().tolist()
    assert values == pytest.approx([1.0, GAMMA * float(learner._values(after)[1].max())], abs=0.05)


def test_the_greedy_agent_keeps_the_weights_of_its_moment_and_leaves_the_learner_alone():
    learner = ready(warmup=1)
    greedy = learner.greedy()
    old = {name: tensor.clone() for name, tensor in greedy.playing.state_dict().items()}
    evaluate(greedy, CORRIDOR, range(4), name="greedy", split="valid")
    assert (learner.added, learner.texts.numbers, greedy.temperature) == (0, {}, learner.settings.temperature)
    played(learner, CORRIDOR, range(3))
    assert all(torch.equal(old[name], tensor) for name, tensor in greedy.playing.state_dict().items())


def config(learner):
    return {"agent": "drrn", "settings": {"seed": learner.settings.seed}, "game": {"spec": "corridor", "with": {}}}


def test_the_corridor_is_learned_in_6000_steps_and_for_corridors_never_seen(tmp_path):
    learner = drrn.make_learner(drrn.Settings())
    settings = TrainSettings(steps=6000, valid_every=6000, valid_episodes=5, stop_at=2.0)
    train(learner, CORRIDOR, settings, tmp_path, config(learner), seed=0)
    result = evaluate(learner.greedy(), CORRIDOR, range(100), name="drrn")
    assert result.success >= 0.9
    assert result.spl >= 0.8


SHORT = TrainSettings(steps=400, games=10, slots=8, valid_every=200, valid_episodes=6, stop_at=2.0)


def metrics(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


def test_the_same_seed_gives_the_same_metrics_and_weights_and_another_seed_others(tmp_path):
    weights = []
    for run, seed in enumerate((1, 1, 2)):
        learner = drrn.make_learner(chosen(seed=seed))
        torch.rand(run)  # what others draw from torch's generator must not matter
        train(learner, CORRIDOR, SHORT, tmp_path / str(run), config(learner), seed=seed)
        weights.append(learner.weights())
    one, same, other = (metrics(tmp_path / str(run)) for run in range(3))
    assert len(one) == 2
    assert one == same
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert one != other
    assert not torch.equal(weights[0]["value.weight"], weights[2]["value.weight"])


def test_making_one_leaves_the_global_generator_as_it_was():
    state = torch.random.get_rng_state()
    drrn.make_learner(chosen(seed=5))
    assert torch.equal(torch.random.get_rng_state(), state)


def trained(tmp_path):
    learner = drrn.make_learner(chosen())
    train(learner, CORRIDOR, SHORT, tmp_path / "run", config(learner), seed=0)
    return learner


def copied(learner):
    plain, tensors = learner.state()
    return json.loads(json.dumps(plain)), {name: tensor.clone() for name, tensor in tensors.items()}


def test_a_restored_learner_is_the_one_that_was_saved_and_goes_on_as_it_would(tmp_path):
    old, new = trained(tmp_path), drrn.make_learner(chosen(seed=9))
    plain, tensors = copied(old)
    new.restore(plain, tensors)
    assert_same_state(new, old)
    courses = []
    for learner in (old, new):
        learner.schedule(0.5)
        courses.append([r.command for round_ in played(learner, CORRIDOR, range(20, 26), slots=3) for r in round_])
    assert courses[0] == courses[1]
    for (name, one), (_, two) in zip(old.weights().items(), new.weights().items(), strict=True):
        torch.testing.assert_close(one, two, msg=name)


def test_a_training_goes_on_from_its_folder(tmp_path):
    learner = trained(tmp_path)
    new = drrn.make_learner(chosen())
    longer = TrainSettings(steps=800, games=10, slots=8, valid_every=200, valid_episodes=6, stop_at=2.0)
    progress = train(new, CORRIDOR, longer, tmp_path / "run", config(learner), seed=0, resume=True)
    assert progress.steps >= 800
    assert new.updated > learner.updated
    assert new.added == progress.steps
    assert [line["steps"] for line in metrics(tmp_path / "run")] == [200, 400, 600, 800]


def test_a_learner_that_has_not_begun_can_be_saved_and_restored():
    drrn.make_learner(chosen()).restore(*copied(drrn.make_learner(chosen())))


@pytest.mark.parametrize("damage", ["before", "after", "menus", "texts", "added", "capacity"])
def test_a_state_that_names_what_there_is_not_is_refused(damage):
    learner = ready(warmup=NEVER)
    played(learner, CORRIDOR, range(2))
    plain, tensors = copied(learner)
    match damage:
        case "before":
            tensors["replay.before"][0, 2] = 10_000
        case "after":
            tensors["replay.after"][1, -1] = -1
        case "menus":
            plain["menus"][0][0] = 10_000
        case "texts":
            plain["texts"].pop()
        case "added":
            plain["added"] = -1
        case "capacity":
            tensors["replay.reward"] = torch.zeros(3)
    with pytest.raises(ValueError, match="replay"):
        drrn.make_learner(chosen()).restore(plain, tensors)


def test_weights_on_their_own_are_enough_to_play_the_same(tmp_path):
    learner = trained(tmp_path)
    again = drrn.make(learner.settings, learner.weights())
    runs = [
        [record.command for round_ in rollout(LABYRINTH, agent, range(5), split="test") for record in round_]
        for agent in (learner.greedy(), again)
    ]
    assert runs[0] == runs[1]


def test_weights_of_another_width_are_refused_in_one_sentence():
    weights = drrn.make_learner(chosen(hidden=8)).weights()
    with pytest.raises(RunError, match="The weights are not those of a drrn with these settings"):
        drrn.make(chosen(), weights)


def test_weights_given_away_do_not_change_any_more():
    learner = ready(warmup=10)
    weights = learner.weights()
    kept = {name: tensor.clone() for name, tensor in weights.items()}
    played(learner, CORRIDOR, range(2))
    assert learner.updated > 0
    assert all(torch.equal(weights[name], kept[name]) for name in weights)
