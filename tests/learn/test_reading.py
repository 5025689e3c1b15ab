"""Texts taken apart: no word is lost, every way is read as one, and numbers stay what they were."""

import json
import re

import numpy as np
import pytest
import torch
from fakes import WordBag
from hypothesis import given, settings
from hypothesis import strategies as st

from textmaze.learn.encoder import Library
from textmaze.learn.reading import ANY_WAY, Reader, Texts, sentences, told_of

HALL = ("-= Hall =-\nYou are in a hall. Nettles stand shoulder-high to the east. From here you can go north and East! "
        "A northern wind blows.")


def test_a_heading_and_each_sentence_is_a_part():
    assert sentences(HALL) == ("-= Hall =-", "You are in a hall.", "Nettles stand shoulder-high to the east.",
                               "From here you can go north and East!", "A northern wind blows.")
    assert sentences("") == sentences(" \n\n ") == ()


PIECES = st.sampled_from(["A way.", "-= Hall =-", "\n", " ", "  ", "Stop!", "What?", "e.g. x", "...", "\u00e9\u2028b"])


@given(st.lists(PIECES, max_size=12).map("".join) | st.text())
def test_sentences_lose_no_word(text):
    parts = sentences(text)
    assert re.sub(r"\s", "", "".join(parts)) == re.sub(r"\s", "", text)
    assert all(part.strip() for part in parts)


@pytest.mark.parametrize(("command", "told"), [
    ("go east", ["Nettles stand shoulder-high to the north.", "From here you can go north and north!"]),
    ("go north", ["From here you can go north and East!"]),  # and not a northern wind
    ("go west", []),
    ("look", []),
    ("", []),
])
def test_what_is_told_of_a_way_are_the_sentences_that_name_it_as_if_it_were_the_north(command, told):
    assert ANY_WAY == "north"
    assert list(told_of(command, HALL)) == told


@pytest.mark.parametrize(("command", "sentence", "told"), [
    ("go forward", "A door stands in front.", "A door stands in north."),
    ("go forward", "Go forward, or to the front.", "Go north, or to the north."),
    ("go back", "The way back is dark.", "The way north is dark."),
])
def test_other_words_for_a_way_are_that_way(command, sentence, told):
    assert told_of(command, sentence) == (told,)


@pytest.mark.parametrize(("command", "sentence"), [
    ("go up", "Stairs lead up and down."), ("go down", "Stairs lead up and down."),
    ("take brass key", "The key of brass lies here."), ("take brass key", "A KEY."),
    ("unlock oak door with brass key", "An oak door, with the key in it."),
    ("put fish on the stove", "On the table lies a fish."), ("open A.B", "An a.b here."),
])
def test_what_is_told_of_a_thing_is_left_as_it_is(command, sentence):
    assert told_of(command, sentence) == (sentence,)


@pytest.mark.parametrize(("command", "sentence"), [
    ("take brass key", "The keys are of brassy iron."), ("put fish on the stove", "On the table lies a cup."),
    ("open A.B", "An axb here."), ("go up", "An upper floor."), ("go forward", "A frontier lies to the left."),
])
def test_a_sentence_that_names_nothing_of_it_tells_nothing(command, sentence):
    assert told_of(command, sentence) == ()


WORDS = st.sampled_from(["east", "West", "left", "eastern", "brass", "the", "a", "east-west", "hall"])


@given(st.lists(WORDS, min_size=1, max_size=8), st.sampled_from(["east", "west", "left"]))
def test_exactly_the_way_is_put_in_other_words(words, way):
    sentence = " ".join(words)
    put = re.sub(r"\w+", lambda found: ANY_WAY if found.group().lower() == way else found.group(), sentence)
    assert told_of(f"go {way}", sentence) == ((put,) if put != sentence else ())


def test_the_same_is_said_of_every_way():
    text = "Nettles stand to the east. Nettles stand to the west. Nettles stand to the left."
    assert told_of("go east", text) == told_of("go west", text) == told_of("go left", text)


SETS = st.lists(st.lists(st.sampled_from([f"s{i}" for i in range(9)]), max_size=5).map(tuple), max_size=12)


@given(st.lists(SETS, max_size=4), st.data())
@settings(max_examples=60, deadline=None)
def test_the_sentences_of_any_sets_are_those_that_were_added_in_their_order(rounds, data):
    texts = Texts(Library(WordBag(4)))
    expected = [()]
    for some in rounds:
        texts.add(some)
        expected += [parts for parts in dict.fromkeys(some) if parts not in expected]
    assert list(texts.known) == expected
    assert [texts.known[parts] for parts in expected] == list(range(len(expected)))
    sets = data.draw(st.lists(st.integers(0, len(expected) - 1), max_size=8))
    items, owner = texts.items(np.array(sets, dtype=np.int64))
    told = [texts.library.texts[item] for item in items]
    assert told == [part for which in sets for part in expected[which]]
    assert owner.tolist() == [position for position, which in enumerate(sets) for _ in expected[which]]
    for mean, which in zip(texts.means(np.array(sets, dtype=np.int64)), sets, strict=True):
        vectors = texts.library.read(expected[which])
        torch.testing.assert_close(mean, vectors.mean(0) if len(vectors) else torch.zeros(4))


def test_thousands_of_sets_and_sentences_are_kept_as_well():
    texts = Texts(Library(WordBag(2)))
    added = [(*(f"s{(row * k) % 50}" for k in range(row % 7)), f"own {row}") for row in range(3000)]
    texts.add(added[:1500])
    texts.add(added)
    items, owner = texts.items(np.arange(1, 3001))
    assert [texts.library.texts[item] for item in items] == [part for parts in added for part in parts]
    assert np.bincount(owner).tolist() == [len(parts) for parts in added]


def test_a_reader_numbers_a_text_once_and_what_is_told_by_what_it_says():
    reader = Reader(Library(WordBag()))
    east, west = (("go east",), "Nettles to the east."), (("go west",), "Nettles to the west.")
    reader.take_in(["A hall. A cell.", "A hall.", ""], [east, west, ((), "A hall.")])
    numbers = [reader.text_number(text) for text in ("A hall. A cell.", "A hall.", "")]
    assert len(set(numbers)) == 3
    assert reader.text_number("") == 0
    assert reader.told_number(east) == reader.told_number(west) != 0
    assert reader.told_number(((), "A hall.")) == 0
    reader.take_in(["Another.", "A hall."], [east])
    assert [reader.text_number(text) for text in ("A hall. A cell.", "A hall.", "")] == numbers


def test_what_is_told_of_several_commands_is_all_that_is_told_of_each():
    reader = Reader(Library(WordBag()))
    which = (("go east", "go north"), "An eastern wind. Go east. Go north or east.")
    reader.take_in([], [which])
    items, _ = reader.told.items(np.array([reader.told_number(which)]))
    assert [reader.told.library.texts[item] for item in items] == [
        "Go north.", "Go north or north.", "Go north or east."]


def test_each_sentence_is_encoded_once():
    model = WordBag()
    reader = Reader(Library(model))
    reader.take_in(["A hall. A cell.", "A cell. A hall."], [(("go east",), "Go east. Go east.")])
    reader.take_in(["A cell."], [])
    assert reader.texts.library.vectors.shape == (3, model.width)
    assert sorted(text for asked in model.asked for text in asked) == ["A cell.", "A hall.", "Go north."]


def test_where_the_encoder_of_what_is_told_is_trained_the_other_library_holds_none_of_it():
    reader = Reader(Library(WordBag()), Library(WordBag()))
    reader.take_in(["A hall."], [(("go east",), "Go east.")])
    assert reader.texts.library.texts == ["A hall."]
    assert reader.told.library.texts == ["Go north."]


ROUNDS = st.lists(st.tuples(st.lists(st.sampled_from(["A. B.", "B. A.", "A.", "", "C to the east."]), max_size=4),
                            st.lists(st.sampled_from(["go east", "go west", "look"]), max_size=3)), max_size=4)


@given(ROUNDS, st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_restored_reader_gives_the_same_numbers_and_the_same_to_what_is_new(rounds, apart):
    old, new = (Reader(Library(WordBag(4)), Library(WordBag(4)) if apart else None) for _ in range(2))
    old.texts.library.read(["Read before."])
    for texts, commands in rounds:
        old.take_in(texts, [((command,), "C to the east.") for command in commands])
    new.restore(json.loads(json.dumps(old.state())))
    assert new.state() == old.state()
    assert new.texts.library.texts == old.texts.library.texts  # or sums would be rounded in another order
    every = ["A. B.", "B. A.", "A.", "", "C to the east.", "New."]
    told = [((command,), "C to the east.") for command in ("go east", "go west", "look", "take c")]
    for reader in (old, new):
        reader.take_in(every, told)
    assert [new.text_number(text) for text in every] == [old.text_number(text) for text in every]
    assert [new.told_number(which) for which in told] == [old.told_number(which) for which in told]
    for mine, other in ((old.texts, new.texts), (old.told, new.told)):
        numbers = np.arange(len(mine.known))
        found = [[texts.library.texts[item] for item in texts.items(numbers)[0]] for texts in (mine, other)]
        assert found[0] == found[1]
