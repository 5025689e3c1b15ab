"""Mixtures: which game a number is, and after how many commands it is cut off."""

import dataclasses
import itertools

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from textmaze.catalog import game_files, load_game
from textmaze.env.rollout import rollout
from textmaze.env.single import MazeEnv
from textmaze.env.vector import MazeVectorEnv
from textmaze.errors import TextmazeError
from textmaze.game.mixture import Mixture, parts, step_limit
from textmaze.suite import is_suite, load_suite, suite_files

SHORT, LONG = load_game("corridor", {"max_steps": 2}), load_game("labyrinth", {"rooms": 9, "max_steps": 5})
BOTH = Mixture("both", (SHORT, LONG))


class Idler:
    infos = ()

    def begin(self, episodes):
        pass

    def act(self, observations):
        return ["look"] * len(observations)


@settings(deadline=None)
@given(number=st.integers(0, 10**6), split=st.sampled_from(["train", "valid", "test"]))
def test_a_number_is_the_games_in_turn(number, split):
    game, own = BOTH.part(number)
    assert game is (SHORT, LONG)[number % 2]
    assert own == number // 2
    assert BOTH.table(split, number) is game.table(split, own)
    assert step_limit(BOTH, number) == game.max_steps == step_limit(game, number)


def test_the_first_numbers_are_the_first_games_of_each():
    found = [BOTH.part(number) for number in range(6)]
    assert found == [(SHORT, 0), (LONG, 0), (SHORT, 1), (LONG, 1), (SHORT, 2), (LONG, 2)]
    assert parts(BOTH) == (SHORT, LONG)
    assert parts(SHORT) == (SHORT,)
    assert BOTH.max_steps == 5


def test_each_game_is_prepared_with_the_numbers_that_it_has_there():
    asked = []

    @dataclasses.dataclass
    class Noted:
        name: str
        max_steps: int = 3

        def prepare(self, split, seeds):
            asked.append((self.name, split, list(seeds)))

    Mixture("three", (Noted("a"), Noted("b"), Noted("c"))).prepare("valid", range(1, 8))
    assert asked == [("a", "valid", [1, 2]), ("b", "valid", [0, 1, 2]), ("c", "valid", [0, 1])]


def test_one_episode_is_cut_off_by_the_limit_of_its_own_game():
    env = MazeEnv(BOTH)
    for number in (0, 1, 2, 3, 1):
        env.reset(seed=number)
        steps = next(step for step in itertools.count(1) if env.step("look")[3])
        assert steps == (2, 5)[number % 2]


@pytest.mark.parametrize("mode", AutoresetMode)
def test_each_slot_is_cut_off_by_the_limit_of_the_game_that_it_plays(mode):
    env = MazeVectorEnv(4, BOTH, infos=(), autoreset_mode=mode)
    env.reset(seed=[0, 1, 3, 6])
    ends = np.array([env.step(["look"] * 4)[3] for _ in range(5)])
    assert ends.argmax(axis=0).tolist() == [1, 4, 4, 1]


def test_slots_that_go_on_with_another_game_take_its_limit():
    records = list(itertools.chain.from_iterable(rollout(BOTH, Idler(), [0, 1, 1, 0, 2, 3], split="test", slots=2)))
    steps = {record.episode: (record.seed, record.step) for record in records if record.ended}
    assert [steps[episode] for episode in range(6)] == [(0, 2), (1, 5), (1, 5), (0, 2), (2, 2), (3, 5)]
    assert {record.game for record in records} == {"both"}


@pytest.mark.parametrize("name", suite_files())
def test_a_suites_name_is_a_game_that_is_all_of_its_games(name):
    game = load_game(name)
    assert game.name == name
    assert parts(game) == tuple(entry.game for entry in load_suite(name).entries)


def test_no_suite_is_called_as_a_recipe_is():
    assert not suite_files().keys() & game_files().keys()
    assert not any(map(is_suite, game_files()))


def test_a_suite_that_is_called_as_a_recipe_is_gets_refused(tmp_path):
    path = tmp_path / "labyrinth.toml"
    path.write_text('[[games]]\ngame = "corridor"')
    for load in (load_game, load_suite):
        with pytest.raises(TextmazeError, match=r"labyrinth\.toml cannot be a suite's file, as labyrinth is the name"):
            load(str(path))


def test_a_file_of_a_suite_is_a_game_and_what_is_laid_over_it_is_laid_over_each(tmp_path):
    path = tmp_path / "two.toml"
    path.write_text('[[games]]\ngame = "corridor"\nwith = { rooms = 4, max_steps = 9 }\n[[games]]\ngame = "labyrinth"')
    plain = load_game(str(path))
    assert [game.max_steps for game in plain.games] == [9, 100]
    changed = load_game(str(path), {"rooms": "7", "theme": "mine"})
    assert [(game.recipe.rooms, game.recipe.theme, game.max_steps) for game in changed.games] == [
        (7, "mine", 9), (7, "mine", 100)
    ]
    with pytest.raises(TextmazeError, match=r"There is no setting in corridor\.toml named 'level'"):
        load_game(str(path), {"level": 3})


def test_an_unknown_game_may_be_meant_as_a_suite():
    with pytest.raises(TextmazeError, match="did you mean 'ladder'"):
        load_game("lader")
