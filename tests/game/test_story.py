"""Games that TextWorld made, read by way of its interpreter, and those that it makes on demand."""

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

from textmaze.env.single import CHARSET
from textmaze.errors import GameError
from textmaze.game import explore, story
from textmaze.game.layout import Layout
from textmaze.game.maze import layout_hash, split_of
from textmaze.game.recipe import SPLITS, Challenge
from textmaze.game.story import ChallengeGame, StoryGame
from textmaze.game.table import GameTable
from textmaze.game.table_file import keep_table, kept_table, table_path


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEXTMAZE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def pantry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two rooms and a door between them; eating the apple in the pantry wins, taking the bomb there loses."""
    path = tmp_path_factory.mktemp("pantry") / "pantry.z8"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import textworld
        from textworld.generator.game import Event, Quest

        options = textworld.GameOptions()
        options.seeds = 1
        maker = textworld.GameMaker(options)
        hall, pantry = maker.new_room("hall", "A caf\xe9-like hall."), maker.new_room("pantry", "A pantry.")
        door = maker.new_door(maker.connect(hall.east, pantry.west), "white door")
        door.add_property("closed")
        apple, bomb = maker.new("f", "apple", "Red."), maker.new("o", "bomb", "Black.")
        pantry.add(apple, bomb)
        maker.set_player(hall)
        eaten, taken = maker.new_fact("eaten", apple), maker.new_fact("in", bomb, maker.inventory)
        maker.quests = [Quest(win_events=[Event(conditions={eaten})], fail_events=[Event(conditions={taken})],
                              reward=3, desc="Eat the apple.")]
        maker.build().objective = "Eat the apple."
        maker.compile(str(path))
    return path


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
    story._story_table.cache_clear()
    again = game.table("test", 9)  # from the disk
    assert list(again.texts) == list(first.texts)
    assert (again.successor == first.successor).all()


def test_a_damaged_cache_file_is_made_anew(pantry: Path, cache: Path) -> None:
    game = StoryGame("pantry", pantry, 50)
    first = game.table("train", 0)
    (file,) = (cache / "tables").iterdir()
    whole = file.read_bytes()
    for damaged in (b"", b"no table", whole[: len(whole) // 2], whole[:-1], b"PK\x05\x06" + bytes(18)):
        file.write_bytes(damaged)
        assert kept_table(file) is None
    story._story_table.cache_clear()
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


def test_a_game_with_too_many_states_is_refused(pantry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explore, "MAX_CELLS", 50)
    with pytest.raises(GameError, match="too many states"):
        StoryGame("x", pantry, 50).table("train", 0)


def test_without_textworld_the_error_says_so(pantry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "textworld", None)
    with pytest.raises(GameError, match="needs TextWorld"):
        StoryGame("x", pantry, 50).table("train", 0)


def test_a_challenge_is_made_with_a_map_of_its_split_and_an_objective_that_keeps_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    game = ChallengeGame("coins", Challenge(level=103, max_steps=30))
    table = game.table("valid", 0)
    assert table.distance[table.start] == 3
    assert split_of(layout_hash(story._layout(table))) == "valid"
    assert table.shortest_way()[-1] == "take coin"
    assert not any(way in table.texts[table.objective] for way in ("north", "east", "south", "west"))
    assert game.table("valid", 0) is table
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


@pytest.mark.slow
def test_prepared_games_are_the_same_as_those_made_one_by_one(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    game = ChallengeGame("coins", Challenge(level=4))
    one = game.table("test", 5)
    story._challenge_table.cache_clear()
    shutil.rmtree(cache)
    game.prepare("test", [5, 6, 5])
    assert len(list((cache / "tables").iterdir())) == 2
    monkeypatch.setattr(story, "_make", None)  # would raise if called
    game.prepare("test", [5, 6])
    assert list(game.table("test", 5).texts) == list(one.texts)
    assert (game.table("test", 5).feedback == one.feedback).all()


def test_the_map_that_is_drawn_in_advance_is_the_one_that_textworld_makes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(story, "_find", lambda recipe, split, seed: (7, story._draw(202, 8)))
    with pytest.raises(GameError, match="draws other maps"):
        story._make(Challenge(level=202), "train", 0)
    monkeypatch.setattr(story, "_find", lambda recipe, split, seed: (7, story._draw(202, 7)))
    assert len(story._make(Challenge(level=202), "train", 0).terminal) == 7


def test_no_map_is_in_two_splits() -> None:
    seen = {}
    for split in SPLITS:
        for seed in range(30):
            _, layout = story._find(Challenge(level=5), split, seed)
            assert seen.setdefault(layout_hash(layout), split) == split


def test_the_goal_is_part_of_what_tells_maps_apart() -> None:
    exits = ((1, -1, -1, -1), (2, -1, 0, -1), (-1, -1, 1, -1))
    assert layout_hash(Layout((), exits, 0, 1)) != layout_hash(Layout((), exits, 0, 2))


@pytest.mark.parametrize("level", [151, 200, 234, 300])
def test_levels_that_textworld_refuses_are_refused_at_once(level: int) -> None:
    with pytest.raises(GameError, match="at most 100; levels 1 to 150 and 201 to 233 can be played"):
        ChallengeGame("coins", Challenge(level=level))


def test_a_level_with_a_single_map_cannot_fill_three_splits() -> None:
    for split in SPLITS:
        if split == split_of(layout_hash(story._draw(1, 0))):
            story._find(Challenge(level=1), split, 0)
        else:
            with pytest.raises(GameError, match="too few different maps"):
                story._find(Challenge(level=1), split, 0)
