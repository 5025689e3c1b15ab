"""The notes: what is remembered, in which words, and that it is only what a player could read."""

import random
from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textmaze.catalog import load_game
from textmaze.env.rollout import rollout
from textmaze.learn.notes import Notes, every_note

NOT_YET, ONCE, TWICE, MANY = (
    "not tried here yet", "tried here once", "tried here twice", "tried here many times"
)
ENTRANCE = "; this is the way you first came in"
OPEN = "; it leads to a place where something is still untried"
CLOSED = "; it leads to a place where everything was tried"


def seen(description, *admissible):
    """No more of an observation than notes may read: any other field would be an AttributeError."""
    return SimpleNamespace(description=description, admissible=admissible)


def walk(*steps):
    """Notes after an episode given as (observation, command) pairs and a last observation."""
    notes = Notes()
    for observation, command in steps[:-1]:
        notes.read(observation)
        notes.chose(command)
    notes.read(steps[-1])
    return notes


HALL = seen("hall", "go north", "go east")
CELL = seen("cell", "go south")
ATTIC = seen("attic", "go west", "go north")


def test_at_first_nothing_was_tried():
    assert walk(HALL).beside(HALL.admissible) == [NOT_YET, NOT_YET]


def test_a_new_place_knows_the_way_that_one_came_in():
    assert walk((HALL, "go north"), CELL).beside(CELL.admissible) == [NOT_YET + ENTRANCE]


def test_back_from_a_dead_end_its_way_is_known_to_be_used_up():
    """The way back out of the cell was its only one; it does not count as untried."""
    notes = walk((HALL, "go north"), (CELL, "go south"), HALL)
    assert notes.beside(HALL.admissible) == [ONCE + CLOSED, NOT_YET]


def test_a_way_to_a_place_with_untried_commands_says_so_until_they_are_tried():
    deep = seen("deep", "go south")
    notes = walk((HALL, "go east"), (ATTIC, "go west"), HALL)
    assert notes.beside(HALL.admissible) == [NOT_YET, ONCE + OPEN]
    notes = walk((HALL, "go east"), (ATTIC, "go north"), (deep, "go south"), (ATTIC, "go west"), HALL)
    assert notes.beside(HALL.admissible) == [NOT_YET, ONCE + CLOSED]


def test_repeated_commands_are_counted_in_words():
    notes = Notes()
    said = []
    for _ in range(5):
        notes.read(HALL)
        said.append(notes.beside(["go north"])[0])
        notes.chose("go north")
        notes.read(CELL)
        notes.chose("go south")
    assert said == [NOT_YET, ONCE + CLOSED, TWICE + CLOSED, MANY + CLOSED, MANY + CLOSED]


def test_a_command_that_changed_nothing_leads_nowhere():
    assert walk((HALL, "go east"), HALL).beside(HALL.admissible) == [NOT_YET, ONCE]


def test_the_place_where_the_game_began_has_no_entrance_even_when_one_comes_back_to_it():
    """Round a loop: hall -> attic -> cell -> hall."""
    loop = seen("loop", "go south", "go west")
    notes = walk((HALL, "go east"), (ATTIC, "go north"), (loop, "go west"), HALL)
    assert ENTRANCE not in "".join(notes.beside(HALL.admissible))


def test_the_entrance_of_a_place_is_the_first_one():
    """Round a loop the other way: the second way into the cell does not become its entrance."""
    cell = seen("cell", "go south", "go east")
    attic = seen("attic", "go west", "go south")
    notes = walk((HALL, "go north"), (cell, "go east"), (attic, "go south"), (HALL, "go north"), cell)
    assert notes.beside(cell.admissible)[0] == NOT_YET + ENTRANCE


def test_a_place_that_changes_its_description_is_a_new_place_and_has_no_entrance():
    bare = seen("hall without coin", "go north", "go east")
    notes = walk((HALL, "take coin"), bare)
    assert notes.beside(bare.admissible) == [NOT_YET, NOT_YET]
    assert notes.knows("hall")
    assert notes.knows("hall without coin")
    assert not notes.knows("cell")


def test_a_command_that_appeared_later_counts_as_untried():
    """What can be done somewhere is what could be done there last."""
    later = seen("cell", "go south", "take coin")
    notes = walk((HALL, "go north"), (CELL, "go south"), (HALL, "go north"), (later, "go south"), HALL)
    assert notes.beside(["go north"]) == [TWICE + OPEN]


def test_an_agent_that_never_forgets_an_episode_never_mixes_two():
    one, two = Notes(), Notes()
    one.read(HALL)
    assert not two.knows("hall")


GAMES = {
    name: load_game(game, overrides)
    for name, game, overrides in [
        ("corridor", "corridor", {"max_steps": 40}),
        ("labyrinth", "labyrinth", {"rooms": 9, "max_steps": 60}),
        ("loops", "labyrinth", {"rooms": 12, "loops": 1.0, "goal": "exit", "max_steps": 60}),
    ]
}
ALL = frozenset(every_note())


class Walker:
    """Any command, mostly an admissible one; keeps notes and the whole history to hold them against."""

    infos = ()

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def begin(self, episodes):
        self.notes, self.history, self.choices = Notes(), [], {}

    def act(self, observations):
        (here,) = observations
        self.choices[here.description] = here.admissible
        self.history.append([here.description, None])
        self.notes.read(here)
        commands = (*here.admissible, "wait", "go north")
        assert self.notes.beside(commands) == [self.expected(command) for command in commands]
        self.history[-1][1] = command = self.rng.choice(commands)
        self.notes.chose(command)
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
        assert note in ALL
        return note

    @staticmethod
    def back(command):
        opposite = {"north": "south", "south": "north", "east": "west", "west": "east"}
        return f"go {opposite[command[3:]]}" if command.startswith("go ") else None


@given(st.sampled_from(sorted(GAMES)), st.integers(0, 10**6), st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_notes_on_any_walk_say_what_the_history_says_and_are_all_in_every_note(name, seed, walk_seed):
    for _ in rollout(GAMES[name], Walker(walk_seed), [seed % 1000], split="train", slots=1):
        pass


def test_every_note_is_said_once():
    assert len(every_note()) == len(set(every_note()))


@pytest.mark.parametrize("note", [NOT_YET, ONCE + CLOSED, TWICE + OPEN, MANY + ENTRANCE + CLOSED])
def test_every_note_holds_the_notes_of_these_tests(note):
    assert note in every_note()
