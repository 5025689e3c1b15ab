"""Benchmarks run and say what they measured; how fast anything is, no test asserts."""

import re

import pytest
from click.testing import CliRunner

from textmaze.bench import bench_env
from textmaze.catalog import load_game
from textmaze.cli import main


@pytest.mark.slow
def test_the_environments_are_measured_beside_textworld_with_fresh_mazes():
    game = load_game("labyrinth", {"rooms": 9, "max_steps": 10})
    speeds = list(bench_env(game, [1, 3], 0.05))
    assert [(speed.what, speed.games) for speed in speeds] == [
        ("TextWorld", 1), ("MazeEnv", 1), ("MazeVectorEnv", 1), ("MazeVectorEnv", 3)
    ]
    assert all(speed.rooms == 9 and speed.steps_per_second > 0 and speed.reset_ms > 0 for speed in speeds)


@pytest.mark.slow
def test_the_command_prints_a_row_and_a_ratio_for_each():
    done = CliRunner().invoke(main, ["bench", "env", "corridor", "--seconds", "0.05", "--games", "2"])
    assert done.exit_code == 0, done.output
    rows = re.findall(r"^│ (\w+) +│ +5 │ +([\d,]+) │ +[\d,]+ │ +([\d,]+)x │", done.stdout, re.MULTILINE)
    assert [(what, games) for what, games, _ in rows] == [("TextWorld", "1"), ("MazeEnv", "1"), ("MazeVectorEnv", "2")]
    assert rows[0][2] == "1"


def test_a_game_that_textworld_tells_is_refused():
    done = CliRunner().invoke(main, ["bench", "env", "coin_collector"])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
