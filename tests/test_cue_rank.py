"""How hints rank: whose sentences they are, and what the figures say of weights that are known."""

import pytest
from fakes import tiny_bert

from textmaze.catalog import load_game, make_agent
from textmaze.cue_rank import Ranks, cue_sentences, rank_cues, ranked
from textmaze.errors import GameError, TextmazeError
from textmaze.game.theme import load_theme
from textmaze.learn.reading import sentences

TEXT = "Hall. It smells of soup to the east. Doors lead east."
HINT = frozenset(["It smells of soup to the east."])


def weights(**by_word):
    found, at = [], 0
    for word in TEXT.replace(".", " .").split():
        at = TEXT.index(word, at)
        found.append((at, at + len(word), by_word.get(word, 0.0)))
        at += len(word)
    return found


def test_the_hints_of_a_maze_are_those_of_its_theme_and_each_cue_has_one():
    maze = load_game("signposts").maze("test", 0)
    found = cue_sentences(maze)
    assert len(found) > 0.5 * len(maze.cues)
    rooms = set(sentences(" ".join(load_game("signposts").table("test", 0).texts[:])))
    assert found <= rooms
    assert load_theme(maze.theme)
    assert cue_sentences(load_game("labyrinth").maze("test", 0)) == frozenset()


def test_hints_in_an_egocentric_maze_are_found_however_the_player_faces():
    maze = load_game("signposts", {"frame": "egocentric"}).maze("test", 0)
    assert len(cue_sentences(maze)) > len(cue_sentences(load_game("signposts").maze("test", 0)))


def test_a_hint_that_outweighs_all_is_above_all():
    found = ranked(weights(soup=-3.0, smells=2.0, It=1.0, of=1.0, to=1.0, the=1.0, east=0.5), TEXT, HINT, 0, 0.1)
    assert found.top
    assert found.above > 0.8
    assert found.share == pytest.approx(8 / 14)
    (first, *rest) = Ranks([found, found]).lines()
    assert first.startswith("2 decisions beside hints, in 1 games")
    assert rest[-1] == "median gap of the integration: 0.100"


def test_weights_that_are_all_the_same_rank_by_chance():
    assert ranked(weights(), TEXT, HINT, 0, 0.0).above == 0.5


def test_words_for_ways_can_be_left_out():
    found = ranked(weights(Doors=1.0, east=9.0), TEXT, HINT, 0, 0.0)
    assert found.above_plain < 0.5


def test_decisions_are_counted_over_games(tmp_path):
    pytest.importorskip("captum")
    agent = make_agent("bert_q", {"encoder": tiny_bert(tmp_path), "precision": "float32"}, 0)[1]
    found = rank_cues(agent, load_game("signposts"), 0, 5, split="test", points=2)
    assert len(found.decisions) == 5
    assert all(0 <= one.above <= 1 for one in found.decisions)
    assert found == rank_cues(make_agent("bert_q", {"encoder": str(tmp_path), "precision": "float32"}, 0)[1],
                              load_game("signposts"), 0, 5, split="test", points=2)


def test_where_there_are_no_hints_it_says_so():
    with pytest.raises(TextmazeError, match="no decisions beside hints"):
        rank_cues(make_agent("explorer", {}, 0)[1], load_game("corridor"), 0, 5, split="test", points=2)
    with pytest.raises(GameError, match="TextWorld's own"):
        rank_cues(make_agent("explorer", {}, 0)[1], load_game("coin_collector"), 0, 5, split="test", points=2)
