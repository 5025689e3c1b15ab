"""The terminal game, as a person sees it."""

import io
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pytest
from rich.console import Console

from textmaze.catalog import load_game
from textmaze.env.rollout import Leave, Observation
from textmaze.env.thoughts import Thought
from textmaze.game.table import Game, GameTable
from textmaze.show.play import play
from textmaze.show.session import Manner


class Script:
    """Says its lines, one by one, and leaves when they are said."""

    infos: Sequence[str] = ()

    def __init__(self, *lines: str) -> None:
        self._lines = list(lines)
        self.seen: list[Observation] = []

    def begin(self, episodes: Sequence[int]) -> None:
        pass

    def act(self, observations: Sequence[Observation]) -> list[str]:
        self.seen.extend(observations)
        if not self._lines:
            raise Leave
        return [self._lines.pop(0)]


@pytest.fixture(autouse=True)
def _no_wishes_about_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)


def played(*lines: str, game: str | Game = "corridor", **options: object) -> str:
    """What stands in a file when a game was played into it."""
    found = load_game(game) if isinstance(game, str) else game
    output = io.StringIO()
    play(found, Script(*lines), seed=3, console=Console(file=output), **options)
    return output.getvalue()


def on_screen(*lines: str, **settings: object) -> str:
    """What an 80 columns wide terminal shows."""
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=80, color_system="standard", **settings)
    play(load_game("labyrinth"), Script(*lines), seed=3, console=console)
    return output.getvalue()


def way(seed: int = 3) -> list[str]:
    return load_game("corridor").table("train", seed).shortest_way()


def test_a_won_game_shows_the_opening_every_answer_and_how_well_it_went():
    table = load_game("corridor").table("train", 3)
    text = played("look", *way())
    assert text.startswith("corridor, seed 3, at most 20 steps. Type help, hint or quit at any time.\n")
    assert table.texts[table.objective] in text
    assert text.count(table.texts[table.description[table.start]]) == 2  # at first, and by look
    assert text.rstrip().endswith("Won in 5 steps; the fewest possible is 4. Another game: --seed 4.")


def test_a_game_that_ran_out_of_steps_says_so():
    text = played(*["look"] * 20)
    assert "\nOut of steps after 20; the fewest possible is 4. Another game: --seed 4.\n" in text


def test_a_game_that_is_left_says_how_to_play_it_again_even_before_the_first_step():
    assert "\nLeft after 1 step. The same game again: --seed 3.\n" in played("look")
    assert "\nLeft after 0 steps. The same game again: --seed 3.\n" in played()


def test_the_caller_may_say_what_to_try_next():
    assert played(*way(), again="Try textmaze train.").rstrip().endswith("is 4. Try textmaze train.")


def test_play_returns_the_records():
    console = Console(file=io.StringIO())
    records = play(load_game("corridor"), Script("look", *way()), seed=3, console=console, split="train")
    assert [record.command for record in records] == ["look", *way()]
    assert records[-1].won
    assert play(load_game("corridor"), Script(), seed=3, console=console) == []


def test_hint_shows_the_next_step_of_a_shortest_way_and_costs_nothing():
    first, second, *_ = way()
    text = played("hint", first, " HINT ", *way()[1:])
    assert f"\nHint: {first}\n" in text
    assert f"\nHint: {second}\n" in text
    assert "Won in 4 steps" in text


def test_hints_tell_the_agent_itself_nothing():
    script = Script("hint", *way())
    play(load_game("corridor"), script, seed=3, console=Console(file=io.StringIO()))
    assert all(seen.best_command is None for seen in script.seen)
    script = Script(*way())
    script.infos = ("best_command",)
    play(load_game("corridor"), script, seed=3, console=Console(file=io.StringIO()))
    assert [seen.best_command for seen in script.seen] == way()


def test_a_screen_gets_wrapped_prose_with_headings_and_coins_set_apart():
    text = on_screen("look")
    assert "\x1b[1;36m-= Cold Study =-\x1b[0m" in text
    assert "\x1b[33mcoin\x1b[0m" in text
    assert max(len(line) for line in on_screen("look", no_color=True).splitlines()) <= 80


def test_without_colours_or_in_a_file_there_is_no_escape_code(monkeypatch):
    assert "\x1b" not in on_screen("look", no_color=True)
    assert "\x1b" not in played("look")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in on_screen("look")


def test_in_a_file_a_sentence_is_never_broken():
    table = load_game("corridor").table("train", 3)
    assert table.texts[table.description[table.start]] in played()


@dataclass(frozen=True)
class Cliff:
    """A game that can be lost."""

    name: str = "cliff"
    max_steps: int = 9

    def table(self, split: str, seed: int) -> GameTable:
        numbers = np.arange(4, dtype=np.int32)  # the start, won, lost, and a trap
        successor = np.array([[1, 2, 3], [1, 1, 1], [2, 2, 2], [3, 3, 3]], dtype=np.int32)
        won = numbers == 1
        return GameTable(
            texts=("A cliff.", "You are safe.", "You fall.", "A pit.", "Nothing.", "Live."),
            commands=("wait", "jump", "dig"), successor=successor, feedback=successor,
            description=numbers, inventory=np.full(4, 4, dtype=np.int32),
            reward=np.array([[1, 0, 0], *[[0, 0, 0]] * 3], dtype=np.float32), terminal=won | (numbers == 2),
            admissible=successor != numbers[:, None], won=won,
            start=0, objective=5,
        )


def test_a_lost_game_says_so_and_a_hint_says_where_nothing_can_be_won_any_more():
    assert "\nYou fall.\n\nLost after 1 step; the fewest possible is 1." in played("jump", game=Cliff())
    assert "\nHint: there is no way to win from here.\n" in played("dig", "hint", game=Cliff())
    assert "\nWon in 1 step; " in played("wait", game=Cliff())


class Grotto(Cliff):
    """The same, but for the note and the distances of a game that is played live."""

    name = "grotto"

    @dataclass(frozen=True, eq=False)
    class Table(GameTable):
        live = True
        note = "It is played live."

        @property
        def distance(self) -> object:
            return np.where(self.won, 0, -1)

    def table(self, split: str, seed: int) -> GameTable:
        table = super().table(split, seed)
        return self.Table(**{field.name: getattr(table, field.name) for field in fields(table)})


def test_a_game_that_is_played_live_says_so_and_claims_nothing_that_it_does_not_know():
    text = played("hint", "wait", game=Grotto())
    assert "\n\nIt is played live.\n\n" in text
    assert "\nHint: no shortest way is known.\n" in text
    assert "\nWon in 1 step; no shortest way is known." in text


PIPED = """
from rich.console import Console
from textmaze.catalog import load_agent, load_game
from textmaze.show.play import play
human = load_agent("human")
play(load_game("corridor"), human.make(human.Settings()), seed=3, console=Console())
"""


def test_a_person_in_a_pipe_gets_plain_text_that_reads_like_a_session_and_leaves_cleanly():
    done = subprocess.run(
        [sys.executable, "-c", PIPED], input="go north\nlook\n", capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines(keepends=True)
    assert [line for line in lines if line.startswith(">")] == ["> go north\n", "> look\n"]
    assert "".join(line for line in lines if not line.startswith(">")) == played("go north", "look")


def test_hint_shows_more_the_more_often_it_is_asked_and_begins_anew_after_a_step():
    first, second, third, _ = way()
    text = played("hint", "hint", "hint", first, "hint", "hint")
    assert f"\nHint: {first}, then {second}, then {third}\n" in text
    assert f"\nHint: {second}, then {third}\n" in text
    assert ", and you have won\n" in played(*way()[:2], "hint", "hint")


def test_undo_takes_the_last_command_back_and_only_it():
    text = played("look", way()[0], "undo", "score", "undo", "undo", "score")
    assert f"\nTaken back: {way()[0]}\n" in text
    assert "\n1 step taken of at most 20, 1 room seen, 0 points.\n" in text
    assert "\nThere is nothing to take back" in text
    assert "\n0 steps taken of" in text
    assert text.rstrip().endswith("Left after 0 steps. With 2 undos. The same game again: --seed 3.")


def test_restart_begins_again_and_the_records_are_those_of_the_last_time():
    records = play(load_game("corridor"), Script("look", "look", "restart", *way()), seed=3,
                   console=Console(file=io.StringIO()))
    assert [record.command for record in records] == way()


def test_what_was_typed_is_understood_by_the_map_as_by_the_game():
    text = played("n", "map")
    assert "[Crooked Granary]" in text
    assert "Cold Storeroom" in text


def test_help_costs_no_step_and_shows_the_games_own_help_too():
    text = played("help", "score")
    assert "Type a command and press Enter. You can go north" in text
    assert "undo " in text
    assert "0 steps taken" in text


def test_a_command_that_begins_like_an_order_is_the_games():
    assert "You cannot" in played("map the house")
    assert "There is no order named 'nonsense'" in played("/nonsense")


def test_advice_is_given_and_takes_no_step():
    text = played("advise explorer", "advise nobody", "advise human", "advise walkthrough", "score")
    assert text.count(f"\nexplorer would: {way()[0]}\n") == 1
    assert f"\nwalkthrough would: {way()[0]}\n" in text
    assert "\nThere is no agent named 'nobody'" in text
    assert "\nThat is you." in text
    assert "\n0 steps taken" in text


def test_a_game_that_nobody_named_cannot_be_saved():
    assert "cannot be saved" in played("save")


def test_an_agent_that_is_watched_gives_no_orders():
    text = played("undo", "quit", manner=Manner(typed=False))
    assert "\n> undo\n" in text
    assert "\n> quit\n" in text
    assert "Left after 2 steps" in text


def test_values_are_shown_as_bars_or_in_words():
    class Thinks(Script):
        def thoughts(self, slot: int) -> list[Thought]:
            return [Thought("go north", 0.5), Thought("look", 1.0)]

    def shown(**options: object) -> str:
        output = io.StringIO()
        play(load_game("corridor"), Thinks("look"), seed=3, console=Console(file=output), manner=Manner(typed=False),
             **options)
        return output.getvalue()

    lines = shown().splitlines()
    assert f"> look     {'█' * 24}  1.00" in lines
    assert f"  go north {'█' * 12:<24}  0.50" in lines
    assert "the best first: look 1.00, go north 0.50." in shown(plain=True)


@pytest.mark.parametrize("line", ["transcript on \0", "transcript on " + "x" * 5000, "transcript on /",
                                  "save " + "x" * 99, "restore \ud800", "advise \0.py", "/" * 500, "/\x1b[2J"])
def test_an_order_with_nonsense_is_refused_in_a_sentence_and_the_game_goes_on(line):
    text = played(line, "score")
    assert "0 steps taken" in text
    assert "\x1b" not in text
