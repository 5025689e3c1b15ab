"""Playing again proves a transcript, and finds what was changed."""

from dataclasses import replace

import pytest
from transcripts import Quitter, plain, played, weighed

from textmaze.catalog import load_game
from textmaze.env.rollout import rollout
from textmaze.show import replay
from textmaze.show.replay import verified, verified_lengths
from textmaze.show.transcript import DamagedError, by_episode, make_header
from textmaze.show.workers import PART


@pytest.mark.parametrize("name", ["wander", "walkthrough", "explorer"])
@pytest.mark.parametrize("spec", ["corridor", "ladder", "clockwork"])
def test_an_untouched_transcript_is_true(name, spec):
    header, episodes = played(spec, name)
    assert list(verified(header, weighed(episodes))) == weighed(episodes)


def test_an_episode_that_was_left_is_true():
    game = load_game("corridor")
    records = rollout(game, Quitter("look", "n", "fly!"), [3], split="train")
    header = make_header(game, source="corridor", split="train", agent="human", seeds=[3])
    episodes = [[plain(record) for record in episode] for episode in by_episode(records)]
    assert [record.command for record in next(verified(header, episodes))] == ["look", "n", "fly!"]


@pytest.mark.parametrize("values", [
    {"command": "look"}, {"reward": 1.0}, {"terminated": True}, {"distance_after": 7},
], ids=lambda values: next(iter(values)))
def test_the_first_difference_is_named(values):
    header, episodes = played(rooms=4)
    episodes[2][0] = replace(episodes[2][0], **values)
    proved = verified(header, episodes)
    assert [next(proved), next(proved)] == episodes[:2]
    with pytest.raises(DamagedError, match=r"^Episode 2, step 1: "):
        next(proved)


@pytest.fixture(scope="module")
def many():
    """Enough episodes for two processes, and the steps of each."""
    header, episodes = played(rooms=4, seeds=range(PART + 40))
    return header, episodes, [len(episode) for episode in episodes]


def lengths(header, read, jobs):
    """The lengths of the episodes that were proved, and the error that ended this, if one did."""
    found = []
    try:
        found += verified_lengths(header, read, jobs)
    except DamagedError as error:
        found = str(error)
    return found


def test_several_processes_prove_what_one_does(many, monkeypatch):
    header, episodes, steps = many
    monkeypatch.setattr(replay, "TOGETHER", 32)
    assert lengths(header, iter(episodes), 2) == lengths(header, iter(episodes), 1) == steps


def test_the_first_difference_is_the_same_in_several_processes(many, monkeypatch):
    header, episodes, _ = many
    monkeypatch.setattr(replay, "TOGETHER", 32)
    bad = list(episodes)
    for number in (70, 35, 36, 90):
        bad[number] = [replace(bad[number][0], command="look"), *bad[number][1:]]
    found = lengths(header, bad, 1)
    assert found.startswith("Episode 35, step 1: ")
    assert lengths(header, bad, 2) == found


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(("bad", "message"), [(80, "the file is cut off"), (3, "Episode 3, step 1: ")])
def test_what_is_wrong_with_the_file_comes_after_the_differences_before_it(many, monkeypatch, jobs, bad, message):
    header, episodes, _ = many
    monkeypatch.setattr(replay, "TOGETHER", 32)

    def read():
        for number, episode in enumerate(episodes[:50]):
            yield [replace(episode[0], command="look"), *episode[1:]] if number == bad else episode
        raise DamagedError("the file is cut off")

    assert lengths(header, read(), jobs).startswith(message)


def test_other_settings_make_another_game():
    header, episodes = played(rooms=4)
    other = played(rooms=5)[0]
    with pytest.raises(DamagedError, match=r"^Episode 0, step 0: "):
        list(verified(other, episodes))
    old = replace(header, plays=other.plays, versions={"textmaze": "0.0.1"})
    with pytest.raises(DamagedError, match=r"It was written by textmaze '0\.0\.1'; this is "):
        list(verified(old, episodes))
