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
from textmaze.game.theme import NAMES, Theme, load_theme, theme_from

THEMES = sorted(path.stem for path in (shipped_folder("games") / "themes").glob("*.toml"))
LISTS = [field.name for field in fields(Theme) if field.name not in ("title", "summary")]
SENTENCES = [kind for kind in LISTS if kind not in NAMES]

SLOTS = {
    "exits_one": "{ways}", "exits_also": "{ways}", "exits_many": "{ways}", "one_way": "{way}",
    "door_open": "{a_door} {way}", "door_closed": "{door} {way}", "door_locked": "{door} {way}",
    "gate_open": "{gate} {way}", "gate_shut": "{a_gate} {way}", "thing": "{a_thing}",
    "patrol_near": "{patrol} {way}", "patrol_far": "{patrol} {way}", "caught": "{patrol}", "sent_back": "{patrol}",
    "inviting": "{way}", "warning": "{way}", "inviting_doubtful": "{way}", "warning_doubtful": "{way}",
    "objective_deliver": "{thing} {place}", "directions": "{route}", "whereabouts": "{place}",
}
FILLED = {
    "place": "old hall", "a_place": "an old hall", "ways": "north and east", "way": "north", "door": "oak door",
    "a_door": "an oak door", "gate": "iron grille", "a_gate": "an iron grille", "thing": "tin cup",
    "a_thing": "a tin cup", "patrol": "night watchman", "route": "north, east and then south",
}
SOUND: dict = {kind: [f"word {letter} {SLOTS.get(kind, '')}".strip() for letter in "abcde"] for kind in LISTS}
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
        text = template.format(**FILLED)
        assert re.fullmatch(r"[A-Z][^{}]*[.!?]", text)
        assert "  " not in text


@pytest.mark.parametrize("name", THEMES)
def test_ways_are_named_by_slots_only_and_the_coin_in_its_own_sentences_only(name):
    theme = load_theme(name)
    for kind in LISTS:
        for text in getattr(theme, kind):
            assert not set(re.findall(r"\w+", text.lower())) & set(DIRECTIONS)
            if kind in ("coin", "objective_coin"):
                assert "coin" in text
            else:
                assert "coin" not in text


@pytest.mark.parametrize("name", THEMES)
def test_stairs_say_whether_they_go_up_or_down(name):
    theme = load_theme(name)
    for text in theme.stairs_up:
        assert set(re.findall(r"\w+", text.lower())) & {"up", "down"} == {"up"}
    for text in theme.stairs_down:
        assert set(re.findall(r"\w+", text.lower())) & {"up", "down"} == {"down"}


@pytest.mark.parametrize("name", THEMES)
def test_there_are_twelve_wordings_of_each_kind_of_sentence_and_sixty_for_hints(name):
    theme = load_theme(name)
    assert all(len(getattr(theme, kind)) >= 12 for kind in SENTENCES)
    assert len(theme.inviting) + len(theme.warning) >= 60


@pytest.mark.parametrize("name", THEMES)
def test_a_patrol_two_rooms_away_has_five_wordings_in_every_split(name):
    theme = load_theme(name)
    for split in SPLITS:
        assert len(theme.words("patrol_far", split)) >= 5
    assert not {text.lower() for text in theme.patrol_far} & {text.lower() for text in theme.patrol_near}


@pytest.mark.parametrize("name", THEMES)
def test_names_are_plain_words_and_no_two_things_have_the_same(name):
    theme = load_theme(name)
    things = [text for kind in NAMES[2:] for text in getattr(theme, kind)]
    assert len(set(things)) == len(things)
    for text in things:
        assert re.fullmatch(r"[a-z]+([ -][a-z]+){0,3}", text)
        assert text not in ("map", "coin")


@pytest.mark.parametrize("name", THEMES)
def test_there_are_names_enough_for_the_largest_recipe_in_every_split(name):
    theme = load_theme(name)
    needed = {"doors": 6, "keys": 3, "gates": 3, "patrols": 2, "things": 4, "lamps": 1, "parcels": 1}
    for kind, count in needed.items():
        for split in SPLITS:
            assert len(theme.words(kind, split)) >= count


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
        ("door_open", "The {door} is open."),
        ("door_open", "It is open to the {way}."),
        ("objective_deliver", "Bring it to the {place}."),
        ("inviting", "{ways}"),
        ("caught", "You are caught."),
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
    filled = text.format(**FILLED)
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
