"""The commands, as whoever types them sees them: what they print, and how they end."""

import json
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import stories
from click.testing import CliRunner, Result
from transcripts import proved, read_text

from textmaze import __version__
from textmaze.catalog import agent_files, game_files, load_game, pretrained
from textmaze.cli import main
from textmaze.game import explore, story
from textmaze.game.live import NOTE
from textmaze.suite import suite_files

COMMANDS = ("games", "agents", "play", "train", "evaluate", "explain", "compare", "reproduce", "foresight",
            "transcript", "verify", "convert", "make", "solve", "conform", "bench", "doctor", "completion")
TEXTMAZE = [sys.executable, "-m", "textmaze.cli"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, and wishes about the terminal that are always the same."""
    monkeypatch.setenv("TEXTMAZE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def run(*arguments: object, input: str | None = None) -> Result:
    """The command carried out in this process; it must succeed."""
    done = CliRunner().invoke(main, list(map(str, arguments)), input=input)
    assert done.exit_code == 0, done.output
    return done


def process(*arguments: str, input: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*TEXTMAZE, *arguments], input=input, capture_output=True, text=True, timeout=120,
                          env={**os.environ, **variables})


def way(game: str, seed: int = 0, split: str = "train", **overrides: str) -> list[str]:
    return load_game(game, overrides).table(split, seed).shortest_way()


@pytest.mark.parametrize("command", ["games", "agents"])
def test_what_there_is_stands_on_one_line_each_and_says_what_it_is(command):
    suites = {"Suites, several games for train, evaluate and compare:": "", **suite_files()}
    files = {"games": {**game_files(), **suites}, "agents": {**agent_files(), "They come trained:": "", **pretrained()}}
    lines = [line for line in run(command).stdout.splitlines() if line]
    assert [line if line.endswith(":") else line.split()[0] for line in lines] == list(files[command])
    lines = [line for line in lines if not line.endswith(":")]
    for line in lines:
        assert re.fullmatch(r"\S+ {2,}\S.*[.]", line)
    assert len({re.match(r"\S+ +", line).end() for line in lines}) == 1  # one column
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize("arguments", [[], *([name] for name in COMMANDS)])
def test_every_command_explains_itself(arguments):
    text = run(*arguments, "--help").stdout
    assert text.startswith(f"Usage: {' '.join(['main', *arguments])} ")
    assert text == run(*arguments, "-h").stdout
    assert max(map(len, text.splitlines())) <= 80


def test_help_lists_every_command_and_what_game_and_agent_mean():
    text = run("--help").stdout
    assert sorted(re.findall(r"^  ([a-z]+)  ", text, re.MULTILINE)) == sorted(COMMANDS)
    assert "GAME is" in text
    assert "AGENT is" in text


def test_the_version_is_the_packages():
    assert run("--version").stdout == f"textmaze, version {__version__}\n"
    done = subprocess.run([Path(sys.executable).with_name("textmaze"), "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"textmaze, version {__version__}\n", "")


def test_a_game_played_in_a_pipe_is_plain_text():
    commands = "\n".join(way("corridor", 3)) + "\n"
    done = process("play", "corridor", "--seed", "3", input=commands, TERM="xterm-256color")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert done.stdout.startswith("corridor, seed 3, at most 20 steps.")
    assert done.stdout.rstrip().endswith("Won in 4 steps; the fewest possible is 4. Another game: --seed 4.")
    assert done.stdout == run("play", "corridor", "--seed", "3", input=commands).stdout


def test_what_solve_prints_wins_the_game_when_it_is_piped_into_play():
    solved = process("solve", "labyrinth", "--seed", "3")
    assert solved.stdout.splitlines() == way("labyrinth", 3)
    assert solved.stderr == "8 commands; no way is shorter.\n"
    played = process("play", "labyrinth", "--seed", "3", input=solved.stdout)
    assert played.returncode == 0
    assert "\nWon in 8 steps; the fewest possible is 8." in played.stdout


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_solve_solves_the_game_of_the_split_that_is_played(split):
    done = run("solve", "labyrinth", "--seed", 5, "--split", split, "--with", "rooms=9")
    assert done.stdout.splitlines() == way("labyrinth", 5, split, rooms="9")
    played = run("play", "labyrinth", "--seed", 5, "--split", split, "--with", "rooms=9", input=done.stdout)
    assert "\nWon in " in played.stdout


def test_a_game_without_a_seed_is_one_of_many_and_says_which():
    first = run("play", "corridor", input="quit\n").stdout
    seed = re.match(r"corridor, seed (\d+), ", first)[1]
    assert run("play", "corridor", "--seed", seed, input="quit\n").stdout == first


@pytest.mark.parametrize("game", ["labyrinth", "corridor"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_a_maze_written_as_json_is_the_game_of_the_recipe(here, game, split):
    done = run("make", game, "--seed", 7, "--split", split, "--format", "json", "--out", "new/maze.json")
    assert (done.stdout, done.stderr) == ("", "Wrote new/maze.json.\n")
    assert [path.name for path in (here / "new").iterdir()] == ["maze.json"]
    solved = run("solve", "new/maze.json")
    assert solved.stdout == run("solve", game, "--seed", 7, "--split", split).stdout
    by_recipe = run("play", game, "--seed", 7, "--split", split, input=solved.stdout).stdout
    by_file = run("play", "new/maze.json", input=solved.stdout).stdout
    # Of the first line and the last, which say what is played, everything between is the game's.
    assert by_file.splitlines()[1:-2] == by_recipe.splitlines()[1:-2]


@pytest.mark.parametrize("options", [[], ["--seed", "3"]])
def test_a_game_from_a_file_is_the_only_one_so_no_other_seed_is_suggested(options):
    run("make", "corridor", "--format", "json", "--out", "maze.json")
    commands = run("solve", "maze.json").stdout
    assert run("play", "maze.json", *options, input=commands).stdout.rstrip().endswith(
        "Won in 4 steps; the fewest possible is 4. The end."
    )


def test_making_a_game_again_gives_the_same_bytes(here):
    for name in ("one", "two"):
        run("make", "labyrinth", "--format", "json", "--out", f"{name}.json")
    assert (here / "one.json").read_bytes() == (here / "two.json").read_bytes()


def session(text):
    """What the game said in a session, text by text."""
    return re.sub(r"^> .*\n", "", text, flags=re.MULTILINE).split("\n\n")


def test_textworlds_own_interpreter_is_won_with_what_solve_prints_and_shows_what_play_shows(here):
    run("make", "labyrinth", "--seed", 3, "--format", "z8", "--out", "m.z8")
    assert sorted(path.name for path in here.iterdir()) == ["m.json", "m.z8"]
    commands = run("solve", "labyrinth", "--seed", 3).stdout
    played = session(run("play", "labyrinth", "--seed", 3, input=commands).stdout)
    # After the line that introduces the game and the objective come the rooms on the way, and then the win.
    rooms = [room.split() for room in played[2:] if room.startswith("-= ")]
    assert len(rooms) == len(commands.splitlines())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TextWorld's own
        import textworld

        env = textworld.start("m.z8", textworld.EnvInfos(feedback=True, description=True, won=True))
        state = env.reset()
        for command, room in zip(commands.splitlines(), rooms, strict=True):
            assert state.description.split() == room
            assert " ".join(room) in " ".join(state.feedback.split())
            state, _, done = env.step(command)
        env.close()
    assert done
    assert state.won
    assert run("solve", "m.z8").stdout == commands
    assert session(run("play", "m.z8", input=commands).stdout)[1:-2] == played[1:-2]


KEYS = {
    "agent": str, "game": str, "split": str, "episodes": int, "success": float, "success_low": float,
    "success_high": float, "spl": float, "steps_mean": float, "shortest_mean": float,
}


@pytest.mark.parametrize("agent", ["wander", "explorer", "walkthrough", "bert_q"])
def test_a_measurement_as_json_is_one_object_with_every_number(agent):
    fast = ["--set", "encoder=hash"] if agent == "bert_q" else []
    done = run("evaluate", agent, "corridor", "--episodes", 20, "--json", *fast)
    assert done.stdout.count("\n") == 1
    found = json.loads(done.stdout)
    assert {name: type(found[name]) for name in KEYS} == KEYS
    assert {name: found[name] for name in ("agent", "game", "split", "episodes")} == {
        "agent": agent, "game": "corridor", "split": "test", "episodes": 20
    }
    assert 0 <= found["success_low"] <= found["success"] <= found["success_high"] <= 1
    assert 0 <= found["spl"] <= found["success"]
    assert found["shortest_mean"] == 4.0
    assert 4.0 <= found["steps_mean"] <= 20.0


@pytest.mark.parametrize("agent", ["wander", "explorer", "walkthrough"])
def test_a_measurement_as_a_table_has_the_agent_beside_every_control_once(agent):
    text = run("evaluate", agent, "labyrinth", "--episodes", 5).stdout
    assert text.startswith("labyrinth: 5 games of the test split")
    assert sorted(re.findall(r"^│ (\w+) ", text, re.MULTILINE)) == ["explorer", "walkthrough", "wander"]
    assert max(map(len, text.splitlines())) <= 80


def test_an_agent_of_ones_own_stands_first_in_the_table(here):
    (here / "mine.py").write_text(agent_files()["walkthrough"].read_text())
    text = run("evaluate", "mine.py", "corridor", "--episodes", 5).stdout
    assert re.findall(r"^│ (\w+) ", text, re.MULTILINE) == ["mine", "wander", "explorer", "walkthrough"]


def test_a_folder_with_the_name_of_a_shipped_agent_does_not_hide_it(here):
    for name in agent_files():
        (here / name).mkdir()
    assert json.loads(run("evaluate", "walkthrough", "corridor", "--json").stdout)["success"] == 1.0
    assert "│ wander " in run("evaluate", "explorer", "--episodes", 5).stdout


def test_the_walkthrough_wins_textworlds_coin_collector_in_the_fewest_steps():
    # One game, for TextWorld takes two seconds to make it.
    done = run("evaluate", "walkthrough", "coin_collector", "--with", "level=5", "--episodes", 1, "--json")
    found = json.loads(done.stdout)
    assert (found["success"], found["spl"], found["steps_mean"], found["episodes"]) == (1.0, 1.0, 5.0, 1)


def test_a_game_that_is_played_live_says_so(here, monkeypatch):
    monkeypatch.setattr(explore, "MAX_CELLS", 20)
    story.LIVE_MEMORY.clear()
    game = stories.pantry(here)
    done = run("evaluate", "explorer", game, "--episodes", 2)
    assert done.stderr == f"{NOTE}\n"
    assert re.findall(r"^│ (\w+) ", done.stdout, re.MULTILINE) == ["explorer", "wander"]  # none knows a shortest way
    done = run("transcript", "wander", game, "--out", "walk.jsonl")
    assert "played live" in done.stderr
    proved(Path("walk.jsonl"), game)
    assert "played live" in run("play", game, input="hint\nopen white door\n").stdout
    done = CliRunner().invoke(main, ["solve", str(game)])
    assert done.exit_code == 2
    assert "its shortest way is not known" in done.output


def test_a_measurement_is_the_same_in_another_process():
    arguments = ["evaluate", "wander", "labyrinth", "--with", "rooms=9", "--episodes", "30", "--seed", "2", "--json"]
    texts = [process(*arguments, PYTHONHASHSEED="1").stdout]
    assert run(*arguments).stdout == texts[0]
    assert run(*arguments[:-2], "3", "--json").stdout != texts[0]


@pytest.mark.parametrize("kind", ["jsonl", "markdown", "chat", "cast"])
def test_a_transcript_is_the_same_in_another_process(kind):
    arguments = ["transcript", "wander", "corridor", "--episodes", "3", "--seed", "1", "--format", kind]
    texts = [process(*arguments, PYTHONHASHSEED=seed).stdout for seed in "12"]
    assert texts[0] == texts[1] != ""


def test_a_transcript_can_be_read_and_verified():
    options = ["--episodes", 4, "--seed", 2, "--split", "valid", "--with", "rooms=9"]
    done = run("transcript", "wander", "labyrinth", *options)
    assert done.stderr == ""
    for line in done.stdout.splitlines():
        json.loads(line)
    Path("t.jsonl").write_text(done.stdout)
    header, episodes = proved(Path("t.jsonl"))
    (play,) = header.plays
    assert (play.agent, play.game, play.split, play.seed, play.episodes) == ("wander", "labyrinth", "valid", 2, 4)
    assert [episode[0].seed for episode in episodes] == [2, 3, 4, 5]


def test_a_transcript_in_markdown_is_for_people():
    text = run("transcript", "walkthrough", "corridor", "--format", "markdown").stdout
    assert text.startswith("# Corridor, played by walkthrough\n")
    assert re.findall(r"^> (.*)$", text, re.MULTILINE) == way("corridor")
    assert text.endswith("\n**Won in 4 steps; the fewest possible is 4.**\n")


def test_a_transcript_in_a_file_is_what_would_have_been_printed(here):
    printed = run("transcript", "explorer", "corridor")
    written = run("transcript", "explorer", "corridor", "--out", "new/folder/t.jsonl")
    assert written.stdout == ""
    assert (here / "new/folder/t.jsonl").read_text() == printed.stdout


def test_a_reader_that_reads_no_further_gets_no_traceback():
    with subprocess.Popen([*TEXTMAZE, "transcript", "wander", "corridor", "--episodes", "300"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as transcript:
        assert transcript.stdout.readline().startswith(b'{"format": ')
        transcript.stdout.close()
        assert transcript.stderr.read() == b""


def test_a_person_who_leaves_at_once_has_a_transcript_without_episodes():
    header, episodes = read_text(run("transcript", "human", "corridor", input="").stdout)
    assert (header.plays[0].agent, episodes) == ("human", [])
