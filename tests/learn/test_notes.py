"""The notes: what is remembered, in which words, what it opens up, and that it is only what a player could read."""

import random
from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mazes import mazes
from noting import ATTIC, CELL, CLOSED, ENTRANCE, HALL, KNOWN, MANY, NOT_YET, ONCE, OPEN, TWICE, beside, seen, walk

from textmaze.catalog import load_game
from textmaze.env.rollout import rollout
from textmaze.game.mazes import SingleMaze
from textmaze.learn.notes import MEMORIES, Map, Visits, every_note

# -- every memory --------------------------------------------------------------------------------------------------


class Keeper:
    """Any command, mostly an admissible one; looks at all that each memory offers on the way."""

    infos = ()

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def begin(self, episodes):
        self.memories, self.known = [make() for make in MEMORIES.values()], set()

    def act(self, observations):
        (here,) = observations
        told = SimpleNamespace(**{name: getattr(here, name) for name in (
            "text", "description", "inventory", "objective", "admissible")})
        commands = here.admissible or ("wait",)
        command = self.rng.choice(commands)
        for memory in self.memories:
            assert memory.knows(here.description) == (here.description in self.known)
            memory.read(told)
            self.check(memory.plans(told, commands), told, commands, isinstance(memory, Map))
            memory.give(command)
        self.known.add(here.description)
        return [command]

    @staticmethod
    def check(plans, here, commands, may_leave_out):
        direct = [plan for plan in plans if plan.steps == 0]
        assert all(plan.command == commands[plan.first] and plan.place == here.description for plan in direct)
        assert all(tuple(plan.commands) == tuple(commands) for plan in direct)
        numbers = [plan.first for plan in direct]
        assert numbers == sorted(set(numbers))
        left_out = {command for number, command in enumerate(commands) if number not in numbers}
        assert not left_out or (may_leave_out and plans and all(
            command.startswith("go ") or command == "wait" for command in left_out))
        for plan in plans[len(direct):]:
            assert plan.steps > 0
            assert commands[plan.first].startswith("go ") or commands[plan.first] == "wait"
            assert plan.command == "look" or plan.command in plan.commands


@given(mazes(rooms=9, locks=0, doors=1, things=0, directions=False, cycle=3), st.integers(0, 10**6))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_in_any_maze_a_plan_is_a_command_or_begins_with_a_step_towards_one(maze, seed):
    for _ in rollout(SingleMaze("any", maze, 30), Keeper(seed), [0], split="train", slots=1):
        pass


@pytest.mark.parametrize("name", sorted(MEMORIES))
def test_where_nothing_can_be_done_one_can_wait(name):
    memory, nothing = MEMORIES[name](), seen("nothing")
    memory.read(nothing)
    (plan,) = memory.plans(nothing, ("wait",))
    assert (plan.first, plan.command, plan.place) == (0, "wait", "nothing")
    memory.give("wait")
    memory.read(nothing)


@pytest.mark.parametrize("name", sorted(MEMORIES))
def test_two_episodes_are_never_mixed(name):
    one, two = MEMORIES[name](), MEMORIES[name]()
    one.read(HALL)
    one.give("go north")
    assert not two.knows("hall")
    two.read(HALL)
    two.give("go north")
    two.read(CELL)
    assert not one.knows("cell")


def test_without_notes_there_is_none_but_a_place_is_known_once_it_was_read():
    memory = walk(MEMORIES["none"](), (HALL, "go north"), CELL)
    assert beside(memory, CELL) == [""]
    assert memory.knows("hall")
    assert not memory.knows("attic")


# -- what was tried where ------------------------------------------------------------------------------------------


def test_at_first_nothing_was_tried():
    assert beside(walk(Visits(), HALL), HALL) == [NOT_YET, NOT_YET]


def test_a_new_place_knows_the_way_that_one_came_in():
    assert beside(walk(Visits(), (HALL, "go north"), CELL), CELL) == [NOT_YET + ENTRANCE]


def test_back_from_a_dead_end_its_way_is_known_to_be_used_up():
    """The way back out of the cell was its only one; it does not count as untried."""
    assert beside(walk(Visits(), (HALL, "go north"), (CELL, "go south"), HALL), HALL) == [ONCE + CLOSED, NOT_YET]


def test_a_way_to_a_place_with_untried_commands_says_so_until_they_are_tried():
    deep = seen("deep", "go south")
    memory = walk(Visits(), (HALL, "go east"), (ATTIC, "go west"), HALL)
    assert beside(memory, HALL) == [NOT_YET, ONCE + OPEN]
    memory = walk(Visits(), (HALL, "go east"), (ATTIC, "go north"), (deep, "go south"), (ATTIC, "go west"), HALL)
    assert beside(memory, HALL) == [NOT_YET, ONCE + CLOSED]


def test_repeated_commands_are_counted_in_words():
    memory, said = Visits(), []
    for _ in range(5):
        memory.read(HALL)
        said.append(beside(memory, HALL)[0])
        memory.give("go north")
        memory.read(CELL)
        memory.give("go south")
    assert said == [NOT_YET, ONCE + CLOSED, TWICE + CLOSED, MANY + CLOSED, MANY + CLOSED]


def test_a_command_that_changed_nothing_leads_nowhere():
    assert beside(walk(Visits(), (HALL, "go east"), HALL), HALL) == [NOT_YET, ONCE]


def test_the_place_where_the_game_began_has_no_entrance_even_when_one_comes_back_to_it():
    """Round a loop: hall -> attic -> loop -> hall."""
    loop = seen("loop", "go south", "go west")
    memory = walk(Visits(), (HALL, "go east"), (ATTIC, "go north"), (loop, "go west"), HALL)
    assert ENTRANCE not in "".join(beside(memory, HALL))


def test_a_place_that_changes_its_description_is_a_new_place_and_has_no_entrance():
    bare = seen("hall without coin", "go north", "go east")
    memory = walk(Visits(), (HALL, "take coin"), bare)
    assert beside(memory, bare) == [NOT_YET, NOT_YET]
    assert memory.knows("hall")
    assert memory.knows("hall without coin")


def test_a_command_that_appeared_later_counts_as_untried():
    """What can be done somewhere is what could be done there last."""
    later = seen("cell", "go south", "take coin")
    memory = walk(Visits(), (HALL, "go north"), (CELL, "go south"), (HALL, "go north"), (later, "go south"), HALL)
    assert beside(memory, HALL)[0] == TWICE + OPEN


class Historian:
    """Any command, mostly an admissible one; keeps notes and the whole history to hold them against."""

    infos = ()

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def begin(self, episodes):
        self.memory, self.history, self.choices = Visits(), [], {}

    def act(self, observations):
        (here,) = observations
        self.choices[here.description] = here.admissible
        self.history.append([here.description, None])
        self.memory.read(here)
        commands = (*here.admissible, "wait", "go north")
        notes = [plan.note for plan in self.memory.plans(here, commands)]
        assert notes == [self.expected(command) for command in commands]
        self.history[-1][1] = command = self.rng.choice(commands)
        self.memory.give(command)
        return [command]

    def expected(self, command):
        """The note by what it means, found in the history from the beginning."""
        *past, (here, _) = self.history
        tried = Counter((place, done) for place, done in past)
        entrances = {self.history[0][0]: None}
        leads = {}
        for (place, done), (after, _) in zip(past, self.history[1:], strict=True):
            leads[place, done] = after
            if after not in entrances:
                entrances[after] = self.back(done)
        note = (NOT_YET, ONCE, TWICE, MANY)[min(3, tried[here, command])]
        if entrances[here] == command:
            note += ENTRANCE
        target = leads.get((here, command), here)
        if target != here:
            left = [c for c in self.choices[target] if not tried[target, c] and c != entrances[target]]
            note += OPEN if left else CLOSED
        return note

    @staticmethod
    def back(command):
        opposite = {"north": "south", "south": "north", "east": "west", "west": "east"}
        return f"go {opposite[command[3:]]}" if command.startswith("go ") else None


GAMES = {
    name: load_game(game, overrides)
    for name, game, overrides in [
        ("corridor", "corridor", {"max_steps": 40}),
        ("labyrinth", "labyrinth", {"rooms": 9, "max_steps": 50}),
        ("loops", "labyrinth", {"rooms": 12, "loops": 1.0, "goal": "exit", "max_steps": 50}),
    ]
}


@given(st.sampled_from(sorted(GAMES)), st.integers(0, 10**6), st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_notes_on_any_walk_say_what_the_history_says(name, seed, walk_seed):
    for _ in rollout(GAMES[name], Historian(walk_seed), [seed % 1000], split="train", slots=1):
        pass


def test_every_note_is_said_once_and_holds_the_notes_of_these_tests():
    assert len(every_note()) == len(set(every_note()))
    for note in (NOT_YET, ONCE + CLOSED, TWICE + OPEN, MANY + ENTRANCE, ONCE + KNOWN, NOT_YET):
        assert note in every_note()
