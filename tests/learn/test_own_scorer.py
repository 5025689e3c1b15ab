"""A scorer from a file of somebody's own: it is run where he names it, and never because a stranger's file does."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from fakes import WordBag

from textmaze import catalog
from textmaze.catalog import make_agent
from textmaze.errors import RunError, SettingError, TextmazeError, UnknownNameError
from textmaze.explain import explain
from textmaze.learn import encoder
from textmaze.learn.encoder import Library
from textmaze.learn.protocol import load_protocol
from textmaze.learn.runs import planned, resumed, run
from textmaze.learn.scorers import make_scorer
from textmaze.show.plan import read_mixture

SMALL = {
    "encoder": "words", "hidden": "16", "replay": "500", "warmup": "50", "batch": "32", "steps": "100", "games": "5",
    "slots": "4", "valid_every": "100", "valid_episodes": "2", "stop_at": "2",
}
# That the file was run shows in a file that it leaves behind.
SHORT = """
from pathlib import Path

Path("was-run").touch()

def score(consequences, objective):
    return [-len(text) for text in consequences]
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with a scorer in it, in a process that has run no file of code yet."""
    monkeypatch.setitem(encoder.MODELS, "words", WordBag)
    monkeypatch.chdir(tmp_path)
    Path("short.py").write_text(SHORT)
    return tmp_path


def was_run():
    return Path("was-run").exists()


def plan(folder, **changes):
    return planned("corridor", {"max_steps": "8"}, "bert_q", {**SMALL, "scorer": "short.py", **changes}, 0, folder)


def named(text, name="mine.py"):
    Path(name).write_text(text)
    catalog.run_named(catalog.load_agent("bert_q").Settings, {"scorer": name})
    return make_scorer(name, Library(WordBag()))


def test_what_the_file_says_are_the_scores():
    scores = named(SHORT).score(["way", "a long way"], "Find the coin.")
    assert scores.tolist() == [-3.0, -10.0]
    assert scores.dtype == np.float64


def test_training_with_a_file_shapes_by_what_it_says(here):
    learner = plan(here / "run").learner
    assert was_run()
    learner.shaper.calibrate(["a", "abc"], "")
    assert learner.shaper.of(["a", "abc"], ["", ""]).tolist() == pytest.approx([0.05, -0.05])


@pytest.mark.parametrize(
    "said", ["[0.5]", "0.5", "None", "['good'] * len(consequences)", "[float('nan')] * len(consequences)",
             "[[1.0]] * len(consequences)"],
)
def test_a_score_that_is_not_one_finite_number_a_text_is_refused(said):
    scorer = named(f"def score(consequences, objective):\n    return {said}\n")
    with pytest.raises(TextmazeError, match=r"mine\.py: score must return one finite number for each text"):
        scorer.score(["a", "b"], "")


@pytest.mark.parametrize(
    ("text", "refusal"),
    [("", "is not a scorer: it lacks the function score"), ("score = 3", "is not a scorer"),
     ("1 / 0", "The scorer file mine.py cannot be loaded: ZeroDivisionError")],
)
def test_a_file_that_is_no_scorer_is_refused(text, refusal):
    with pytest.raises(TextmazeError, match=refusal):
        named(text)


def test_a_file_that_is_not_there_and_a_name_that_is_not_known_are_refused(here):
    with pytest.raises(TextmazeError, match=r"There is no scorer file 'none\.py'"):
        plan(here / "run", scorer="none.py")
    with pytest.raises(UnknownNameError, match="did you mean 'contrast'"):
        plan(here / "run", scorer="contrsat")
    with pytest.raises(SettingError, match="takes no model"):
        plan(here / "run", scorer_model="bert")


def test_no_scorer_is_run_that_nobody_has_named():
    with pytest.raises(RunError, match=r"not run unless you name it: --set scorer=short\.py"):
        make_scorer("short.py", Library(WordBag()))
    assert not was_run()


def elsewhere(here, monkeypatch, **changes):
    """A run folder as it comes from a stranger: beside it lies the code that its settings name, not run yet."""
    run(plan(here / "run", **changes), lambda progress: None)
    shutil.copytree(here / "run", here / "elsewhere" / "run")
    shutil.copy("short.py", "elsewhere")
    monkeypatch.chdir(here / "elsewhere")
    return Path("run")


@pytest.fixture
def stranger(here, monkeypatch):
    return elsewhere(here, monkeypatch)


def test_a_strangers_run_plays_and_is_explained_without_its_scorer(stranger):
    agent = make_agent(str(stranger), {}, 0)[1]
    shown = explain(agent, catalog.load_game("corridor"), 0, split="test", run=(stranger, None))
    assert shown.records
    assert len(shown.potentials) == 0
    assert not was_run()


def test_with_the_scorer_named_its_potential_is_shown(stranger):
    agent = make_agent(str(stranger), {"scorer": "short.py"}, 0)[1]
    assert was_run()
    shown = explain(agent, catalog.load_game("corridor"), 0, split="test", run=(stranger, None))
    assert len(shown.potentials) == len(shown.records)


def test_a_run_that_needs_its_scorer_to_play_says_how_to_name_it(here, monkeypatch):
    stranger = elsewhere(here, monkeypatch, shaping="advice")
    with pytest.raises(RunError, match=r"--set scorer=short\.py"):
        make_agent(str(stranger), {}, 0)
    assert not was_run()
    assert make_agent(str(stranger), {"scorer": "short.py"}, 0)
    assert was_run()


def test_a_training_goes_on_only_where_its_scorer_is_named_again(stranger):
    with pytest.raises(RunError, match=r"--set scorer=short\.py"):
        resumed(stranger, {"steps": "200"}, None)
    assert not was_run()
    shutil.copy("short.py", "other.py")
    with pytest.raises(RunError, match="scorer is fixed"):
        resumed(stranger, {"steps": "200", "scorer": "other.py"}, None)
    assert not was_run()
    assert resumed(stranger, {"steps": "200", "scorer": "short.py"}, None).settings.steps == 200


def test_neither_a_mixture_nor_a_protocol_can_name_code():
    Path("mix.toml").write_text(
        '[[plays]]\nagent = "ladder"\ngame = "corridor"\nset = { scorer = "short.py" }\n')
    with pytest.raises(SettingError, match=r"mix\.toml: scorer names the code 'short\.py'"):
        read_mixture(Path("mix.toml"), 2, None, None)
    training = '[[train]]\nlabel = "{scorer}"\nagent = "bert_q"\ngame = "corridor"\n'
    for text in (f'{training}set = {{ scorer = "short.py" }}\n', f'set = {{ scorer = "short.py" }}\n{training}',
                 f'{training}cross = {{ set = {{ scorer = ["short.py"] }} }}\n'):
        Path("protocol.toml").write_text(text)
        with pytest.raises(SettingError, match=r"protocol\.toml: scorer names the code"):
            load_protocol("protocol.toml")
    assert not was_run()
