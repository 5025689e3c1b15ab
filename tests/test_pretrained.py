"""The agents that are shipped trained: small, plain data, told of by a card, and as good as the card says."""

import json

import pytest
from click.testing import CliRunner

from textmaze.catalog import agent_files, load_game, make_agent, pretrained
from textmaze.cli import main
from textmaze.learn.evaluate import evaluate

NAMES = sorted(pretrained())


def test_there_is_one_for_all_mazes_of_the_ladder():
    assert "ladder" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_it_is_small_and_has_a_card_and_no_name_of_another_agent(name):
    folder = pretrained()[name]
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    assert sum(path.stat().st_size for path in folder.iterdir()) < 5_000_000
    assert name not in agent_files()


@pytest.mark.parametrize("name", NAMES)
def test_the_card_tells_the_command_that_made_it(name):
    folder = pretrained()[name]
    config, card = json.loads((folder / "config.json").read_text()), (folder / "README.md").read_text()
    (line,) = [line.split() for line in card.splitlines() if line.strip().startswith("textmaze train")]
    assert line[2] == config["game"]["spec"]
    told = dict(word.split("=") for word in line[3:] if word != "--set")
    for key, value in told.items():
        made = {**config["settings"], **config["training"]}[key]
        assert value == str(made).lower() or float(value) == made


@pytest.mark.slow
@pytest.mark.parametrize("game", ["labyrinth", "clockwork", "egocentric"])
def test_it_wins_nearly_all_unseen_mazes(game):
    result = evaluate(make_agent("ladder", {}, 0)[1], load_game(game), range(20), name="ladder", split="test")
    assert result.success >= 0.9


@pytest.mark.slow
def test_it_is_measured_and_plays_by_its_name():
    done = CliRunner(env={"COLUMNS": "100"}).invoke(main, ["evaluate", "ladder", "corridor", "--episodes", "5"])
    assert done.exit_code == 0, done.output
    assert "ladder" in done.stdout
