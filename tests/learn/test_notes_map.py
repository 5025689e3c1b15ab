"""The notes of a map: what is known of each place, what is worth a walk, and that walks lead where they say."""

import random

import pytest
from noting import ENTRANCE, KNOWN, NOT_YET, ONCE, beside, far, seen, walk

from textmaze.catalog import load_game
from textmaze.env.rollout import rollout
from textmaze.learn.notes import Map, Plan


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
