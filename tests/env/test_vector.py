"""`MazeVectorEnv` is what Gymnasium's own `SyncVectorEnv` makes of as many `MazeEnv`s, only faster."""

import dataclasses
import random
from collections import Counter

import gymnasium
import numpy as np
import pytest
import stories
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from textmaze.catalog import load_game
from textmaze.env import vector
from textmaze.env.single import PLAYER_INFOS, PRIVILEGED_INFOS, MazeEnv, table_bytes
from textmaze.env.vector import MazeVectorEnv
from textmaze.errors import GameError, SettingError
from textmaze.game import explore, live, story
from textmaze.game.story import StoryGame
from textmaze.game.table import Texts

COMMANDS = load_game("labyrinth").table("train", 0).commands
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


class Babel(Mixed):
    """Every third game has commands of its own, of which the others know nothing, and more of them."""

    name = "babel"

    def table(self, split, seed):
        table = super().table(split, seed)
        if seed % 3:
            return table
        order = np.random.default_rng(seed).permutation(len(table.commands))
        states = len(table.terminal)

        def widened(values, nothing):
            """With the columns in another order, and two more that do nothing."""
            return np.column_stack([values[:, order], nothing, nothing]).astype(values.dtype)

        return dataclasses.replace(
            table,
            commands=(*(table.commands[column] for column in order), f"sing song {seed % 2}", "wave"),
            successor=widened(table.successor, np.arange(states)),
            feedback=widened(table.feedback, table.inventory),
            reward=widened(table.reward, np.full(states, -0.5)),
            admissible=widened(table.admissible, np.arange(states) % 2 == 0),
        )


class Counted(Babel):
    """Counts how often each table is made."""

    def __init__(self):
        self.asked = Counter()

    def table(self, split, seed):
        self.asked[seed] += 1
        return super().table(split, seed)


class Alive:
    """Three of four games are one of TextWorld's, played live, and soon grown so large that a new table is begun."""

    name = "alive"
    max_steps = 12
    corridor = load_game("corridor")

    def __init__(self, folder):
        self.path = stories.pantry(folder)

    def table(self, split, seed):
        return (StoryGame("pantry", self.path, 12) if seed % 4 else self.corridor).table(split, seed)


@pytest.fixture
def alive(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTMAZE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(explore, "MAX_CELLS", 20)
    monkeypatch.setattr(live, "MOST_STATES", 5)
    story.LIVE_MEMORY.clear()
    yield Alive(tmp_path)
    story.LIVE_MEMORY.clear()


GAMES = {
    "corridor": lambda: load_game("corridor", {"max_steps": 6}),
    "labyrinth": lambda: load_game("labyrinth", {"max_steps": 9, "rooms": 9}),
    "mixed": Mixed,
    "babel": Babel,
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
        best if best and rng.random() < 0.6 else rng.choice([*COMMANDS, *OTHERWISE, *NONSENSE, "sing song 1", "wave"])
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
def test_games_that_are_played_live_beside_others_are_equal_too(alive, mode):
    rng = random.Random(mode.value)
    ours = MazeVectorEnv(4, alive, infos=EVERYTHING, autoreset_mode=mode)
    theirs = SyncVectorEnv([lambda: MazeEnv(alive, infos=EVERYTHING)] * 4, autoreset_mode=mode)
    shown = ours.reset(seed=0)
    assert_same(shown, theirs.reset(seed=0))
    assert [table.live for table in ours.tables] == [False, True, True, True]
    won = cut_off = 0
    tables = set()
    for _ in range(150):
        choices = [rng.choice(commands or ["look"]) for commands in shown[-1]["admissible_commands"]]
        commands = [rng.choice([choice, choice, choice, "look", *NONSENSE, "the apple"]) for choice in choices]
        shown = ours.step(commands)
        assert_same(shown, theirs.step(commands))
        tables |= {table for table in ours.tables if table.live}
        for slot, (table, state) in enumerate(zip(ours.tables, ours.state, strict=True)):
            assert shown[-1]["description"][slot] == table.texts[table.description[state]]
        _, _, terminated, truncated, _ = shown
        won, cut_off = won + terminated.sum(), cut_off + truncated.sum()
        ended = terminated | truncated
        if mode == AutoresetMode.DISABLED and ended.any():
            seeds = [rng.randrange(10) for _ in range(4)]
            shown = ours.reset(seed=seeds, options={"reset_mask": ended})
            assert_same(shown, theirs.reset(seed=seeds, options={"reset_mask": ended.copy()}))
    assert won > 3
    assert cut_off > 3
    assert len(tables) > 1


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


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("games", [1, 2, 7, 1000])
def test_a_set_of_games_is_equal_too(mode, games):
    game, rng = Babel(), random.Random(games)
    ours = MazeVectorEnv(6, game, infos=EVERYTHING, games=games, autoreset_mode=mode)
    theirs = SyncVectorEnv([lambda: MazeEnv(game, infos=EVERYTHING, games=games)] * 6, autoreset_mode=mode)
    shown = ours.reset(seed=3)
    assert_same(shown, theirs.reset(seed=3))
    for _ in range(60):
        commands = some_commands(rng, shown[-1])
        shown = ours.step(commands)
        assert_same(shown, theirs.step(commands))
        ended = shown[2] | shown[3]
        if mode == AutoresetMode.DISABLED and ended.any():
            shown = ours.reset(options={"reset_mask": ended})
            assert_same(shown, theirs.reset(options={"reset_mask": ended.copy()}))


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
    ours = MazeVectorEnv(4, game, infos=EVERYTHING, games=games, autoreset_mode=mode)
    theirs = SyncVectorEnv([lambda: MazeEnv(game, infos=EVERYTHING, games=games)] * 4, autoreset_mode=mode)
    shown = ours.reset(seed=5)
    assert_same(shown, theirs.reset(seed=5))
    for _ in range(200):
        before = ours._pool.cells
        commands = some_commands(rng, shown[-1])
        shown = ours.step(commands)
        assert_same(shown, theirs.step(commands))
        ended = shown[2] | shown[3]
        if mode == AutoresetMode.DISABLED and ended.any():
            shown = ours.reset(options={"reset_mask": ended})
            assert_same(shown, theirs.reset(options={"reset_mask": ended.copy()}))
        drops += ours._pool.cells < before
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
