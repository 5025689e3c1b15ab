"""The rules: the arrays say in every state just what a player experiences who follows the rules one by one."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from mazes import first, hearing, mazes, plain_mazes, step, view

from textmaze.game import turn
from textmaze.game.generate import make_maze
from textmaze.game.narrator import describe, inventory, patrol_far, patrol_near, render
from textmaze.game.recipe import Recipe
from textmaze.game.rules import PLAYING, WON, Rules, commands
from textmaze.game.table import maze_table

STILL = ("look", "inventory", "help")


def walked(maze, limit=4000):
    """The states that a player of the reference can reach, each with its code in the rules."""
    rules = Rules(maze)
    known = {first(maze): rules.start}
    for player in (queue := list(known)):
        if player.outcome != PLAYING or len(known) > limit:
            continue
        following, _ = turn.step(rules, np.array([known[player]]))
        for column, command in enumerate(rules.commands):
            after = step(maze, player, command)
            if after not in known:
                known[after] = int(following[0, column])
                queue.append(after)
            yield player, command, after, int(following[0, column]), known[after]


@given(mazes())
@settings(deadline=None, max_examples=60)
def test_every_command_in_every_state_leads_where_the_reference_leads(maze):
    for player, command, _, code, expected in walked(maze):
        assert code == expected, (player, command)


@given(mazes())
@settings(deadline=None, max_examples=40)
def test_a_state_is_described_from_what_is_seen_just_as_from_all_there_is(maze):
    rules = Rules(maze)
    described = set()
    for _, _, after, code, _ in walked(maze, limit=300):
        if code in described:
            continue
        described.add(code)
        assert rules.view(code) == view(maze, after)
        here = np.array([code])
        assert render(rules, int(rules.look(here)[0])) == describe(maze, view(maze, after))
        carried = view(maze, after).taken if after.outcome != WON else view(maze, after).taken & ~rules._parcel
        assert render(rules, int(rules.inventory(here)[0])) == inventory(maze, carried)


@given(plain_mazes())
@settings(deadline=None, max_examples=30)
def test_looking_waiting_and_asking_change_nothing_where_nothing_moves(maze):
    table = maze_table(maze)
    for command in (*STILL, "wait"):
        assert (table.successor[:, table.command_index[command]] == np.arange(len(table.terminal))).all()


@given(mazes())
@settings(deadline=None, max_examples=30)
def test_looking_and_asking_take_no_time_and_waiting_does(maze):
    table = maze_table(maze)
    for command in STILL:
        assert not table.admissible[:, table.command_index[command]].any()
    waits = table.admissible[~table.terminal, table.command_index["wait"]]
    assert waits.all() if maze.timed else not waits.any()


@given(mazes())
@settings(deadline=None, max_examples=20)
def test_after_the_end_nothing_changes_any_more(maze):
    table = maze_table(maze)
    for state in np.flatnonzero(table.terminal):
        assert (table.successor[state] == state).all()
        assert {table.texts[text] for text in table.feedback[state]} == {"The game is over."}


@given(mazes(patrols=2))
@settings(deadline=None, max_examples=15)
def test_a_patrol_is_heard_from_the_next_room_and_from_the_one_after_on_every_way(maze):
    for player in {player for _, _, player, _, _ in walked(maze, limit=150)}:
        text = describe(maze, view(maze, player))
        expected = []
        for number, steps, ways in hearing(maze, player) if player.outcome != WON else ():
            say = patrol_near if steps == 1 else patrol_far
            expected += [say(maze, number, way, player.heading) for way in (ways[:1] if steps == 1 else ways)]
        assert text.endswith(" ".join(expected))
        for number in range(len(maze.patrols)):  # and no other sentence tells of it
            told = sum(maze.patrols[number].name in sentence for sentence in expected)
            assert len(re.findall(rf"\b{maze.patrols[number].name}\b", text)) == told


@given(mazes(topology="grid", one_way=0.0, floors=1, patrols=1))
@settings(deadline=None, max_examples=15)
def test_no_step_leads_to_a_patrol_that_was_not_heard_on_that_way(maze):
    for player, command, after, _, _ in walked(maze, limit=400):
        route = maze.patrols[0].route
        before, now = route[player.turn], route[(player.turn + 1) % maze.cycle]
        if after.turn == player.turn or player.outcome != PLAYING:
            continue
        there = step(replace(maze, patrols=(), gates=()), player, command).room
        if now == there or (now == player.room and before == there):
            ways = {way for _, _, ways in hearing(maze, player) for way in ways}
            assert there == player.room or maze.rooms[player.room].exits.index(there) in ways


def test_the_commands_are_those_of_the_things_in_the_maze():
    maze = make_maze(Recipe(locks=1, doors=1, things=1, goal="deliver", map=True, floors=2), "train", 0)
    found = commands(maze)
    assert found["go"] == ("go north", "go east", "go south", "go west", "go up", "go down")
    assert len(found["unlock"]) == 1
    assert len(found["open"]) == len(found["close"]) == 2
    assert len(found["take"]) == 3  # parcel, key and thing
    assert not found["take coin"]
    assert found["examine map"] == ("examine map",)


def test_an_egocentric_player_who_turns_back_twice_faces_as_before():
    maze = make_maze(Recipe(frame="egocentric", loops=1.0, rooms=25), "train", 1)
    table = maze_table(maze)
    state = table.start
    assert table.commands[:4] == ("go forward", "go right", "go back", "go left")
    column = next(c for c in range(4) if table.successor[state, c] != state)
    there = table.successor[state, column]
    back = table.successor[there, 2]
    heading = table.texts[table.description[back]].partition("\n")[0]
    assert heading == table.texts[table.description[state]].partition("\n")[0]
    assert table.successor[back, 2] == there or table.successor[table.successor[back, 2], 2] == back


@pytest.mark.parametrize("caught", ["lost", "back"])
def test_a_patrol_ends_the_game_or_takes_the_player_back(caught):
    maze = make_maze(Recipe(rooms=16, loops=0.5, patrols=2, cycle=6, caught=caught), "train", 0)
    table = maze_table(maze)
    lost = table.terminal & (table.distance < 0)
    assert lost.any() == (caught == "lost")
    patrols = {patrol.name for patrol in maze.patrols}
    met = [table.texts[t] for t in range(len(table.texts)) if any(f"{name}" in table.texts[t] for name in patrols)]
    assert met
