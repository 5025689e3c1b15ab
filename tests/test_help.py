"""Every command's help: in sections, with examples that work as they stand there."""

import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from textmaze.catalog import load_game
from textmaze.cli import main

# What takes more than a few seconds; the rest is run.
LONG = ("textmaze train labyrinth", "textmaze train keys", "textmaze train --resume", "textmaze conform",
        "textmaze reproduce", "textmaze foresight", "textmaze explain", "textmaze bench", "textmaze doctor",
        "textmaze evaluate wander --suite", "textmaze evaluate explorer coin_collector",
        "textmaze compare explorer wander --suite", "textmaze compare BERT=",
        "textmaze transcript experts.toml", "textmaze transcript ladder --episodes", "textmaze play --resume",
        "textmaze play labyrinth --agent ladder --pace")


def commands(command: click.Command = main, *names: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield names, command
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from commands(below, *names, name)


ALL = dict(commands())


def examples(command: click.Command) -> list[str]:
    """The lines below the heading, which end the text."""
    found = re.search(r"\n\x08\nExamples:\n((?:  \S.*\n?)+)$", inspect.cleandoc(command.help or ""))
    assert found, f"{command.name} has no examples, or not at the end of its text"
    return [line.strip() for line in found[1].splitlines()]


def parts(example: str) -> list[list[str]]:
    """The commands of a line: between pipes, or inside of `eval`."""
    inner = re.fullmatch(r'eval "\$\((.*)\)"', example)
    return [shlex.split(part) for part in (inner[1] if inner else example).split(" | ")]


EXAMPLES = [example for command in ALL.values() for example in examples(command)]


@pytest.mark.parametrize("names", ALL, ids=" ".join)
def test_a_command_has_one_to_four_examples_and_the_first_ones_are_of_itself(names):
    found = examples(ALL[names])
    assert 1 <= len(found) <= 4
    assert found[0].startswith(" ".join(["textmaze", *names])) or names == ("verify",) or names == ("convert",)
    assert any(line.startswith(" ".join(["textmaze", *names])) for line in found)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_a_command_with_options_that_there_are(example):
    for program, *words in parts(example):
        assert program == "textmaze"
        command: click.Command = main
        parent = None
        while isinstance(command, click.Group):
            parent = click.Context(command, parent=parent, **command.context_settings)
            command = command.commands[words.pop(0)]
        with command.make_context(command.name, words, parent=parent) as context:
            game = context.params.get("game")
            if game and not game.endswith((".json", ".z8")):
                load_game(game, dict(change.split("=") for change in context.params.get("overrides", ())))


@pytest.mark.parametrize("names", ALL, ids=" ".join)
def test_the_examples_that_take_no_time_do_what_they_say(names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TEXTMAZE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for example in examples(ALL[names]):
        if example.startswith(LONG):
            continue
        shown = "look\n"
        for _, *words in parts(example):
            done = CliRunner().invoke(main, words, input=shown)
            assert done.exit_code == 0, (example, done.output)
            shown = done.stdout


def test_what_is_called_long_is_there():
    for start in LONG:
        assert any(example.startswith(start) for example in EXAMPLES), start


@pytest.mark.parametrize("names", [names for names in ALL if isinstance(ALL[names], click.Group)], ids=" ".join)
def test_every_command_is_told_of_in_one_line_that_is_whole(names):
    shown = CliRunner(env={"COLUMNS": "80"}).invoke(main, [*names, "--help"]).stdout
    for name in ALL[names].commands:
        (line,) = re.findall(rf"^  {name}  +(\S.*)$", shown, re.MULTILINE)
        assert line.endswith(".")
        assert not line.endswith("...")


def test_the_commands_stand_in_sections_by_what_they_are_for():
    shown = CliRunner().invoke(main, ["--help"]).stdout
    titles = re.findall(r"^(\S.*):$", shown, re.MULTILINE)
    assert titles == ["Options", "Play", "Train and measure", "Transcripts", "Tools"]
    assert sorted(re.findall(r"^  ([a-z]+)  ", shown, re.MULTILINE)) == sorted(main.commands)
