"""Texts of strangers, as they may be shown."""

from textmaze.show.printable import printable, printable_line


def test_what_would_steer_a_terminal_is_not_printed():
    assert printable_line("a\x1b[2Jb\nc\u202e") == "a [2Jb c "


def test_printable_keeps_lines_and_letters():
    assert printable("caf\xe9\n\tb\x1b[0m") == "caf\xe9\n b [0m"
