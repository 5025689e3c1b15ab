"""Markdown shows every command and text word for word, and how it ended."""

import pytest
from transcripts import Quitter, played

from textmaze.env.rollout import rollout
from textmaze.game.mazes import MazeGame
from textmaze.game.recipe import Recipe
from textmaze.show.formats import markdown
from textmaze.show.transcript import by_episode, make_header


def test_markdown_shows_every_command_and_text_word_for_word_and_how_it_ended():
    header, episodes = played(name="walkthrough", seeds=range(12))
    text = "".join(markdown.write(episodes, header))
    assert text.startswith("# Corridor, played by walkthrough\n")
    assert text.count("\n## Episode ") == 12
    assert text.count("\n**Won in 4 steps; the fewest possible is 4.**\n") == 12
    for record in episodes[0]:
        for line in (*record.before.text.splitlines(), f"> {record.command}", *record.feedback.splitlines()):
            assert not line or f"\n{line}\n" in text
    assert "\n\n\n" not in text


@pytest.mark.parametrize(("command", "shown"), [
    ("*take* <b>coin</b>", r"\*take\* \<b\>coin\</b\>"), ("# one", r"\# one"), ("1. go", r"1\. go"),
    ("- go", r"\- go"), ("a\nb", "a b"), ("stray \udcff", "stray ?"), ("red \x1b[31m", r"red  \[31m"),
])
def test_markdown_shows_marks_as_marks(command, shown):
    game = MazeGame("x", Recipe(topology="corridor", rooms=3))
    rounds = list(rollout(game, Quitter(command), [0], split="train"))
    header = make_header(game, source="x", split="train", agent="my_agent", seeds=[0])
    text = "".join(markdown.write(by_episode(rounds), header))
    assert text.startswith("# x, played by my\\_agent\n")
    assert f"\n> {shown}\n" in text
    text.encode()
