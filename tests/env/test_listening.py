"""The listener: who is heard where, what is certain of him, and that it is true of him in real games."""

import random
from types import SimpleNamespace

import pytest

from textmaze.catalog import load_game
from textmaze.env.chart import HERE, Chart
from textmaze.env.listening import BEYOND, Listener
from textmaze.env.rollout import rollout
from textmaze.files import shipped_folder
from textmaze.game.theme import load_theme

THEMES = sorted(path.stem for path in (shipped_folder("games") / "themes").glob("*.toml"))
NORTH, EAST, WEST = 0, 1, 3  # as numbers of `WAYS`


def look(heading, *ways, said=""):
    """What is read where one can go these ways."""
    description = f"-= {heading} =-\nA room. Passages lead {' and '.join(ways)}. {said}".strip()
    return SimpleNamespace(text=description, description=description, inventory="nothing", objective="win",
                           admissible=(*(f"go {way}" for way in ways), "wait"))


def near(way):
    return f"You hear the ogre to the {way}."


def beyond(way):
    return f"You hear the ogre to the {way}, two rooms away."


def after(*steps):
    """A listener after an episode given as observations and the commands between them."""
    chart = Chart()
    listener = Listener(chart)
    for number, part in enumerate(steps):
        if number % 2:
            chart.give(part)
        else:
            chart.read(part)
            listener.listen(part.description)
    return listener


@pytest.mark.parametrize("theme", THEMES)
def test_who_is_two_rooms_away_is_told_from_who_is_next_door(theme):
    for kind in ("patrol_near", "patrol_far"):
        for sentence in getattr(load_theme(theme), kind):
            assert bool(BEYOND.search(sentence)) == (kind == "patrol_far"), sentence


def test_before_anybody_is_heard_no_way_is_shunned():
    listener = after(look("Hall", "north", "east"))
    assert not listener.heard
    assert not listener.close
    assert listener.shy() == set()
    assert listener.safe(NORTH, 3) == listener.safe(HERE, 3) == 3


def test_who_is_next_door_may_be_met_there_and_here_but_not_elsewhere():
    listener = after(look("Hall", "north", "east", said=near("north")))
    assert (listener.near, listener.beyond) == ({NORTH}, set())
    assert listener.shy() == {NORTH, HERE}
    assert listener.misses(listener.chart.room, EAST)
    assert not listener.misses(listener.chart.room, NORTH)


def test_who_is_in_the_room_after_next_may_be_met_in_the_next_room_only():
    listener = after(look("Hall", "north", "east", said=beyond("north")))
    assert (listener.near, listener.beyond) == (set(), {NORTH})
    assert listener.shy() == {NORTH}


def test_a_warning_is_by_the_compass_however_one_faces():
    hall = look("Hall", "forward", "right")
    cell = look("Cell", "forward", "back", said=near("front"))
    assert after(hall, "go right", cell).near == {EAST}


def test_a_first_room_that_only_stairs_lead_out_of_does_not_tell_what_ways_are_called():
    """Its text speaks of a back, though ways are told by the compass."""
    cellar = look("Cellar", "up", said="A drop falls down your back.")
    assert after(cellar, "go up", look("Hall", "north", "east", said=near("north"))).near == {NORTH}


def test_once_he_is_not_heard_any_more_no_way_is_shunned_but_he_is_remembered():
    listener = after(look("Hall", "north", "east", said=near("north")), "wait", look("Hall", "north", "east"))
    assert listener.heard
    assert not listener.close
    assert listener.shy() == set()


def test_with_somebody_next_door_a_room_never_seen_is_a_trap_and_a_way_round_is_none():
    trap = after(look("Hall", "north", "east", said=near("north")))
    assert trap.safe(NORTH, 3) == trap.safe(HERE, 3) == 0
    assert trap.safe(EAST, 3) == 1  # he may follow, and would be met on the way back as well
    assert after(look("Hall", "north", "east", said=beyond("north"))).safe(EAST, 3) in (1, 2)
    # Three rooms in a row: whoever came from the west of them can go back there.
    rooms = [look(name, "east", "west") for name in ("First", "Second")]
    last = look("Third", "east", "west", said=near("east"))
    row = after(rooms[0], "go east", rooms[1], "go east", last)
    assert row.safe(WEST, 3) == 3
    assert row.safe(EAST, 3) == 0


def test_a_walk_past_somebody_may_begin_with_a_wait():
    """He goes to and fro between the next room and the one after it."""
    rooms = [look("Hall", "north", "east", said=said("north")) for said in (near, beyond)]
    north = look("Cell", "north", "south")
    steps = [north, "go south", *(part for number in range(30) for part in (rooms[number % 2], "wait"))]
    listener = after(*steps[:-1])
    hall, cell = listener.chart.room, listener.chart.start
    assert listener.beyond == {NORTH}  # he will be in the next room now
    walks = list(listener.walks(6))
    assert walks[0] == (hall, 0, HERE)
    assert [(steps, first) for room, steps, first in walks if room is hall] == [(steps, HERE) for steps in range(6)]
    # He is there after one turn; after another he is not, and nobody comes towards whoever goes there then.
    assert [(steps, first) for room, steps, first in walks if room is cell] == [(2, HERE), (4, HERE)]
    calm = after(north, "go south", look("Hall", "north", "east"))
    assert [(steps, first) for room, steps, first in calm.walks(3) if room is calm.chart.start] == [
        (1, NORTH), (2, NORTH)]


def test_a_sentence_that_is_read_in_one_place_all_the_time_warns_of_nobody():
    hall = look("Hall", "north", "east", said="A draught blows from the north.")
    steps = [part for _ in range(14) for part in (hall, "wait")]
    assert after(*steps[:-1]).near == set()
    assert after(hall).near == {NORTH}


class Eavesdropper:
    """Wanders, and holds what it is certain of against where the patrols are."""

    infos = ()

    def __init__(self, maze, seed):
        self.maze, self.rng = maze, random.Random(seed)
        self.certain = self.warned = 0

    def begin(self, episodes):
        self.chart = Chart()
        self.listener = Listener(self.chart)
        self.turn = 0

    def act(self, observations):
        (seen,) = observations
        self.chart.read(seen)
        self.listener.listen(seen.description)
        room = self.room()
        steps = {HERE: "wait", **self.chart.steps(self.chart.room)}
        for way in steps:
            misses, shy = self.listener.misses(self.chart.room, way), way in self.listener.shy()
            there = room if way == HERE else self.maze.rooms[room].exits[way]
            meets = self.meets(room, there)
            if way < 4:  # nobody is heard on a stair
                assert shy or not meets
            assert not (misses and meets)
            self.certain += misses
            self.warned += shy
        way = self.rng.choice([way for way in steps if way not in self.listener.shy()] or [HERE])
        self.turn += 1
        self.chart.give(steps[way])
        return [steps[way]]

    def room(self):
        """Where it is: no two rooms of these mazes lie in one place."""
        at, start = self.chart.room.at, self.maze.rooms[self.maze.start].at
        place = tuple(a + b for a, b in zip(at, start, strict=True))
        return next(number for number, room in enumerate(self.maze.rooms) if room.at == place)

    def meets(self, here, there):
        for patrol in self.maze.patrols:
            before, now = (patrol.route[turn % len(patrol.route)] for turn in (self.turn, self.turn + 1))
            if now == there or (now == here and before == there):
                return True
        return False


def test_who_was_heard_often_enough_is_known_to_the_turn():
    """In the next room every other turn, and in the one after it in between."""
    looks = [look("Hall", "north", "east", said=said("north")) for said in (near, beyond)]
    steps = [part for number in range(30) for part in (looks[number % 2], "wait")]
    listener = after(*steps[:-1])  # he is beyond now, so next door with the next command
    assert listener.meets(listener.chart.room, NORTH)
    assert listener.shy() == {NORTH}
    assert listener.misses(listener.chart.room, HERE)


@pytest.mark.parametrize("frame", ["compass", "egocentric"])
def test_in_real_games_what_is_certain_is_true_and_nobody_is_met_without_a_warning(frame):
    game = load_game("minotaur", {"frame": frame, "max_steps": 60})
    certain = warned = 0
    for seed in range(6):
        agent = Eavesdropper(game.maze("test", seed), seed)
        for _ in rollout(game, agent, [seed], split="test", slots=1):
            pass
        certain, warned = certain + agent.certain, warned + agent.warned
    assert certain > 50
    assert warned > 50
