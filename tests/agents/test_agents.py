"""The shipped agents: what each promises, held against real games."""

import io
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import is_dataclass

import pytest

from textmaze.catalog import agent_files, first_line, load_agent, load_game
from textmaze.env.rollout import Agent, Leave, Observation, StepRecord, rollout
from textmaze.errors import TextmazeError
from textmaze.game.mazes import MazeGame
from textmaze.game.table import Game
from textmaze.learn.evaluate import summarise

OBSERVATION = Observation(0, "text", "description", "inventory", "objective", ("go north",))
LEARNED = {"bert_q", "llm"}  # models are slow to load; they have tests of their own
SHIPPED = sorted(agent_files().keys() - LEARNED)


def make(name: str, **settings: object) -> Agent:
    module = load_agent(name)
    agent: Agent = module.make(module.Settings(**settings))
    return agent


def play(game: Game, agent: Agent, seeds: Iterable[int], slots: int = 32) -> list[StepRecord]:
    rounds = rollout(game, agent, seeds, split="test", slots=slots)
    return [record for records in rounds for record in records]


def test_no_shipped_agent_is_missing():
    assert {"explorer", "human", "walkthrough", "wander"} <= agent_files().keys()


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_agent_offers_settings_make_and_a_first_line(name):
    module = load_agent(name)
    assert is_dataclass(module.Settings)
    assert first_line(agent_files()[name]).endswith(".")
    agent = module.make(module.Settings())
    agent.begin([0])
    assert callable(agent.act)


@pytest.mark.parametrize("name", ["explorer", "human", "wander"])
def test_agents_other_than_the_walkthrough_are_told_nothing_that_no_player_reads(name):
    assert tuple(make(name).infos) == ()


def test_wander_chooses_only_admissible_commands_and_the_same_ones_for_the_same_seed():
    game = load_game("labyrinth")
    runs = [play(game, make("wander", seed=seed), range(8)) for seed in (1, 1, 2)]
    assert all(record.command in record.before.admissible for record in runs[0])
    assert runs[0] == runs[1] != runs[2]


def test_walkthrough_wins_every_labyrinth_in_the_fewest_steps():
    records = play(load_game("labyrinth"), make("walkthrough"), range(50))
    result = summarise(records, "walkthrough", "labyrinth", "test")
    assert (result.episodes, result.success, result.spl) == (50, 1.0, 1.0)


@pytest.mark.parametrize(
    "overrides", [{}, {"loops": 0.4}, {"loops": 1.0}, {"loops": 0.4, "goal": "exit"}], ids=str
)
def test_explorer_wins_every_labyrinth_within_two_walks_through_each_passage_and_the_taking(overrides):
    """A depth-first search walks each passage at most once each way; taking the coin is one step more."""
    game = load_game("labyrinth", {"max_steps": 1000, **overrides})
    assert isinstance(game, MazeGame)
    ends = [record for record in play(game, make("explorer"), range(100)) if record.ended]
    assert len(ends) == 100
    for end in ends:
        maze = game.maze("test", end.seed)
        passages = sum(target >= 0 for room in maze.rooms for target in room.exits) // 2
        assert end.won
        assert end.step <= 2 * passages + 1


@pytest.mark.parametrize(
    ("name", "success", "spl"),
    [
        ("corridor", 1.0, 1.0), ("labyrinth", 1.0, 0.5), ("signposts", 1.0, 0.5), ("keys", 1.0, 0.65),
        ("clockwork", 1.0, 0.55), ("minotaur", 0.5, 0.3), ("mapreader", 1.0, 0.55), ("directions", 1.0, 0.35),
        ("egocentric", 1.0, 0.6), ("alias", 1.0, 0.6), ("tower", 1.0, 0.55), ("catacombs", 0.6, 0.1),
    ],
)
def test_explorer_is_a_fair_control_on_every_recipe_of_mazes(name, success, spl):
    count = 15 if name == "catacombs" else 40
    result = summarise(play(load_game(name), make("explorer"), range(count)), "explorer", name, "test")
    assert result.success >= success
    assert result.spl >= spl


@pytest.mark.parametrize("name", ["keys", "catacombs", "mapreader", "clockwork"])
def test_explorer_gives_only_admissible_commands_and_undoes_nothing(name):
    for record in play(load_game(name), make("explorer"), range(4)):
        assert record.command in record.before.admissible
        assert not record.command.startswith("close ")
        assert not record.command.startswith("drop ") or record.won


@pytest.mark.parametrize("name", ["labyrinth", "egocentric", "alias", "tower"])
def test_explorer_takes_no_way_twice_in_one_direction_before_it_has_to(name):
    """On a tree a depth-first search goes each way once in and once out."""
    game = load_game(name, {"loops": 0.0, "max_steps": 1000})
    for end in (record for record in play(game, make("explorer"), range(30)) if record.ended):
        assert end.won
        assert end.step <= 2 * (game.recipe.rooms - 1) + 1


def test_explorer_begins_again_at_the_start_when_somebody_has_brought_it_back():
    game = load_game("minotaur", {"caught": "back", "max_steps": 400})
    result = summarise(play(game, make("explorer"), range(40)), "explorer", "minotaur", "test")
    assert result.success >= 0.95


def test_explorer_plays_a_new_game_in_an_old_slot_as_if_it_were_the_first():
    game = load_game("labyrinth")
    alone = play(game, make("explorer"), [5])
    second = [record for record in play(game, make("explorer"), [4, 5], slots=1) if record.seed == 5]
    assert [record.command for record in second] == [record.command for record in alone]


def type_in(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_human_gives_each_line_as_a_command_and_skips_blank_ones(monkeypatch, capsys):
    type_in(monkeypatch, "go north\n\n   \n  take the coin \n")
    human = make("human")
    assert [human.act([OBSERVATION]) for _ in range(2)] == [["go north"], ["take the coin"]]
    assert capsys.readouterr().out == "> go north\n> take the coin\n"  # so that a pipe gets a session


@pytest.mark.parametrize("typed", ["", "\n\n", "quit\n", "exit\n", "q\n", " QUIT \n"])
def test_human_leaves_at_the_end_of_input_and_by_quit_exit_or_q(monkeypatch, typed):
    type_in(monkeypatch, typed)
    with pytest.raises(Leave):
        make("human").act([OBSERVATION])


def test_human_refuses_input_that_is_not_text_in_one_sentence(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"go \xff\n"), encoding="utf-8"))
    with pytest.raises(TextmazeError, match="not utf-8 text"):
        make("human").act([OBSERVATION])


ASK = """
import os
os.close(os.open(os.ttyname(0), os.O_RDWR))  # the first one opened becomes the session's terminal
from textmaze.catalog import load_agent
from textmaze.env.rollout import Leave, Observation
module = load_agent("human")
human = module.make(module.Settings())
try:
    while True:
        print("said", human.act([Observation(0, "", "", "", "", ())]), flush=True)
except Leave:
    print("left", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("last_key", [b"\x04", b"\x03"], ids=["Ctrl-D", "Ctrl-C"])
def test_human_prompts_and_remembers_lines_in_a_terminal_and_leaves_on_ctrl_d_and_ctrl_c(last_key):
    ours, theirs = os.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", ASK], stdin=theirs, stdout=theirs, stderr=theirs,
            # A terminal of its own, so that Ctrl-C reaches it and nobody else.
            start_new_session=True, env={**os.environ, "TERM": "dumb"},
        )
        os.close(theirs)
        seen = _read_until(ours, b"> ")
        os.write(ours, b"look\n")
        seen += _read_until(ours, b"said ['look']\r\n> ")
        os.write(ours, b"\x10\n")  # Ctrl-P: the line before
        seen += _read_until(ours, b"said ['look']\r\n> ")
        time.sleep(0.3)  # the prompt is there before anybody listens for Ctrl-C; people are slower than this test
        os.write(ours, last_key)
        seen += _read_until(ours, b"left")
        assert process.wait(timeout=10) == 0
        assert b"Traceback" not in seen
    finally:
        os.close(ours)


def _read_until(terminal: int, mark: bytes) -> bytes:
    """What the terminal shows up to `mark`; fails where nothing comes for ten seconds."""
    import select

    seen = b""
    while mark not in seen:
        assert select.select([terminal], [], [], 10)[0], f"{mark!r} did not come after {seen!r}"
        seen += os.read(terminal, 4096)
    return seen
