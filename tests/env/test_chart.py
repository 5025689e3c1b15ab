"""The chart: where one is, reckoned from the steps taken, held against where one really is."""

import random
from collections import deque
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mazes import first, mazes, step
from stories import pantry

from textmaze.catalog import load_game
from textmaze.env.chart import Chart
from textmaze.env.rollout import rollout
from textmaze.game.layout import WAYS
from textmaze.game.mazes import SingleMaze

RECIPES = ("alias", "catacombs", "clockwork", "corridor", "directions", "egocentric", "keys", "labyrinth", "mapreader",
           "minotaur", "signposts", "tower")


class Walker:
    """Gives any admissible command, rather one that changes a thing than a step, and keeps a chart."""

    infos = ()

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def begin(self, episodes):
        self.chart, self.steps = Chart(), 0

    def act(self, observations):
        (seen,) = observations
        self.chart.read(seen)
        self.check(seen)
        self.steps += 1
        deeds = [command for command in seen.admissible if not command.startswith(("go ", "wait", "close "))]
        command = self.rng.choice(deeds if deeds and self.rng.random() < 0.5 else seen.admissible)
        self.chart.give(command)
        self.given(command)
        return [command]

    def check(self, seen):
        pass

    def given(self, command):
        pass


class Surveyor(Walker):
    """Knows the true maze too, and where it really is."""

    def __init__(self, maze, seed):
        super().__init__(seed)
        self.maze = maze

    def begin(self, episodes):
        super().begin(episodes)
        self.player, self.command = first(self.maze), ""
        self.rooms, self.numbers = {}, {}  # true room -> room of the chart, and back
        self.taken = {}  # true room -> way -> true room, for each step that a player knows

    def given(self, command):
        before, self.player = self.player, step(self.maze, self.player, command)
        self.before, self.command = before, command

    def check(self, seen):
        chart, here = self.chart, self.player
        assert self.rooms.setdefault(here.room, chart.room) is chart.room, "one room is two on the chart"
        assert self.numbers.setdefault(id(chart.room), here.room) == here.room, "two rooms are one on the chart"
        assert chart.room.description == seen.description
        if self.maze.frame == "egocentric":
            assert chart.facing == here.heading
        assert set(chart.steps(chart.room).values()) == {c for c in seen.admissible if c.startswith("go ")}
        self.learn(seen)
        if self.steps % 8 == 0:
            self.check_ways()

    def learn(self, seen):
        """What the last step taught, by the true maze: that it leads here, and back if one could go there now."""
        if not self.command.startswith("go ") or not seen.text.startswith("-= "):
            return
        name, exits = self.command[3:], self.maze.rooms[self.before.room].exits
        turned = ("forward", "right", "back", "left")
        way = WAYS.index(name) if name in WAYS else (self.before.heading + turned.index(name)) % 4
        assert exits[way] == self.player.room
        self.taken.setdefault(self.before.room, {})[way] = self.player.room
        back = (2, 3, 0, 1, 5, 4)[way]
        # Whether somebody would be met on that way is another matter.
        if self.called(back) in seen.admissible and self.maze.rooms[self.player.room].exits[back] == self.before.room:
            self.taken.setdefault(self.player.room, {})[back] = self.before.room

    def called(self, way):
        """The command that takes a way from here."""
        if self.maze.frame == "compass" or way >= 4:
            return f"go {WAYS[way]}"
        return f"go {('forward', 'right', 'back', 'left')[(way - self.player.heading) % 4]}"

    def check_ways(self):
        """What the chart holds to be known leads where the maze does, and is as far away as it says."""
        for room in self.chart.rooms.values():
            for way, target in room.ways.items():
                if target is not None:
                    assert self.maze.rooms[self.numbers[id(room)]].exits[way] == self.numbers[id(target)]
        found = [(self.numbers[id(room)], count, way) for room, count, way in self.chart.walks()]
        distance = fewest_steps(self.taken, self.player.room)
        assert {room: count for room, count, _ in found} == distance
        assert [count for _, count, _ in found] == sorted(distance.values())
        onwards = {way: fewest_steps(self.taken, room) for way, room in self.taken.get(self.player.room, {}).items()}
        assert all(onwards[way][room] == count - 1 for room, count, way in found[1:])


def fewest_steps(taken, start):
    found, queue = {start: 0}, deque([start])
    while queue:
        here = queue.popleft()
        for target in taken.get(here, {}).values():
            if target not in found:
                found[target] = found[here] + 1
                queue.append(target)
    return found


def walked(game, agent, seed=0, split="train"):
    for _ in rollout(game, agent, [seed], split=split, slots=1):
        pass
    return agent


@pytest.mark.parametrize("frame", ["compass", "egocentric"])
@pytest.mark.parametrize("name", RECIPES)
def test_on_a_long_walk_each_room_is_one_room_of_the_chart_and_as_far_away_as_it_says(name, frame):
    game = load_game(name, {"frame": frame, "max_steps": 100})
    assert walked(game, Surveyor(game.maze("train", 0), 0)).steps > 5


@pytest.mark.parametrize("frame", ["compass", "egocentric"])
@pytest.mark.parametrize("name", ["alias", "keys", "labyrinth"])
def test_whoever_is_often_brought_back_to_the_beginning_knows_where_he_is(name, frame):
    """Also where he is brought back from a room that looks like the first one, or from that one itself."""
    game = load_game(name, {"patrols": 1, "cycle": 6, "caught": "back", "frame": frame, "max_steps": 120})
    for seed in range(2):
        walked(game, Surveyor(game.maze("train", seed), seed), seed)


# Few rooms and no locks: others make some mazes slow to draw.
@given(mazes(rooms=9, locks=0, doors=1, things=0, directions=False, cycle=3), st.integers(0, 10**6))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_in_any_maze_at_all_each_room_is_one_room_of_the_chart(maze, seed):
    walked(SingleMaze("any", maze, 60), Surveyor(maze, seed))


@given(mazes(dark=0.5, topology="grid", rooms=9, floors=1, locks=0, doors=0, gates=0, patrols=0, things=0),
       st.integers(0, 10**6))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_dark_room_is_the_same_room_once_there_is_light(maze, seed):
    walked(SingleMaze("dark", maze, 80), Surveyor(maze, seed))


def look(heading, *ways, text=None, told=""):
    """What is read where one can go these ways and no others."""
    description = f"-= {heading} =-\nA room. {told or ' '.join(ways)}"
    return SimpleNamespace(text=text or description, description=description, inventory="nothing", objective="win",
                           admissible=(*(f"go {way}" for way in ways), "wait"))


def after(*steps):
    """A chart after an episode given as observations and the commands between them."""
    chart = Chart()
    for number, part in enumerate(steps):
        if number % 2 == 0:
            chart.read(part)
        else:
            chart.give(part)
    return chart


def test_a_step_that_was_refused_leads_nowhere():
    chart = after(look("Hall", "east"), "go east", look("Hall", "east", text="The gate is shut."))
    assert chart.room is chart.start
    assert chart.room.ways == {1: None}
    assert chart.room.tried == {"go east": 1}


def test_brought_back_from_elsewhere_the_way_that_was_meant_is_still_not_known():
    hall, cell = look("Hall", "east"), look("Cell", "west", "north")
    caught = look("Hall", "east", text=f"The guard takes you back.\n\n{hall.description}")
    chart = after(hall, "go east", cell, "go north", caught)
    assert chart.room is chart.start
    assert [room.ways for room in chart.rooms.values()][1][0] is None


@pytest.mark.parametrize("command", ["wait", "go right", "take key"])
def test_brought_back_to_where_one_is_one_faces_as_at_first(command):
    """Round a loop of four rooms, back at the first one facing another way, and caught there."""
    rooms = [look(name, "right", "back") for name in ("Hall", "Cell", "Den", "Nook", "Hall")]
    episode = [part for room in rooms[:-1] for part in (room, "go right")]
    chart = after(*episode, rooms[-1])
    assert (chart.room, chart.facing) == (chart.start, 0)
    chart = after(*episode[:-2], rooms[3], "go right", rooms[4], "go right", rooms[1], "go back", rooms[0])
    assert (chart.room, chart.facing) == (chart.start, 3)
    chart.give(command)
    chart.read(look("Hall", "right", "back", text=f"The guard takes you back.\n\n{rooms[0].description}"))
    assert (chart.room, chart.facing) == (chart.start, 0)


def test_waiting_at_the_beginning_does_not_turn_one_round():
    chart = Chart()
    rooms = [look("Hall", "right"), look("Cell", "back"), look("Hall", "right")]
    for room, command in zip(rooms, ("go right", "go back", "wait"), strict=True):
        chart.read(room)
        chart.give(command)
    facing = chart.facing
    chart.read(look("Hall", "right", text=f"Time passes.\n\n{rooms[0].description}"))
    assert chart.facing == facing != 0


def test_a_way_back_that_is_not_there_is_not_taken_for_known():
    chart = after(look("Hall", "east"), "go east", look("Pit", "south"))
    assert chart.room.ways == {2: None}
    assert [count for _, count, _ in chart.walks()] == [0]


def test_what_lies_beyond_is_what_the_way_led_to_or_lies_in_that_place_by_reckoning():
    """Round a square of four rooms, of which the last is not known to be beside the first."""
    rooms = [look("Hall", "east", "north"), look("Cell", "north"), look("Den", "west"), look("Nook", "south")]
    chart = after(rooms[0], "go east", rooms[1], "go north", rooms[2], "go west", rooms[3])
    assert chart.beyond("go south") is chart.start
    assert chart.beyond("go east").description == rooms[2].description
    assert chart.beyond("go north") is None
    assert chart.beyond("take key") is None
    chart = after(rooms[0], "go up", look("Loft", "down"))
    assert chart.beyond("go down") is chart.start


def test_a_room_is_barred_where_a_way_is_told_of_that_cannot_be_gone():
    assert after(look("Hall", "east", told="Ways lead east and north.")).room.barred
    assert not after(look("Hall", "east", told="A way leads east.")).room.barred
    assert not after(look("Hall", "forward", told="A way leads to the front.")).room.barred
    assert after(look("Hall", "forward", told="A way leads to the front, a shut gate is on the left.")).room.barred


def test_a_command_is_known_by_the_compass_however_one_faces():
    """The way to the front and the way to the left are one way for two who face differently."""
    chart = Chart()
    chart.read(look("Hall", "forward", "left"))
    assert chart.compass is False
    assert chart.way("go left", 1) == chart.way("go forward", 0) == 0
    assert chart.key("go left", 1) == chart.key("go forward", 0) == "go north"
    assert chart.way("go up", 3) == 4
    assert chart.key("take coin", 2) == "take coin"
    assert chart.way("go", 0) == chart.way("go home", 0) == chart.way("", 0) == -1


class Namer(Walker):
    """In a game whose rooms all have other names."""

    def begin(self, episodes):
        super().begin(episodes)
        self.rooms = {}

    def check(self, seen):
        name = seen.description.partition("\n")[0]
        assert self.rooms.setdefault(name, self.chart.room) is self.chart.room
        assert len({id(room) for room in self.rooms.values()}) == len(self.rooms)
        known = {id(room) for room, _, _ in self.chart.walks()}
        assert known == {id(room) for room in self.rooms.values()}  # every way can be gone back


@pytest.mark.parametrize("level", [5, pytest.param(103, marks=pytest.mark.slow)])
def test_rooms_of_textworlds_coin_collector_are_told_apart_and_all_are_within_reach(level):
    pytest.importorskip("textworld")
    game = load_game("coin_collector", {"level": level, "max_steps": 60})
    assert len(walked(game, Namer(1)).rooms) > 2


def test_a_door_of_textworlds_that_is_closed_bars_and_its_room_is_found_again(tmp_path):
    pytest.importorskip("textworld")
    agent = walked(load_game(str(pantry(tmp_path))), Namer(3))
    assert "-= Hall =-" in agent.rooms


WORDS = st.sampled_from(["-= Hall =-", "-= Cell =-", "-= Darkness =-", "\n", " ", "north", "to the left.", "front",
                         "Time passes.", "", "go", "\u2028", "[MASK]", "(", "back"])
TEXT = st.one_of(st.lists(WORDS, max_size=6).map("".join), st.text(max_size=12))
COMMAND = TEXT | st.sampled_from(["go north", "go left", "go up", "go back", "wait", "take coin", "go", "go ", ""])


@given(st.lists(st.tuples(TEXT, TEXT, st.lists(COMMAND, max_size=4), COMMAND), min_size=1, max_size=8))
@settings(max_examples=200, deadline=None)
def test_whatever_is_read_and_done_the_chart_takes_it(episode):
    chart = Chart()
    for text, description, commands, command in episode:
        seen = SimpleNamespace(text=text + description, description=description, inventory="", objective="",
                               admissible=tuple(commands))
        chart.read(seen)
        assert chart.room.description == description
        walks = list(chart.walks())
        assert walks[0] == (chart.room, 0, -1)
        assert len({id(room) for room, _, _ in walks}) == len(walks)
        chart.give(command)
