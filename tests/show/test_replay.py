"""Playing again proves a transcript, and finds what was changed."""

from dataclasses import replace

import pytest
from transcripts import Quitter, plain, played, weighed

from textmaze.catalog import load_game
from textmaze.env.rollout import rollout
from textmaze.show.replay import verified
from textmaze.show.transcript import DamagedError, by_episode, make_header


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


def test_other_settings_make_another_game():
    header, episodes = played(rooms=4)
    other = played(rooms=5)[0]
    with pytest.raises(DamagedError, match=r"^Episode 0, step 0: "):
        list(verified(other, episodes))
    old = replace(header, plays=other.plays, versions={"textmaze": "0.0.1"})
    with pytest.raises(DamagedError, match=r"It was written by textmaze '0\.0\.1'; this is "):
        list(verified(old, episodes))
