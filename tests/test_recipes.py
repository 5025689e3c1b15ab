"""The shipped recipes: each is a sound environment, can always be won, and plays the same alone and among many."""

import dataclasses

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

from textmaze.catalog import game_files, load_game, make_agent
from textmaze.env.rollout import rollout
from textmaze.env.single import MazeEnv
from textmaze.game.mazes import MazeGame
from textmaze.game.recipe import SPLITS, Recipe, read_recipe
from textmaze.game.table import maze_table
from textmaze.learn.evaluate import evaluate

RECIPES = {name: found for name, path in game_files().items() if isinstance(found := read_recipe(path), Recipe)}
LARGE = "catacombs"  # its tables take a tenth of a second each
FRAMES = ("compass", "egocentric")


def games(name, frame):
    return MazeGame(name, dataclasses.replace(RECIPES[name], frame=frame))


def test_there_is_a_ladder_of_recipes():
    assert {
        "corridor", "labyrinth", "signposts", "keys", "clockwork", "minotaur", "mapreader", "directions", "egocentric",
        "alias", "tower", "catacombs",
    } <= set(RECIPES)


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("name", RECIPES)
def test_gymnasium_finds_no_fault(name, frame):
    check_env(MazeEnv(games(name, frame)), skip_render_check=True)


@given(st.sampled_from(sorted(set(RECIPES) - {LARGE})), st.sampled_from(SPLITS), st.integers(0, 2**31 - 1))
@settings(deadline=None, max_examples=100)
def test_every_maze_can_be_won_within_the_steps_that_there_are(name, split, seed):
    game = load_game(name)
    table = game.table(split, seed)
    assert 0 < table.distance[table.start] <= game.max_steps


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("name", RECIPES)
def test_the_oracle_wins_every_game(name, frame):
    episodes = 4 if name == LARGE else 100
    result = evaluate(make_agent("walkthrough", {}, 0)[1], games(name, frame), range(episodes), name="walkthrough",
                      split="test")
    assert result.success == result.spl == 1.0


@pytest.mark.parametrize("name", RECIPES)
def test_many_at_once_are_the_same_as_one_after_the_other(name):
    game, seeds = load_game(name), range(3 if name == LARGE else 10)

    def played(slots):
        records = [r for rs in rollout(game, make_agent("explorer", {}, 0)[1], seeds, split="valid", slots=slots)
                   for r in rs]
        return sorted((r.seed, r.step, r.command, r.feedback, r.reward, r.terminated, r.truncated, r.distance,
                        r.after.description, r.after.inventory, r.after.admissible) for r in records)

    assert played(1) == played(len(seeds))


@pytest.mark.parametrize("name", RECIPES)
def test_what_the_recipe_asks_for_is_there(name):
    recipe = RECIPES[name]
    maze = load_game(name).maze("train", 0)
    assert len(maze.rooms) == recipe.rooms
    assert len(maze.doors) == recipe.doors + recipe.locks
    assert len(maze.gates) == recipe.gates
    assert len(maze.patrols) == recipe.patrols
    assert sum(item.kind == "thing" for item in maze.items) == recipe.things
    assert sum(item.kind == "key" for item in maze.items) == recipe.locks
    assert any(room.dark for room in maze.rooms) == (recipe.dark > 0)
    assert bool(maze.cues) == (recipe.cues > 0)
    assert bool(maze.directions) == recipe.directions


@pytest.mark.parametrize("name", ["clockwork", "minotaur"])
def test_waiting_is_sometimes_the_only_right_command(name):
    waits = 0
    for seed in range(20):
        table = load_game(name).table("train", seed)
        waits += "wait" in table.shortest_way()
    assert waits > 0


def test_keys_lie_one_behind_the_other():
    for seed in range(20):
        maze = load_game("keys").maze("train", seed)
        way = maze_table(maze).shortest_way()
        unlocked = [way.index(f"unlock {door.name} with {maze.items[door.key].name}") for door in maze.doors[:2]]
        assert unlocked == sorted(unlocked)
        taken = [way.index(f"take {maze.items[door.key].name}") for door in maze.doors[:2]]
        assert taken[0] < unlocked[0] < taken[1] < unlocked[1]


def test_layouts_of_different_splits_are_different_and_states_are_few_enough():
    for name in sorted(set(RECIPES) - {"corridor", LARGE}):
        game = load_game(name)
        hashes = {split: {game.maze(split, seed).layout_hash for seed in range(20)} for split in SPLITS}
        assert hashes["train"].isdisjoint(hashes["valid"] | hashes["test"])
        assert hashes["valid"].isdisjoint(hashes["test"])
        sizes = [game.table("train", seed).successor.size for seed in range(5)]
        assert np.mean(sizes) < 100_000
