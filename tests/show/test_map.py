"""The map of what was explored: true, whatever the maze is like, and no more than was read."""

import pytest

from textmaze.catalog import game_files, load_game, make_agent
from textmaze.env.chart import Chart
from textmaze.env.rollout import Observation, rollout
from textmaze.game.mazes import MazeGame
from textmaze.show.map import draw_map, tell_map, title

MAZES = [name for name in game_files() if isinstance(load_game(name), MazeGame)]


def seen(name: str, *ways: str, told: str = "") -> Observation:
    text = f"-= {name} =-\nWays lead {', '.join(ways)}.{told}"
    return Observation(0, text, text, "", "Find it.", tuple(f"go {way}" for way in ways))


def walked(*steps: tuple[Observation, str], last: Observation) -> Chart:
    chart = Chart()
    for place, command in steps:
        chart.read(place)
        chart.give(command)
    chart.read(last)
    return chart


def drawn(chart: Chart, **options: object) -> str:
    return "\n".join(draw_map(chart, **options))


def test_rooms_lie_as_they_were_walked_with_a_mark_for_every_way_not_taken():
    hall, attic = seen("Hall", "east"), seen("Attic", "west", "north", "south")
    chart = walked((hall, "go east"), (attic, "go south"), last=seen("Cellar", "north", "west"))
    assert drawn(chart) == (
        "               ?\n"
        "Hall ─────── Attic\n"
        "               │\n"
        "          ? [Cellar]\n"
        "\n"
        "[ ] you   ? not taken yet"
    )


def test_a_passage_that_cannot_be_gone_back_is_an_arrow_and_a_barred_one_says_so():
    chart = walked((seen("Hall", "east"), "go east"), last=seen("Den", "north", told=" The door to the south is shut."))
    text = drawn(chart)
    assert "─> [Den]" in text
    assert "one way only" in text
    assert "x barred when last seen" in text


def test_floors_are_drawn_one_by_one_with_their_stairs():
    chart = walked((seen("Hall", "up", "east"), "go up"), last=seen("Loft", "down"))
    text = drawn(chart)
    assert text.index("1 floor up:\n[Loft ↓]") < text.index("The floor where you began:\nHall ↑ ?")
    assert "Hall" not in drawn(chart, whole=False)


RING = [(seen("Hall", "east"), "go east"), (seen("Attic", "west", "north"), "go north"),
        (seen("Barn", "south", "west"), "go west"), (seen("Cellar", "east", "south"), "go south")]


def test_rooms_that_would_lie_on_each_other_are_told_in_words():
    """A ring of four that ends in a fifth room, where the first one should be."""
    text = drawn(walked(*RING, last=seen("Den", "north")))
    picture, told = text.split("What cannot be drawn so:")
    assert "[Den]" in picture
    assert "Hall" not in picture
    assert "* leads elsewhere" in picture  # from the attic to the hall
    assert "Hall: east to Attic." in told


def test_rooms_that_look_alike_are_several_rooms():
    chart = walked((seen("Cave", "east"), "go east"), last=seen("Cave", "west", "east"))
    assert drawn(chart).count("Cave") == 2


def test_the_same_in_words_begins_with_where_one_is():
    told = tell_map(walked(*RING[:2], last=seen("Barn", "south", "west"))).split("\n")
    assert told == [
        "You know 3 rooms.", "You are here: Barn: south to Attic, west not taken yet.",
        "1 step away: Attic: north to Barn, west to Hall.", "2 steps away: Hall: east to Attic."]


def test_whoever_turns_sees_where_the_player_faces():
    chart = walked((seen("Hall", "forward", "left"), "go left"), last=seen("Den", "back"))
    assert "[Den ←]" in drawn(chart)
    assert "up is where you faced at first" in drawn(chart)
    assert "[Den W]" in drawn(chart, unicode=False)


def test_a_room_cannot_steer_the_terminal():
    assert "\x1b" not in drawn(walked(last=seen("De\x1b[2Jn")))
    assert title(walked(last=Observation(0, "", "", "", "", ())).room) == "a place without a name"


@pytest.mark.parametrize("name", MAZES)
def test_every_maze_is_drawn_within_any_window_and_knows_no_more_than_was_walked(name):
    chart, headings = Chart(), set()
    rounds = rollout(load_game(name), make_agent("wander", {}, 0)[1], [3], split="train", slots=1)
    for step, (record,) in enumerate(rounds):
        chart.read(record.before)
        chart.give(record.command)
        headings.add(record.before.description.partition("\n")[0].strip("-= "))
        if step % 20 == 0:
            for width, height in ((80, 24), (40, 12), (20, 8)):
                lines = draw_map(chart, width=width, height=height, whole=False)
                assert len(lines[:lines.index("")]) <= height
                assert max(map(len, lines)) <= max(width, 30)  # of the longest part of the legend
            assert draw_map(chart, unicode=False) == [line for line in draw_map(chart, unicode=False) if line.isascii()]
    assert {title(room) for room in chart.rooms.values()} <= headings
    assert sum("[" in line for line in draw_map(chart)) + sum("@" in line for line in draw_map(chart)) >= 2


def test_a_large_maze_is_drawn_around_the_player():
    commands = [(seen(f"Room {number}", "west", "east"), "go east") for number in range(60)]
    lines = draw_map(walked(*commands, last=seen("Last", "west")), width=80)
    assert "... only what is around you" in "\n".join(lines)
    assert "@" in lines[0]
