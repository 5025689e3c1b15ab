"""Pages of recipes: every section, made from the settings and the games themselves."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from textmaze.catalog import game_files, load_game
from textmaze.cli import main
from textmaze.errors import GameError
from textmaze.game.mazes import MazeGame
from textmaze.show.recipe_page import AGENTS, FIRST, LAST, SECTIONS, recipe_page

MAZES = [name for name in game_files() if isinstance(load_game(name), MazeGame)]


def sections(page: str) -> dict[str, str]:
    """The bodies of the sections by title, in order."""
    _, *parts = re.split(r"^## ", page, flags=re.MULTILINE)
    return {title: body.strip() for title, _, body in (part.partition("\n") for part in parts)}


def ticked(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", text)


@pytest.mark.parametrize("name", MAZES)
def test_the_page_of_every_recipe_of_mazes_has_every_section_and_only_real_commands(name):
    game = load_game(name)
    assert isinstance(game, MazeGame)
    page = recipe_page(game, episodes=2)
    assert page.startswith(f"# {game.recipe.title}\n\n{game.recipe.summary}\n\n```python\n")
    assert page.endswith(".\n")
    assert "\n\n\n" not in page
    found = sections(page)
    assert tuple(found) == SECTIONS
    table = game.table("train", 0)
    listed = [command for line in found["Actions"].splitlines() if line.startswith("- ") for command in ticked(line)]
    assert sorted(listed) == sorted(table.commands)
    way = table.shortest_way()
    typed = re.findall(r"^> (.*)$", found["Example session"], re.MULTILINE)
    assert typed == (way if len(way) <= FIRST + LAST else [*way[:FIRST], *way[-LAST:]])
    assert found["Example session"].endswith(f"Won in {len(way)} steps; the fewest possible is {len(way)}.")
    assert max(map(len, found["Example session"].splitlines())) <= 80
    rows = [line.split("|")[1].strip(" `") for line in found["Figures"].splitlines() if line.startswith("| `")]
    assert tuple(rows) == AGENTS
    assert "On two games of the split `test`" in found["Figures"]


def test_a_setting_is_told_where_it_differs_from_the_default_with_its_meaning():
    body = sections(recipe_page(load_game("corridor"), episodes=1))["Settings"]
    assert "| `rooms` | `5` | how many rooms a maze has |" in body
    assert "`theme`" not in body  # the default one
    assert "`title`" not in body


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"gates": 1, "cycle": 6}, "One gate on the way to the goal opens and shuts by itself, in a cycle of 6 turns."),
        ({"gates": 2}, "Two gates on the way to the goal open and shut by themselves"),
        ({"locks": 1}, "One locked door on the way to the goal needs a key"),
        ({"locks": 2}, "Two locked doors on the way to the goal need a key each"),
        ({"patrols": 1}, "whoever it meets is caught, and the game is lost."),
        ({"patrols": 1, "caught": "back"}, "whoever it meets is caught, and is taken back to the start."),
        ({"cues": 0.5, "lies": 0.25}, "In 50% of the rooms something hints at the way; 25% of these hints are false"),
        ({"map": True}, "The player carries a map of all rooms"),
        ({"goal": "deliver"}, "The goal is to find something and bring it to a room"),
        ({"topology": "tree", "loops": 0.0, "branches": 2}, "a chain with two dead ends beside each room."),
        ({"floors": 2}, "on two floors joined by stairs."),
        ({"rooms": 1000}, "1,000 rooms: "),
    ],
    ids=str,
)
def test_the_description_follows_the_settings(overrides, sentence):
    page = recipe_page(load_game("labyrinth", overrides), episodes=1)
    assert sentence in sections(page)["Description"]


def test_the_termination_says_how_a_game_is_lost_where_it_can_be():
    assert "loses" in sections(recipe_page(load_game("minotaur"), episodes=1))["Termination"]
    assert "lose" not in sections(recipe_page(load_game("labyrinth"), episodes=1))["Termination"]


def test_where_games_take_their_time_the_figures_are_of_fewer_and_say_so():
    page = recipe_page(load_game("labyrinth"), episodes=100, seconds=0.0)
    assert "On one game of the split `test`" in page


def test_a_game_of_textworld_has_a_page_too(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTMAZE_CACHE", str(tmp_path))
    page = recipe_page(load_game("coin_collector", {"level": 2}), episodes=1)
    assert tuple(sections(page)) == SECTIONS
    assert "its challenge `tw-coin_collector` at level 2" in page
    assert "> take coin" in page
    assert "Won in 2 steps" in page


def test_a_game_that_is_played_live_has_a_page_of_what_is_known(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTMAZE_CACHE", str(tmp_path))
    page = recipe_page(load_game("simple"), episodes=1)
    assert tuple(sections(page)) == SECTIONS
    assert "Leave the bedroom, find a food and put it on the stove." in page
    assert "played by TextWorld's own walkthrough" in page
    assert "\n> unlock wooden door with old key\n" in page
    assert re.search(r"\nWon in \d+ steps; no shortest way is known.\n", page)
    assert "more states than can be known, so it is played live" in page
    assert "`walkthrough`" not in page
    assert re.search(r"- `put .*, and [0-9]+ others\n", page)


def test_a_strangers_title_is_text_and_no_markup(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('title = "# <b>*Mine*</b>\\u001b[2J"\nrooms = 4\n')
    page = recipe_page(load_game(str(path)), episodes=1)
    assert page.startswith("# \\# \\<b\\>\\*Mine\\*\\</b\\> \\[2J\n\n## Settings\n")
    assert "\x1b" not in page


def test_a_single_game_has_no_page(tmp_path):
    path = tmp_path / "maze.json"
    game = load_game("corridor")
    assert isinstance(game, MazeGame)
    path.write_text(game.maze("train", 0).to_json())
    with pytest.raises(GameError, match="maze is a single game, and only recipes have a page"):
        recipe_page(load_game(str(path)))


def command(*arguments: str) -> str:
    done = CliRunner(env={"COLUMNS": "80"}).invoke(main, ["games", *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_command_prints_markdown_where_no_terminal_reads_it_and_else_what_is_asked_for():
    timed = re.compile(r"took .* ms")
    page = timed.sub("", recipe_page(load_game("corridor"), episodes=3))
    assert timed.sub("", command("corridor", "--episodes", "3")) == page
    assert timed.sub("", command("corridor", "--episodes", "3", "--format", "markdown")) == page
    drawn = command("corridor", "--episodes", "3", "--format", "terminal")
    assert "## " not in drawn
    assert "Example session" in drawn
    assert max(map(len, drawn.splitlines())) <= 80


def test_the_command_takes_overrides_and_refuses_what_is_not_there():
    assert "| `rooms` | `4` |" in command("corridor", "--with", "rooms=4", "--episodes", "1")
    done = CliRunner().invoke(main, ["games", "corider"])
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: There is no game named 'corider'; did you mean 'corridor'?")


def test_no_page_names_a_folder_of_this_machine():
    page = recipe_page(load_game(str(game_files()["corridor"])), episodes=1)
    assert str(Path.cwd()) not in page
