"""Comparing agents: figures and intervals, who is compared, and what is printed and written."""

import json
import math

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from textmaze.catalog import load_game
from textmaze.cli import main
from textmaze.errors import TextmazeError
from textmaze.learn.compare import ALL, Figure, contenders, figure, play, rows, to_dict
from textmaze.learn.evaluate import evaluate

CORRIDOR, LABYRINTH = load_game("corridor"), load_game("labyrinth", {"rooms": 9})
SHARES = st.lists(st.lists(st.floats(0, 1), min_size=2, max_size=8), min_size=1, max_size=3)


def run(*arguments):
    done = CliRunner(env={"COLUMNS": "100"}).invoke(main, ["compare", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done


def refused(*arguments):
    done = CliRunner().invoke(main, ["compare", *map(str, arguments)])
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    return done.stderr


@settings(deadline=None)
@given(samples=SHARES)
def test_a_figure_is_the_mean_over_games_of_their_means_and_lies_in_its_interval(samples):
    found = figure([np.array([values]) for values in samples])
    assert found.value == pytest.approx(np.mean([np.mean(values) for values in samples]))
    low, high = np.mean([min(values) for values in samples]), np.mean([max(values) for values in samples])
    assert low - 1e-9 <= found.low <= found.high <= high + 1e-9


@pytest.mark.parametrize("shared", [0.0, 0.2, 0.4])
def test_an_interval_covers_the_truth_about_as_often_as_it_says_when_seeds_play_the_same_mazes(shared):
    """`shared` is how much of what makes a maze hard is the same for every seed."""
    rng, covered = np.random.default_rng(0), 0
    for _ in range(200):
        mazes = 0.5 + shared * rng.choice([-1, 1], size=(2, 1, 40)) * [[[1.0]], [[0.5]]]
        found = figure(list(rng.random((2, 3, 40)) < mazes))
        covered += found.low <= 0.5 <= found.high
    assert 184 <= covered <= 200


def test_an_interval_of_a_share_of_the_base_covers_it_though_the_base_has_but_one_seed():
    rng, covered = np.random.default_rng(1), 0
    for _ in range(200):
        base = rng.uniform(0.2, 1.0, (1, 50))
        own = np.clip(rng.uniform(0.2, 1.0, (1, 50)) + rng.normal(0, 0.02, (3, 50)), 0, None)
        found = figure([own], [base])
        covered += found.low <= 1.0 <= found.high
    assert 180 <= covered <= 200


def test_seeds_that_differ_widen_the_interval():
    alike, apart = np.full((3, 30), 0.5), np.repeat([[0.3], [0.5], [0.7]], 30, axis=1)
    assert figure([alike]) == Figure(0.5, 0.5, 0.5)
    found = figure([apart])
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.3, 0.7))


def test_games_are_strata_so_that_their_differences_do_not_widen_the_interval():
    assert figure([np.zeros((1, 50)), np.ones((1, 50))]) == Figure(0.5, 0.5, 0.5)


def test_a_share_of_itself_is_one_without_any_doubt_and_of_half_of_itself_two():
    own = np.random.default_rng(1).random((3, 20))
    assert figure([own[:1]], [own[:1]]) == Figure(1.0, 1.0, 1.0)
    found = figure([own], [own / 2])
    assert (found.value, found.low < 2 < found.high) == (pytest.approx(2.0), True)  # mazes are shared, seeds are not


def test_what_is_not_known_is_nan():
    assert math.isnan(figure([np.array([[1.0, np.nan]])]).value)
    assert math.isnan(figure([np.ones((1, 4))], [np.zeros((1, 4))]).value)
    single = figure([np.ones((1, 1))])
    assert (single.value, math.isnan(single.low)) == (1.0, True)


def test_the_same_data_give_the_same_interval():
    data = [np.random.default_rng(2).random((2, 25))]
    assert figure(data) == figure(data)


def test_agents_that_draw_are_made_anew_for_each_seed_and_others_once():
    found = {one.label: len(one.makers) for one in contenders(["wander", "explorer", "mine=wander"], 4)}
    assert found == {"wander": 4, "explorer": 1, "mine": 4}
    played = play(contenders(["wander"], 3)[0], [LABYRINTH], range(6))
    assert len({tuple(seed[0].steps.tolist()) for seed in played.episodes}) == 3


def test_figures_are_those_of_evaluate():
    shown = []
    played = [play(one, [CORRIDOR, LABYRINTH], range(8), show=shown.append)
              for one in contenders(["explorer", "wander"], 1)]
    assert shown[-1] == 16
    found = {(row.agent, row.game): row.figures for row in rows(played, played[0], ["a", "b"])}
    assert set(found) == {(agent, game) for agent in ("explorer", "wander") for game in ("a", "b", ALL)}
    for name in ("explorer", "wander"):
        for label, game in (("a", CORRIDOR), ("b", LABYRINTH)):
            alone = evaluate(contenders([name], 1)[0].makers[0]()[1], game, range(8), name=name)
            figures = found[name, label]
            assert (figures["success"].value, figures["spl"].value, figures["steps"].value) == pytest.approx(
                (alone.success, alone.spl, alone.steps_mean))
        assert found[name, ALL]["spl"].value == pytest.approx(
            (found[name, "a"]["spl"].value + found[name, "b"]["spl"].value) / 2)
    assert found["explorer", "b"]["of_base"] == Figure(1.0, 1.0, 1.0)
    assert found["wander", "b"]["of_base"].value == pytest.approx(
        found["wander", "b"]["spl"].value / found["explorer", "b"]["spl"].value)
    assert found["wander", "b"]["revisits"].value > found["explorer", "b"]["revisits"].value


def test_json_has_none_for_what_is_not_known():
    played = [play(one, [CORRIDOR], range(1)) for one in contenders(["explorer"], 1)]
    found = to_dict(rows(played, played[0], ["corridor"]), split="test")
    assert found["rows"][0]["success"] == {"value": 1.0, "low": None, "high": None}
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_compare_prints_a_row_for_each_agent_and_writes_what_it_prints(tmp_path):
    out = tmp_path / "out"
    text = run("wander", "explorer", "corridor", "--episodes", 6, "--seeds", 2, "--out", out).stdout
    assert text.startswith("corridor: 6 games of the test split")
    assert max(map(len, text.split("In brackets")[0].splitlines())) <= 100
    found = json.loads((out / "results.json").read_text())
    assert [(row["agent"], row["seeds"], row["episodes"]) for row in found["rows"]] == [
        ("wander", 2, 6), ("explorer", 1, 6)]
    page = (out / "results.md").read_text()
    assert page.startswith("# corridor: 6 games of the test split\n")
    assert f"| explorer | {found['rows'][1]['success']['value']:.2f} (" in page
    assert (out / "results.png").read_bytes().startswith(b"\x89PNG")


def test_no_interval_of_a_comparison_is_cut_on_a_usual_terminal():
    arguments = ["compare", "walkthrough", "wander", "labyrinth", "--episodes", "6"]
    table = CliRunner(env={"COLUMNS": "80"}).invoke(main, arguments).stdout.split("In brackets")[0]
    assert table.count("(") == table.count(")") == 2 * 5
    assert max(map(len, table.splitlines())) <= 80


def test_on_a_suite_every_game_has_its_rows_and_all_games_have_theirs(tmp_path):
    suite = tmp_path / "two.toml"
    suite.write_text('[[games]]\ngame = "corridor"\n[[games]]\ngame = "labyrinth"\nwith = { rooms = 9 }')
    by_option = run("wander", "--suite", suite, "--episodes", 4, "--json").stdout
    as_game = run("wander", suite, "--episodes", 4, "--json").stdout
    found, other = json.loads(by_option), json.loads(as_game)
    assert [row["game"] for row in found["rows"]] == ["corridor", "labyrinth", "all"]
    assert found["rows"] == other["rows"]


def test_the_explorer_is_the_measure_even_where_it_is_not_compared():
    alone, beside = (json.loads(run(*names, "corridor", "--episodes", 5, "--json").stdout)["rows"][0]
                     for names in (["wander"], ["wander", "explorer"]))
    assert alone["of_base"] == beside["of_base"]
    assert alone["of_base"]["value"] < 1


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["wander", "wander"], "Two agents are called 'wander'; name one of them as LABEL=AGENT."),
    (["wandr", "explorer"], "There is no agent named 'wandr'; did you mean 'wander'?"),
    (["wander", "corrido"], "There is no game named 'corrido'; did you mean 'corridor'?"),
    (["mine=", "corridor"], "'mine=' is not of the form LABEL=RUN1,RUN2."),
    (["=wander", "corridor"], "'=wander' is not of the form LABEL=RUN1,RUN2."),
    (["mine=no/run", "corridor"], "There is no run folder 'no/run'."),
    (["wander", "--suite", "lader"], "There is no suite named 'lader'; did you mean 'ladder'?"),
])
def test_what_cannot_be_compared_is_refused_in_one_sentence(arguments, sentence):
    assert sentence in refused(*arguments)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refused("explorer", "corridor", "--episodes", 2, "--out", tmp_path / "file" / "out")


def test_no_agent_is_compared_with_nothing():
    with pytest.raises(TextmazeError, match="nothing to compare"):
        rows([], None, [])
