"""The terminal game as somebody plays it: at a real terminal, and in a pipe."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from terminal import Player, Terminal

from textmaze.catalog import load_game
from textmaze.cli import main
from textmaze.show.formats import jsonl
from textmaze.show.replay import verified
from textmaze.show.saves import read_save

WINNER = r"^Won in (\d+) steps?; the fewest possible is (\d+)\."


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and saved games of one's own."""
    monkeypatch.setenv("TEXTMAZE_SAVES", str(tmp_path / "saves"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def piped(*arguments: str, lines: str = "", code: int = 0) -> str:
    done = CliRunner().invoke(main, ["play", *arguments], input=lines)
    assert done.exit_code == code, done.output
    return done.output


def way(game: str, seed: int) -> list[str]:
    return load_game(game).table("train", seed).shortest_way()


def saves(folder: Path) -> list[str]:
    return sorted(path.stem for path in (folder / "saves").glob("*.json"))


@pytest.mark.parametrize(("game", "seed"), [("labyrinth", 3), ("keys", 12), ("clockwork", 2)])
def test_a_game_is_won_at_a_terminal_with_everything_that_helps(here, game, seed):
    commands = way(game, seed)
    with Terminal(here, "play", game, "--seed", str(seed)) as terminal:
        player = Player(terminal)
        assert f"{game}, seed {seed}, at most" in player.first
        shown = player.type("hint")
        assert f"Hint: {commands[0]}" in shown
        assert f"Hint: {commands[0]}, then {commands[1]}" in player.type("hint")
        player.type(commands[0])
        assert "[ ] you" in player.type("map")
        player.type("save here")
        player.type(commands[1])
        assert f"Taken back: {commands[1]}" in player.type("undo")
        player.type(commands[1])
        assert "Restored: here, after 1 step." in player.type("restore here")
        for command in commands[1:-1]:
            player.type(command)
        shown = player.leave(commands[-1])
    steps, fewest = re.search(WINNER, shown, re.MULTILINE).groups()
    assert steps == fewest == str(len(commands))
    assert "With 2 hints and 1 undo." in shown
    assert "Ended with 0." in shown
    assert saves(here) == ["here"]  # what is over need not be kept


def test_tab_completes_what_can_be_read_and_the_arrow_keys_bring_back_what_was_typed(here):
    with Terminal(here, "play", "corridor", "--seed", "3") as terminal:
        player = Player(terminal)
        terminal.keys("g")
        terminal.wait("^ +go north$")  # the only way that is told of
        assert "Crooked Granary" in player.type("", "Tab", "go north")
        terminal.keys("res")
        terminal.wait("begin this game again")
        terminal.keys("C-u")
        player.type("", "Up", "go north")
        assert "2 steps taken" in player.type("score")


@pytest.mark.parametrize("keys", [["C-c"], ["C-d"], ["quit", "Enter"], ["half a line", "C-c"]])
def test_a_game_that_was_left_goes_on_where_it_was(here, keys):
    first, second, *rest = way("corridor", 3)
    with Terminal(here, "play", "corridor", "--seed", "3") as terminal:
        player = Player(terminal)
        player.type(first)
        player.type(second)
        terminal.keys(*keys)
        shown = terminal.wait("Ended with 0")
        assert "Left after 2 steps. Go on from here: textmaze play --resume" in " ".join(shown.split())
        assert "Traceback" not in shown
    assert saves(here) == ["corridor-3"]
    with Terminal(here, "play", "--resume") as terminal:
        player = Player(terminal)
        assert "You go on after 2 steps." in player.first
        for command in rest[:-1]:
            player.type(command)
        assert re.search(WINNER, player.leave(rest[-1]), re.MULTILINE).groups() == ("4", "4")
    assert saves(here) == []


def test_prose_and_map_keep_to_the_window_when_it_changes(here):
    with Terminal(here, "play", "tower", "--seed", "3", "--map") as terminal:
        player = Player(terminal)
        terminal.resize(44, 20)
        shown = player.type(way("tower", 3)[0])
        assert max(map(len, shown.splitlines())) <= 44
        terminal.resize(120, 30)
        shown = player.type("look")
        assert 44 < max(map(len, shown.splitlines())) <= 80
        assert "[ ] you" in terminal.screen()


def test_a_lost_game_can_be_taken_back(here):
    with Terminal(here, "play", "minotaur", "--seed", "12") as terminal:
        player = Player(terminal)
        shown = player.type("go east")
        assert "Lost after 1 step" in shown
        assert "You can still undo" in shown
        assert "The game is over." in player.type("go east")
        player.type("undo")
        for command in way("minotaur", 12)[:-1]:
            player.type(command)
        assert re.search(WINNER, player.leave(way("minotaur", 12)[-1]), re.MULTILINE).groups() == ("7", "7")


def test_there_is_colour_unless_it_is_not_wanted(here):
    with Terminal(here, "play", "corridor", "--seed", "3") as terminal:
        terminal.asked(1)
        assert "\x1b" in terminal.screen("-e")
    with Terminal(here, "play", "corridor", "--seed", "3", NO_COLOR="1") as terminal:
        terminal.asked(1)
        assert "\x1b" not in terminal.screen("-e").replace("\x1b[39m", "").replace("\x1b[0m", "")


def test_plain_tells_everything_in_words(here):
    with Terminal(here, "play", "tower", "--seed", "3", "--plain") as terminal:
        player = Player(terminal)
        player.type(way("tower", 3)[0])
        shown = player.type("map")
        assert "You are here: " in shown
        assert "1 step away: " in shown
        shown = terminal.screen("-e", "-S", "-")
        assert "\x1b" not in shown
        assert not set(shown) & set("─│█")


def test_an_agent_is_watched_step_by_step(here):
    with Terminal(here, "play", "corridor", "--seed", "3", "--agent", "explorer", "--step") as terminal:
        for number in range(1, 5):
            terminal.wait("Enter: go on", times=number)
            assert terminal.screen("-S", "-").count("\n> ") == number - 1
            terminal.keys("Enter")
        assert "Won in 4 steps" in terminal.wait("Ended with 0")
    with Terminal(here, "play", "corridor", "--seed", "3", "--agent", "explorer", "--step") as terminal:
        terminal.wait("Enter: go on")
        terminal.keys("C-c")
        assert "Left after 0 steps." in terminal.wait("Ended with 0")
    with Terminal(here, "play", "corridor", "--seed", "3", "--agent", "explorer", "--pace", "30") as terminal:
        terminal.wait("-= Cold")
        terminal.keys("C-c")
        assert "Left after 0 steps." in terminal.wait("Ended with 0")


def test_play_alone_is_a_gentle_maze_with_a_word_of_welcome(here):
    first = piped(lines="hint\nquit\n")
    assert first.startswith("Welcome.")
    assert "labyrinth, seed " in first
    with Terminal(here, "play") as terminal:
        player = Player(terminal)
        assert len(player.first.strip().splitlines()) < 24  # it all stands on one screen
        player.type("look")
        terminal.keys("C-d")
        terminal.wait("Ended with 0")
    with Terminal(here, "play") as terminal:
        assert "textmaze play --resume" in terminal.asked(1)


def test_a_pipe_gets_plain_text_and_keeps_nothing(here):
    shown = piped("corridor", "--seed", "3", lines="go north\nlook\nmap\n")
    assert "\x1b" not in shown
    assert "[Crooked Granary]\n        │\n  Cold Storeroom\n" in shown
    assert shown.endswith("Left after 2 steps. The same game again: --seed 3.\n\n")
    assert saves(here) == []


def test_a_watched_agent_has_the_settings_that_it_is_given(here):
    assert "Won in 8 steps" in piped("corridor", "--seed", "1", "--agent", "bert_q", "--set", "encoder=hash",
                                     "--set", "notes=visits")
    assert "named 'nodes'; did you mean 'notes'?" in piped("corridor", "--agent", "bert_q", "--set", "nodes=visits",
                                                           code=2)


def test_a_transcript_is_read_again_and_tells_of_the_game_from_its_start(here):
    first, _, *rest = way("corridor", 3)
    shown = piped("corridor", "--seed", "3",
                  lines="\n".join([first, "look", "undo", "transcript on", "n", *rest, "transcript off"]))
    assert "corridor-3.jsonl" in shown
    header, episodes = jsonl.read(Path("corridor-3.jsonl"))
    (episode,) = verified(header, episodes)
    assert [record.command for record in episode][:2] == [first, "n"]
    assert header.plays[0].agent == "human"
    assert "is there already" in piped("corridor", lines="transcript on corridor-3.jsonl\n", code=0)


def test_what_cannot_be_resumed_is_refused_in_a_sentence(here):
    assert "There is no game to go on with" in piped("--resume", code=2)
    piped("corridor", "--seed", "3", lines="n\nsave mine\n")
    refused = piped("--resume", "mime", code=2)
    assert "There is no saved game named 'mime'; did you mean 'mine'?" in refused
    assert "leave out GAME" in piped("corridor", "--resume", "mine", code=2)
    assert "leave out GAME" in piped("--seed", "3", "--resume", "mine", code=2)
    assert "--agent" in piped("corridor", "--pace", "1", code=2)
    assert "--agent" in piped("corridor", "--set", "notes=none", code=2)
    path = here / "saves" / "mine.json"
    content = json.loads(path.read_text())
    for damaged in ('{"format": 1}', "[" * 10_000, "\xff", json.dumps({**content, "commands": [1]}),
                    json.dumps({**content, "split": "x"}), json.dumps({**content, "more": 1}), "{}"):
        path.write_text(damaged, encoding="latin-1")
        assert re.fullmatch(r"Error: .*mine\.json.*\n", piped("--resume", "mine", code=2))
    assert "cannot be called" in piped("--resume", "../x", code=2)


def test_a_saved_game_is_found_from_any_folder_and_says_where_the_game_has_changed(here, monkeypatch):
    recipe = here / "mine.toml"
    recipe.write_text('topology = "corridor"\nrooms = 4\n')
    piped("mine.toml", "--seed", "1", "--with", "theme=manor", lines="look\nsave mine\n")
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    shown = piped("--resume", "mine", lines="score\n")
    assert "You go on after 1 step.\n" in shown
    assert "1 step taken" in shown
    assert read_save("mine").overrides == {"theme": "manor"}
    recipe.write_text('topology = "corridor"\nrooms = 9\n')
    assert "has changed since it was saved" in piped("--resume", "mine", lines="score\n")


def test_a_save_of_another_game_is_not_restored(here):
    piped("corridor", "--seed", "3", lines="n\nsave mine\n")
    shown = piped("corridor", "--seed", "4", lines="restore mine\nrestore\nsave ../x\nundo\n")
    assert "mine is of another game, corridor, seed 3." in shown
    assert "There is no saved game named 'corridor-4-saved'" in shown
    assert "cannot be called '../x'" in shown
    assert "nothing to take back" in shown
