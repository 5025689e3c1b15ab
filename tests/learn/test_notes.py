"""The notes: what is remembered, in which words, what it opens up, and that it is only what a player could read."""

import random
from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mazes import mazes

from textmaze.catalog import load_game
from textmaze.env.rollout import rollout
from textmaze.game.mazes import SingleMaze
from textmaze.learn.notes import MEMORIES, Map, Plan, Visits, every_note

NOT_YET, ONCE, TWICE, MANY = (
    "not tried here yet", "tried here once", "tried here twice", "tried here many times"
)
ENTRANCE = "; this is the way you first came in"
OPEN = "; it leads to a place where something is still untried"
CLOSED = "; it leads to a place where everything was tried"
KNOWN = "; it leads to a place you know"


def seen(description, *admissible, text=None, inventory="nothing", objective="win"):
    """No more of an observation than notes may read: any other field would be an AttributeError."""
    return SimpleNamespace(text=text or description, description=description, inventory=inventory,
                           objective=objective, admissible=admissible)


def walk(memory, *steps):
    """A memory after an episode given as (observation, command) pairs and a last observation."""
    for observation, command in steps[:-1]:
        memory.read(observation)
        memory.give(command)
    memory.read(steps[-1])
    return memory


def beside(memory, observation):
    """The note beside each command that is a plan of its own."""
    return [plan.note for plan in memory.plans(observation, observation.admissible) if plan.steps == 0]


def far(memory, observation):
    """The plans for other places, as (first command, place's heading, command there, note)."""
    commands = observation.admissible
    return [(commands[plan.first], plan.place.partition("\n")[0], plan.command, plan.note)
            for plan in memory.plans(observation, commands) if plan.steps > 0]


HALL = seen("hall", "go north", "go east")
CELL = seen("cell", "go south")
ATTIC = seen("attic", "go west", "go north")


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


# -- the map -------------------------------------------------------------------------------------------------------


def room(name, *ways, told="", also=(), **more):
    """A room whose heading names it, where one can go these ways."""
    return seen(f"-= {name} =-\nYou can go {', '.join(ways)}. {told}", *(f"go {way}" for way in ways), *also, **more)


def test_on_the_map_a_way_is_known_once_it_was_taken_from_either_side():
    hall, cell = room("Hall", "north", "east"), room("Cell", "south", "west")
    memory = walk(Map(), (hall, "go north"), cell)
    assert (beside(memory, cell), far(memory, cell)) == (
        [NOT_YET], [("go south", "-= Hall =-", "go east", NOT_YET)])
    memory = walk(Map(), (hall, "go north"), (cell, "go south"), hall)
    assert (beside(memory, hall), far(memory, hall)) == (
        [NOT_YET], [("go north", "-= Cell =-", "go west", NOT_YET)])


def test_to_go_where_one_has_been_is_a_plan_only_where_nothing_else_is_or_somebody_walks_about():
    hall, cell = room("Hall", "north"), room("Cell", "south", "west")
    assert beside(walk(Map(), (hall, "go north"), (cell, "go south"), hall), hall) == []
    closet = room("Cell", "south")
    assert beside(walk(Map(), (hall, "go north"), closet), closet) == [NOT_YET + ENTRANCE]
    assert beside(walk(Map(), (hall, "go north"), (closet, "go south"), hall), hall) == [ONCE + KNOWN]


def test_there_is_reason_to_think_again_where_something_was_read_for_the_first_time():
    hall, cell = room("Hall", "north"), room("Cell", "south", "west")
    plan = Plan(0, "somewhere", "go north", NOT_YET, 1, ())
    assert [walk(Map(), hall).doubts(plan), walk(Map(), (hall, "go north"), cell).doubts(plan)] == [True, True]
    assert not walk(Map(), (hall, "go north"), (cell, "go south"), hall).doubts(plan)
    assert walk(Map(), (hall, "go north"), (cell, "go south"), room("Hall", "north", "east")).doubts(plan)


def test_what_was_left_untried_elsewhere_is_a_plan_with_the_walk_to_it():
    hall, cell = room("Hall", "north", "east"), room("Cell", "south", "west", also=("open chest",))
    memory = walk(Map(), (hall, "go north"), cell)
    assert far(memory, cell) == [("go south", "-= Hall =-", "go east", NOT_YET)]
    memory = walk(Map(), (hall, "go north"), (cell, "go south"), hall)
    assert far(memory, hall) == [("go north", "-= Cell =-", "go west", NOT_YET),
                                 ("go north", "-= Cell =-", "open chest", NOT_YET)]


def test_what_can_be_done_here_as_well_needs_no_walk():
    hall, cell = room("Hall", "north", also=("wait", "close box")), room("Cell", "south", also=("wait",))
    memory = walk(Map(), (hall, "go north"), cell)
    assert far(memory, cell) == [("go south", "-= Hall =-", "close box", NOT_YET)]


def test_a_place_that_was_barred_is_worth_a_wait_and_worth_a_look_with_other_things_in_hand():
    hall = room("Hall", "north", told="A locked door stands to the east.", also=("wait",))
    cell = room("Cell", "south", also=("take key", "wait"))
    memory = walk(Map(), (hall, "go north"), cell)
    waits = [("go south", "-= Hall =-", "wait", NOT_YET + "; a way is barred here")]
    assert far(memory, cell) == waits
    rich = room("Cell", "south", also=("wait",), inventory="a key")
    memory = walk(Map(), (hall, "go north"), (cell, "take key"), rich)
    other = ("go south", "-= Hall =-", "look",
             "you were last here with other things in hand; a way is barred here")
    assert far(memory, rich) == [*waits, other]
    # Back there with the key, the look is taken.
    back = room("Hall", "north", told="A locked door stands to the east.", also=("wait", "unlock door with key"),
                inventory="a key")
    memory = walk(Map(), (hall, "go north"), (cell, "take key"), (rich, "go south"), (back, "go north"), rich)
    assert [plan[2] for plan in far(memory, rich)] == ["unlock door with key", "wait"]


def test_a_way_is_watched_for_six_turns_and_one_that_was_taken_before_needs_no_watch():
    hall = room("Hall", "north", told="A shut gate bars the way to the east.", also=("wait",))
    barred = "; a way is barred here"
    waits = [walk(Map(), *[(hall, "wait")] * turns, hall) for turns in range(7)]
    assert [barred in beside(memory, hall)[1] for memory in waits[:6]] == [True] * 6
    assert beside(waits[6], hall) == [NOT_YET]
    cell = room("Cell", "south", told="The gate has fallen shut.", also=("wait",))
    memory = walk(Map(), (hall, "go north"), cell)
    assert beside(memory, cell) == []


def test_a_walk_through_a_way_that_is_barred_now_begins_with_a_wait():
    open_, shut = room("Hall", "north", "east", told="A gate.", also=("wait",)), room(
        "Hall", "east", told="A shut gate bars the way to the north.", also=("wait",))
    cell = room("Cell", "south", "west", also=("wait",))
    memory = walk(Map(), (open_, "go north"), (cell, "go south"), shut)
    assert far(memory, shut) == [("wait", "-= Cell =-", "go west", NOT_YET)]


def test_a_place_that_the_objective_names_is_named_and_worth_a_look_with_other_things_in_hand():
    told = {"objective": "Bring the parcel to the hall."}
    hall, cell = room("Hall", "north", **told), room("Cell", "south", also=("take parcel",), **told)
    rich = room("Cell", "south", inventory="a parcel", **told)
    memory = walk(Map(), hall)
    assert beside(memory, hall) == [NOT_YET + "; the objective names this place"]
    memory = walk(Map(), (hall, "go north"), (cell, "take parcel"), rich)
    assert far(memory, rich) == [("go south", "-= Hall =-", "look",
                                  "you were last here with other things in hand; the objective names this place")]


@pytest.mark.parametrize(("name", "objective", "named"), [
    ("Hall", "Find the hall.", True), ("Hall", "You shall win.", False), ("", "Win.", False),
    ("Humble Hall", "Find the hall.", False),
])
def test_the_objective_names_a_place_by_its_whole_name(name, objective, named):
    here = room(name, "north", objective=objective)
    assert ("names this place" in beside(walk(Map(), here), here)[0]) == named


@pytest.mark.parametrize("steps", [1, 2, 7, 40])
def test_a_plan_knows_how_long_the_walk_to_it_is(steps):
    """Along a row of rooms, with a way to the north left untried at its beginning."""
    rooms = [room("0", "east", "north"), *(room(str(i), "west", "east") for i in range(1, steps)), room("end", "west")]
    memory = walk(Map(), *((here, "go east") for here in rooms[:-1]), rooms[-1])
    assert far(memory, rooms[-1]) == [("go west", "-= 0 =-", "go north", NOT_YET)]
    assert [plan.steps for plan in memory.plans(rooms[-1], rooms[-1].admissible)] == [steps]


def test_of_two_ways_to_a_place_the_shorter_one_is_the_walk():
    """Round a square, one side of which was walked last: back to the second corner it is two steps either way."""
    a, b, c, d = room("a", "east", "north"), room("b", "west", "north", "east"), room("c", "south", "west"), room(
        "d", "east", "south")
    memory = walk(Map(), (a, "go east"), (b, "go north"), (c, "go west"), (d, "go south"), a)
    assert far(memory, a) == [("go east", "-= b =-", "go east", NOT_YET)]


def test_after_all_was_tried_no_plan_is_left_for_another_place():
    hall, cell, attic = room("Hall", "north", "east"), room("Cell", "south"), room("Attic", "west")
    memory = walk(Map(), (hall, "go north"), (cell, "go south"), (hall, "go east"), (attic, "go west"), hall)
    assert far(memory, hall) == []
    assert beside(memory, hall) == [ONCE + KNOWN, ONCE + KNOWN]


class Follower:
    """Takes any plan, and holds what it says against what comes: the walk is as long as it says."""

    infos = ()

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def begin(self, episodes):
        self.memory, self.aim, self.walks = Map(), None, 0

    def act(self, observations):
        (here,) = observations
        self.memory.read(here)
        plans = self.memory.plans(here, here.admissible)
        others = [plan for plan in plans if plan.steps > 0]
        if self.aim is not None and self.aim.steps == 1:
            # A place reads as it did, but to somebody who faces another way.
            heading = here.description.partition("\n")[0]
            assert heading == self.aim.place.partition("\n")[0]
            assert here.description == self.aim.place or self.memory.chart.compass is False
            same = [plan.command for plan in plans if plan.steps == 0 and plan.note == NOT_YET]
            assert same
            command = self.aim.command if self.memory.chart.compass else same[0]
            assert command in same
            self.aim, self.walks = None, self.walks + 1
        elif self.aim is not None:
            (plan,) = [p for p in others if (p.place, p.command) == (self.aim.place, self.aim.command)]
            assert plan.steps == self.aim.steps - 1
            self.aim, command = plan, here.admissible[plan.first]
        else:
            untried = [plan.first for plan in plans if plan.steps == 0 and plan.note == NOT_YET]
            if untried or not others:
                command = here.admissible[self.rng.choice(untried or range(len(here.admissible)))]
            else:
                self.aim = self.rng.choice(others)
                command = here.admissible[self.aim.first]
        self.memory.give(command)
        return [command]


@pytest.mark.parametrize("frame", ["compass", "egocentric"])
@pytest.mark.parametrize(("name", "changes"), [
    ("labyrinth", {}), ("labyrinth", {"loops": 1.0, "topology": "planar"}), ("tower", {}),
    ("labyrinth", {"alike": 0.5}), ("labyrinth", {"one_way": 0.3}),
])
def test_whoever_follows_a_plan_is_there_after_as_many_steps_as_it_says(name, changes, frame):
    game = load_game(name, {**changes, "frame": frame, "max_steps": 150})
    walks = 0
    for seed in range(3):
        agent = Follower(seed)
        for _ in rollout(game, agent, [seed], split="train", slots=1):
            pass
        walks += agent.walks
    assert walks > 0


@pytest.mark.parametrize("name", ["labyrinth", "tower", "alias", "egocentric"])
def test_who_takes_the_nearest_plan_always_wins_where_nothing_is_barred(name):
    """The map offers all that is left, so a greedy walk finds the goal."""
    game = load_game(name, {"max_steps": 400})

    class Nearest:
        infos = ()

        def begin(self, episodes):
            self.memory = Map()

        def act(self, observations):
            (here,) = observations
            self.memory.read(here)
            plans = [plan for plan in self.memory.plans(here, here.admissible)
                     if NOT_YET in plan.note and ENTRANCE not in plan.note and "you know" not in plan.note]
            plan = min(plans, key=lambda plan: plan.steps)
            self.memory.give(here.admissible[plan.first])
            return [here.admissible[plan.first]]

    for seed in range(3):
        records = [record for (record,) in rollout(game, Nearest(), [seed], split="test", slots=1)]
        assert records[-1].won


def test_every_note_is_said_once_and_holds_the_notes_of_these_tests():
    assert len(every_note()) == len(set(every_note()))
    for note in (NOT_YET, ONCE + CLOSED, TWICE + OPEN, MANY + ENTRANCE, ONCE + KNOWN, NOT_YET):
        assert note in every_note()
