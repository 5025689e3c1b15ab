"""What a shell offers when Tab is pressed, by click's own completion, and in real shells."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from click.shell_completion import get_completion_class
from click.testing import CliRunner
from terminal import Terminal

from textmaze import shells
from textmaze.catalog import agent_files, game_files, load_agent, pretrained
from textmaze.cli import main
from textmaze.declared import declared, source
from textmaze.game.recipe import KINDS, Limits, Recipe
from textmaze.learn.protocol import protocol_files
from textmaze.learn.train import TrainSettings
from textmaze.show.formats import format_names
from textmaze.suite import suite_files

SHELLS = ("bash", "zsh", "fish")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with some of all that a name may mean, and things that none means."""
    folder = tmp_path / "here"
    for name in ("runs/old", "mazes", ".hidden"):
        (folder / name).mkdir(parents=True)
    (folder / "runs/old/config.json").write_text(json.dumps({"agent": "bert_q"}))
    for name in ("mine.py", "mine.toml", "maze.json", "story.z8", "notes.txt", ".secret.toml", "mazes/two words.json"):
        (folder / name).touch()
    monkeypatch.chdir(folder)
    return folder


def offered(*words: str) -> list[str]:
    """What is offered for the last of the words."""
    found = get_completion_class("zsh")(main, {}, "textmaze", "_TEXTMAZE_COMPLETE")
    return [item.value for item in found.get_completions(list(words[:-1]), words[-1])]


GAMES = {*game_files(), *suite_files()}
AGENTS = {*agent_files(), *pretrained()}


@pytest.mark.parametrize("words", [("play",), ("train",), ("solve",), ("make",), ("games",), ("conform", "keys"),
                                   ("evaluate", "wander"), ("transcript", "wander"), ("explain", "ladder"),
                                   ("foresight",), ("bench", "env"), ("bench", "transcript", "wander")])
def test_a_game_is_a_recipe_a_suite_or_a_file_that_holds_one(words):
    assert set(offered(*words, "")) == {*GAMES, "mine.toml", "maze.json", "story.z8"}
    assert offered(*words, "laby") == ["labyrinth"]
    assert offered(*words, "nothing") == []


@pytest.mark.parametrize("words", [("evaluate",), ("explain",), ("play", "--agent"), ("train", "--agent"),
                                   ("bench", "transcript")])
def test_an_agent_is_a_shipped_one_a_file_or_a_run(words):
    assert set(offered(*words, "")) == {*AGENTS, "mine.py", "runs/old"}
    assert offered(*words, "wal") == ["walkthrough"]


def test_what_a_transcript_is_made_by_is_an_agent_or_a_mixture():
    assert set(offered("transcript", "")) == {*AGENTS, "mine.py", "runs/old", "experts.toml", "mine.toml"}


def test_what_is_compared_is_agents_and_last_a_game():
    assert set(offered("compare", "wander", "")) == {*AGENTS, *GAMES, "mine.py", "runs/old", "mine.toml", "maze.json",
                                                     "story.z8"}


def test_suites_protocols_formats_and_splits_are_offered():
    assert set(offered("evaluate", "wander", "--suite", "")) == {*suite_files(), "mine.toml"}
    assert set(offered("reproduce", "")) == {*protocol_files(), "mine.toml"}
    assert offered("transcript", "wander", "--format", "") == format_names()
    assert offered("solve", "keys", "--split", "t") == ["train", "test"]
    assert set(offered("evaluate", "wander", "--noise", "")) == {"typos=", "dropped=", "paraphrased="}
    assert offered("evaluate", "mine", "--code", "") == ["mine.py"]
    assert offered("foresight", "--encoder", "h") == ["hash"]


def test_a_game_that_was_left_is_offered_where_one_is_resumed(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTMAZE_SAVES", str(tmp_path / "saves"))
    CliRunner().invoke(main, ["play", "corridor"], input="save before-the-door\nquit\n")
    assert offered("play", "--resume", "") == ["before-the-door"]


def test_paths_lead_into_folders_and_show_what_is_hidden_only_when_it_is_asked_for(here):
    assert offered("play", "maz") == ["maze.json", "mazes/"]
    assert offered("play", "mazes/") == ["mazes/two words.json"]
    assert offered("play", "./maze.") == ["./maze.json"]
    assert offered("play", f"{here}/st") == [f"{here}/story.z8"]
    assert offered("play", ".") == [".hidden/", ".secret.toml"]
    assert offered("evaluate", "runs/") == ["runs/old"]
    assert offered("play", "none/") == []


def test_a_home_is_looked_into_as_it_was_typed(here, monkeypatch):
    monkeypatch.setenv("HOME", str(here))
    assert offered("play", "~/st") == ["~/story.z8"]


def names(kind: type) -> list[str]:
    return [f"{field.name}=" for field in fields(kind) if field.name not in ("title", "summary")]


@pytest.mark.parametrize(("words", "kind"), [
    (["play", "labyrinth"], Recipe), (["play"], Recipe), (["play", "no-such-game"], Recipe),
    (["evaluate", "wander", "coin_collector"], KINDS["tw-coin_collector"]),
    (["compare", "wander", "explorer", "cooking"], KINDS["tw-cooking"]), (["play", "maze.json"], Limits),
    (["transcript", "wander", "ladder"], Recipe), (["solve", "coin"], KINDS["tw-coin_collector"]),
    (["games", "simple"], KINDS["tw-simple"]), (["solve", "--split", "test", "simple"], KINDS["tw-simple"]),
])
def test_the_settings_of_the_game_that_the_line_names_are_offered(words, kind):
    assert sorted(offered(*words, "--with", "")) == sorted(names(kind))


def test_behind_a_setting_stand_its_choices():
    assert offered("play", "labyrinth", "--with", "goal=") == ["goal=coin", "goal=exit", "goal=deliver"]
    assert offered("play", "simple", "--with", "goal=b") == ["goal=brief"]
    assert offered("play", "labyrinth", "--with", "map=") == ["map=true", "map=false"]
    assert offered("play", "labyrinth", "--with", "theme=m") == ["theme=manor", "theme=mine"]
    assert offered("play", "labyrinth", "--with", "rooms=") == []
    assert offered("play", "labyrinth", "--with", "no-such=") == []
    assert offered("play", "labyrinth", "--with=goal=c") == ["goal=coin"]


@pytest.mark.parametrize(("words", "agent"), [
    (["evaluate", "wander", "corridor"], "wander"), (["evaluate", "ladder"], "bert_q"),
    (["evaluate", "runs/old", "corridor"], "bert_q"), (["transcript", "llm"], "llm"),
])
def test_the_settings_of_the_agent_that_the_line_names_are_offered(words, agent):
    assert offered(*words, "--set", "") == names(load_agent(agent).Settings)


def test_a_training_has_the_settings_of_its_agent_and_its_own():
    assert offered("train", "--set", "") == names(load_agent("bert_q").Settings) + names(TrainSettings)
    assert offered("train", "keys", "--agent", "drrn", "--set", "") == (
        names(load_agent("drrn").Settings) + names(TrainSettings))
    assert "target=double_q" in offered("train", "--set", "target=")


@pytest.mark.parametrize("agent", agent_files())
def test_what_is_read_from_an_agents_file_is_what_it_declares_when_it_is_run(agent):
    assert {name: told.help for name, told in declared(agent_files()[agent]).items()} == {
        field.name: field.metadata.get("help", "") for field in fields(load_agent(agent).Settings)}
    for field in fields(load_agent(agent).Settings):
        free = ("true", "false") if field.type in (bool, "bool") else ()
        expected = field.metadata.get("choices") or free
        assert set(declared(agent_files()[agent])[field.name].choices) == set(expected), field.name


def test_what_is_read_of_trainings_is_what_they_declare():
    assert list(declared(source("textmaze.learn.train"), "TrainSettings")) == [
        field.name for field in fields(TrainSettings)]


@pytest.mark.parametrize("text", ["import os; os.mkdir('ran')", "class Settings", "\0", "class Settings: x = 1"])
def test_a_file_that_is_no_agent_completes_to_nothing_and_is_not_run(here, text):
    (here / "mine.py").write_text(text)
    assert offered("evaluate", "mine.py", "--set", "") == []
    assert not (here / "ran").exists()


def test_damaged_files_complete_to_nothing(here):
    (here / "runs/old/config.json").write_text("{")
    assert offered("evaluate", "runs/old", "--set", "") == []
    (here / "mine.toml").write_text("kind = [")
    assert offered("play", "mine.toml", "--with", "") == []


def test_what_is_offered_is_told_of():
    found = get_completion_class("zsh")(main, {}, "textmaze", "_TEXTMAZE_COMPLETE")
    for words in (["play", "lab"], ["evaluate", "wan"], ["reproduce", "coin-c"], ["play", "labyrinth", "--with", "roo"],
                  ["train", "--set", "gam"]):
        for item in found.get_completions(words[:-1], words[-1]):
            assert item.help
            assert "\n" not in item.help


def answer(line: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """What bash is answered."""
    code = "import sys; from textmaze.cli import main\ntry: main(prog_name='textmaze')\nfinally:\n" \
           "    assert not {'torch', 'transformers', 'textworld', 'rich'} & set(sys.modules)"
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=60,
                          env={**os.environ, "_TEXTMAZE_COMPLETE": "bash_complete", "COMP_WORDS": line, **variables})


@pytest.mark.parametrize("line", ["textmaze ", "textmaze play ", "textmaze evaluate ", "textmaze reproduce ",
                                  "textmaze transcript ", "textmaze compare ", "textmaze train --set ",
                                  "textmaze play labyrinth --with ", "textmaze play labyrinth --with theme="])
def test_completion_imports_nothing_heavy_and_says_nothing_else(here, line):
    done = answer(line, here)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(offer.startswith("plain,") for offer in done.stdout.split("\n")[:-1])
    assert done.stdout.count("\n") > 2


def test_bash_writes_anew_only_what_stands_behind_its_last_break(here):
    assert answer("textmaze play labyrinth --with goal=d", here).stdout == "plain,deliver\n"
    whole = answer("textmaze play labyrinth --with goal=d", here, COMP_WORDBREAKS=" \t\n")
    assert whole.stdout == "plain,goal=deliver\n"
    assert answer("textmaze play mazes/", here).stdout == "plain,mazes/two\\ words.json\n"
    assert answer("textmaze play 'maze", here).stdout == "plain,maze.json\nplain,mazes/\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_the_one_that_click_prints_and_help_says_where_it_goes(shell):
    printed = CliRunner().invoke(main, ["completion", shell])
    assert printed.exit_code == 0
    assert printed.stdout == shells.script(shell, main)
    asked = CliRunner().invoke(main, prog_name="textmaze", env={"_TEXTMAZE_COMPLETE": f"{shell}_source"})
    assert asked.stdout == printed.stdout
    assert "_TEXTMAZE_COMPLETE" in printed.stdout
    told = CliRunner().invoke(main, ["completion", "--help"]).stdout
    assert f"textmaze completion {shell}" in told


START = {"bash": ["bash", "--norc", "--noprofile"], "zsh": ["zsh", "-f"], "fish": ["fish", "--no-config"]}
READ = {"bash": 'eval "$(textmaze completion bash)"',
        "zsh": 'autoload -U compinit; compinit -D; eval "$(textmaze completion zsh)"',
        "fish": "textmaze completion fish | source"}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_real_shell_completes_games_and_settings_and_leaves_no_space_where_more_is_to_come(here, shell):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    (here / "bin").mkdir()
    (here / "bin/textmaze").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m textmaze.cli "$@"\n')
    (here / "bin/textmaze").chmod(0o755)
    with Terminal(here, program=START[shell], width=120, HOME=str(here),
                  PATH=f"{here / 'bin'}{os.pathsep}{os.environ['PATH']}") as terminal:
        terminal.keys("-l", f"{READ[shell]}; echo ready$(( 1 + 1 ))" if shell != "fish" else
                      f"{READ[shell]}; echo ready(math 1 + 1)")
        terminal.keys("Enter")
        terminal.wait("^ready2")

        def complete(typed: str, becomes: str) -> None:
            terminal.keys("-l", "--", typed)
            terminal.keys("Tab")
            terminal.wait(becomes)

        complete("textmaze play labyri", "textmaze play labyrinth")
        complete("--with topol", "labyrinth --with topology=")
        complete("pl", "labyrinth --with topology=planar")
        complete("--with goal=de", " --with goal=deliver")
        complete("--seed 1 --spl", " --seed 1 --split")
        complete("te", " --split test")
