"""The training loop: which weights are kept, when it stops, and what an interrupt leaves behind."""

import json

import pytest
import torch
from playing import assert_same_state

from textmaze.catalog import load_agent, load_game
from textmaze.errors import RunError
from textmaze.learn.checkpoint import load_model, load_state, save_state
from textmaze.learn.train import TrainSettings, train

CORRIDOR = load_game("corridor", {"max_steps": 6})
CONFIG = {"agent": "fake", "settings": {}, "game": {"spec": "corridor", "with": {}}}
# Two games at once, so a round is two steps; a validation every ten steps, on four games.
SETTINGS = TrainSettings(steps=60, games=5, slots=2, valid_every=10, valid_episodes=4, stop_at=1.0)


class Some:
    """Wins the first `wins` of the games that are played at once, and waits in the others."""

    infos = ("best_command",)

    def __init__(self, wins):
        self.wins = wins

    def begin(self, episodes):
        pass

    def act(self, observations):
        return [o.best_command if o.slot < self.wins else "wait" for o in observations]


class Fake(Some):
    """A learner whose validations win as many of four games as it was told; its weight counts what it learned."""

    epsilon = 0.5
    scouting = False

    def __init__(self, wins, interrupt_at=None):
        super().__init__(0)
        self.script, self.interrupt_at = list(wins), interrupt_at
        self.learned, self.prepared, self.progress = 0, [], []

    def prepare(self, observations):
        self.prepared = list(observations)

    def schedule(self, progress):
        self.progress.append(progress)

    def learn(self, records):
        self.learned += 1
        if self.learned == self.interrupt_at:
            raise KeyboardInterrupt
        return 0.25 if self.learned > 5 else None  # no loss while it warms up

    def greedy(self):
        return Some(self.script.pop(0))

    def weights(self):
        return {"learned": torch.tensor(self.learned)}

    def state(self):
        return {"learned": self.learned}, {"learned": torch.tensor(self.learned)}

    def restore(self, state, tensors):
        self.learned = state["learned"]
        assert self.learned == tensors["learned"]


def go(learner, folder, settings=SETTINGS, **more):
    return train(learner, CORRIDOR, settings, folder, CONFIG, seed=0, **more)


def lines(folder):
    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    return [json.loads(line, parse_constant=refuse) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_the_weights_of_the_best_validation_are_kept(tmp_path):
    """It gets better, then worse: after 10, 20, 30 ... steps, so after 5, 10, 15 ... rounds."""
    progress = go(Fake([1, 3, 2, 0, 2, 1]), tmp_path)
    config, weights = load_model(tmp_path)
    assert weights["learned"] == 10
    assert config["validation"]["success"] == progress.kept.success == 0.75
    assert progress.valid.success == 0.25
    assert load_state(tmp_path)[0]["steps"] == 60  # what goes on is the last, not the best


def test_the_weights_of_the_last_validation_are_kept_where_they_are_asked_for(tmp_path):
    settings = TrainSettings(steps=60, games=5, slots=2, valid_every=10, valid_episodes=4, keep="last")
    progress = go(Fake([1, 3, 2, 0, 2, 1]), tmp_path, settings)
    config, weights = load_model(tmp_path)
    assert weights["learned"] == 30
    assert config["validation"]["success"] == progress.kept.success == progress.valid.success == 0.25


def test_of_equal_validations_the_first_is_kept(tmp_path):
    go(Fake([2, 2, 2, 2, 2, 2]), tmp_path)
    assert load_model(tmp_path)[1]["learned"] == 5


def test_of_equal_success_the_shorter_ways_are_kept(tmp_path):
    class Slow(Some):
        """Looks about once before it goes."""

        def begin(self, episodes):
            self.begun = set(episodes)

        def act(self, observations):
            commands = ["look" if o.slot in self.begun else o.best_command for o in observations]
            self.begun = set()
            return commands

    class Quicker(Fake):
        def greedy(self):
            return self.script.pop(0)

    go(Quicker([Slow(4), Some(4), Slow(4)]), tmp_path, TrainSettings(
        steps=30, games=5, slots=2, valid_every=10, valid_episodes=4, stop_at=2.0
    ))
    config, weights = load_model(tmp_path)
    assert weights["learned"] == 10
    assert config["validation"]["spl"] == 1.0


def test_it_stops_after_two_good_validations_running(tmp_path):
    learner = Fake([4, 3, 4, 4, 0, 0])
    progress = go(learner, tmp_path)
    assert progress.steps == 40
    assert learner.script == [0, 0]


@pytest.mark.parametrize(("stop_at", "steps"), [(0.5, 30), (0.75, 60), (2.0, 60)])
def test_how_good_is_good_enough_is_a_setting(tmp_path, stop_at, steps):
    settings = TrainSettings(steps=60, games=5, slots=2, valid_every=10, valid_episodes=4, stop_at=stop_at)
    assert go(Fake([1, 2, 2, 3, 2, 4]), tmp_path, settings).steps == steps


def test_it_goes_on_as_long_as_the_way_gets_shorter(tmp_path):
    settings = TrainSettings(steps=60, games=5, slots=2, valid_every=10, valid_episodes=4, stop_at=0.5)
    assert go(Fake([2, 3, 4, 4, 4, 4]), tmp_path, settings).steps == 40


def test_the_last_steps_are_validated_even_between_two_validations(tmp_path):
    settings = TrainSettings(steps=14, games=5, slots=2, valid_every=10, valid_episodes=4)
    progress = go(Fake([1, 2]), tmp_path, settings)
    assert progress.steps == 14
    assert load_model(tmp_path)[1]["learned"] == 7
    assert [line["steps"] for line in lines(tmp_path)] == [10, 14]


def test_every_validation_is_a_line_of_strict_json(tmp_path):
    """Other programs read it too, and most of them know no NaN: there is no loss at the first validation."""
    go(Fake([1, 3, 2, 0, 2, 1]), tmp_path)
    found = lines(tmp_path)
    assert [line["steps"] for line in found] == [10, 20, 30, 40, 50, 60]
    assert [line["valid_success"] for line in found] == [0.25, 0.75, 0.5, 0.0, 0.5, 0.25]
    assert [line["loss"] for line in found] == [None, *[0.25] * 5]
    assert all(line["epsilon"] == 0.5 and line["seconds"] >= 0 for line in found)


def test_tensorboard_finds_events(tmp_path):
    go(Fake([1, 3, 2, 0, 2, 1]), tmp_path)
    assert [path.stat().st_size > 0 for path in tmp_path.glob("events.out.tfevents.*")] == [True]


def test_the_schedule_runs_from_0_to_1(tmp_path):
    learner = Fake([0] * 6)
    go(learner, tmp_path)
    assert learner.progress == sorted(learner.progress)
    assert learner.progress[0] == 0
    assert 0.9 < learner.progress[-1] <= 1


def test_the_first_look_shows_each_place_once_and_tells_no_best_command(tmp_path):
    learner = Fake([0] * 6)
    go(learner, tmp_path)
    places = [observation.description for observation in learner.prepared]
    assert len(places) == len(set(places)) > 5
    assert {observation.best_command for observation in learner.prepared} == {None}


def test_progress_is_shown_after_every_round(tmp_path):
    shown = []
    go(Fake([0] * 6), tmp_path, show=lambda progress: shown.append((progress.steps, progress.episodes)))
    assert sorted({steps for steps, _ in shown}) == list(range(2, 61, 2))
    assert shown[-1] == (60, 10)  # every episode waits until its six steps are over


@pytest.mark.parametrize(("interrupt_at", "steps", "kept"), [(3, 4, 3), (13, 24, 10)], ids=["before", "after"])
def test_an_interrupt_leaves_model_and_state_behind_and_goes_on_up(tmp_path, interrupt_at, steps, kept):
    """Before the first validation the weights of the moment are kept, after it those of the best."""
    with pytest.raises(KeyboardInterrupt):
        go(Fake([1, 3, 2], interrupt_at), tmp_path)
    assert load_model(tmp_path)[1]["learned"] == kept
    state, tensors = load_state(tmp_path)
    assert (state["steps"], tensors["learned"]) == (steps, interrupt_at)


def test_a_resumed_training_goes_on_from_where_it_was_interrupted(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        go(Fake([1, 3], interrupt_at=13), tmp_path)
    learner, shown = Fake([2, 1, 1, 1]), []
    progress = go(learner, tmp_path, resume=True, show=lambda progress: shown.append(progress.steps))
    assert shown[0] == 26
    assert progress.steps == 60
    assert learner.learned == 13 + (60 - 24) // 2
    assert learner.prepared == []  # its scales come with the weights
    assert learner.progress[0] == 24 / 60
    assert [line["steps"] for line in lines(tmp_path)] == [10, 20, 34, 44, 54, 60]
    # The best validation is older than the interrupt, and so are the weights that are kept.
    assert progress.kept.success == 0.75
    assert load_model(tmp_path)[1]["learned"] == 10


def test_a_good_validation_before_the_interrupt_counts_as_the_first_of_two(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        go(Fake([4], interrupt_at=7), tmp_path)
    assert go(Fake([4, 0]), tmp_path, resume=True).steps == 22


def test_a_training_can_be_made_longer(tmp_path):
    go(Fake([1, 3, 2, 0, 2, 1]), tmp_path)
    settings = TrainSettings(steps=80, games=5, slots=2, valid_every=10, valid_episodes=4)
    assert go(Fake([1, 1]), tmp_path, settings, resume=True).steps == 80


def damaged(state, change):
    match change:
        case "rng":
            state["rng"] = {"bit_generator": "Dice"}
        case "steps":
            state["episodes"] = "many"
        case "endless":
            state["episodes"] = float("inf")
        case "kept":
            state["kept"]["grade"] = 1
        case "list":
            state["learner"] = []
        case "nothing":
            state.clear()
            state["steps"] = 60


@pytest.mark.parametrize("change", ["rng", "steps", "endless", "kept", "list", "nothing"])
def test_a_damaged_state_is_refused_in_one_sentence(tmp_path, change):
    go(Fake([1, 3, 2, 0, 2, 1]), tmp_path)
    state, tensors = load_state(tmp_path)
    damaged(state, change)
    save_state(tmp_path, state, tensors)
    with pytest.raises(RunError, match="damaged"):
        go(Fake([1] * 6), tmp_path, resume=True)


class Unplayed:
    name, max_steps, slow = "unplayed", 5, False

    def table(self, split, seed):
        raise AssertionError("a game was played")

    def prepare(self, split, seeds):
        pass


@pytest.mark.parametrize("place", ["file", "under file", "metrics"])
def test_a_folder_that_takes_no_files_is_found_before_any_game_is_played(tmp_path, place):
    (tmp_path / "file").touch()
    (tmp_path / "run" / "metrics.jsonl").mkdir(parents=True)
    folder = {"file": tmp_path / "file", "under file": tmp_path / "file" / "run", "metrics": tmp_path / "run"}[place]
    with pytest.raises(RunError, match="cannot be written"):
        train(Fake([]), Unplayed(), SETTINGS, folder, CONFIG, seed=0)


def test_the_log_is_closed_when_the_first_look_fails(tmp_path, recwarn):
    import gc

    with pytest.raises(AssertionError, match="a game was played"):
        train(Fake([]), Unplayed(), SETTINGS, tmp_path, CONFIG, seed=0)
    gc.collect()
    assert [str(warning.message) for warning in recwarn if warning.category is ResourceWarning] == []


@pytest.mark.usefixtures("words")
def test_after_an_interrupt_the_learner_chooses_the_same_commands_and_has_the_same_tensors(tmp_path):
    """The real learner, interrupted after some updates, and another one that goes on from the folder."""
    bert_q = load_agent("bert_q")
    settings = bert_q.Settings(encoder="words", hidden=16, replay=500, warmup=50, batch=32)
    old = bert_q.make_learner(settings)
    rounds = []

    def interrupt(progress):
        rounds.append(progress.steps)
        if len(rounds) == 60:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(old, CORRIDOR, SETTINGS_LONG, tmp_path, CONFIG, seed=3, show=interrupt)
    state, tensors = load_state(tmp_path)
    assert state["steps"] == rounds[-1]
    new = bert_q.make_learner(settings)
    new.restore(state["learner"], tensors)
    assert_same_state(new, old)
    looks = new_looks()
    for learner in (old, new):
        learner.begin(range(len(looks)))
    assert new.act(looks) == old.act(looks)  # by chance now and then, so by the same chance


SETTINGS_LONG = TrainSettings(steps=2000, games=5, slots=4, valid_every=1000, valid_episodes=4)


def new_looks():
    """What is read at first in twenty games."""
    from textmaze.env.rollout import rollout

    agent = load_agent("wander")
    (records, *_) = rollout(CORRIDOR, agent.make(agent.Settings()), range(20), split="test", slots=20)
    return [record.before for record in records]
