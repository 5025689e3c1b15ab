"""Tables and progress, as they are read on a screen and in a file."""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from textmaze.learn.evaluate import Result
from textmaze.learn.train import Progress
from textmaze.show.results import episodes_bar, results_table, training_bar

RESULT = Result("bert_q", "labyrinth", "test", 100, 0.96, 0.9016, 0.9843, 0.8149, 17.25, 11.5)


@pytest.fixture(autouse=True)
def _no_wishes_about_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)


def console(**settings: object) -> Console:
    return Console(file=io.StringIO(), width=80, **settings)


def text(console: Console) -> str:
    return console.file.getvalue()


def table(*rows: tuple[Result, str], title: str = "A title") -> list[str]:
    output = console()
    output.print(results_table(rows, title))
    return [line.rstrip() for line in text(output).splitlines()]


def test_a_table_has_a_row_for_each_result_in_the_order_given():
    assert table((RESULT, "seen"), (replace(RESULT, agent="walkthrough", success=1.0, spl=1.0), "any")) == [
        "A title",
        "┏━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━━━┳━━━━━━━━━━━┳━━━━━━┳━━━━━━━┳━━━━━━━━┳━━━━━━━┓",
        "┃ agent       ┃ words ┃ success ┃    95% CI ┃  SPL ┃ steps ┃ fewest ┃ games ┃",
        "┡━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━━━╇━━━━━━━━━━━╇━━━━━━╇━━━━━━━╇━━━━━━━━╇━━━━━━━┩",
        "│ bert_q      │ seen  │    0.96 │ 0.90-0.98 │ 0.81 │  17.2 │   11.5 │   100 │",
        "│ walkthrough │ any   │    1.00 │ 0.90-0.98 │ 1.00 │  17.2 │   11.5 │   100 │",
        "└─────────────┴───────┴─────────┴───────────┴──────┴───────┴────────┴───────┘",
    ]


def test_what_is_not_known_is_left_out():
    line = table((replace(RESULT, spl=-1.0, shortest_mean=-1.0), ""))[4]
    assert line == "│ bert_q │    0.96 │ 0.90-0.98 │   - │  17.2 │      - │   100 │"


def test_a_table_with_the_longest_usual_entries_fits_a_terminal_without_broken_lines():
    lines = table((replace(RESULT, agent="walkthrough", success_high=1.0, steps_mean=100.0), "unseen"))
    assert len(lines) == 6
    assert max(map(len, lines)) <= 80


def test_names_are_shown_as_they_are_and_are_no_markup():
    lines = table((replace(RESULT, agent="[red]x[/]"), "seen"), title="[bold]: 5 games [/x]")
    assert lines[0] == "[bold]: 5 games [/x]"
    assert "│ [red]x[/] │" in lines[4]


def test_a_file_gets_no_bar_and_a_line_for_each_validation_once():
    output = console()
    with training_bar(output, 1000) as show:
        training = Progress(steps=32)
        show(training)
        assert text(output) == ""
        training.steps, training.seconds, training.valid = 1024, 5.2, RESULT
        training.kept = training.valid
        training.episodes, training.success, training.epsilon, training.loss = 1234, 0.5, 0.25, 0.01234
        show(training)
        show(training)
        training.steps, training.valid = 2048, replace(RESULT, success=0.9)
        show(training)
    said = "1,234 episodes, success 0.50"
    assert max(map(len, text(output).splitlines())) <= 80
    assert text(output).splitlines() == [
        f"   1,024 steps,      5.2 s: {said}, validation 0.96 (kept)",
        f"   2,048 steps,      5.2 s: {said}, validation 0.90",
    ]


def test_a_loss_that_is_not_there_yet_is_not_shown():
    output = console()
    with training_bar(output, 1000) as show:
        show(Progress())
        show(Progress(valid=RESULT))
    assert "nan" not in text(output)
    assert "loss" not in text(output)


def test_the_validation_that_a_training_went_on_from_is_not_told_again():
    output = console()
    with training_bar(output, 1000) as show:
        training = Progress(steps=300, valid=RESULT, kept=RESULT)
        show(training)
        assert text(output) == ""
        training.valid = replace(RESULT)
        show(training)
    assert text(output).count("validation") == 1


def test_a_terminal_of_usual_width_sees_steps_state_and_time_left_whole():
    output = console(force_terminal=True, no_color=True)
    with training_bar(output, 30_000) as show:
        assert "reading the first games" in text(output)
        show(Progress(steps=12_000, episodes=345, success=0.5, epsilon=0.25, loss=0.0123, valid=RESULT))
    lines = [line.strip() for line in re.split(r"\x1b\[[?\d]*[a-zA-Z]|[\r\n]", text(output))]
    assert "reading the first games" in lines
    assert any(re.fullmatch(r"12,000/30,000 steps .* \S*:\S+ left", line) for line in lines), lines
    assert "345 episodes, success 0.50, epsilon 0.25, loss 0.0123, validation 0.96" in lines


@pytest.mark.parametrize("terminal", [True, False])
def test_an_evaluation_shows_how_many_games_have_ended_on_a_terminal_only(terminal):
    output = console(force_terminal=terminal)
    with episodes_bar(output, "[red]mine[/x] plays labyrinth", 20) as show:
        show(5)
    assert ("[red]mine[/x] plays labyrinth" in text(output)) == terminal
    assert bool(text(output)) == terminal
