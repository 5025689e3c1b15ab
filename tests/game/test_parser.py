"""The parser: forgiving of how a command is put, strict on what it is, and never at a loss for an answer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textmaze.env.single import CHARSET, LONGEST_TEXT
from textmaze.game.layout import DIRECTIONS
from textmaze.game.parser import LONGEST_LINE, Reading, read

COMMANDS = (*(f"go {direction}" for direction in DIRECTIONS), "take coin", "look", "inventory", "wait", "help")
EGOCENTRIC = ("go forward", "go right", "go back", "go left", "look")

# As in a game made by TextWorld, whose commands the same parser reads.
MANY = (
    *COMMANDS,
    "open oak door",
    "close oak door",
    "take iron key",
    "take iron lamp",
    "drop iron key",
    "examine iron key",
    "unlock oak door with iron key",
    "go up",
    "go down",
)


@pytest.mark.parametrize("command", MANY)
def test_every_command_is_read_as_itself(command):
    assert read(command, MANY, ()) == Reading(command, "")


@pytest.mark.parametrize("command", MANY)
@pytest.mark.parametrize(
    "put",
    [
        str.upper,
        str.title,
        "  {}  ".format,
        "{}.".format,
        "{}!\n".format,
        lambda text: text.replace(" ", " \t "),
        lambda text: text.replace(" ", " the "),
    ],
)
def test_case_blanks_full_stops_and_articles_do_not_matter(put, command):
    assert read(put(command), MANY, ()).command == command


@pytest.mark.parametrize(
    ("line", "command"),
    [
        *((direction[0], f"go {direction}") for direction in DIRECTIONS),
        *((direction, f"go {direction}") for direction in DIRECTIONS),
        *((f"go {direction[0]}", f"go {direction}") for direction in DIRECTIONS),
        *(
            (f"{verb} {direction}", f"go {direction}")
            for verb in ("walk", "run", "head", "move", "g")
            for direction in DIRECTIONS
        ),
        ("u", "go up"),
        ("d", "go down"),
        ("l", "look"),
        ("look around", "look"),
        ("i", "inventory"),
        ("inv", "inventory"),
        ("z", "wait"),
        ("rest", "wait"),
        ("?", "help"),
        ("h", "help"),
        ("get coin", "take coin"),
        ("grab the coin", "take coin"),
        ("pick up a coin", "take coin"),
        ("PICK UP THE COIN!", "take coin"),
        ("collect coin", "take coin"),
        ("shut the oak door", "close oak door"),
        ("x iron key", "examine iron key"),
        ("look at the iron key", "examine iron key"),
        ("discard iron key", "drop iron key"),
    ],
)
def test_short_forms_and_synonyms(line, command):
    assert read(line, MANY, ()) == Reading(command, "")


@pytest.mark.parametrize(
    ("line", "command"),
    [("f", "go forward"), ("left", "go left"), ("l", "look"), ("turn right", "go right"), ("go b", "go back")],
)
def test_the_ways_that_a_player_sees_have_short_forms_too(line, command):
    assert read(line, EGOCENTRIC, ()) == Reading(command, "")


def test_a_noun_that_is_left_out_is_the_only_one_possible():
    assert read("take", COMMANDS, ("go north", "take coin")).command == "take coin"
    assert read("go", COMMANDS, ("go east",)).command == "go east"
    assert read("open door", MANY, ()).command == "open oak door"
    assert read("unlock door", MANY, ()).command == "unlock oak door with iron key"


def test_a_noun_that_is_left_out_and_could_be_several_is_asked_for():
    assert read("go", COMMANDS, ("go north", "go west")) == Reading(
        None, "Which do you mean: go north or go west?"
    )
    command, answer = read("go", COMMANDS, ())
    assert command is None
    assert answer == "Which do you mean: go north, go east, go south or go west?"
    assert read("take iron", MANY, ()).answer == "Which do you mean: take iron key or take iron lamp?"


def test_what_is_admissible_is_preferred():
    assert read("take iron", MANY, ("take iron lamp",)).command == "take iron lamp"


@pytest.mark.parametrize(
    "line",
    [
        "go north. go east",
        "n. n",
        "n;e",
        "n\ne",
        "go north\ngo north",
        "go north\r\ngo north",
        "take coin then wait",
        "then go north then go east",
        "go north\0go north",
        "n.n.n.n",
    ],
)
def test_chains_are_refused(line):
    assert read(line, COMMANDS, ()) == Reading(None, "One command at a time, please.")


@pytest.mark.parametrize(
    "line", ["go north and go east", "go north, go east", "go north go east", "n e", "n n"]
)
def test_several_commands_in_a_row_are_never_read_as_one(line):
    assert read(line, COMMANDS, COMMANDS).command is None


@pytest.mark.parametrize("line", ["", " ", "\n", ".", "...", "!", "the", "The a an."])
def test_nothing_gets_a_hint(line):
    assert read(line, COMMANDS, ()) == Reading(None, "Type a command, for instance: look.")


@pytest.mark.parametrize(
    ("line", "near"),
    [("go nrth", "go north"), ("lok", "look"), ("take cion", "take coin"), ("look under bed", "look"),
     ("ivnentory", "inventory"), ("goo nort", "go north")],
)
def test_nonsense_is_answered_with_the_nearest(line, near):
    assert read(line, COMMANDS, ()) == Reading(None, f'You cannot "{line}" here. Did you mean "{near}"?')


def test_nonsense_that_is_like_nothing_points_to_help():
    assert read("xyzzy", COMMANDS, ()).answer == 'You cannot "xyzzy" here. Type help to see what you can do.'


def test_a_line_that_is_too_long_is_refused_whatever_it_says():
    answer = "That is too long. Type a short command, for instance: look."
    assert read("x" * (LONGEST_LINE + 1), COMMANDS, ()) == Reading(None, answer)
    assert read("go north" + " north" * 10**5, COMMANDS, ()).command is None
    assert read("look" + " " * 10**6, COMMANDS, ()).command == "look"


words = st.sampled_from([word for command in MANY for word in command.split()])
lines = st.one_of(
    st.text(),
    st.text(CHARSET),
    st.lists(words | st.text(max_size=3), max_size=6).map(" ".join),
    st.text(st.characters(categories=["Cs", "Cc", "Lu", "Zs"])),
)


@given(lines, st.sets(st.sampled_from(MANY)))
@settings(deadline=None, max_examples=300)
def test_any_line_gives_a_command_or_an_answer_that_can_be_shown(line, admissible):
    command, answer = read(line, MANY, sorted(admissible))
    if command is None:
        assert 0 < len(answer) <= LONGEST_TEXT
        assert set(answer) <= set(CHARSET)
    else:
        assert command in MANY
        assert answer == ""


@given(lines)
@settings(deadline=None, max_examples=50)
def test_where_there_are_no_commands_every_line_has_an_answer(line):
    command, answer = read(line, (), ())
    assert command is None
    assert answer


def test_a_name_may_hold_what_is_an_article_or_a_chain_elsewhere():
    for line in ("take key of the king", " Take Key of the King!", "take then"):
        assert read(line, ("take key of the king", "take then"), ()).command == line.lower().strip(" !")
