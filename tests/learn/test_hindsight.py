"""Hindsight: what the map of a game that was won says of what was read on the way."""

import numpy as np
import pytest
import torch
from fakes import WordBag

from textmaze.catalog import load_game, make_agent
from textmaze.env.rollout import rollout
from textmaze.learn.encoder import Library
from textmaze.learn.hindsight import PRIOR, Hindsight, turned_out
from textmaze.learn.notes import Map, NoNotes, Visits
from textmaze.learn.reading import Reader

HINT = (("go east",), "A draught blows from the east.")
OTHER = (("go east",), "A skull lies to the east.")


def won(game, seed):
    """The map that a player has who reads and walks as an explorer does, where he wins, and the records."""
    memory, records = Map(), []
    explorer = make_agent("explorer", {}, 0)[1]
    for (record,) in rollout(game, explorer, [seed], split="train", slots=1):
        memory.read(record.before)
        memory.give(record.command)
        records.append(record)
    assert records[-1].won
    return memory, records


@pytest.mark.parametrize("frame", ["compass", "egocentric"])
@pytest.mark.parametrize("seed", range(5))
def test_where_no_ways_meet_again_a_way_led_nearer_if_it_shortened_the_shortest_way(seed, frame):
    memory, records = won(load_game("signposts", {"loops": 0.0, "rooms": 12, "frame": frame}), seed)
    found = {(told[0][0], told[1]): nearer for told, nearer in turned_out(memory.chart)}
    taken = [record for record in records if record.command.startswith("go ")]
    known = [record for record in taken if (record.command, record.before.description) in found]
    # With left and right, a room is told by where one faces, and the map holds what was read last.
    assert len(known) >= (len(taken) if frame == "compass" else 1)
    for record in known:
        expected = 1.0 if record.distance_after < record.distance else -1.0
        assert found[record.command, record.before.description] == expected


def test_ways_that_were_not_gone_did_not_turn_out():
    memory, records = won(load_game("labyrinth", {"rooms": 12}), 3)
    gone = {(record.before.description, record.command) for record in records}
    for ((command,), description), _ in turned_out(memory.chart):
        known = any(place == description for place, _ in gone)
        assert known
        # Gone there or back: a step also shows where the way back leads.
        room = next(room for room in memory.chart.rooms.values() if room.description == description)
        assert room.ways[memory.chart.way(command, room.facing)] is not None


def test_only_a_map_knows_in_hindsight():
    assert list(NoNotes().turned_out()) == list(Visits().turned_out()) == []
    memory, _ = won(load_game("labyrinth", {"rooms": 12}), 3)
    assert list(memory.turned_out()) == list(turned_out(memory.chart)) != []


def reader():
    return Reader(Library(WordBag()))


def test_it_remembers_the_last_and_no_more_than_its_capacity():
    own, hindsight = reader(), Hindsight(3)
    hindsight.add(own, [(HINT, 1.0)] * 2 + [(OTHER, -1.0)] * 3)
    assert len(hindsight) == 3
    told, nearer = hindsight.sample(20, np.random.default_rng(0))
    assert set(told) == {own.told_number(OTHER)}
    assert set(nearer.tolist()) == {-1.0}


def test_ways_of_which_nothing_was_told_are_not_remembered():
    own, hindsight = reader(), Hindsight(3)
    hindsight.add(own, [((("go east",), "Birds sing."), 1.0)])
    assert len(hindsight) == 0


def test_what_turned_out_is_kept_by_sentence_and_nearer_to_nothing_the_less_often_it_was_read():
    own, hindsight = reader(), Hindsight(10)
    hindsight.add(own, [(HINT, 1.0), (OTHER, -1.0), (OTHER, -1.0), (OTHER, 1.0)])
    known, nearer, _ = hindsight.by_sentence(own.told)
    found = {own.told.library.texts[number]: value for number, value in zip(known, nearer, strict=True)}
    assert found == {"A draught blows from the north.": pytest.approx(1 / (1 + PRIOR)),
                     "A skull lies to the north.": pytest.approx(-1 / (3 + PRIOR))}


def test_what_tells_more_and_was_read_more_often_is_to_be_learned_from_more():
    own, hindsight = reader(), Hindsight(100)
    plain = (("go west",), "A path leads to the west.")
    hindsight.add(own, [(HINT, 1.0)] * 9 + [(OTHER, -1.0)] + [(plain, 1.0), (plain, -1.0)] * 20)
    known, _, weight = hindsight.by_sentence(own.told)
    found = {own.told.library.texts[number]: value for number, value in zip(known, weight, strict=True)}
    often, seldom, none = (found[f"{sentence} north."] for sentence in (
        "A draught blows from the", "A skull lies to the", "A path leads to the"))
    assert often > 3 * seldom > 3 * none > 0
    assert weight.mean() == pytest.approx(1.0)


def test_a_restored_one_goes_on_as_the_old_one_would():
    own, old, new = reader(), Hindsight(3), Hindsight(3)
    old.add(own, [(HINT, 1.0)] * 2 + [(OTHER, -1.0)] * 2)
    new.restore(old.state())
    for one in (old, new):
        one.add(own, [(HINT, 1.0)])
    assert len(old) == len(new)
    for a, b in zip(old.sample(9, np.random.default_rng(1)), new.sample(9, np.random.default_rng(1)), strict=True):
        assert torch.equal(torch.as_tensor(a), torch.as_tensor(b))


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="does not fit"):
        Hindsight(3).restore({**Hindsight(3).state(), "count": torch.tensor(2)})
