"""Runs: what a training is planned from, and how a run folder goes on."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from fakes import WordBag

from textmaze.catalog import load_game, make_agent
from textmaze.errors import RunError, TextmazeError, UnknownNameError
from textmaze.learn import encoder
from textmaze.learn.evaluate import evaluate
from textmaze.learn.runs import planned, resumed, run

SMALL = {
    "encoder": "words", "hidden": "16", "replay": "500", "warmup": "50", "batch": "32",
    "steps": "200", "games": "5", "slots": "4", "valid_every": "100", "valid_episodes": "4", "stop_at": "2",
}


@pytest.fixture(autouse=True, scope="module")
def words():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(encoder.MODELS, "words", WordBag)
        yield


def small(folder, **changes):
    return planned("corridor", {"max_steps": "8"}, "bert_q", {**SMALL, **changes}, 7, folder)


def silent(progress):
    pass


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "run"
    run(small(folder), silent)
    return folder


@pytest.fixture
def finished(trained, tmp_path):
    """A run folder to do with as one likes."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def test_settings_go_to_the_agent_or_to_the_training_whichever_has_them(tmp_path):
    plan = small(tmp_path / "run")
    assert (plan.settings.steps, plan.settings.stop_at) == (200, 2.0)
    assert (plan.learner.settings.hidden, plan.learner.settings.encoder) == (16, "words")
    assert plan.learner.settings.seed == plan.seed == 7
    assert plan.game.max_steps == 8
    assert not plan.resume


def test_the_plan_is_written_down_in_full(finished):
    config = json.loads((finished / "config.json").read_text())
    assert config["agent"] == "bert_q"
    assert config["settings"]["hidden"] == 16
    assert config["training"]["steps"] == 200
    assert config["game"] == {"spec": "corridor", "with": {"max_steps": "8"}}
    assert config["seed"] == 7


def test_planning_writes_nothing(tmp_path):
    small(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_without_a_folder_one_is_named_after_game_and_agent():
    folder = small(None).folder
    assert folder.parent.name == "runs"
    assert folder.name.startswith("corridor-bert_q-")


@pytest.mark.parametrize("name", ["config.json", "state.safetensors"])
def test_a_folder_that_holds_a_run_is_refused(tmp_path, name):
    (tmp_path / name).write_text("{}")
    with pytest.raises(RunError, match=r"holds a run already.*--resume"):
        small(tmp_path)


def test_a_folder_that_holds_something_else_is_taken(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    assert small(tmp_path).folder == tmp_path


def test_a_run_that_ended_before_it_began_can_be_begun_again(tmp_path, monkeypatch):
    """An interrupt during the first look leaves nothing to go on from, so the folder must be free."""
    plan = small(tmp_path / "run")

    def interrupt(observations):
        raise KeyboardInterrupt

    monkeypatch.setattr(plan.learner, "prepare", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(plan, silent)
    assert run(small(tmp_path / "run"), silent).steps == 200


@pytest.mark.parametrize(("typed", "meant"), [("hiden", "hidden"), ("valid_evry", "valid_every"), ("step", "steps")])
def test_an_unknown_setting_names_the_nearest(tmp_path, typed, meant):
    with pytest.raises(UnknownNameError, match=f"did you mean {meant!r}"):
        small(tmp_path, **{typed: "3"})


@pytest.mark.parametrize(("name", "value"), [("steps", "0"), ("hidden", "wide"), ("target", "monte_carlo")])
def test_a_wrong_value_is_refused(tmp_path, name, value):
    with pytest.raises(TextmazeError, match=name):
        small(tmp_path, **{name: value})


def test_an_agent_that_cannot_learn_is_refused(tmp_path):
    with pytest.raises(TextmazeError, match="does not learn"):
        planned("corridor", {}, "explorer", {}, 0, tmp_path)


def test_a_finished_run_plays(finished):
    name, agent = make_agent(str(finished), {}, 0)
    assert name == "bert_q"
    game = load_game("corridor", {"max_steps": 8})
    kept = json.loads((finished / "config.json").read_text())["validation"]
    result = evaluate(agent, game, range(4), name="bert_q", split="valid")
    assert result.to_dict() == kept  # it is the very agent that was measured


def test_a_run_goes_on_with_more_steps(finished):
    plan = resumed(finished, {"steps": "300"}, None)
    assert plan.resume
    assert (plan.settings.steps, plan.settings.valid_every, plan.seed) == (300, 100, 7)
    assert plan.learner.settings.hidden == 16
    assert plan.game.max_steps == 8
    shown = []
    progress = run(plan, lambda progress: shown.append(progress.steps))
    assert shown[0] == 204
    assert progress.steps == 300
    assert [json.loads(line)["steps"] for line in (finished / "metrics.jsonl").read_text().splitlines()] == [
        100, 200, 300
    ]


def test_what_the_agent_is_cannot_change_on_the_way(finished):
    with pytest.raises(RunError, match="hidden is fixed"):
        resumed(finished, {"hidden": "32"}, None)
    with pytest.raises(UnknownNameError, match="did you mean 'steps'"):
        resumed(finished, {"stesp": "3"}, None)


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(RunError, match="not a run folder"):
        resumed(tmp_path, {}, None)


def test_a_run_of_an_agent_that_is_not_shipped_needs_its_code_named(finished):
    config = json.loads((finished / "config.json").read_text())
    (finished / "config.json").write_text(json.dumps({**config, "agent": "mine.py"}))
    with pytest.raises(RunError, match="--code"):
        resumed(finished, {}, None)
    assert resumed(finished, {}, "bert_q").learner.settings.hidden == 16


@pytest.mark.parametrize(("key", "value"), [
    ("training", None), ("training", []), ("training", [1]), ("training", {"steps": "many"}), ("training", {"x": 1}),
    ("game", {}), ("game", {"spec": "corridor"}), ("game", {"spec": 5, "with": {}}),
    ("game", {"spec": "corridor", "with": [1]}), ("game", {"spec": "nowhere", "with": {}}),
    ("game", {"spec": "corridor", "with": {"max_steps": []}}),
    ("seed", "x"), ("seed", None), ("seed", float("inf")), ("settings", {"hidden": None}),
], ids=str)
def test_a_config_with_nonsense_in_it_is_refused_in_one_sentence(finished, key, value):
    config = json.loads((finished / "config.json").read_text())
    (finished / "config.json").write_text(json.dumps({**config, key: value}))
    with pytest.raises(TextmazeError) as caught:
        resumed(finished, {}, None)
    assert "\n" not in str(caught.value)


def test_a_state_of_other_settings_is_refused(finished):
    config = json.loads((finished / "config.json").read_text())
    config["settings"]["hidden"] = 8
    (finished / "config.json").write_text(json.dumps(config))
    with pytest.raises(RunError, match="other settings") as caught:
        run(resumed(finished, {}, None), silent)
    assert "\n" not in str(caught.value)


def test_the_same_plan_gives_the_same_weights(tmp_path):
    for name in ("one", "two"):
        torch.rand(len(name) + (name == "two"))
        run(small(tmp_path / name), silent)
    one, two = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two
