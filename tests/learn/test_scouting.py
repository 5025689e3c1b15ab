"""Scouting: many games are played without a word being read, and what turned out in them is what is learned first."""

import numpy as np
import pytest
from fakes import tiny_bert
from learners import HINTS, bert_q, chosen, rounds, scouting

from textmaze.catalog import load_game
from textmaze.env.rollout import rollout
from textmaze.errors import SettingError
from textmaze.game.theme import load_theme
from textmaze.learn import td
from textmaze.learn.notes import Map
from textmaze.learn.scouting import Scout
from textmaze.learn.train import TrainSettings, first_look, train

pytestmark = pytest.mark.usefixtures("words")

CONFIG = {"agent": "bert_q", "settings": {}, "game": {"spec": "signposts", "with": {}}}


class Scouting:
    """A scout alone, with maps of its own."""

    infos = ()

    def __init__(self, seed):
        self.memories = {}
        self.scout = Scout(self.memories, np.random.default_rng(seed))

    def begin(self, episodes):
        self.memories.update((slot, Map()) for slot in episodes)
        self.scout.begin(episodes)

    def act(self, observations):
        return self.scout.act(observations)


def scouted(game, seed=0, games=6):
    """The records of each round of steps of a scout."""
    return list(rollout(game, Scouting(seed), range(games), split="train", slots=3))


def commands(seed):
    return [[record.command for record in records] for records in scouted(HINTS, seed)]


@pytest.mark.parametrize("name", ["signposts", "mapreader", "egocentric", "clockwork"])
def test_a_scout_wins_every_game_that_can_be_won_by_trying_all(name):
    records = [record for records in scouted(load_game(name), games=10) for record in records]
    assert [record.won for record in records if record.ended] == [True] * 10


def test_a_scout_tries_what_is_near_before_it_walks():
    """Wherever a way out of the room itself is untried, it takes one."""
    tried = {}
    for records in scouted(HINTS):
        for record in records:
            room = tried.setdefault((record.episode, record.before.description), set())
            assert len(room) == len(record.before.admissible) or record.command not in room
            room.add(record.command)


def test_a_scouts_choices_are_decided_by_its_generator():
    assert commands(1) == commands(1)
    assert commands(1) != commands(2)


def test_while_it_scouts_nothing_is_encoded_and_nothing_is_learned():
    learner = scouting()
    told, texts = learner.reader.told.library, learner.reader.texts.library
    before, asked = learner.head.state_dict()["nearer.weight"].clone(), len(texts.model.asked)
    found = rounds(learner, 60)
    assert all(loss is None for _, loss in found)
    assert sum(record.won for records, _ in found for record in records) > 3
    assert len(learner.hindsight) > 20
    assert learner.replay.size == 0
    assert len(texts.model.asked) == len(told.model.asked) == asked
    assert (learner.head.state_dict()["nearer.weight"] == before).all()


def test_what_a_scout_sees_turn_out_is_what_led_nearer_to_the_goal():
    """Of each hint that was read often, what most games say of it is what it says."""
    learner = scouting()
    rounds(learner, 400, games=200)
    known, nearer, _ = learner.hindsight.by_sentence(learner.reader.told)
    theme = load_game("signposts").recipe.theme
    texts = learner.reader.told.library.texts
    inviting = {hint.replace("{way}", "north") for hint in load_theme(theme).inviting}
    warning = {hint.replace("{way}", "north") for hint in load_theme(theme).warning}
    said = [(texts[number] in inviting, value) for number, value in zip(known, nearer, strict=True)
            if texts[number] in inviting | warning and abs(value) > 0.6]
    assert len(said) > 50
    assert np.mean([(value > 0) == good for good, value in said]) > 0.9


def test_the_steps_of_the_last_round_of_scouting_are_not_learned_from():
    learner = scouting(warmup=1)
    learner.schedule(0.0)
    playing = rollout(HINTS, learner, range(20), split="train", slots=4)
    assert learner.learn(next(playing)) is None
    records = next(playing)
    learner.schedule(0.5)
    assert not learner.scouting
    assert learner.learn(records) is None
    assert learner.replay.size == 0
    for _ in range(20):
        loss = learner.learn(next(playing))
    assert loss is not None
    assert learner.replay.size > 0


@pytest.mark.parametrize("progress", [0.0, 0.4999])
def test_the_rest_of_the_training_begins_when_scouting_is_over(progress):
    learner = scouting(epsilon=0.1, epsilon_share=0.5)
    learner.schedule(progress)
    assert (learner.scouting, learner.progress, learner.epsilon) == (True, 0.0, 1.0)
    learner.schedule(0.75)
    assert (learner.scouting, learner.progress, learner.epsilon) == (False, 0.5, pytest.approx(0.1))


def test_the_first_lesson_follows_at_once_and_the_others_are_spread_over_the_rest(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(td, "lesson", lambda *_, fit, **more: given.append(fit))
    learner = scouting(encoder=tiny_bert(tmp_path), encoder_training="lora", lessons=2)
    counts = []
    for progress in (0.0, 0.49, 0.5, 0.6, 0.74, 0.75, 1.0):
        learner.schedule(progress)
        counts.append(learner.lessons)
    assert counts == [0, 0, 1, 1, 1, 2, 2]
    assert given == [False, False]  # in a replay that is empty there is nothing whose worth could change


def test_a_lesson_that_comes_after_something_was_learned_is_fitted_to_it(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(td, "lesson", lambda *_, fit, **more: given.append(fit))
    learner = bert_q.make_learner(chosen(encoder=tiny_bert(tmp_path), encoder_training="lora", lessons=1))
    learner.prepare(first_look(HINTS, 4))
    rounds(learner, 10)
    learner.schedule(1.0)
    assert given == [True]


def test_a_training_that_scouts_is_validated_after_it_alone(tmp_path):
    learner = bert_q.make_learner(chosen(scouting=0.5, hidden=16))
    settings = TrainSettings(steps=800, slots=8, valid_every=100, valid_episodes=2, stop_at=2.0)
    validated = []
    train(learner, HINTS, settings, tmp_path, CONFIG, seed=0,
          show=lambda progress: validated.append(progress.steps) if progress.valid else None)
    assert validated[0] >= 500
    assert learner.replay.size >= 300


def test_a_training_that_scouts_can_go_on_in_another_learner(tmp_path):
    old = scouting()
    rounds(old, 60)
    new = scouting()
    new.restore(*old.state())
    assert len(new.hindsight) == len(old.hindsight) > 0
    assert new.reader.told.library.texts == old.reader.told.library.texts
    new.schedule(0.2)
    assert new.scouting


@pytest.mark.parametrize("changes", [{"notes": "visits"}, {"hindsight": 0.0, "lessons": 0}])
def test_scouting_for_nothing_is_refused(changes):
    with pytest.raises(SettingError, match="scouting is to see on the map"):
        bert_q.make_learner(chosen(scouting=0.5, **changes))
