"""Bad input: one sentence, exit code 2, no traceback, and nothing left behind."""

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from textmaze.cli import main
from textmaze.game.export import export_z8
from textmaze.game.generate import make_maze
from textmaze.game.recipe import Recipe


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A TextWorld game in good order."""
    path = tmp_path_factory.mktemp("story") / "good.z8"
    export_z8(make_maze(Recipe(topology="corridor", rooms=3), "train", 0), path)
    return path


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, story: Path) -> Path:
    """A folder with everything in it that is not what it should be."""
    monkeypatch.setenv("TEXTMAZE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("folder", "folder.toml", "folder.json", "folder.z8"):
        (folder / name).mkdir()
    data, info = story.read_bytes(), story.with_suffix(".json").read_bytes()
    files = {
        "file": b"", "broken.toml": b"rooms = [", "latin.toml": b'title = "Stra\xdfe"', "odd.toml": b"rooms = 'many'",
        "kind.toml": b"kind = 7", "unknown.toml": b"roms = 5", "small.toml": b"rooms = 1",
        "text.json": b"no maze", "list.json": b"[]", "other.json": b"{}", "cut.json": b'{"format": "textmaze-maze-1"}',
        "binary.json": bytes(range(256)),
        "cut.z8": data[: len(data) // 2], "alone.z8": data, "empty.z8": b"",
        "noise.z8": random.Random(0).randbytes(5000), "text.z8": b"no game", "bare.z8": data, "bare.json": b"{}",
        "class.py": b"class Settings: ...\nmake = Settings",
        "syntax.py": b"def make(:", "bare.py": b"class Settings: ...", "fails.py": b"1 / 0",
    }
    for name in ("cut", "empty", "noise"):
        files[f"{name}.json"] = info
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def tree(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
            for path in folder.rglob("*") if "__pycache__" not in path.parts}


def refused(*arguments: str) -> str:
    """The sentence that these arguments are refused with."""
    before = tree(Path())
    done = CliRunner().invoke(main, list(arguments))
    assert_refused(done)
    assert tree(Path()) == before
    return done.stderr.removeprefix("Error: ").removesuffix("\n")


def assert_refused(done: Result) -> None:
    assert isinstance(done.exception, SystemExit), repr(done.exception)
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.output


GAMES = {
    "labyrint": "There is no game named 'labyrint'; did you mean 'labyrinth'?",
    "": "There is no game named ''.",
    "folder": "There is no game named 'folder'",
    "none.toml": "There is no game file 'none.toml'.",
    "folder.toml": "There is no game file 'folder.toml'.",
    "broken.toml": "broken.toml is not valid TOML: ",
    "latin.toml": "latin.toml is not UTF-8 text.",
    "odd.toml": "rooms in odd.toml must be a whole number, not 'many'.",
    "kind.toml": "kind.toml: kind must be one of maze, tw-coin_collector, tw-treasure_hunter, tw-simple, tw-cooking, "
                 "not 7.",
    "unknown.toml": "There is no setting in unknown.toml named 'roms'; did you mean 'rooms'?",
    "small.toml": "rooms in small.toml must be from 2 to 5000, not 1.",
    "none.json": "none.json cannot be read: No such file or directory.",
    "folder.json": "folder.json cannot be read: Is a directory.",
    "text.json": "text.json is not valid JSON: ",
    "binary.json": "binary.json is not valid JSON: ",
    "list.json": "list.json is not a maze of this version: ",
    "other.json": "other.json is not a maze of this version: ",
    "cut.json": "cut.json is not a maze of this version: ",
    "none.z8": "There is no file 'none.z8'.",
    "folder.z8": "folder.z8 cannot be read: Is a directory.",
    "alone.z8": "There is no file 'alone.json'. A TextWorld game is a .z8 file with its .json beside it.",
    "cut.z8": "cut.z8 is damaged: ",
    "empty.z8": "empty.z8 is not a Z-machine game of version 8.",
    "noise.z8": "noise.z8 is not a Z-machine game of version 8.",
    "text.z8": "text.z8 is not a Z-machine game of version 8.",
    "bare.z8": "bare.json does not describe a TextWorld game.",
}


@pytest.mark.parametrize(("game", "sentence"), GAMES.items())
def test_a_game_that_is_none_is_refused_by_every_command(game, sentence):
    commands = (
        ["solve", game], ["play", game, "--seed", "0"], ["evaluate", "wander", game], ["transcript", "wander", game],
        ["make", game, "--out", "new/out.z8"], ["train", game, "--set", "encoder=hash", "--out", "new"],
    )
    for command in commands:
        if command[0] == "make" and game.endswith(".z8"):
            refused(*command)  # never mind the file: a maze cannot be made from a TextWorld game
        else:
            assert refused(*command).startswith(sentence), command


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("room=9", "There is no setting in corridor.toml named 'room'; did you mean 'rooms'?"),
        ("rooms=nine", "rooms in corridor.toml must be a whole number, not 'nine'."),
        ("rooms=5.0", "rooms in corridor.toml must be a whole number, not '5.0'."),
        ("rooms=1", "rooms in corridor.toml must be from 2 to 5000, not 1."),
        ("rooms=5001", "rooms in corridor.toml must be from 2 to 5000, not 5001."),
        ("loops=nan", "loops in corridor.toml must be from 0.0 to 1.0, not nan."),
        ("rooms", "'rooms' is not of the form KEY=VALUE."),
        ("=9", "'=9' is not of the form KEY=VALUE."),
        ("topology=gird", "There is no choice for topology in corridor.toml named 'gird'; did you mean 'grid'?"),
        ("theme=dungeons", "There is no theme named 'dungeons'; did you mean 'dungeon'?"),
        ("theme=../dungeon", "There is no theme named '../dungeon'"),
        ("theme=", "There is no theme named ''."),
    ],
)
def test_a_recipes_setting_that_is_not_allowed_is_refused_by_every_command(override, sentence):
    for command in (
        ["solve", "corridor"], ["play", "corridor"], ["evaluate", "explorer", "corridor"],
        ["transcript", "explorer", "corridor"], ["make", "corridor", "--out", "new/out.z8"],
        ["train", "corridor", "--set", "encoder=hash", "--out", "new"],
    ):
        assert refused(*command, "--with", override).startswith(sentence), command


@pytest.mark.parametrize("command", ["solve", "play", "train"])
def test_a_level_that_textworld_cannot_make_is_refused(command):
    sentence = refused(command, "coin_collector", "--with", "level=160")
    assert "level 160" in sentence
    assert "levels 1 to 150 and 201 to 233 can be played" in sentence


@pytest.mark.slow  # TextWorld makes a game for the split that has one
def test_a_level_with_too_few_maps_for_the_splits_is_refused_before_a_training_has_a_folder():
    sentence = refused("train", "coin_collector", "--with", "level=1", "--set", "encoder=hash", "--out", "new")
    assert sentence.startswith("Level 1 of tw-coin_collector has too few different maps")


AGENTS = {
    "wandr": "There is no agent named 'wandr'; did you mean 'wander'?",
    "": "There is no agent named ''.",
    "none.py": "There is no agent file 'none.py'.",
    "runs/none": "There is no run folder 'runs/none'.",
    "folder": "folder is not a run folder of textmaze: it has no config.json.",
    "x" * 5000: "There is no agent named 'xxxx",
    "syntax.py": "The agent file syntax.py cannot be loaded: SyntaxError: ",
    "fails.py": "The agent file fails.py cannot be loaded: ZeroDivisionError: division by zero.",
    "bare.py": "bare.py is not an agent: it lacks make; ",
    "class.py": "class.py is not an agent: its Settings must be a dataclass",
}


@pytest.mark.parametrize(("agent", "sentence"), AGENTS.items(), ids=[name[:10] for name in AGENTS])
def test_an_agent_that_is_none_is_refused(agent, sentence):
    for command in (["evaluate", agent, "corridor"], ["evaluate", agent], ["transcript", agent, "corridor"]):
        assert refused(*command).startswith(sentence), command
    if agent not in ("folder", "runs/none"):  # what is trained is no run folder
        assert refused("train", "corridor", "--agent", agent).startswith(sentence)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("sead=1", "There is no setting in wander named 'sead'; did you mean 'seed'?"),
        ("seed=one", "seed in wander must be a whole number, not 'one'."),
        ("seed=-1", "seed in wander must be at least 0, not -1."),
        ("seed", "'seed' is not of the form KEY=VALUE."),
    ],
)
def test_an_agents_setting_that_is_not_allowed_is_refused(change, sentence):
    for command in (["evaluate", "wander", "corridor"], ["transcript", "wander", "corridor"]):
        assert refused(*command, "--set", change).startswith(sentence)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("step=9", "There is no setting of bert_q or its training named 'step'; did you mean 'steps'?"),
        ("steps=many", "steps in training must be a whole number, not 'many'."),
        ("slots=0", "slots in training must be from 1 to 4096, not 0."),
        ("gamma=2", "gamma in bert_q must be from 0.0 to 1.0, not 2.0."),
        ("notes=maybe", "There is no choice for notes in bert_q named 'maybe'."),
        ("target=doubleq", "There is no choice for target in bert_q named 'doubleq'; did you mean 'double_q'?"),
        ("gamma", "'gamma' is not of the form KEY=VALUE."),
        ("encoder=folder", "The encoder 'folder' cannot be loaded: "),
        ("encoder=no-such-model", "The encoder 'no-such-model' cannot be loaded: "),
    ],
)
def test_a_training_with_a_setting_that_is_not_allowed_is_refused(change, sentence):
    assert refused("train", "corridor", "--out", "new", "--set", change).startswith(sentence)
    assert refused("train", "corridor", "--set", change).startswith(sentence)  # and makes no folder runs/


@pytest.mark.parametrize("agent", ["wander", "explorer", "walkthrough", "human"])
def test_an_agent_that_cannot_learn_is_not_trained(agent):
    sentence = refused("train", "corridor", "--agent", agent, "--out", "new")
    assert sentence == f"{agent} does not learn; train one that does, such as bert_q."


@pytest.mark.parametrize("folder", ["file", "file/below", "/proc/none/run"])
def test_a_run_folder_that_cannot_be_written_is_refused(folder):
    assert refused("train", "corridor", "--steps", "1", "--set", "encoder=hash", "--out", folder).startswith(
        f"{folder} cannot be written: "
    )


def test_a_run_folder_with_a_name_that_is_no_text_is_refused():
    assert "cannot be a run folder" in refused("train", "corridor", "--set", "encoder=hash", "--out", "\udcff")


@pytest.mark.parametrize("place", ["file/out{}", "/proc/none/out{}", "folder{}"])
def test_a_file_that_cannot_be_written_is_refused(place):
    for command, suffix in (
        (["transcript", "wander", "corridor", "--format", "jsonl"], ""),
        (["make", "corridor", "--format", "json"], ".json"),
        (["make", "corridor"], ".z8"),
    ):
        sentence = refused(*command, "--out", place.format(suffix))
        assert "cannot be written: " in sentence or "cannot be read: " in sentence


def test_a_game_is_not_made_under_another_ending():
    assert refused("make", "corridor", "--out", "new/game.txt") == "game.txt must end in .z8 to be a TextWorld game."


def test_a_textworld_game_has_no_maze_to_write():
    assert "there is no maze to write" in refused("make", "coin_collector", "--out", "new.z8")
    assert "there is no maze to write" in refused("make", "alone.z8", "--out", "new.z8")


def test_a_maze_is_not_overwritten_by_its_export():
    CliRunner().invoke(main, ["make", "corridor", "--format", "json", "--out", "maze.json"])
    assert "would overwrite it" in refused("make", "maze.json", "--out", "maze.z8")


@pytest.mark.parametrize("folder", ["folder", "none", "file", "/proc/none", ""])
def test_a_folder_that_is_no_run_cannot_be_resumed(folder):
    assert "config.json" in refused("train", "--resume", folder)


def test_a_measurement_that_the_person_leaves_is_refused():
    refused("evaluate", "human", "corridor")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["sovle"], "No such command 'sovle'."),
        (["solve"], "Missing argument 'GAME'."),
        (["evaluate"], "Missing argument 'AGENT'."),
        (["make", "corridor"], "Missing option '--out'."),
        (["solve", "corridor", "--sed", "1"], "No such option '--sed'."),
        (["solve", "corridor", "more"], "Got unexpected extra argument (more)"),
        (["solve", "corridor", "--split", "tests"], "Invalid value for '--split': 'tests' is not one of "),
        (["solve", "corridor", "--seed", "-1"], "Invalid value for '--seed': -1 is not in the range "),
        (["solve", "corridor", "--seed", "one"], "Invalid value for '--seed': 'one' is not a valid integer"),
        (["make", "corridor", "--out", "o", "--format", "z5"], "Invalid value for '--format': 'z5' is not one of "),
        (["evaluate", "wander", "--episodes", "0"], "Invalid value for '--episodes': 0 is not in the range "),
        (["evaluate", "wander", "--episodes", "9" * 30], "Invalid value for '--episodes': "),
        (["transcript", "wander", "--episodes", "9" * 30], "Invalid value for '--episodes': "),
        (["train", "--steps", "0"], "Invalid value for '--steps': 0 is not in the range "),
    ],
)
def test_a_wrong_use_of_a_command_is_refused_with_a_hint(arguments, sentence):
    before = tree(Path())
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    usage, *_, last = done.stderr.splitlines()
    assert usage.startswith("Usage: ")
    assert last.startswith(f"Error: {sentence}")
    assert tree(Path()) == before


@pytest.mark.parametrize("arguments", [["solve", "labyrint"], ["evaluate", "syntax.py"], ["play", "cut.z8"],
                                       ["solve", b"\xff\xfe.toml"], ["evaluate", b"\xff"]])
def test_a_process_that_refuses_says_one_sentence_and_ends_with_code_2(arguments):
    done = subprocess.run([sys.executable, "-m", "textmaze.cli", *arguments], capture_output=True, timeout=60,
                          env={**os.environ, "PYTHONWARNINGS": "default"})
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"Error: ")
    assert done.stderr.count(b"\n") == 1


LONG = "x" * 300  # longer than a file's name may be
GARBAGE = (
    "", " ", "-", "--", ".", "..", "/", "~", "\\", "%s", "{}", "[/b]", LONG, "x" * 5000, "\n", "\x1b[2J",
    "na\u00efve", "\u4e2d", "\U0001f600", "\udcff", "=", "==", "a=", "=a", "0", "-1", "1e9", "nan", "inf", "None",
    "9" * 5000, "file", "folder", "folder.toml", "broken.toml", "latin.toml", "cut.z8", "alone.z8", "text.json",
    "syntax.py", "class.py", "/dev/null", "/proc/self/mem", "/proc/none/x", "file/x.z8", f"{LONG}.json",
    f"{LONG}.z8", f"{LONG}.toml", f"{LONG}.py", "x/" * 3000,
)
NAMES = ("rooms", "loops", "theme", "max_steps", "topology", "wordings", "seed")


def garbage(seed: int) -> list[str]:
    """Arguments that look like a command, with at least one thing in them that no command takes or expects."""
    draw = random.Random(seed)

    def any_of(*good: str) -> str:
        return draw.choice([*good, draw.choice(GARBAGE), draw.choice(GARBAGE)])

    def changes(option: str) -> list[str]:
        name = any_of(*NAMES)
        return [option, f"{name}={draw.choice(GARBAGE)}"] if draw.random() < 0.4 else []

    few = ["--episodes", any_of("1", "2")]
    seeded = ["--seed", any_of("0", "1")] if draw.random() < 0.5 else []
    overrides, sets = changes("--with"), changes("--set")
    command = draw.choice(["solve", "play", "make", "evaluate", "transcript", "train", draw.choice(GARBAGE)])
    rest = {
        "solve": lambda: [any_of("corridor"), *seeded, *overrides],
        "play": lambda: [any_of("corridor"), *seeded, *overrides],
        "make": lambda: [any_of("corridor"), "--format", any_of("json"), "--out", any_of("new.json"), *overrides],
        "evaluate": lambda: [any_of("wander"), any_of("corridor"), *few, *seeded, *overrides, *sets],
        "transcript": lambda: [any_of("wander"), any_of("corridor"), *few, *seeded, *overrides, *sets],
        # No value of these is allowed, for a training takes its time.
        "train": lambda: [any_of("corridor"), "--set", f"batch={draw.choice(GARBAGE)}", "--set", "slots=0",
                          *(["--resume", draw.choice(GARBAGE)] if draw.random() < 0.5 else [])],
    }.get(command, lambda: [draw.choice(GARBAGE)])()
    return [command, *rest]


@pytest.mark.parametrize("part", range(10))
def test_garbage_never_ends_in_a_traceback(part, here):
    for seed in range(part * 30, part * 30 + 30):
        arguments = garbage(seed)
        done = CliRunner().invoke(main, arguments, input="look\n")
        assert done.exception is None or isinstance(done.exception, SystemExit), (arguments, done.exception)
        assert done.exit_code in (0, 2), arguments
        if done.exit_code:
            assert sum(line.startswith("Error: ") for line in done.stderr.splitlines()) == 1, (arguments, done.stderr)
    shutil.rmtree(here)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["evaluate", "labyrinth"], "'labyrinth' is a game, not an agent; "),
        (["evaluate", "labyrinth", "explorer"], "'explorer' is an agent, not a game; "),
        (["train", "wander"], "'wander' is an agent, not a game; "),
        (["play", "ladder-train", "--agent", "keys"], "'keys' is a game, not an agent; "),
    ],
)
def test_whoever_takes_agents_for_games_is_told_so(arguments, sentence):
    assert refused(*arguments).startswith(sentence)
