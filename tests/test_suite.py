"""Suites: what is shipped, what a stranger's file may say, and how a suite is measured."""

import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from textmaze.catalog import game_files
from textmaze.cli import main
from textmaze.errors import TextmazeError
from textmaze.measure import CONTROLS
from textmaze.suite import is_suite, load_suite, suite_files

TWO = """
title = "Two"
episodes = 6
seed = 3

[[games]]
game = "corridor"

[[games]]
game = "labyrinth"
label = "small"
with = { rooms = 9 }
"""


@pytest.fixture
def two(tmp_path: Path) -> Path:
    path = tmp_path / "two.toml"
    path.write_text(TWO)
    return path


def run(*arguments: object, width: int = 100) -> Result:
    done = CliRunner(env={"COLUMNS": str(width)}).invoke(main, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    return done


def test_the_ladder_climbs_through_every_recipe_of_mazes_without_any_override():
    ladder = load_suite("ladder")
    assert [entry.label for entry in ladder.entries] == [
        "corridor", "labyrinth", "signposts", "keys", "clockwork", "minotaur", "mapreader", "directions", "egocentric",
        "alias", "tower", "catacombs",
    ]
    assert all(entry.spec == entry.label and not entry.overrides for entry in ladder.entries)
    assert ladder.about.split == "test"


def test_the_coin_suite_has_the_levels_that_others_have_published():
    coin = load_suite("coin")
    assert [dict(entry.overrides) for entry in coin.entries] == [
        {"level": 15}, {"level": 115}, {"level": 215}, {"level": 220, "max_steps": 80}
    ]
    assert [entry.game.max_steps for entry in coin.entries] == [100, 100, 100, 80]


@pytest.mark.parametrize("name", suite_files())
def test_every_shipped_suite_says_what_it_is(name):
    suite = load_suite(name)
    assert suite.name == name
    assert suite.about.title
    assert suite.about.summary.endswith(".")
    assert {entry.spec for entry in suite.entries} <= game_files().keys()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "two.toml: games must be a list of 1 to 100 tables"),
        ("games = 3", "two.toml: games must be a list of 1 to 100 tables"),
        ("games = []", "two.toml: games must be a list of 1 to 100 tables"),
        ("games = [1]", "two.toml: games must hold tables, not 1."),
        ('[[games]]\ngame = "labyrint"', "There is no game for two.toml named 'labyrint'; did you mean 'labyrinth'?"),
        ('[[games]]\ngame = "/tmp/mine.toml"', "There is no game for two.toml named '/tmp/mine.toml'"),
        ("[[games]]", "There is no game for two.toml named ''"),
        ("[[games]]\ngame = 1", "game in two.toml must be text, not 1."),
        ('[[games]]\ngame = "corridor"\nlable = "x"', "There is no setting in two.toml named 'lable'; did you mean "),
        ('[[games]]\ngame = "corridor"\nwith = 1', "two.toml: with must be a table of a recipe's settings, not 1."),
        ('[[games]]\ngame = "corridor"\nwith = { room = 9 }', "There is no setting in corridor.toml named 'room'"),
        ('[[games]]\ngame = "corridor"\nwith = { rooms = 1 }', "rooms in corridor.toml must be from 2 to "),
        ('[[games]]\ngame = "corridor"\n' * 2, "two.toml: two games are called 'corridor'; give one of them another "),
        (f'split = "tests"\n{TWO}', "There is no choice for split in two.toml named 'tests'; did you mean 'test'?"),
        (TWO.replace("episodes = 6", "episodes = 0"), "episodes in two.toml must be from 1 to 100000, not 0."),
        (TWO.replace("seed = 3", "seed = -1"), "seed in two.toml must be from 0 to "),
        (TWO.replace("seed = 3", "sed = 3"), "There is no setting in two.toml named 'sed'; did you mean 'seed'?"),
        ("title = [", "is not valid TOML"),
    ],
)
def test_a_suite_file_that_is_wrong_is_refused_in_one_sentence(two, text, sentence):
    two.write_text(text)
    with pytest.raises(TextmazeError) as refused:
        load_suite(str(two))
    assert sentence in str(refused.value)


@pytest.mark.parametrize("spec", ["lader", "", "\0", "laddr.toml", "no/such.toml", "x" * 5000])
def test_a_suite_that_is_not_there_is_refused(spec):
    with pytest.raises(TextmazeError, match="There is no suite"):
        load_suite(spec)


def test_an_unknown_suite_is_refused_with_the_nearest_name():
    done = CliRunner().invoke(main, ["evaluate", "wander", "--suite", "lader"])
    assert (done.exit_code, done.stderr) == (
        2, "Error: There is no suite named 'lader'; did you mean 'ladder'? Known: coin, ladder, "
           "ladder-train, school, themes.\n"
    )


@pytest.mark.parametrize("more", [["corridor"], ["--with", "rooms=4"], ["--split", "test"]])
def test_a_suite_beside_a_game_its_settings_or_a_split_is_refused(more):
    done = CliRunner().invoke(main, ["evaluate", "wander", *more, "--suite", "ladder"])
    assert done.exit_code == 2
    assert done.stderr == ("Error: A suite names its games, their settings and their split: leave out GAME, --with and "
                           "--split beside --suite.\n")


@pytest.mark.parametrize("agent", ["wander", "explorer"])
def test_each_row_of_a_suite_is_what_measuring_that_game_alone_gives(two, agent):
    done = run("evaluate", agent, "--suite", two, "--json")
    assert done.stdout.count("\n") == 1
    found = json.loads(done.stdout)
    assert {key: found[key] for key in ("suite", "agent", "split", "episodes")} == {
        "suite": "two", "agent": agent, "split": "test", "episodes": 6
    }
    assert [game["label"] for game in found["games"]] == ["corridor", "small"]
    for game, rest in zip(found["games"], ([], ["--with", "rooms=9"]), strict=True):
        assert list(game["controls"]) == list(CONTROLS)
        for name, result in {agent: game, **game["controls"]}.items():
            alone = run("evaluate", name, game["game"], *rest, "--episodes", 6, "--seed", 3, "--json").stdout
            assert json.loads(alone).items() <= result.items()
    assert found["success"] == pytest.approx(sum(game["success"] for game in found["games"]) / 2)
    assert found["spl"] == pytest.approx(sum(game["spl"] for game in found["games"]) / 2)
    assert math.isfinite(found["spl"])


def test_the_number_of_games_and_the_first_of_them_can_be_changed(two):
    found = json.loads(run("evaluate", "wander", "--suite", two, "--episodes", 2, "--seed", 9, "--json").stdout)
    assert {game["episodes"] for game in found["games"]} == {2}
    alone = run("evaluate", "wander", "corridor", "--episodes", 2, "--seed", 9, "--json").stdout
    assert json.loads(alone).items() <= found["games"][0].items()


def test_a_game_that_is_a_suite_is_measured_like_a_suite_with_what_is_laid_over_it(two):
    as_game = run("evaluate", "explorer", two, "--json").stdout
    assert as_game == run("evaluate", "explorer", "--suite", two, "--json").stdout
    changed = json.loads(run("evaluate", "explorer", two, "--with", "rooms=6", "--json").stdout)
    assert [game["with"] for game in changed["games"]] == [{"rooms": "6"}, {"rooms": "6"}]
    done = CliRunner().invoke(main, ["evaluate", "explorer", str(two), "--split", "valid"])
    assert (done.exit_code, done.stderr) == (2, "Error: A suite names the split that is played: leave out --split.\n")


def test_an_agent_that_was_trained_on_a_suite_is_measured_on_it_game_by_game(two, tmp_path):
    folder = tmp_path / "run"
    sets = [f"--set={pair}" for pair in ("encoder=hash", "steps=200", "valid_every=200", "valid_episodes=4", "games=4")]
    told = run("train", two, "--out", folder, "--episodes", 2, *sets).stdout
    assert "bert_q learns two;" in told
    assert "Two, played by bert_q: 2 games of the test split each" in told
    found = json.loads(run("evaluate", folder, "--json").stdout)
    assert (found["suite"], [game["label"] for game in found["games"]]) == ("two", ["corridor", "small"])
    assert {game["episodes"] for game in found["games"]} == {6}
    alone = run("evaluate", folder, "labyrinth", "--with", "rooms=9", "--episodes", 6, "--seed", 3, "--json").stdout
    assert json.loads(alone).items() <= found["games"][1].items()


def test_what_a_suite_holds_is_told_by_its_name(two):
    lines = run("games", two).stdout.splitlines()
    assert lines[0].startswith("Two: ")
    assert lines[2:] == ["corridor  textmaze play corridor", "small     textmaze play labyrinth --with rooms=9"]


@pytest.mark.parametrize("name", ["ladder", "themes"])
def test_what_takes_any_maze_takes_a_maze_of_a_suite(name, tmp_path):
    run("make", name, "--seed", 1, "--format", "json", "--out", tmp_path / "maze.json")
    assert run("solve", name, "--seed", 1).stdout == run("solve", tmp_path / "maze.json").stdout


def test_noise_is_read_by_all_and_the_title_says_so():
    measured = ["evaluate", "wander", "clockwork", "--episodes", 5]
    clear, noisy = run(*measured).stdout, run(*measured, "--noise", "dropped=1").stdout
    assert "read through dropped=1" in " ".join(noisy.split())
    explorer = [next(line for line in text.splitlines() if "explorer" in line) for text in (clear, noisy)]
    assert explorer[0] != explorer[1]  # whose watch for a gate that opens hears nothing of it
    done = CliRunner().invoke(main, ["evaluate", "wander", "clockwork", "--noise", "typo=1"])
    assert done.exit_code == 2
    assert done.stderr == ("Error: There is no setting in noise named 'typo'; did you mean 'typos'? "
                           "Known: dropped, paraphrased, typos.\n")


def test_a_suite_as_a_table_has_a_row_for_each_game_and_their_mean_and_fits_a_hundred_columns():
    text = run("evaluate", "explorer", "--suite", "ladder", "--episodes", 1).stdout
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    assert lines[0] == "Ladder, played by explorer: 1 games of the test split each"
    assert [line.split()[0] for line in lines[4:]] == [
        *(entry.label for entry in load_suite("ladder").entries), "mean"
    ]
    assert max(map(len, text.splitlines())) <= 100
    assert "…" not in text


def test_a_shipped_suite_may_be_called_by_its_files_name_unless_there_is_such_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert is_suite("ladder-train.toml")
    assert not is_suite("labyrinth.toml")
    train, test = load_suite("ladder-train.toml"), load_suite("ladder")
    assert (train.name, train.about.split, test.about.split) == ("ladder-train", "train", "test")
    assert train.entries == test.entries
    Path("ladder-train.toml").write_text("[[games]]\ngame = 'corridor'\n")
    assert len(load_suite("ladder-train.toml").entries) == 1
