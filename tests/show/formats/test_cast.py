"""A recording shows what a terminal would have shown, at a pace that can be read."""

import json

from transcripts import played

from textmaze.show.formats import cast


def recording(header, episodes):
    head, *events = map(json.loads, cast.write(episodes, header))
    return head, events


def test_a_recording_is_of_the_second_version_and_goes_forward_in_time():
    header, episodes = played("labyrinth", "walkthrough")
    head, events = recording(header, episodes)
    assert head == {"version": 2, "width": 80, "height": 24, "title": "Labyrinth, played by walkthrough"}
    times = [time for time, kind, _ in events]
    assert times == sorted(times)
    assert {kind for _, kind, _ in events} == {"o"}


def test_all_that_was_read_and_typed_is_shown_in_lines_that_fit():
    header, episodes = played("labyrinth", "walkthrough", seeds=range(2))
    shown = "".join(text for _, _, text in recording(header, episodes)[1])
    for mark in ("\x1b[2J", "\x1b[H", "\x1b[1m", "\x1b[1;36m", "\x1b[0m"):
        shown = shown.replace(mark, "")
    assert all(len(line) < 80 for line in shown.split("\r\n"))
    words = " ".join(shown.split())
    for episode in episodes:
        for record in episode:
            assert f"> {record.command} {' '.join(record.feedback.split())}" in words
    assert "\n" not in shown.replace("\r\n", "")
    assert words.endswith(f"the fewest possible is {episodes[1][0].distance}.")


def test_a_game_cannot_steer_the_terminal():
    header, episodes = played()
    record = episodes[0][0]
    object.__setattr__(record.after, "text", "Red\x1b[31m\x07 alert.")
    shown = "".join(text for _, _, text in recording(header, episodes)[1])
    assert "Red [31m  alert." in shown
    assert "\x07" not in shown
