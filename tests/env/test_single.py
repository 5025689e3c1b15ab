"""`MazeEnv`: a Gymnasium environment by the book, and a game that can be played."""

import random
import re
import subprocess
import sys
from collections import Counter

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker
from hypothesis import given, settings
from hypothesis import strategies as st

import textmaze
from textmaze.catalog import load_game
from textmaze.env import single
from textmaze.env.single import INFO, PLAYER_INFOS, PRIVILEGED_INFOS, MazeEnv
from textmaze.errors import SettingError, TextmazeError, UnknownNameError

COMMANDS = load_game("labyrinth").table("train", 0).commands
SOME = [*COMMANDS, "n", "take the coin", "go", "xyzzy", "", "go north. go east", "\0\ud800", "x" * 500]
EVERYTHING = (*PLAYER_INFOS, *PRIVILEGED_INFOS)


def play(env, seed, commands):
    """All that an episode shows."""
    shown = [env.reset(seed=seed)]
    for command in commands:
        shown.append(env.step(command))
        if shown[-1][2] or shown[-1][3]:
            break
    return shown


@pytest.mark.parametrize("game", ["labyrinth", "corridor"])
def test_gymnasiums_own_check_passes_without_a_warning(game):
    # Warnings are errors in these tests, so a mere advice of the checker fails, too.
    check_env(gymnasium.make("textmaze/Maze-v0", game=game).unwrapped)


def test_gymnasiums_passive_checker_stays_quiet_through_whole_episodes():
    env = gymnasium.make("textmaze/Maze-v0", game="corridor", render_mode="ansi")
    layers = []
    layer = env
    while layer is not env.unwrapped:
        layers.append(type(layer))
        layer = layer.env
    assert layers == [OrderEnforcing, PassiveEnvChecker]
    rng = random.Random(0)
    for seed in range(5):
        env.reset(seed=seed)
        env.render()
        ended = False
        while not ended:
            observation, _, terminated, truncated, _ = env.step(rng.choice(SOME[:-2]))
            assert observation in env.observation_space
            assert env.render() == observation
            ended = terminated or truncated


def test_importing_the_package_registers_the_id_and_needs_no_heavy_library():
    code = (
        "import sys, textmaze, textmaze.env.vector; "
        "print({'torch', 'textworld', 'transformers'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
    assert gymnasium.spec("textmaze/Maze-v0").entry_point == "textmaze.env.single:MazeEnv"
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", textmaze.__version__)


@given(
    st.sampled_from(["labyrinth", "corridor"]),
    st.integers(0, 10**6),
    st.lists(st.sampled_from(SOME), max_size=40),
)
@settings(deadline=None, max_examples=40)
def test_two_envs_with_the_same_seed_show_the_same(game, seed, commands):
    one, other = MazeEnv(game, infos=EVERYTHING), MazeEnv(game, infos=EVERYTHING)
    assert play(one, seed, commands) == play(other, seed, commands)
    # Later games follow from the first seed.
    assert one.reset() == other.reset()
    assert one.reset() == other.reset()
    assert play(one, seed, commands) == play(other, seed, commands)


def test_different_seeds_play_different_games_and_so_do_resets_without_a_seed():
    env = MazeEnv("labyrinth")
    assert len({env.reset(seed=seed)[0] for seed in range(10)}) == 10
    assert len({env.reset()[0] for _ in range(10)}) == 10


def test_a_seed_is_the_number_of_a_game_in_its_split():
    for split in ("train", "valid", "test"):
        table = load_game("labyrinth").table(split, 3)
        text, info = MazeEnv("labyrinth", split).reset(seed=3)
        assert text == f"{table.texts[table.objective]}\n\n{table.texts[table.description[table.start]]}"
        assert info["objective"] == table.texts[table.objective]


class Counted:
    """A game that counts how often each of its tables is asked for."""

    name = "counted"
    max_steps = 5

    def __init__(self):
        self.game, self.asked = load_game("labyrinth", {"rooms": 9}), Counter()

    def table(self, split, seed):
        self.asked[seed] += 1
        return self.game.table(split, seed)


def test_a_set_of_games_is_drawn_from_again_and_again_and_made_once():
    game = Counted()
    env, other = MazeEnv(game, games=3), MazeEnv(game.game, games=3)
    shown = [env.reset(seed=1)] + [env.reset() for _ in range(50)]
    assert shown == [other.reset(seed=1)] + [other.reset() for _ in range(50)]
    assert game.asked == {0: 1, 1: 1, 2: 1}
    assert {text for text, _ in shown} == {MazeEnv(game.game).reset(seed=n)[0] for n in range(3)}


def test_a_seed_beyond_the_set_of_games_is_wrapped_into_it():
    game = Counted()
    env = MazeEnv(game, games=3)
    for seed in (2, 3, 7, 2**40):
        assert env.reset(seed=seed) == MazeEnv(game.game).reset(seed=seed % 3)
    # Yet the games that follow are other ones with another seed.
    orders = []
    for seed in (0, 3, 6, 9):
        env.reset(seed=seed)
        orders.append([env.reset()[0] for _ in range(20)])
    assert len({tuple(order) for order in orders}) == 4


def test_one_game_is_a_set_too():
    env = MazeEnv("labyrinth", games=1)
    assert len({env.reset(seed=seed)[0] for seed in (0, 5, None, None)}) == 1


def test_of_a_large_set_no_more_is_kept_than_there_is_room_for(monkeypatch):
    game = Counted()
    size = single.table_bytes(game.game.table("train", 0))
    monkeypatch.setattr(single, "KEPT_BYTES", 5.5 * size)
    env = MazeEnv(game, games=10)
    for seed in [*range(10)] * 2:
        assert env.reset(seed=seed) == MazeEnv(game.game).reset(seed=seed)
    assert 3 <= sum(count == 1 for count in game.asked.values()) <= 8


@pytest.mark.parametrize("game", ["labyrinth", "corridor"])
def test_the_win_is_rewarded_once_and_terminates(game):
    env = MazeEnv(game, infos=EVERYTHING)
    for seed in range(5):
        _, info = env.reset(seed=seed)
        for left in range(info["distance"], 0, -1):
            assert info["distance"] == left
            assert info["best_command"] in info["admissible_commands"]
            _, reward, terminated, truncated, info = env.step(info["best_command"])
            assert reward == (1.0 if left == 1 else 0.0)
            assert terminated == (left == 1)
            assert truncated is False
        assert (info["distance"], info["best_command"]) == (0, None)


def test_an_episode_is_cut_off_after_max_steps_without_being_won():
    env = MazeEnv("corridor", max_steps=3)
    for _ in range(2):  # the count begins anew with each episode
        env.reset(seed=0)
        flags = [env.step("look")[1:4] for _ in range(3)]
        assert flags == [(0.0, False, False), (0.0, False, False), (0.0, False, True)]


def test_a_win_with_the_last_command_allowed_is_a_win():
    env = MazeEnv("corridor", max_steps=4, infos=["best_command"])
    _, info = env.reset(seed=0)
    for _ in range(4):
        _, reward, terminated, truncated, info = env.step(info["best_command"])
    assert (reward, terminated, truncated) == (1.0, True, False)


@pytest.mark.parametrize(
    "command", ["xyzzy", "", "go north. go east", "\0", "x" * 500, "north of nowhere", "\ud800"]
)
def test_a_command_that_means_nothing_gets_an_answer_and_costs_a_step_only(command):
    env = MazeEnv("labyrinth", max_steps=2)
    _, before = env.reset(seed=1)
    answer, reward, terminated, truncated, after = env.step(command)
    assert answer in env.observation_space
    assert (reward, terminated, truncated) == (0.0, False, False)
    assert after == before
    assert env.step(command)[3] is True


def test_a_command_may_be_put_in_other_words():
    env = MazeEnv("corridor", infos=["best_command"])
    _, info = env.reset(seed=0)
    expected = env.step(info["best_command"])
    env.reset(seed=0)
    assert env.step(info["best_command"].removeprefix("go ")[0].upper()) == expected


def test_info_is_what_the_player_may_know_unless_more_is_asked_for():
    env = MazeEnv("labyrinth")
    _, info = env.reset(seed=0)
    assert set(info) == set(PLAYER_INFOS)
    assert set(env.step("look")[4]) == set(PLAYER_INFOS)
    assert "distance" not in info
    assert "best_command" not in info
    assert isinstance(info["admissible_commands"], tuple)
    _, info = MazeEnv("labyrinth", infos=["distance"]).reset(seed=0)
    assert set(info) == {"distance"}
    assert type(info["distance"]) is int
    assert MazeEnv("labyrinth", infos=[]).reset(seed=0)[1] == {}


def test_the_description_in_info_is_what_look_says():
    env = MazeEnv("labyrinth", infos=EVERYTHING)
    text, info = env.reset(seed=0)
    assert text.endswith(info["description"])
    for _ in range(6):
        assert env.step("look")[0] == env.step("l")[0] == info["description"]
        assert env.step("inventory")[0] == info["inventory"]
        text, *_, info = env.step(info["best_command"])
        assert text == info["description"]


def test_infos_that_were_handed_out_are_not_changed_afterwards():
    env = MazeEnv("labyrinth", infos=EVERYTHING)
    _, info = env.reset(seed=0)
    kept = dict(info)
    for command in COMMANDS:
        env.step(command)
    assert info == kept


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"game": "labyrith"}, UnknownNameError, "did you mean 'labyrinth'"),
        ({"game": "none.toml"}, TextmazeError, "There is no game file"),
        ({"split": "tset"}, UnknownNameError, "no split named 'tset'; did you mean 'test'"),
        ({"infos": ["distanc"]}, UnknownNameError, "no info named 'distanc'; did you mean 'distance'"),
        ({"infos": "distance"}, SettingError, "infos must be a list of names"),
        ({"infos": ""}, SettingError, "infos must be a list of names"),
        ({"room": 9}, UnknownNameError, "did you mean 'rooms'"),
        ({"rooms": 1}, SettingError, "rooms in labyrinth.toml must be from 2 to"),
        ({"game": load_game("corridor"), "rooms": 9}, SettingError, "corridor is made already"),
        ({"games": 0}, SettingError, "games must be None or a whole number from 1 to 2,147,483,648, not 0."),
        ({"games": 2**31 + 1}, SettingError, "games must be None or a whole number from 1"),
        ({"games": 2.0}, SettingError, "games must be None or a whole number from 1 .* not 2.0."),
        ({"games": True}, SettingError, "games must be None or a whole number from 1 .* not True."),
    ],
)
@pytest.mark.parametrize(
    "make",
    [
        lambda **kw: gymnasium.make("textmaze/Maze-v0", **kw),
        lambda **kw: gymnasium.make_vec("textmaze/Maze-v0", num_envs=2, **kw),
    ],
)
def test_what_is_unknown_or_wrong_is_refused_in_one_sentence(make, arguments, error, words):
    with pytest.raises(error, match=words):
        make(**arguments)


def test_a_game_may_be_given_as_an_object_and_settings_be_overridden():
    game = load_game("labyrinth", {"rooms": 9})
    assert MazeEnv(game).reset(seed=1) == MazeEnv("labyrinth", rooms=9).reset(seed=1)


def test_rendering_shows_what_was_read_last(capsys):
    quiet, loud, plain = (
        MazeEnv("corridor", render_mode="ansi"),
        MazeEnv("corridor", render_mode="human"),
        MazeEnv(),
    )
    text, _ = quiet.reset(seed=0)
    assert quiet.render() == text
    assert capsys.readouterr().out == ""
    loud.reset(seed=0)
    loud.step("wait")
    assert loud.render() is None
    assert capsys.readouterr().out == f"{text}\n\nTime passes.\n\n"
    plain.reset(seed=0)
    assert plain.render() is None


def test_every_info_that_there_is_belongs_to_one_of_the_two_kinds():
    assert set(INFO) == set(EVERYTHING)
