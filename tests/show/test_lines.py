"""Records as lines and back: nothing is lost, and no line that cannot stand where it stands is taken."""

import pytest
from transcripts import played, weighed

from textmaze.show.lines import episodes_of, excerpt, first_difference, lines_of
from textmaze.show.transcript import DamagedError


def numbered(episodes):
    return [(f"line {place}", line) for place, line in
            enumerate((line for episode in episodes for line in lines_of(episode)), 1)]


@pytest.mark.parametrize("of", [lambda episodes: episodes, weighed], ids=["plain", "with values"])
def test_lines_give_back_the_records(of):
    header, episodes = played("labyrinth", rooms=9)
    episodes = of(episodes)
    assert list(episodes_of(header, numbered(episodes))) == episodes


def test_one_episode_is_read_at_a_time():
    header, episodes = played()
    read = []
    lines = (read.append(line) or line for line in numbered(episodes))
    next(episodes_of(header, lines))
    assert len(read) == len(episodes[0]) + 2  # with both openings


@pytest.mark.parametrize(("place", "values"), [
    (0, {"seed": 1}), (0, {"step": True}), (0, {"admissible": [1]}), (0, {"text": None}), (0, {"episode": 9}),
    (1, {"won": True}), (1, {"reward": 0}), (1, {"seed": 9}), (1, {"step": 3}), (1, {"extra": 1}),
    (1, {"values": {"go": "far"}}), (1, {"values": []}), (1, {"truncated": True}),
], ids=str)
def test_a_line_with_a_wrong_name_type_or_place_is_refused_with_its_number(place, values):
    header, episodes = played(rooms=4)
    lines = numbered(episodes)
    lines[place] = lines[place][0], lines[place][1] | values
    with pytest.raises(DamagedError, match=r"line \d+|Episode 9"):
        list(episodes_of(header, lines))


def test_lines_of_which_one_is_missing_are_refused():
    header, episodes = played(rooms=4, seeds=range(2))
    lines = numbered(episodes)
    for gone in range(len(lines) - 1):
        if len(episodes[0]) + 1 == gone + 1:
            continue  # without its last step, an episode was left: only the count at the end tells
        with pytest.raises(DamagedError):
            list(episodes_of(header, lines[:gone] + lines[gone + 1 :]))
    with pytest.raises(DamagedError, match="Episode 0 has no steps"):
        list(episodes_of(header, lines[:1]))


def test_the_first_difference_is_named_by_episode_step_and_field():
    _, (episode, *_) = played()
    then, now = list(lines_of(episode)), list(lines_of(episode))
    assert first_difference(then, now) is None
    then[1] = then[1] | {"text": "You fly."}
    message = first_difference(then, now)
    assert message.startswith("Episode 0, step 1: text is 'You fly.', but playing it again gives ")


def test_a_long_text_is_quoted_where_it_begins_to_differ():
    assert excerpt("a" * 200 + "b" + "c" * 200, "a" * 200 + "d") == repr("a" * 30 + "b" + "c" * 29)
    assert len(excerpt(list(range(1000)), 0)) < 60
