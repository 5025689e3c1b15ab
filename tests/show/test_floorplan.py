"""Plans for whoever looks on: rooms where they lie, and the player where the records say."""

from dataclasses import replace

import pytest

from textmaze.catalog import load_agent, load_game
from textmaze.env.rollout import rollout
from textmaze.game.mixture import Mixture
from textmaze.game.story import StoryGame
from textmaze.show.floorplan import floorplan


def walk(game, seed=0, agent="walkthrough", split="test"):
    module = load_agent(agent)
    rounds = rollout(game, module.make(module.Settings()), [seed], split=split, slots=1)
    return [record for records in rounds for record in records]


@pytest.mark.parametrize("name", ["labyrinth", "tower", "keys", "clockwork", "minotaur", "egocentric", "catacombs"])
def test_the_player_is_in_the_room_that_was_read_of_and_ends_at_the_goal(name):
    game = load_game(name)
    records, maze = walk(game), game.maze("test", 0)
    plan = floorplan(game, records)
    assert len(plan.at) == len(records) + 1
    assert plan.places == tuple((*room.at, 0)[:3] for room in maze.rooms)
    for room, seen in zip(plan.at, [records[0].before, *(record.after for record in records)], strict=True):
        assert seen.description.startswith((f"-= {plan.names[room]} =-", "-= Darkness =-"))
    assert plan.at[-1] == plan.goal == maze.goal


def test_each_passage_is_drawn_once():
    maze = load_game("labyrinth").maze("test", 0)
    plan = floorplan(load_game("labyrinth"), walk(load_game("labyrinth")))
    pairs = {frozenset((number, target)) for number, room in enumerate(maze.rooms) for target in room.exits
             if target >= 0}
    assert sorted(map(sorted, pairs)) == sorted(sorted((way.a, way.b)) for way in plan.passages)


def test_a_locked_door_is_shut_until_it_is_opened():
    game = load_game("keys")
    records = walk(game)
    plan = floorplan(game, records)
    (opened,) = [record for record in records if record.command.startswith("open ")][:1]
    (door,) = [number for number, way in enumerate(plan.passages) if opened.command == f"open {way.name}"]
    assert plan.passages[door].kind == "door"
    assert door in plan.shut[opened.step - 1]
    assert door not in plan.shut[opened.step]


def test_who_walks_about_is_where_the_rules_say():
    game = load_game("minotaur")
    plan = floorplan(game, walk(game))
    (patrol,) = game.maze("test", 0).patrols
    assert plan.walkers == ((patrol.name, tuple(patrol.route[turn % len(patrol.route)] for turn in
                                                range(len(plan.at)))),)


def test_what_a_person_types_is_understood():
    game = load_game("corridor")
    records = walk(game)
    typed = [replace(record, command=record.command.upper()) for record in records]
    assert floorplan(game, typed) == floorplan(game, records)


def test_a_suite_is_drawn_as_the_game_that_was_played():
    game = Mixture("both", (load_game("corridor"), load_game("tower")))
    records = walk(game, seed=1)
    assert len(floorplan(game, records).names) == len(load_game("tower").maze("test", 0).rooms)


def test_records_of_another_maze_or_of_a_game_that_is_not_there_are_drawn_by_what_they_tell():
    records = walk(load_game("corridor"))
    seen = [record.before for record in records] + [records[-1].after]
    rooms = [state.description.partition("\n")[0].strip("-= ") for state in seen]
    for game in (load_game("tower"), None):
        plan = floorplan(game, records)
        assert list(plan.names) == list(dict.fromkeys(rooms))
        assert plan.at[-1] == plan.goal
        assert len(set(plan.places)) == len(plan.places)


def test_who_has_lost_or_reads_of_no_place_is_where_they_were():
    records = walk(load_game("corridor"))[:2]
    last = replace(records[1], after=replace(records[1].after, description="You have lost."))
    plan = floorplan(None, [records[0], last])
    assert plan.at == (0, 1, 1)
    assert len(plan.names) == 2
    bare = replace(records[0], before=last.after, after=last.after)
    assert floorplan(None, [bare]).at == (0, 0)


def test_two_rooms_that_reckoning_puts_in_one_place_are_drawn_side_by_side():
    (record, *_), start = walk(load_game("corridor")), None
    round_trip, start = [], record.before
    for number, way in enumerate(["east", "north", "west", "south"]):
        there = replace(start, description=f"-= Room {number} =-\nNothing.")
        round_trip.append(replace(record, step=number + 1, before=start, command=f"go {way}", after=there,
                                  distance_after=1, terminated=False))
        start = there
    plan = floorplan(None, round_trip)
    assert len(set(plan.places)) == len(plan.names) == 5


def test_a_game_of_textworlds_is_drawn_from_its_table(tmp_path):
    stories = pytest.importorskip("stories")
    pytest.importorskip("textworld")
    game = StoryGame("pantry", stories.pantry(tmp_path), 20)
    plan = floorplan(game, walk(game))
    assert sorted(plan.names) == ["Hall", "Pantry"]
    assert plan.places[plan.names.index("Pantry")][0] == plan.places[plan.names.index("Hall")][0] + 1
