"""Values as bars and in words."""

from textmaze.env.thoughts import Thought
from textmaze.show.bars import bars, in_words

THOUGHTS = [Thought("go east", 0.25), Thought("take coin", 1.0), Thought("go west", 0.5, "look", 2)]


def test_the_best_comes_first_and_a_bar_is_as_long_as_its_value():
    lines = bars(THOUGHTS, "take coin")
    assert [line.split()[0:3][-2 if line.startswith(">") else 0] for line in lines] == ["take", "go", "go"]
    assert [line.count("█") for line in lines] == [24, 12, 6]
    assert lines[0].startswith("> take coin ")
    assert lines[1].endswith(" 0.50  to look 2 steps from here")


def test_bars_keep_to_the_window_and_to_plain_letters_where_there_are_no_others():
    for width in (24, 40, 80):
        assert max(map(len, bars([*THOUGHTS, Thought("x" * 60, 0.1)], "go east", width=width))) <= max(width, 52)
    assert all(line.isascii() for line in bars(THOUGHTS, "go east", unicode=False))


def test_values_below_nothing_and_equal_ones_have_bars_too():
    assert [line.count("█") for line in bars([Thought("a", -1.0), Thought("b", 1.0)], "b")] == [24, 0]
    assert [line.count("█") for line in bars([Thought("a", 0.0)], "a")] == [24]


def test_of_many_commands_the_best_are_shown_and_the_one_that_was_chosen():
    many = [Thought(f"take {number}", -number) for number in range(20)]
    lines = bars(many, "take 15")
    assert len(lines) == 8
    assert lines[-1].startswith("> take 15")


def test_words_say_the_same():
    assert in_words(THOUGHTS, "take coin") == (
        "What each command is worth to it, the best first: take coin 1.00, go west 0.50 (to look 2 steps from here), "
        "go east 0.25.")
    assert "(to Hall)" in in_words([Thought("go up", 1.0, room="Hall")], "go up")
