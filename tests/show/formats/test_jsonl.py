"""JSONL: what stands on which line, and what is said of a line that is wrong."""

import json

import pytest
from transcripts import changed, played, read_text, weighed

from textmaze.show.formats import jsonl
from textmaze.show.transcript import DamagedError


@pytest.fixture(scope="module")
def text() -> str:
    return "".join(jsonl.write(weighed(played(rooms=4)[1]), played(rooms=4)[0]))


def test_every_line_is_an_object_and_every_step_tells_what_was_done_and_what_came_of_it(text):
    head, opening, step, *_, end = map(json.loads, text.splitlines())
    assert head["format"] == "textmaze-transcript-2"
    assert {"textmaze", "python", "numpy"} == head["versions"].keys()
    assert head["plays"][0]["sources"][0]["settings"]["rooms"] == 4
    assert opening["step"] == 0
    assert opening["text"] == f"{opening['objective']}\n\n{opening['description']}"
    assert step["command"] in opening["admissible"]
    assert list(step["values"]) == opening["admissible"]
    assert {"text", "reward", "terminated", "truncated", "won", "description", "inventory"} <= step.keys()
    assert (end["end"]["episodes"], end["end"]["steps"]) == (6, text.count('"command"'))
    assert text.isascii()


def test_no_episode_at_all_is_a_transcript_too():
    header = played()[0]
    assert read_text("".join(jsonl.write([], header))) == (header, [])


def test_a_line_that_is_wrong_is_named_with_what_it_follows(text):
    with pytest.raises(DamagedError, match=r"t\.jsonl, line 3: text must be of the type str"):
        read_text(changed(text, 2, {"text": 3}))
    lines = text.splitlines(keepends=True)
    with pytest.raises(DamagedError, match=r"line 4, which follows episode 0, step 1, is not valid JSON"):
        read_text("".join([*lines[:3], "{\n", *lines[4:]]))


def test_a_transcript_without_one_of_its_lines_or_with_another_is_refused(text):
    lines = text.splitlines(keepends=True)
    for gone in range(1, len(lines)):
        with pytest.raises(DamagedError):
            read_text("".join(lines[:gone] + lines[gone + 1 :]))
    with pytest.raises(DamagedError, match="behind the end"):
        read_text(text + lines[1])
    with pytest.raises(DamagedError, match="another SHA-256"):
        read_text(text.replace("wander", "wonder"))
