"""Themes: words for every split and none for two, and templates that can be filled."""

import re
from dataclasses import fields
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textmaze.errors import GameError, TextmazeError, UnknownNameError
from textmaze.files import shipped_folder
from textmaze.game.layout import DIRECTIONS
from textmaze.game.recipe import SPLITS
from textmaze.game.theme import Theme, load_theme, theme_from

THEMES = sorted(path.stem for path in (shipped_folder("games") / "themes").glob("*.toml"))
LISTS = [field.name for field in fields(Theme) if field.name not in ("title", "summary")]
SENTENCES = [kind for kind in LISTS if kind not in ("adjectives", "nouns")]

SOUND: dict = {kind: [f"word {letter}" for letter in "abcde"] for kind in LISTS}
SOUND |= {kind: [f"word {letter} {{ways}}." for letter in "abcde"] for kind in ("exits_one", "exits_many")}
SOUND |= {"title": "Test", "summary": "A theme for tests."}


def with_entry(kind, text):
    return {**SOUND, kind: [*SOUND[kind], text]}


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("name", THEMES)
def test_every_list_has_words_for_every_split_and_no_word_for_two(name, kind):
    shares = {split: set(load_theme(name).words(kind, split)) for split in SPLITS}
    assert all(shares.values())
    for one, other in combinations(SPLITS, 2):
        assert shares[one].isdisjoint(shares[other])
    assert set().union(*shares.values()) == set(getattr(load_theme(name), kind))


@pytest.mark.parametrize("name", THEMES)
def test_train_has_the_most_words(name):
    theme = load_theme(name)
    for kind in LISTS:
        sizes = [len(theme.words(kind, split)) for split in SPLITS]
        assert sizes[0] == max(sizes)


@pytest.mark.parametrize("kind", SENTENCES)
@pytest.mark.parametrize("name", THEMES)
def test_every_template_makes_a_whole_sentence(name, kind):
    for template in getattr(load_theme(name), kind):
        text = template.format(place="old hall", a_place="an old hall", ways="north and east")
        assert re.fullmatch(r"[A-Z][^{}]*[.!?]", text)
        assert "  " not in text


@pytest.mark.parametrize("name", THEMES)
def test_only_the_sentence_on_exits_names_directions_and_only_that_on_the_coin_a_coin(name):
    theme = load_theme(name)
    for kind in LISTS:
        for text in getattr(theme, kind):
            assert not set(re.findall(r"\w+", text.lower())) & set(DIRECTIONS)
            if kind in ("coin", "objective_coin"):
                assert "coin" in text
            else:
                assert "coin" not in text


def test_a_sound_theme_is_read():
    theme = theme_from(SOUND, "theme test")
    assert theme.words("nouns", "train") == ("word a", "word b", "word c")
    assert theme.words("nouns", "valid") == ("word d",)
    assert theme.words("nouns", "test") == ("word e",)


def test_an_unknown_theme_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="no theme named 'dungoen'; did you mean 'dungeon'"):
        load_theme("dungoen")


def test_an_unknown_list_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'nouns'"):
        theme_from({**SOUND, "noun": []}, "theme test")


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_that_is_missing_too_short_or_no_list_of_texts_is_refused(kind):
    for entry in (None, "text", 5, [], SOUND[kind][:4], [*SOUND[kind], 5], {"a": 1}):
        with pytest.raises(GameError, match=f"theme test: {kind} must be a list of at least 5 texts"):
            theme_from({**SOUND, kind: entry}, "theme test")


@pytest.mark.parametrize("kind", ["title", "summary"])
def test_a_title_must_be_text(kind):
    for entry in (None, 5, ["text"]):
        with pytest.raises(GameError, match=f"theme test: {kind} must be a line of text"):
            theme_from({**SOUND, kind: entry}, "theme test")


def test_a_text_that_two_splits_would_share_is_refused():
    with pytest.raises(GameError, match="twice, so splits could share it"):
        theme_from(with_entry("nouns", "Word A"), "theme test")


@pytest.mark.parametrize(
    "text", ["", " x", "x ", "two\nlines", "tab\t", "café", 'say "x"', "[if true]", "nul\0"]
)
def test_a_text_that_games_could_not_show_is_refused(text):
    with pytest.raises(GameError, match="allowed is one line of ASCII without brackets and quotes"):
        theme_from(with_entry("detail", text), "theme test")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("detail", "A {place}."),
        ("nouns", "{ways}"),
        ("room", "{ways}"),
        ("room", "{place.__class__}"),
        ("room", "{place!r}"),
        ("room", "{place:>9999999}"),
        ("room", "{0}"),
        ("room", "{}"),
        ("room", "{"),
        ("room", "}"),
        ("room", "{{place}}"),
        ("exits_one", "No way named."),
        ("exits_many", "{ways} {place}"),
    ],
)
def test_a_template_with_other_braces_than_allowed_is_refused(kind, text):
    with pytest.raises(GameError, match="in braces it may name"):
        theme_from(with_entry(kind, text), "theme test")


@given(st.sampled_from(SENTENCES), st.text(st.sampled_from("{}ab wys!:.")) | st.text(max_size=20))
@settings(deadline=None, max_examples=150)
def test_any_template_is_refused_or_can_be_filled(kind, text):
    try:
        theme_from(with_entry(kind, text), "theme test")
    except TextmazeError:
        return
    filled = text.format(place="hall", a_place="a hall", ways="north")
    assert "{" not in filled
    assert "}" not in filled


def test_no_word_or_sentence_of_one_theme_belongs_to_another_split_in_another_theme():
    # An agent that learned on one theme may be measured on another, and must still not have read its words.
    owner = {}
    for name in THEMES:
        theme = load_theme(name)
        for field in fields(Theme):
            if field.name in ("title", "summary"):
                continue
            for split in SPLITS:
                for text in theme.words(field.name, split):
                    assert owner.setdefault(text.lower(), split) == split, f"{name}: {text}"
