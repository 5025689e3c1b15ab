"""What README tells a newcomer to type works, in the order in which it stands there."""

import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from textmaze.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def run(words, folder, **settings):
    # The console script stands beside the interpreter, whether or not the environment is activated.
    words = [str(Path(sys.executable).parent / words[0]), *words[1:]]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=300, check=False, **settings)


# How much is played and learned decides how long it takes, and not whether it works.
ENOUGH = {"--steps": "600", "--points": "2", "--episodes": "2", "--mazes": "2"}


@pytest.mark.slow
def test_every_command_in_the_readme_works(tmp_path, monkeypatch):
    """In one process: the session below is typed to the console script itself."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEXTMAZE_CACHE", str(tmp_path / "cache"))
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    commands = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("textmaze ")]
    assert len(commands) >= 10
    for command in commands:
        words = [ENOUGH.get(before, word) for before, word in pairwise(["", *command])]
        done = CliRunner().invoke(main, words, input="look\n")
        assert done.exit_code == 0, f"{words}: {done.output} {done.exception!r}"


def test_the_make_targets_that_the_readme_names_exist():
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {line.split()[1] for block in blocks("sh") for line in block.splitlines() if line.startswith("make ")}
    assert named == {"demo", "test"}
    assert named <= targets


def test_the_python_in_the_readme_works():
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), {})


def test_the_session_in_the_readme_is_what_the_game_prints(tmp_path):
    session = next(block for block in blocks("text") if block.startswith("$ "))
    command, _, shown = session.partition("\n")
    typed = "".join(f"{line[2:]}\n" for line in shown.splitlines() if line.startswith("> "))
    done = run(shlex.split(command[2:]), tmp_path, input=typed)
    assert done.stdout.split() == shown.split()  # word for word: a pipe does not wrap lines


def test_the_file_tree_in_the_readme_names_what_is_there():
    tree = next(block for block in blocks("text") if block.startswith("textmaze/"))
    for line in tree.splitlines():
        found = re.match(r"^(  )?([\w./]+)  ", line)
        if found:
            assert (ROOT / ("textmaze" if found[1] else "") / found[2]).exists(), line
