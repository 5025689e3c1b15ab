"""What an episode teaches about the next text."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from mazes import plain_mazes
from remembering import HALL, NO, ROOF, YARD, remembered, seen

from textmaze.game.table import maze_table
from textmaze.learn.answers import MEMORY, Memory

DONE, OTHERWISE, RECKONED, HEADED, KNOWN, READ, HEADING, HERE, ELSEWHERE, ANSWER = range(len(MEMORY))


def told(memory, command, text):
    return set(np.flatnonzero(memory.beside(command, [text])[0]).tolist())


def test_a_command_given_before_in_the_same_place_is_known_by_its_answer():
    memory = remembered(("go north", HALL, NO))
    assert DONE in told(memory, "go north", NO)
    assert OTHERWISE in told(memory, "go north", YARD)
    assert not {DONE, OTHERWISE} & told(memory, "go south", NO)


def test_the_last_answer_counts():
    memory = remembered(("open door", HALL, "It is locked."), ("open door", HALL, "You open it."))
    assert DONE in told(memory, "open door", "You open it.")
    assert OTHERWISE in told(memory, "open door", "It is locked.")


def test_the_way_back_leads_to_the_place_that_was_left():
    memory = remembered(("go east", YARD))
    assert RECKONED in told(memory, "go west", HALL)
    assert RECKONED not in told(memory, "go north", HALL)


def test_ways_as_the_player_sees_them_are_reckoned_by_where_the_player_faces():
    sides = ("go forward", "go right", "go back", "go left")
    memory = Memory()
    memory.read(seen(HALL, ways=sides))
    memory.chose("go right")
    memory.read(seen(YARD, ways=sides))
    assert RECKONED in told(memory, "go back", HALL)
    assert not {RECKONED, KNOWN} & told(memory, "go left", HALL)
    memory.chose("go left")  # to the north of the yard, facing north
    memory.read(seen(ROOF, ways=sides))
    assert RECKONED in told(memory, "go back", YARD)


def test_who_is_refused_has_not_moved():
    memory = remembered(("go east", HALL, NO), ("go north", YARD))
    assert RECKONED in told(memory, "go south", HALL)
    assert not {RECKONED, KNOWN} & told(memory, "go west", HALL)


def test_a_place_that_looks_different_now_is_known_by_its_heading():
    memory = remembered(("go east", YARD))
    changed = "-= Hall =-\nA coin lies here."
    assert {HEADED, HEADING} == told(memory, "go west", changed)
    assert KNOWN in told(memory, "go west", ROOF)


def test_who_is_brought_back_is_where_the_episode_began():
    memory = remembered(("go east", YARD), ("go north", ROOF), ("wait", HALL, f"The guard brings you back.\n\n{HALL}"))
    assert RECKONED in told(memory, "go east", YARD)
    assert not {RECKONED, KNOWN} & told(memory, "go west", HALL)
    assert READ in told(memory, "go west", HALL)


def test_answers_are_told_apart_by_the_commands_that_they_followed():
    memory = remembered(("go north", HALL, NO), ("go east", YARD))
    assert told(memory, "go north", NO) == {ELSEWHERE}
    assert told(memory, "go south", NO) == {ANSWER}
    assert told(memory, "go north", YARD) == {READ, HEADING, HERE}
    assert told(memory, "go north", ROOF) == set()


def test_a_memory_holds_each_text_once_and_knows_its_places():
    memory = remembered(("go north", HALL, NO), ("go east", YARD), ("go west", HALL))
    assert memory.texts() == [HALL, YARD, NO]
    assert memory.knows("-= Yard =-\nIt rains.")
    assert not memory.knows(ROOF)
    assert memory.beside("look", []).shape == (0, len(MEMORY))


@given(plain_mazes(), st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_in_a_maze_on_squared_paper_a_place_read_before_is_always_reckoned_right(maze, seed):
    table, rng = maze_table(maze), np.random.default_rng(seed)
    ways = [column for column, command in enumerate(table.commands) if command.startswith("go ")]
    state, memory = table.start, remembered(start=table.texts[table.description[table.start]])
    for _ in range(40):
        column = int(rng.choice(ways))
        state_after = int(table.successor[state, column])
        if table.terminal[state_after]:
            break
        command, answer = table.commands[column], table.texts[table.feedback[state, column]]
        found = told(memory, command, answer)
        assert (RECKONED in found) == (state_after != state and answer in memory.texts())
        memory.chose(command)
        memory.read(seen(table.texts[table.description[state_after]], answer))
        state = state_after


def test_what_is_likeliest_is_what_came_here_before_then_what_lies_there_then_what_was_read_lately():
    memory = remembered(("go north", HALL, NO), ("go east", YARD), ("go east", ROOF), ("go west", YARD))
    assert memory.likeliest("go west", 9) == [HALL, YARD, ROOF, NO]
    assert memory.likeliest("go east", 1) == [ROOF]
    assert remembered().likeliest("go north", 9) == [HALL]
    assert memory.likeliest("look", 2) == [YARD, ROOF]
