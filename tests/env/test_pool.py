"""The tables that are played lie in one pool: each once, few of them, and nothing that is shown depends on it."""

import dataclasses
import random

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from vectors import EVERYTHING, Babel, Counted, Mixed, Pair, some_commands

from textmaze.catalog import load_game
from textmaze.env import vector
from textmaze.env.single import table_bytes
from textmaze.env.vector import MazeVectorEnv
from textmaze.game.table import Texts


def test_live_games_take_no_room_and_stay_where_they_are_when_others_are_dropped(alive, monkeypatch):
    monkeypatch.setattr(vector, "SPARE_BYTES", 1)
    env = MazeVectorEnv(2, alive, infos=EVERYTHING, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=[1, 0])
    env.step(["open white door", "look"])
    other = np.array([False, True])
    for seed in range(4, 80, 4):
        env.reset(seed=[None, seed], options={"reset_mask": other})
    assert env.step(["go east", "look"])[0][0].startswith("-= Pantry =-")
    assert len(env._pool._places) < 10
    assert all(not place.table.live for place in env._pool._numbers.values())


def test_each_game_of_a_set_is_made_once_and_lies_in_the_pool_once():
    game = Counted()
    env = MazeVectorEnv(50, game, games=4)
    env.reset(seed=0)
    cells = env._pool.cells
    for _ in range(60):
        env.step(["look"] * 50)
    env.reset(seed=1000)
    assert game.asked == dict.fromkeys(range(4), 1)
    assert env._pool.cells == cells == 1 + sum(
        len(table.terminal) * (len(table.commands) + 1) for table in {id(t): t for t in env.tables}.values()
    )


def test_a_game_that_is_the_same_with_any_number_lies_in_the_pool_once():
    class Single(Mixed):
        only = Mixed().table("train", 1)

        def table(self, split, seed):
            return self.only

    env = MazeVectorEnv(20, Single())
    env.reset(seed=0)
    cells = env._pool.cells
    for _ in range(40):
        env.step(["look"] * 20)
    assert env._pool.cells == cells
    assert {id(table) for table in env.tables} == {id(Single.only)}


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("games", [None, 40])
def test_dropping_tables_changes_nothing_that_is_shown(monkeypatch, mode, games):
    monkeypatch.setattr(vector, "SPARE_BYTES", 1)
    monkeypatch.setattr(vector, "KEPT_BYTES", 1)
    game, rng, drops = Babel(), random.Random(str(mode)), 0
    pair = Pair(4, game, mode, games=games)
    shown = pair.reset(5)
    for _ in range(200):
        before = pair.ours._pool.cells
        shown = pair.begun(pair.step(some_commands(rng, shown[-1])))
        drops += pair.ours._pool.cells < before
    assert drops > 3


@pytest.mark.parametrize("spare", [1, 200_000])
def test_memory_is_bounded_however_many_games_are_played(monkeypatch, spare):
    monkeypatch.setattr(vector, "SPARE_BYTES", spare)
    game = load_game("labyrinth", {"rooms": 9, "max_steps": 1})
    env = MazeVectorEnv(8, game, infos=EVERYTHING, autoreset_mode=AutoresetMode.SAME_STEP)
    env.reset(seed=0)
    sizes = []
    for _ in range(60):
        played = sum(map(table_bytes, env.tables))
        texts, *_, infos = env.step(["look"] * 8)
        begun = sum(map(table_bytes, env.tables))
        assert env._pool.bytes <= 1.1 * (played + max(played, spare) + begun)
        assert all(text.startswith(objective) for text, objective in zip(texts, infos["objective"], strict=True))
        sizes.append(env._pool.bytes)
    assert max(sizes[30:]) <= 1.2 * max(sizes[:30])  # it grows no more
    assert len(env._pool._numbers) < 100


def test_a_large_table_beside_small_ones_is_dropped_when_it_is_played_no_more(monkeypatch):
    monkeypatch.setattr(vector, "SPARE_BYTES", 1)
    large, small = load_game("labyrinth", {"rooms": 200}), load_game("corridor")

    class Both(Mixed):
        def table(self, split, seed):
            return (large if seed == 0 else small).table(split, seed)

    env = MazeVectorEnv(3, Both(), autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=[0, 1, 2])
    last = np.array([False, False, True])
    for seed in range(3, 20):
        env.reset(seed=[None, None, seed], options={"reset_mask": last})
    assert len(env.tables[0].terminal) > 200  # still played
    assert env.step(["look"] * 3)[0] == tuple(
        table.texts[table.description[state]] for table, state in zip(env.tables, env.state, strict=True)
    )
    for seed in range(20, 30):
        env.reset(seed=seed)
    assert env._pool.cells < large.table("train", 0).successor.size
    assert len(env._pool._strings) < 200


def test_texts_are_rendered_only_when_they_are_read():
    rendered = []

    class Told(Mixed):
        def table(self, split, seed):
            table = super().table(split, seed)
            texts = Texts(range(len(table.texts)), lambda key: rendered.append(key) or table.texts[key])
            return dataclasses.replace(table, texts=texts)

    env = MazeVectorEnv(4, Told(), infos=[], games=1)
    env.reset(seed=0)
    table = env.tables[0]
    assert sorted(rendered) == sorted({table.objective, int(table.description[table.start])})
    env.step(["look", "look", "inventory", "xyzzy"])
    env.step(["look", "look", "inventory", "xyzzy"])
    assert sorted(rendered) == sorted({table.objective, int(table.description[table.start]),
                                       int(table.inventory[table.start])})
