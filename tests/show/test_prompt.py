"""What is suggested at the prompt: all that can be read there, and nothing that must be found out."""

import numpy as np
import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from textmaze.catalog import game_files, load_game, make_agent
from textmaze.env.rollout import rollout
from textmaze.game.mazes import MazeGame
from textmaze.show.prompt import Suggest, suggestions
from textmaze.show.saves import Save, write_save

MAZES = [name for name in game_files() if isinstance(load_game(name), MazeGame)]


def states(name, seed=3):
    """The table of a game, and what is read at every step of an explorer."""
    game = load_game(name)
    rounds = rollout(game, make_agent("explorer", {}, 0)[1], [seed], split="train", slots=1)
    return game.table("train", seed), [record.before for (record,) in rounds]


def completed(suggest, typed):
    return [found.text for found in suggest.get_completions(Document(typed), CompleteEvent())]


@pytest.mark.parametrize("name", MAZES)
def test_what_can_be_done_is_suggested_where_it_can_be_read(name):
    table, seen = states(name)
    for moment in seen:
        text = f"{moment.description} {moment.inventory}"
        missing = set(moment.admissible) - set(suggestions(table.commands, moment))
        # Only where it is dark, and of what is not told of there.
        assert not missing or all(command.partition(" ")[2] not in text for command in missing)


@pytest.mark.parametrize("name", ["keys", "catacombs", "minotaur"])
def test_suggestions_are_made_from_what_is_read_and_from_nothing_else(name):
    table, seen = states(name)
    for moment in seen:
        blind = type(moment)(0, moment.text, moment.description, moment.inventory, moment.objective, ())
        assert suggestions(table.commands, moment) == suggestions(table.commands, blind)


def test_both_keys_are_suggested_though_one_fits():
    table = load_game("keys").table("train", 2)
    doors = [command for command in table.commands if command.startswith("unlock")]
    door = doors[0].removeprefix("unlock ").partition(" with ")[0]
    keys = [command.rpartition(" with ")[2] for command in doors if door in command]
    moment = type(states("keys")[1][0])(
        0, "", f"-= Hall =-\nThe {door} is locked.", f"You carry {' and '.join(keys)}.", "Find it.", ())
    assert {f"unlock {door} with {key}" for key in keys} <= set(suggestions(table.commands, moment))


def test_the_coin_is_not_suggested_before_it_is_seen():
    table = load_game("labyrinth").table("train", 3)
    _, seen = states("labyrinth")
    assert "coin" in seen[0].text
    assert "take coin" not in suggestions(table.commands, seen[0])
    assert "take coin" in suggestions(table.commands, seen[-1])


def test_where_no_way_is_told_of_all_are_suggested():
    table = load_game("labyrinth").table("train", 3)
    _, seen = states("labyrinth")
    dark = type(seen[0])(0, "It is dark.", "It is dark.", "", "", ("go north",))
    assert suggestions(table.commands, dark)[:4] == ["go north", "go east", "go south", "go west"]


def test_lines_are_completed_by_their_beginning_then_orders_and_their_words():
    table, seen = states("labyrinth")
    suggest = Suggest(table.commands)
    suggest.seen = seen[0]
    ways = [command for command in seen[0].admissible if command.startswith("go")]
    assert completed(suggest, "go") == ways
    assert completed(suggest, "  GO   ") == ways
    assert completed(suggest, "ma") == ["map"]
    assert completed(suggest, "/ma") == ["/map"]
    assert "advise explorer" in completed(suggest, "advise e")
    assert "advise human" not in completed(suggest, "advise ")
    assert completed(suggest, "transcript ") == ["transcript on", "transcript off"]
    assert completed(suggest, "xyz") == []
    write_save("a-moment", Save("corridor", {}, "train", 3, [], ""))
    assert "restore a-moment" in completed(suggest, "restore ")


def test_suggestions_of_a_random_moment_are_commands_of_the_game():
    table, seen = states("catacombs")
    rng = np.random.default_rng(0)
    for number in rng.integers(len(seen), size=10):
        assert set(suggestions(table.commands, seen[int(number)])) <= set(table.commands)
