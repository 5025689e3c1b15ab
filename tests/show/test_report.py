"""What a run's page says beside its episodes: its figures are those of the results, and its text is never markup."""

import math
import re

from textmaze.learn.evaluate import Result
from textmaze.show.report import results_grid, results_html, settings_html, suite_grid
from textmaze.suite import Row

RESULT = Result("bert_q", "corridor", "test", 1000, 0.75, 0.66, 0.82, 0.5, 12.25, 4.0)
UNKNOWN_SPL = {"valid_spl": -1.0}
METRICS = [
    {"steps": 100, "valid_success": 0.5, "success": 0.25, "valid_steps_mean": 20.0, "loss": None, **UNKNOWN_SPL},
    {"steps": 200, "valid_success": 1.0, "success": 0.75, "valid_steps_mean": 10.0, "loss": 0.1, **UNKNOWN_SPL},
]


def test_a_row_has_the_figures_of_its_result():
    grid = results_grid([(RESULT, "unseen")], "corridor")
    assert grid.rows == (("bert_q", "unseen", "0.75", "0.66-0.82", "0.50", "12.2", "4.0", "1,000"),)
    assert results_grid([(RESULT, "")], "corridor").heads[1] == "success"


def test_a_suite_has_the_agent_and_the_controls_of_each_game():
    grid = suite_grid([Row("short", {}, RESULT, {"explorer": RESULT})], "all")
    assert [row[:2] for row in grid.rows] == [("short", "bert_q"), ("short", "bert_q")]
    assert len(grid.heads) == len(grid.rows[0])


def test_curves_go_through_the_validations_and_leave_out_what_is_not_known():
    text = results_html(METRICS, [])
    lines = [line.split() for line in re.findall(r'<polyline class="curve" points="(.*?)"', text)]
    assert lines[0] == ["50.00,20.00", "100.00,0.00"]
    assert len(lines) == 3  # no SPL
    assert lines[-1] == ["100.00,0.00"] * 2  # one loss, as a dot
    assert "<svg" not in results_html([], [])


def test_a_loss_of_nothing_is_drawn_too():
    flat = [{"steps": 1, "valid_success": 0.0, "loss": 0.0}]
    assert math.isfinite(float(re.findall(r'points="100.00,([\d.]+)', results_html(flat, []))[0]))


def test_nothing_that_is_shown_is_markup():
    evil = "<script>alert(1)</script>\x1b[31m"
    text = results_html(METRICS, [results_grid([(RESULT, evil)], evil)])
    text += settings_html({evil: {evil: evil}}, {evil: evil})
    assert "<script" not in text
    assert "\x1b" not in text
