"""Garbage in: ten thousand lines and a thousand files, each with an answer; no traceback, no hang, nothing left."""

import contextlib
import json
import random
import string

import pytest
from click.testing import CliRunner

from textmaze.catalog import game_files, load_game
from textmaze.cli import main
from textmaze.env.single import CHARSET, MazeEnv
from textmaze.errors import TextmazeError
from textmaze.files import shipped_folder
from textmaze.game.maze_file import maze_from_json
from textmaze.game.mazes import MazeGame
from textmaze.game.recipe import Recipe, read_recipe, read_toml
from textmaze.game.table import maze_table
from textmaze.game.theme import theme_from

MAZES = ("labyrinth", "keys", "clockwork", "minotaur", "mapreader", "egocentric", "tower")
WORDS = [
    "go", "take", "drop", "open", "close", "unlock", "examine", "look", "inventory", "wait", "help", "with", "the",
    "a", "an", "coin", "key", "door", "north", "east", "south", "west", "up", "down", "left", "right", "forward",
    "back", "n", "e", "s", "w", "l", "x", "i", "z", "and", "then", "all", "it", "me", "get", "put", "lamp", "map",
    "letter", ".", ";", "!", "?",
]
ODD = ["", " ", "\0", "\n", "\x1b[2J", "%s%n", "../../x", "'; drop table", "{}", "{0}", "\ud800", "go " * 99]


def garbage(rng):
    """A line that somebody, or something, might type."""
    kind = rng.randrange(6)
    if kind == 0:
        return " ".join(rng.choice(WORDS) for _ in range(rng.randrange(6)))
    if kind == 1:
        return "".join(rng.choice(string.printable) for _ in range(rng.randrange(60)))
    if kind == 2:
        return "".join(chr(rng.randrange(0x110000)) for _ in range(rng.randrange(20)))
    if kind == 3:
        return rng.choice(WORDS) * rng.randrange(300)
    if kind == 4:
        word = list(rng.choice(WORDS) + " " + rng.choice(WORDS))
        word[rng.randrange(len(word))] = rng.choice(string.ascii_lowercase)
        return "".join(word)
    return rng.choice(ODD)


@pytest.mark.parametrize("name", MAZES)
def test_ten_thousand_garbage_lines_are_all_answered(name):
    rng = random.Random(name)
    env = MazeEnv(name)
    env.reset(seed=0)
    for number in range(10_000 // len(MAZES) + 1):
        text, reward, terminated, truncated, _ = env.step(garbage(rng))
        assert text
        assert set(text) <= set(CHARSET)
        assert reward in (0.0, 1.0)
        if terminated or truncated:
            env.reset(seed=number)


def test_garbage_typed_into_the_terminal_game_ends_it_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = random.Random(1)
    for name in MAZES:
        lines = "\n".join(garbage(rng).replace("\ud800", "") for _ in range(120))
        result = CliRunner().invoke(main, ["play", name, "--seed", "1"], input=lines.encode("utf-8", "ignore"))
        assert result.exit_code == 0, result.output
        assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


def mutated(rng, data):
    """Bytes with a few of them changed, lost, doubled or moved."""
    found = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        at, length = rng.randrange(len(found) + 1), rng.randrange(1, 12)
        kind = rng.randrange(4)
        if kind == 0:
            found[at:at + length] = bytes(rng.randrange(256) for _ in range(length))
        elif kind == 1:
            del found[at:at + length]
        elif kind == 2:
            found[at:at] = found[at:at + length]
        else:
            other = rng.randrange(len(found) + 1)
            found[other:other] = rng.choice([b"0", b"9", b"-", b".", b'"', b"=", b"\n", b"[", b"true", b"1e9", b"\xff"])
    return bytes(found)


def small(recipe):
    """Whether a mutated recipe is one whose mazes are made in a moment."""
    return isinstance(recipe, Recipe) and recipe.rooms <= 60


def test_five_hundred_mutated_recipes_are_played_or_refused_in_a_sentence(tmp_path):
    rng = random.Random(2)
    files = [path.read_bytes() for path in game_files().values()]
    path = tmp_path / "mine.toml"
    played = 0
    for _ in range(500):
        path.write_bytes(mutated(rng, rng.choice(files)))
        with contextlib.suppress(TextmazeError):
            recipe = read_recipe(path)
            if small(recipe):
                table = MazeGame("mine", recipe).table("train", 0)
                played += 1
                assert table.distance[table.start] > 0
    assert played > 20
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.toml"]


def test_three_hundred_mutated_mazes_are_played_or_refused_in_a_sentence():
    rng = random.Random(3)
    sound = [load_game(name).maze("train", 0).to_json().encode() for name in MAZES]
    for _ in range(300):
        with contextlib.suppress(TextmazeError):
            table = maze_table(maze_from_json(mutated(rng, rng.choice(sound)).decode("utf-8", "replace"), "mine.json"))
            assert list(table.texts[:20])


def test_two_hundred_mutated_themes_are_read_or_refused_in_a_sentence(tmp_path):
    rng = random.Random(4)
    files = [path.read_bytes() for path in (shipped_folder("games") / "themes").glob("*.toml")]
    path = tmp_path / "mine.toml"
    for _ in range(200):
        path.write_bytes(mutated(rng, rng.choice(files)))
        with contextlib.suppress(TextmazeError):
            theme_from(read_toml(path), "theme mine")


@pytest.mark.parametrize("command", ["play", "solve", "evaluate wander", "make"])
def test_a_damaged_file_given_to_a_command_is_refused_with_exit_code_2(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    maze = json.loads(load_game("keys").maze("train", 0).to_json())
    maze["doors"][0]["way"] = 9
    (tmp_path / "mine.json").write_text(json.dumps(maze))
    (tmp_path / "mine.toml").write_text("rooms = 0")
    for name in ("mine.json", "mine.toml"):
        more = ["--out", "x.json", "--format", "json"] if command == "make" else []
        result = CliRunner().invoke(main, [*command.split(), name, *more])
        assert result.exit_code == 2
        assert result.output.count("\n") <= 4
        assert "mine" in result.output
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["mine.json", "mine.toml"]
