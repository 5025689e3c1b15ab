"""`MazeVectorEnv` is what Gymnasium's own `SyncVectorEnv` makes of as many `MazeEnv`s, only faster."""

import dataclasses
import random

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from textmaze.catalog import load_game
from textmaze.env.single import PLAYER_INFOS, PRIVILEGED_INFOS, MazeEnv
from textmaze.env.vector import MazeVectorEnv
from textmaze.errors import SettingError
from textmaze.game.rules import COMMANDS

EVERYTHING = (*PLAYER_INFOS, *PRIVILEGED_INFOS)
NONSENSE = ["xyzzy", "", "go", "go north. go east", "\0\ud800", "x" * 500]
OTHERWISE = ["n", "E", "walk south", "take the coin", "l", "pick up coin"]


class Mixed:
    """Games of very different sizes, with texts numbered from the end: an array look-up that mistakes one
    slot's region for another's, or an unused cell for a used one, cannot go unseen."""

    name = "mixed"
    max_steps = 12
    games = (load_game("corridor"), load_game("labyrinth", {"rooms": 9}), load_game("labyrinth"))

    def table(self, split, seed):
        table = self.games[seed % 3].table(split, seed)
        last = len(table.texts) - 1
        return dataclasses.replace(
            table,
            texts=table.texts[::-1],
            feedback=last - table.feedback,
            description=last - table.description,
            inventory=last - table.inventory,
            objective=last - table.objective,
        )


GAMES = {
    "corridor": lambda: load_game("corridor", {"max_steps": 6}),
    "labyrinth": lambda: load_game("labyrinth", {"max_steps": 9, "rooms": 9}),
    "mixed": Mixed,
}


def assert_same_infos(ours, theirs, where=""):
    """Equal keys, masks and types, and equal values wherever the mask says that there is one."""
    assert set(ours) == set(theirs), where
    for name in theirs:
        if name.startswith("_"):
            assert ours[name].dtype == theirs[name].dtype == bool
            assert ours[name].tolist() == theirs[name].tolist(), f"{where}{name}"
        elif isinstance(theirs[name], dict):
            assert_same_infos(ours[name], theirs[name], f"{where}{name}.")
        else:
            mask = theirs[f"_{name}"]
            assert ours[name].dtype == theirs[name].dtype, f"{where}{name}"
            assert ours[name][mask].tolist() == theirs[name][mask].tolist(), f"{where}{name}"


def assert_same(ours, theirs):
    assert ours[0] == theirs[0]
    for mine, other in zip(ours[1:-1], theirs[1:-1], strict=True):
        assert mine.dtype == other.dtype
        assert mine.tolist() == other.tolist()
    assert_same_infos(ours[-1], theirs[-1])


def some_commands(rng, infos):
    """For each slot mostly the best command, so that games are won, and else anything."""
    return [
        best if best and rng.random() < 0.6 else rng.choice([*COMMANDS, *OTHERWISE, *NONSENSE])
        for best in infos["best_command"]
    ]


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("name", GAMES)
def test_it_is_equal_to_gymnasiums_own_vector_env_of_single_envs(name, mode):
    game, rng = GAMES[name](), random.Random(f"{name}/{mode}")
    ours = MazeVectorEnv(5, game, infos=EVERYTHING, autoreset_mode=mode)
    theirs = SyncVectorEnv([lambda: MazeEnv(game, infos=EVERYTHING)] * 5, autoreset_mode=mode)
    shown = ours.reset(seed=20)
    assert_same(shown, theirs.reset(seed=20))
    won = cut_off = 0
    for _ in range(150):
        commands = some_commands(rng, shown[-1])
        shown = ours.step(commands)
        assert_same(shown, theirs.step(commands))
        _, _, terminated, truncated, _ = shown
        won, cut_off = won + terminated.sum(), cut_off + truncated.sum()
        ended = terminated | truncated
        if mode == AutoresetMode.DISABLED and ended.any():
            # With seeds for some and without for others, as a training loop may.
            seeds = [rng.choice([None, rng.randrange(1000)]) for _ in range(5)]
            shown = ours.reset(seed=seeds, options={"reset_mask": ended})
            assert_same(shown, theirs.reset(seed=seeds, options={"reset_mask": ended.copy()}))
    assert won > 10
    assert cut_off > 10


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_any_choice_of_infos_is_equal_too(mode):
    for infos in ([], ["distance"], ["objective", "best_command"]):
        game, rng = Mixed(), random.Random(1)
        ours = MazeVectorEnv(3, game, infos=infos, autoreset_mode=mode)
        theirs = SyncVectorEnv([lambda g=game, i=infos: MazeEnv(g, infos=i)] * 3, autoreset_mode=mode)
        assert_same(ours.reset(seed=[5, 9, 1]), theirs.reset(seed=[5, 9, 1]))
        for _ in range(11):  # short of any cut-off, which DISABLED would have to reset
            commands = [rng.choice(["look", "wait", "xyzzy"]) for _ in range(3)]
            assert_same(ours.step(commands), theirs.step(commands))


def test_resetting_again_and_again_is_equal_too():
    game = Mixed()
    ours, theirs = MazeVectorEnv(4, game), SyncVectorEnv([lambda: MazeEnv(game)] * 4)
    for seed, options in (
        (3, None),
        ([1, 2, 3, 4], None),
        (None, None),
        ([7, None, 7, None], {}),
        (None, {"other": 1}),
        (3, {}),
    ):
        assert_same(ours.reset(seed=seed, options=options), theirs.reset(seed=seed, options=options))
        commands = ["go north", "look", "east", "xyzzy"]
        assert_same(ours.step(commands), theirs.step(commands))


def test_make_vec_gives_the_native_env_and_its_episodes_are_those_of_the_single_env():
    env = gymnasium.make_vec("textmaze/Maze-v0", num_envs=64)
    assert type(env) is MazeVectorEnv
    texts, infos = env.reset(seed=100)
    rng = random.Random(0)
    singles = [gymnasium.make("textmaze/Maze-v0") for _ in range(64)]
    for slot, single in enumerate(singles):
        text, info = single.reset(seed=100 + slot)
        assert texts[slot] == text
        assert {name: infos[name][slot] for name in info} == info
    live = set(range(64))
    for _ in range(100):
        commands = [rng.choice([*infos["admissible_commands"][slot], *NONSENSE[:3]]) for slot in range(64)]
        texts, rewards, terminated, truncated, infos = env.step(commands)
        for slot in sorted(live):
            text, reward, *ended, info = singles[slot].step(commands[slot])
            assert (texts[slot], rewards[slot]) == (text, reward)
            assert [terminated[slot], truncated[slot]] == ended
            assert {name: infos[name][slot] for name in info} == info
            if any(ended):
                live.remove(slot)
    assert not live


def test_settings_and_mode_go_through_make_vec():
    env = gymnasium.make_vec(
        "textmaze/Maze-v0",
        num_envs=2,
        game="corridor",
        split="test",
        infos=["distance"],
        autoreset_mode="SameStep",
        rooms=7,
    )
    assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    _, infos = env.reset(seed=0)
    assert infos["distance"].tolist() == [6, 6]


def test_its_spaces_are_those_of_the_single_env():
    single, env = MazeEnv(), MazeVectorEnv(3)
    assert env.single_observation_space == single.observation_space
    assert env.single_action_space == single.action_space
    texts, _ = env.reset(seed=0)
    assert texts in env.observation_space
    assert env.step(env.action_space.sample())[0] in env.observation_space


def test_what_was_handed_out_is_not_changed_afterwards():
    env = MazeVectorEnv(3, "corridor", infos=EVERYTHING, autoreset_mode=AutoresetMode.SAME_STEP, max_steps=3)
    kept = []
    env.reset(seed=0)
    for command in ["look", "go north", "xyzzy", "go east", "look", "look"]:
        shown = env.step([command] * 3)
        kept.append((shown, repr(shown)))
    for shown, as_it_was in kept:
        assert repr(shown) == as_it_was
    # Nor are any two of the arrays one and the same.
    arrays = [
        value
        for shown, _ in kept
        for value in (*shown[1:4], *shown[4].values())
        if not isinstance(value, dict)
    ]
    assert len({id(array) for array in arrays}) == len(arrays)


def test_a_masked_reset_leaves_the_other_games_as_they_are():
    env = MazeVectorEnv(3, "labyrinth", infos=EVERYTHING, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0)
    texts, *_, infos = env.step(["look"] * 3)
    after, told = env.reset(seed=[50, 51, 52], options={"reset_mask": np.array([False, True, False])})
    assert (after[0], after[2]) == (texts[0], texts[2])
    assert told["_description"].tolist() == [False, True, False]
    assert told["description"][[0, 2]].tolist() == infos["description"][[0, 2]].tolist()
    assert after[1] == MazeEnv("labyrinth").reset(seed=51)[0]


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda env: MazeVectorEnv(0), "num_envs must be at least 1"),
        (lambda env: env.step(["look"]), "reset must come before step|step takes 2 commands"),
        (lambda env: env.step(["look", "look"]), "reset must come before step"),
        (lambda env: env.reset(seed=[1]), "seed must be one number, or 2 of them, not 1"),
        (
            lambda env: env.reset(options={"reset_mask": np.array([True])}),
            "reset_mask must be an array of 2 bools",
        ),
        (
            lambda env: env.reset(options={"reset_mask": np.array([0, 1])}),
            "reset_mask must be an array of 2 bools",
        ),
        (lambda env: env.reset(options={"reset_mask": None}), "reset_mask must be an array of 2 bools"),
    ],
)
def test_misuse_is_refused_in_one_sentence(act, words):
    with pytest.raises(SettingError, match=words):
        act(MazeVectorEnv(2))


def test_a_wrong_number_of_commands_is_refused_and_nothing_has_moved():
    env = MazeVectorEnv(2, infos=["distance"])
    _, infos = env.reset(seed=0)
    for commands in ([], ["look"], ["look"] * 3):
        with pytest.raises(SettingError, match="step takes 2 commands"):
            env.step(commands)
    assert env.step(["look"] * 2)[4]["distance"].tolist() == infos["distance"].tolist()
