"""Games that TextWorld made, read by way of its interpreter."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from textmaze.env.single import CHARSET
from textmaze.errors import GameError
from textmaze.game import explore, story
from textmaze.game.explore import MAX_CELLS
from textmaze.game.situation import StoryWorld
from textmaze.game.story import StoryGame
from textmaze.game.table import GameTable
from textmaze.game.table_file import keep_files, keep_table, kept_files, kept_table, table_path

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def table(pantry: Path) -> GameTable:
    return StoryGame("pantry", pantry, 50).table("train", 0)


def play(table: GameTable, *commands: str) -> tuple[int, float, str]:
    """The state, the reward and the answer after the last of some commands."""
    state, reward, answer = table.start, 0.0, ""
    for command in commands:
        column = table.command_index[command]
        reward, answer = float(table.reward[state, column]), table.texts[table.feedback[state, column]]
        state = int(table.successor[state, column])
    return state, reward, answer


def test_a_game_with_a_door_is_read_with_its_shortest_way(table: GameTable) -> None:
    assert table.texts[table.objective] == "Eat the apple."
    assert table.shortest_way() == ["open white door", "go east", "take apple", "eat apple"]
    assert table.admissible_commands(table.start) == ("open white door",)


def test_texts_are_what_the_game_says_and_nothing_around_it(table: GameTable) -> None:
    assert play(table, "go east")[2] == "You have to open the white door first."
    assert play(table, "wait")[2] == "Time passes."
    assert play(table, "inventory")[2] == "You are carrying nothing."
    assert table.texts[table.description[table.start]] == "-= Hall =-\nA cafe-like hall."
    assert play(table, "look")[2] == table.texts[table.description[table.start]]
    assert all(set(text) <= set(CHARSET) for text in table.texts)
    assert all(text and text == text.strip() and "\n\n\n" not in text for text in table.texts)


def test_the_reward_of_the_win_is_its_score_and_the_win_reads_well(table: GameTable) -> None:
    state, reward, answer = play(table, *table.shortest_way())
    assert reward == 3
    assert answer == "You eat the apple. Not bad.\n\nYour score has just gone up by three points."
    assert table.terminal[state]
    assert table.distance[state] == 0
    assert table.texts[table.description[state]].startswith("-= Pantry =-")


def test_a_lost_game_is_over_and_has_no_way_to_a_win(table: GameTable) -> None:
    state, reward, answer = play(table, "open white door", "go east", "take bomb")
    assert reward == 0
    assert answer.endswith("You have lost.")
    assert table.terminal[state]
    assert table.distance[state] == -1
    assert table.texts[table.description[state]] == "You pick up the bomb from the ground."
    assert table.texts[table.inventory[state]] == "You are carrying nothing."  # as was last seen


def test_after_the_end_nothing_changes(table: GameTable) -> None:
    for state in np.flatnonzero(table.terminal):
        assert (table.successor[state] == state).all()
        assert not table.admissible[state].any()
        assert not table.reward[state].any()


def test_every_split_and_seed_is_the_same_game_and_is_explored_once(
    pantry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    game = StoryGame("pantry", pantry, 50)
    first = game.table("train", 0)
    monkeypatch.setattr(story, "explore", None)  # would raise if called
    assert game.table("test", 9) is first
    story.MEMORY.clear()
    again = game.table("test", 9)  # from the disk
    assert list(again.texts) == list(first.texts)
    assert (again.successor == first.successor).all()
    assert again.shortest_way() == first.shortest_way()


def test_a_damaged_cache_file_is_made_anew(pantry: Path, cache: Path) -> None:
    game = StoryGame("pantry", pantry, 50)
    first = game.table("train", 0)
    (file,) = (cache / "tables").iterdir()
    whole = file.read_bytes()
    for damaged in (b"", b"no table", whole[: len(whole) // 2], whole[:-1], b"PK\x05\x06" + bytes(18)):
        file.write_bytes(damaged)
        assert kept_table(file) is None
    story.MEMORY.clear()
    assert list(game.table("train", 0).texts) == list(first.texts)
    assert file.read_bytes() == whole


def test_a_kept_table_whose_numbers_point_nowhere_is_none(table: GameTable, tmp_path: Path) -> None:
    keep_table(tmp_path / "table.npz", table)
    assert kept_table(tmp_path / "table.npz") is not None
    table.successor[0, 0], before = 99, table.successor[0, 0]
    keep_table(tmp_path / "table.npz", table)
    table.successor[0, 0] = before
    assert kept_table(tmp_path / "table.npz") is None


def test_a_key_is_not_the_same_as_its_parts_cut_otherwise() -> None:
    assert table_path("a", "bc") != table_path("ab", "c")


def test_missing_files_are_named(pantry: Path, tmp_path: Path) -> None:
    with pytest.raises(GameError, match=r"There is no file .*nowhere\.z8"):
        StoryGame("x", tmp_path / "nowhere.z8", 50).table("train", 0)
    shutil.copy(pantry, tmp_path / "alone.z8")
    with pytest.raises(GameError, match=r"There is no file .*alone\.json.*\.json beside it"):
        StoryGame("x", tmp_path / "alone.z8", 50).table("train", 0)


def test_a_folder_is_not_a_game(tmp_path: Path) -> None:
    (tmp_path / "folder.z8").mkdir()
    with pytest.raises(GameError, match="cannot be read"):
        StoryGame("x", tmp_path / "folder.z8", 50).table("train", 0)


def test_a_damaged_story_never_reaches_the_interpreter(pantry: Path, tmp_path: Path) -> None:
    whole = pantry.read_bytes()
    shutil.copy(pantry.with_suffix(".json"), tmp_path / "bad.json")
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    shorter = (b"", b"\x08", whole[:1000], whole[:-5000])
    for data in (*shorter, b"hello" * 100, bytes(flipped), b"\x05" + whole[1:]):
        (tmp_path / "bad.z8").write_bytes(data)
        with pytest.raises(GameError, match=r"is damaged|is not a Z-machine game"):
            StoryGame("x", tmp_path / "bad.z8", 50).table("train", 0)


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 100_000, "null", "[1]", "{}", '{"version": 1, "KB": 3}', "\xff"], ids=range(8)
)
def test_a_damaged_json_is_one_sentence(pantry: Path, tmp_path: Path, text: str) -> None:
    shutil.copy(pantry, tmp_path / "bad.z8")
    (tmp_path / "bad.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(GameError, match=r"bad\.json (is not valid JSON|does not describe a TextWorld game)"):
        StoryGame("x", tmp_path / "bad.z8", 50).table("train", 0)


def test_the_json_of_another_game_is_noticed(pantry: Path, tmp_path: Path) -> None:
    shutil.copy(pantry, tmp_path / "mixed.z8")
    info = json.loads(pantry.with_suffix(".json").read_text())
    info["infos"] = info["infos"][:1]
    (tmp_path / "mixed.json").write_text(json.dumps(info))
    with pytest.raises(GameError, match="is not that of this game"):
        StoryGame("x", tmp_path / "mixed.z8", 50).table("train", 0)


def test_without_textworld_the_error_says_so(pantry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "textworld", None)
    with pytest.raises(GameError, match="needs TextWorld"):
        StoryGame("x", pantry, 50).table("train", 0)


def test_exploring_with_workers_gives_the_same_table(pantry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explore, "_ALONE", 5)
    files = pantry.read_bytes(), pantry.with_suffix(".json").read_bytes()
    alone, helped = (explore.explore(StoryWorld(*files, "pantry.z8"), processes) for processes in (1, 2))
    assert alone is not None
    assert helped is not None
    assert alone.texts == helped.texts
    for name in ("successor", "feedback", "description", "inventory", "reward", "terminal", "won"):
        assert (getattr(alone, name) == getattr(helped, name)).all()


def test_a_script_without_a_main_guard_may_explore_with_workers(pantry: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\nfrom textmaze.game import explore, story\n"
        "explore._ALONE, story.processors = 5, lambda: 2\n"
        f"print(story.StoryGame('x', Path({str(pantry)!r}), 50).table('train', 0).shortest_way())\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert done.stdout == "['open white door', 'go east', 'take apple', 'eat apple']\n", done.stderr


def test_a_worker_that_dies_is_one_sentence(pantry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explore, "_ALONE", 5)
    monkeypatch.setattr("textmaze.game.interpreter._SERVE", "raise SystemExit(1)")
    world = StoryWorld(pantry.read_bytes(), pantry.with_suffix(".json").read_bytes(), "pantry.z8")
    with pytest.raises(GameError, match=r"pantry\.z8 cannot be explored: its interpreter broke down"):
        explore.explore(world, 2)


def test_all_commands_are_known_before_any_is_tried(pantry: Path, table: GameTable) -> None:
    world = StoryWorld(pantry.read_bytes(), pantry.with_suffix(".json").read_bytes(), "pantry.z8")
    assert set(table.commands) <= {*world.all_commands(), *explore.GOING, *explore.ALWAYS}
    assert "put bomb" not in " ".join(world.all_commands())  # for to take it ends the game
    assert table.successor.size / 10 < world.guess() < MAX_CELLS


@pytest.mark.parametrize("name", ["quit", "save", "two.parts", "a\nb", "\0", "long " * 50, "caf\xe9"], ids=range(7))
def test_what_no_player_can_type_is_no_command(pantry: Path, name: str) -> None:
    info = json.loads(pantry.with_suffix(".json").read_text())
    info["infos"] = [[key, {**value, "name": name} if value["name"] == "white door" else value]
                     for key, value in info["infos"]]
    assert '"open {d}"' in info["KB"]["logic"]
    info["KB"]["logic"] = info["KB"]["logic"].replace('"open {d}"', '"{d}"')
    pantry.with_suffix(".json").write_text(json.dumps(info))
    table = StoryGame("x", pantry, 50).table("train", 0)
    assert name not in table.commands
    assert table.admissible_commands(table.start) == ()


def test_files_that_are_kept_come_back_and_damaged_ones_are_none(tmp_path: Path) -> None:
    keep_files(tmp_path / "game.npz", b"story", b"info")
    assert kept_files(tmp_path / "game.npz") == (b"story", b"info")
    assert kept_table(tmp_path / "game.npz") is None
    (tmp_path / "game.npz").write_bytes((tmp_path / "game.npz").read_bytes()[:-10])
    assert kept_files(tmp_path / "game.npz") is None
    assert kept_files(tmp_path / "none.npz") is None
