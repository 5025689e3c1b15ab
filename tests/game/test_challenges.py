"""Games that TextWorld makes on demand, and how they are dealt out to the splits."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import stories

from textmaze.catalog import game_files, load_game
from textmaze.errors import GameError, SettingError
from textmaze.game import challenges, story
from textmaze.game.challenges import draw_hash
from textmaze.game.layout import Layout
from textmaze.game.maze import layout_hash, split_of
from textmaze.game.recipe import SPLITS, Challenge, CoinCollector, Cooking, Simple, TreasureHunter, read_recipe
from textmaze.game.situation import textworld_at_hand
from textmaze.game.story import ChallengeGame

DRAWN = (CoinCollector(level=5), TreasureHunter(level=1), TreasureHunter(level=11), Simple(), Cooking(go=6))


@pytest.fixture(autouse=True)
def _textworld() -> Iterator[None]:
    with textworld_at_hand():  # for tests that call what is under its roof
        yield


pytestmark = pytest.mark.usefixtures("cache")


def test_a_game_is_made_with_a_map_of_its_split_and_an_objective_that_keeps_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    game = ChallengeGame("coins", CoinCollector(level=103, max_steps=30))
    table = game.table("valid", 0)
    assert table.distance[table.start] == 3
    assert table.shortest_way()[-1] == "take coin"
    assert not any(way in table.texts[table.objective] for way in ("north", "east", "south", "west"))
    assert game.table("valid", 0) is table
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


@pytest.mark.slow
def test_prepared_games_are_the_same_as_those_made_one_by_one(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    game = ChallengeGame("coins", CoinCollector(level=4))
    one = game.table("test", 5)
    story.MEMORY.clear()
    shutil.rmtree(cache)
    game.prepare("test", [5, 6, 5])
    assert len(list((cache / "tables").iterdir())) == 2
    monkeypatch.setattr(story, "make_files", None)  # would raise if called
    game.prepare("test", [5, 6])
    assert list(game.table("test", 5).texts) == list(one.texts)
    assert (game.table("test", 5).feedback == one.feedback).all()


@pytest.mark.parametrize("recipe", DRAWN, ids=lambda recipe: f"{recipe.challenge}-{getattr(recipe, 'level', 0)}")
def test_what_is_drawn_in_advance_is_what_textworld_makes(recipe: Challenge) -> None:
    for split in ("train", "test"):
        made = challenges._make(recipe, split, 7)
        assert made is not None
        assert challenges._told_hash(recipe, made[0]) == draw_hash(recipe, 7)


def test_a_version_of_textworld_that_draws_otherwise_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(challenges, "draw_hash", lambda recipe, number: "0" * 64)
    with pytest.raises(GameError, match="draws other games"):
        challenges.make_files(CoinCollector(level=2), "train", 0)


@pytest.mark.parametrize("recipe", DRAWN, ids=lambda recipe: f"{recipe.challenge}-{getattr(recipe, 'level', 0)}")
def test_nothing_that_is_drawn_is_in_two_splits(recipe: Challenge) -> None:
    seen: dict[str | None, str] = {}
    for split in SPLITS:
        for seed in range(10):
            _, foretold = next(challenges._numbers(recipe, split, seed))
            assert foretold is not None
            assert seen.setdefault(foretold, split) == split


def test_games_in_one_kitchen_are_dealt_out_by_all_that_is_in_it() -> None:
    recipe = Cooking(foods="all")
    assert draw_hash(recipe, 0) is None
    hashes = {}
    for number in (1, 2):
        game = challenges._make(recipe, "train", number)[0]
        hashes[number] = challenges._told_hash(recipe, game)
        for info in game.infos.values():
            info.desc = "Other words."
        assert challenges._told_hash(recipe, game) == hashes[number]  # words alone make no other game
        game.quests = game.quests[1:]
        assert challenges._told_hash(recipe, game) != hashes[number]
    assert hashes[1] != hashes[2]


def test_where_only_the_game_tells_its_split_games_are_made_until_one_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def make(recipe: Challenge, split: str, number: int) -> tuple[int, None]:
        made.append(number)
        return number, None

    monkeypatch.setattr(challenges, "_make", make)
    monkeypatch.setattr(challenges, "_told_hash", lambda recipe, game: hashlib.sha256(str(game).encode()).hexdigest())
    found = {split: {challenges._game(Cooking(), split, seed)[0] for seed in range(20)} for split in SPLITS}
    for split, games in found.items():
        assert {split_of(challenges._told_hash(Cooking(), game)) for game in games} == {split}
    assert len(made) > 60
    monkeypatch.setattr(challenges, "_told_hash", lambda recipe, game: "0" * 64)
    with pytest.raises(GameError, match="With these settings tw-cooking has too few different games"):
        challenges._game(Cooking(), "test", 0)


def test_the_split_decides_on_the_foods_unless_the_recipe_does() -> None:
    settings = challenges._textworlds_settings
    assert [settings(Cooking(), split)["split"] for split in SPLITS] == list(SPLITS)
    assert settings(Cooking(foods="valid"), "train")["split"] == "valid"
    assert settings(Cooking(foods="all"), "train")["split"] == ""
    assert [settings(Simple(), split)["test"] for split in SPLITS] == [False, False, True]
    assert settings(Simple(foods="train"), "test")["test"] is False


def test_games_of_other_settings_are_kept_apart() -> None:
    recipes = (Cooking(), Cooking(take=1), Cooking(cut=True), Simple(), Simple(goal="none"), TreasureHunter(level=2),
               CoinCollector(level=2))
    paths = {ChallengeGame("x", recipe)._path("train", 0) for recipe in recipes}
    assert len(paths) == len(recipes)
    same = Cooking(title="Other", max_steps=9)
    assert ChallengeGame("y", same)._path("train", 0) == ChallengeGame("x", Cooking())._path("train", 0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"go": 7}, "go must be 1, 6, 9 or 12, not 7"), ({"take": 2}, "take must be at most recipe, which is 1, not 2"),
     ({"recipe_seed": 5}, "recipe_seed needs ingredients")],
)
def test_what_textworld_would_refuse_is_refused_at_once(settings: dict[str, int], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        Cooking(**settings)
    with pytest.raises(SettingError, match=message):
        load_game("cooking", {"take": 0, **settings})


def test_every_challenge_of_textworld_has_a_recipe() -> None:
    found = {recipe.challenge for path in game_files().values()
             if isinstance(recipe := read_recipe(path), Challenge)}
    stories.challenge(CoinCollector(level=2))  # imports TextWorld
    from textworld.challenges import CHALLENGES

    assert found == set(CHALLENGES)


def test_the_goal_is_part_of_what_tells_maps_apart() -> None:
    exits = ((1, -1, -1, -1), (2, -1, 0, -1), (-1, -1, 1, -1))
    assert layout_hash(Layout((), exits, 0, 1)) != layout_hash(Layout((), exits, 0, 2))
    turned = ((-1, -1, 1, -1), (0, -1, 2, -1), (1, -1, -1, -1))  # the same rooms, numbered from the other end
    assert challenges._hash_of_shape(exits) == challenges._hash_of_shape(turned)


@pytest.mark.parametrize("level", [151, 200, 234, 300])
def test_levels_that_textworld_refuses_are_refused_at_once(level: int) -> None:
    with pytest.raises(GameError, match="at most 100; levels 1 to 150 and 201 to 233 can be played"):
        ChallengeGame("coins", CoinCollector(level=level))


def test_a_level_with_a_single_map_cannot_fill_three_splits() -> None:
    recipe = CoinCollector(level=1)
    own = split_of(str(draw_hash(recipe, 0)))
    for split in SPLITS:
        if split != own:
            with pytest.raises(GameError, match="too few different maps"):
                challenges.make_files(recipe, split, 0)


def test_where_no_quest_is_found_the_next_number_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    make, tried = challenges._make, []

    def fails_first(recipe: Challenge, split: str, number: int) -> object:
        tried.append(number)
        return None if len(tried) == 1 else make(recipe, split, number)

    monkeypatch.setattr(challenges, "_make", fails_first)
    challenges._game(CoinCollector(level=3), "train", 0)
    assert len(set(tried)) == 2


def test_processors_are_counted() -> None:
    assert 1 <= story.processors() <= (os.cpu_count() or 1)
