"""`MazeVectorEnv` is what Gymnasium's own `SyncVectorEnv` makes of as many `MazeEnv`s, only faster."""

import random

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from vectors import EVERYTHING, GAMES, NONSENSE, Babel, Mixed, Pair, assert_same, assert_same_infos, some_commands

from textmaze.env.single import MazeEnv
from textmaze.env.vector import MazeVectorEnv
from textmaze.errors import GameError, SettingError


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("name", GAMES)
def test_it_is_equal_to_gymnasiums_own_vector_env_of_single_envs(name, mode):
    game, rng = GAMES[name](), random.Random(f"{name}/{mode}")
    pair = Pair(5, game, mode)
    shown = pair.reset(20)
    won = cut_off = 0
    for _ in range(150):
        shown = pair.step(some_commands(rng, shown[-1]))
        won, cut_off = won + shown[2].sum(), cut_off + shown[3].sum()
        # With seeds for some and without for others, as a training loop may.
        shown = pair.begun(shown, lambda: [rng.choice([None, rng.randrange(1000)]) for _ in range(5)])
    assert won > 10
    assert cut_off > 10


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_games_that_are_played_live_beside_others_are_equal_too(alive, mode):
    rng = random.Random(mode.value)
    pair = Pair(4, alive, mode)
    ours, shown = pair.ours, pair.reset(0)
    assert [table.live for table in ours.tables] == [False, True, True, True]
    won = cut_off = 0
    tables = set()
    for _ in range(150):
        choices = [rng.choice(commands or ["look"]) for commands in shown[-1]["admissible_commands"]]
        shown = pair.step([rng.choice([choice, choice, choice, "look", *NONSENSE, "the apple"]) for choice in choices])
        tables |= {table for table in ours.tables if table.live}
        for slot, (table, state) in enumerate(zip(ours.tables, ours.state, strict=True)):
            assert shown[-1]["description"][slot] == table.texts[table.description[state]]
        won, cut_off = won + shown[2].sum(), cut_off + shown[3].sum()
        shown = pair.begun(shown, lambda: [rng.randrange(10) for _ in range(4)])
    assert won > 3
    assert cut_off > 3
    assert len(tables) > 1


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_any_choice_of_infos_is_equal_too(mode):
    for infos in ([], ["distance"], ["objective", "best_command"]):
        game, rng = Mixed(), random.Random(1)
        pair = Pair(3, game, mode, infos=infos)
        pair.reset([5, 9, 1])
        for _ in range(11):  # short of any cut-off, which DISABLED would have to reset
            pair.step([rng.choice(["look", "wait", "xyzzy"]) for _ in range(3)])


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("games", [1, 2, 7, 1000])
def test_a_set_of_games_is_equal_too(mode, games):
    game, rng = Babel(), random.Random(games)
    pair = Pair(6, game, mode, games=games)
    shown = pair.reset(3)
    for _ in range(60):
        shown = pair.begun(pair.step(some_commands(rng, shown[-1])))


def test_many_games_at_once_on_few_mazes_are_those_of_the_single_env():
    env = MazeVectorEnv(3000, "corridor", infos=["best_command"], games=5)
    texts, infos = env.reset(seed=0)
    assert len(set(texts)) == 5
    ways = [MazeEnv("corridor", infos=["best_command"]) for _ in range(5)]
    best = [way.reset(seed=number)[1]["best_command"] for number, way in enumerate(ways)]
    for _ in range(4):
        assert infos["best_command"].tolist() == best * 600
        texts, rewards, terminated, truncated, infos = env.step(infos["best_command"].tolist())
        shown = [way.step(command) for way, command in zip(ways, best, strict=True)]
        assert list(texts) == [text for text, *_ in shown] * 600
        assert rewards.tolist() == [reward for _, reward, *_ in shown] * 600
        best = [info["best_command"] for *_, info in shown]
    assert terminated.all()
    assert not truncated.any()


def test_a_game_that_cannot_be_made_leaves_all_as_it_was():
    class Failing(Mixed):
        def table(self, split, seed):
            if seed == 99:
                raise GameError("There is no such game.")
            return super().table(split, seed)

    env = MazeVectorEnv(3, Failing(), infos=EVERYTHING, autoreset_mode=AutoresetMode.DISABLED)
    _, infos = env.reset(seed=[1, 2, 3])
    tables = env.tables
    with pytest.raises(GameError, match="no such game"):
        env.reset(seed=[4, 5, 99])
    assert all(ours is before for ours, before in zip(env.tables, tables, strict=True))
    assert_same_infos(env.step(["xyzzy"] * 3)[-1], infos)


def test_what_it_plays_can_be_looked_at_but_not_changed():
    env = MazeVectorEnv(3, Mixed())
    assert env.tables == [None] * 3
    assert env.state.tolist() == [0] * 3
    env.reset(seed=[0, 1, 2])
    assert env.state.tolist() == [table.start for table in env.tables]
    env.state[:] = 5
    env.tables.clear()
    assert env.state.tolist() == [table.start for table in env.tables]
    for slot, table in enumerate(env.tables):
        command = table.best_command(table.start)
        env.reset(seed=[0, 1, 2])
        env.step([command if other == slot else "xyzzy" for other in range(3)])
        assert env.state[slot] == table.successor[table.start, table.command_index[command]]


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_games_that_have_ended_may_be_reset_by_hand(mode):
    game = Babel()
    ours = MazeVectorEnv(3, game, infos=EVERYTHING, autoreset_mode=mode)
    theirs = SyncVectorEnv([lambda: MazeEnv(game, infos=EVERYTHING)] * 3, autoreset_mode=mode)
    for seed in (0, None, 7):
        assert_same(ours.reset(seed=seed), theirs.reset(seed=seed))
        for _ in range(game.max_steps):
            assert_same(ours.step(["look"] * 3), theirs.step(["look"] * 3))


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
    theirs = SyncVectorEnv([MazeEnv] * 3)
    assert (env.observation_space, env.action_space) == (theirs.observation_space, theirs.action_space)
    for space in (env.action_space, env.observation_space):
        space.seed(3)
        sample = space.sample()
        space.seed(3)
        assert space.sample() == sample
        assert len(set(sample)) == 3


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
