"""The same in the terminal: the text, the values, and why, with colours only where people look on."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from textmaze.catalog import load_game, make_agent
from textmaze.env.thoughts import Words
from textmaze.explain import explain
from textmaze.show.explain_text import bar, print_explained, whole_words
from textmaze.show.transcript import verdict


@pytest.fixture(scope="module")
def shown():
    return explain(make_agent("bert_q", {"encoder": "hash"}, 0)[1], load_game("corridor"), 3, split="test")


def printed(shown, **settings):
    file = io.StringIO()
    print_explained(Console(file=file, width=100, highlight=False, **settings), shown)
    return file.getvalue()


def test_it_shows_what_was_read_weighed_and_done_at_each_step(shown):
    text = printed(shown)
    assert "\x1b" not in text
    for record, thought in zip(shown.records, shown.thoughts, strict=True):
        assert record.before.text in text
        assert f"\n> {record.command}\n" in text
        for one in thought.weighed:
            assert f"{one.value:.3f}" in text
    assert text.rstrip().endswith(verdict(shown.records))


def test_it_shows_which_words_mattered_and_what_was_expected(shown):
    words = Words("go north", "go south", 0.5, 0.1, 0.05, ((3, 6, 0.25),), {"description": 0.25, "note": 0.1})
    first = replace(shown.thoughts[0], words=words, expected=(("Elsewhere.\nFar.", 0.2),))
    text = printed(replace(shown, thoughts=[first, *shown.thoughts[1:]]))
    assert f"words here: {shown.records[0].before.description[3:6]} +0.250" in text
    assert "go north rather than go south: +0.500, with all texts blank +0.100, words +0.350, gap +0.050" in text
    assert "expected  20.0%  Elsewhere.\n" in text
    assert "expected  80.0%  a text from elsewhere  (this came)" in text


def test_a_terminal_gets_colours_and_a_person_who_wants_none_does_not(shown):
    assert "\x1b[" in printed(shown, force_terminal=True, color_system="standard")
    assert "\x1b[" not in printed(shown, force_terminal=True, no_color=True)


def test_escape_codes_of_a_game_are_not_printed(shown):
    records = [replace(record, before=replace(record.before, text="\x1b[2Jgone")) for record in shown.records]
    assert "\x1b" not in printed(replace(shown, records=records))


def test_a_bar_is_as_long_as_its_value():
    assert bar(1.0, 1.0, 4) == "████"
    assert bar(0.5, 1.0, 4) == "██  "
    assert bar(-0.5, 1.0, 4) == "▒▒  "
    assert bar(1 / 32, 1.0, 4) == "▏   "


def test_tokens_of_one_word_are_one_word_and_a_full_stop_is_its_own():
    words = Words("a", "b", 0, 0, 0, ((0, 4, 0.5), (4, 6, 0.25), (6, 7, 1.0)), {})
    assert whole_words(words, "walked.") == [(0, 6, 0.75), (6, 7, 1.0)]
