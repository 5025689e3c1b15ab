"""`explain` from the command line, and the page that a training ends with."""

import importlib.util
import json
import re
import sys

import numpy as np
import pytest
from browser import chromium, opened
from click.testing import CliRunner
from fakes import tiny_bert

from textmaze.cli import main
from textmaze.run_report import read_metrics, write_report
from textmaze.show.page import in_script

FAST = ["--set", "encoder=hash", "--set", "valid_episodes=5", "--set", "games=10"]


def run(*arguments, code=0):
    done = CliRunner().invoke(main, list(map(str, arguments)))
    assert done.exit_code == code, (done.output, done.exception)
    return done


def data(path):
    return json.loads(re.search(r'id="data">(.*?)</script>', path.read_text("utf-8"), re.DOTALL)[1])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "short"
    done = run("train", "corridor", "--steps", 300, "--episodes", 10, "--out", folder, "--set", "valid_every=100",
               *FAST)
    assert f"See all of it: {folder / 'report.html'}" in done.output
    return folder


def test_a_training_ends_with_a_page_of_its_curves_results_settings_and_games(trained):
    with chromium() as browser, opened(browser, trained / "report.html") as tab:
        metrics = read_metrics(trained / "metrics.jsonl")
        assert f"{metrics[-1]['valid_success']:.2f}" in tab.inner_text(".curves figure:first-child b")
        assert len(tab.query_selector_all(".curves svg")) == 3  # no loss before the first update
        names = [row.query_selector("td").inner_text() for row in tab.query_selector_all("tbody tr")]
        assert names == ["bert_q", "bert_q", "wander", "explorer", "walkthrough"]
        assert "encoder" in tab.text_content(".columns")
        assert "torch" in tab.text_content(".columns >> nth=2")
        assert len(tab.query_selector_all("#pick option")) == 3
        tab.click("#last")
        end = len(data(trained / "report.html")["episodes"][0]["commands"])
        assert tab.inner_text("#position") == f"{end} / {end}"
    with chromium() as browser, opened(browser, trained / "report.html", 390, 844) as tab:
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_training_that_was_interrupted_has_a_page_without_games(trained, tmp_path):
    before = (trained / "report.html").read_bytes()
    path = write_report(trained, [], None, samples=0)
    assert data(path)["episodes"] == []
    assert "Settings of the agent" in path.read_text("utf-8")
    path.write_bytes(before)


def test_explain_writes_a_page_that_is_the_same_each_time(trained, tmp_path):
    one, two = tmp_path / "one.html", tmp_path / "two.html"
    for path in (one, two):
        done = run("explain", trained, "--seed", 4, "--out", path)
        assert f"Wrote {path}" in done.stderr
        assert "bert_q has no encoder that reads words, so none are marked." in done.stderr  # its encoder is a hash
    assert one.read_bytes() == two.read_bytes()
    (episode,) = data(one)["episodes"]
    assert (episode["seed"], episode["game"]) == (4, "corridor")
    assert len(episode["potentials"]) == len(episode["thoughts"]) == len(episode["commands"])
    assert np.std(episode["potentials"]) > 0


def test_explain_finds_the_words_of_an_agent_that_reads(tmp_path):
    pytest.importorskip("captum")
    path = tmp_path / "page.html"
    run("explain", "bert_q", "signposts", "--set", f"encoder={tiny_bert(tmp_path / 'bert')}", "--points", 2,
        "--with", "max_steps=4", "--out", path)
    (episode,) = data(path)["episodes"]
    assert any(thought["words"] for thought in episode["thoughts"])


def test_without_captum_a_page_is_written_all_the_same_unless_words_are_asked_for(tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: name != "captum" and find(name, *more))
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    path = tmp_path / "page.html"
    words = ["explain", "bert_q", "signposts", "--set", f"encoder={tiny_bert(tmp_path / 'bert')}", "--with",
             "max_steps=4", "--out", path]
    assert "No words are marked: for those that mattered, pip install 'textmaze[explain]'." in run(*words).stderr
    (episode,) = data(path)["episodes"]
    assert all(thought["weighed"] and thought["words"] is None for thought in episode["thoughts"])
    refused = run(*words, "--words", code=2)
    assert "found by captum: pip install 'textmaze[explain]'" in refused.stderr


def test_explain_prints_the_same_in_the_terminal_and_writes_nothing_unasked(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run("explain", trained, "--text", "--no-words")
    assert "Step 1, " in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_an_agent_that_weighs_nothing_is_shown_with_what_it_did(tmp_path):
    done = run("explain", "explorer", "tower", "--out", tmp_path / "page.html")
    assert "explorer weighs no commands" in done.stderr
    assert data(tmp_path / "page.html")["episodes"][0]["thoughts"] == []


def test_an_agent_of_another_kind_is_shown_with_its_values_and_without_words(tmp_path):
    done = run("explain", "drrn", "corridor", "--out", tmp_path / "page.html")
    assert "drrn has no encoder that reads words, so none are marked." in done.stderr
    (episode,) = data(tmp_path / "page.html")["episodes"]
    assert all(thought["weighed"] and thought["words"] is None for thought in episode["thoughts"])


@pytest.mark.parametrize(("arguments", "message"), [
    (["nobody"], "no agent named 'nobody'"),
    (["explorer", "nowhere"], "no game named 'nowhere'"),
    (["bert_q", "signposts", "--set", "encoder=hash", "--rank", "5"], "reads no words"),
    (["explorer", "corridor", "--rank", "5"], "no decisions beside hints"),
    (["drrn", "signposts", "--rank", "5"], "no decisions beside hints"),
])
def test_what_cannot_be_explained_is_refused_in_one_sentence(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run("explain", *arguments, code=2)
    assert message in done.stderr
    assert "Traceback" not in done.output
    assert list(tmp_path.iterdir()) == []


def test_nothing_in_the_data_can_end_its_script():
    found = in_script(json.dumps("</script><!-- & -->"))
    assert "<" not in found
    assert ">" not in found
    assert json.loads(found) == "</script><!-- & -->"


def test_the_help_has_examples():
    assert "textmaze explain ladder signposts --seed 92" in run("explain", "--help").output
