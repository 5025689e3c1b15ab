"""Training from the command line: what a run folder holds, and how it is measured, interrupted and gone on with."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from transcripts import read_text

from textmaze.cli import main
from textmaze.learn import runs
from textmaze.learn.checkpoint import load_model, load_state, save_state

TEXTMAZE = [sys.executable, "-m", "textmaze.cli"]
FAST = ["--set", "encoder=hash", "--set", "valid_episodes=5", "--set", "games=10"]
FILES = ["README.md", "config.json", "metrics.jsonl", "model.safetensors", "report.html", "state.safetensors"]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def run(*arguments: object) -> Result:
    """The command carried out in this process; it must succeed."""
    done = CliRunner().invoke(main, list(map(str, arguments)))
    assert done.exit_code == 0, (done.output, done.exception)
    return done


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a short training, and what was printed."""
    folder = tmp_path_factory.mktemp("runs") / "short"
    arguments = ["train", "corridor", "--steps", "200", "--episodes", "10", "--seed", "3", "--out", str(folder), *FAST]
    done = subprocess.run([*TEXTMAZE, *arguments], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "COLUMNS": "80"})
    assert (done.returncode, done.stderr) == (0, "")
    return folder, done.stdout


@pytest.fixture
def folder(trained: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy of that folder, to do things to."""
    return Path(shutil.copytree(trained[0], tmp_path / "run"))


def test_a_training_says_how_it_goes_and_ends_with_the_table(trained):
    folder, text = trained
    first, validation, title, *_ = text.splitlines()
    assert first == f"bert_q learns corridor; what it learns is kept in {folder}"
    assert re.fullmatch(r" +2\d\d steps, +[\d.]+ m?s: .*, validation [01]\.\d\d \(kept\)", validation)
    assert title.rstrip() == "corridor: 10 games that were never seen in training"
    rows = re.findall(r"^│ (\w+) +│ (\w+) .*│ +10 │$", text, re.MULTILINE)
    assert rows == [("bert_q", "seen"), ("bert_q", "unseen"),
                    ("wander", "any"), ("explorer", "any"), ("walkthrough", "any")]
    assert f"\nMeasure it again: textmaze evaluate {folder}\n" in text
    assert "\x1b" not in text


def test_a_run_folder_holds_what_it_takes_to_play_to_go_on_and_to_see_the_curves(trained):
    folder, _ = trained
    names = sorted(path.name for path in folder.iterdir())
    assert [name for name in names if not name.startswith("events.out.tfevents.")] == FILES
    assert len(names) == len(FILES) + 1
    config, weights = load_model(folder)
    assert config["agent"] == "bert_q"
    assert config["game"] == {"spec": "corridor", "with": {}}
    assert config["seed"] == 3
    assert config["settings"]["encoder"] == "hash"
    assert weights
    assert load_state(folder)[0]["steps"] >= 200
    metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["steps"] for line in metrics] == [load_state(folder)[0]["steps"]]
    assert (folder / "README.md").read_text().startswith("# bert_q, trained on corridor\n")


def test_a_run_folder_is_an_agent_and_knows_its_game(folder):
    alone = json.loads(run("evaluate", folder, "--episodes", 5, "--json").stdout)
    named = json.loads(run("evaluate", folder, "corridor", "--episodes", 5, "--json").stdout)
    assert alone == named
    assert (alone["game"], alone["episodes"]) == ("corridor", 5)
    other = json.loads(run("evaluate", folder, "labyrinth", "--with", "rooms=4", "--episodes", 2, "--json").stdout)
    assert other["game"] == "labyrinth"
    table = run("evaluate", folder, "--episodes", 2).stdout
    assert re.findall(r"^│ (\w+) ", table, re.MULTILINE) == ["bert_q", "wander", "explorer", "walkthrough"]


def test_a_transcript_of_a_run_folder_is_of_its_game_with_overrides_on_top(folder):
    alone = run("transcript", folder).stdout
    assert alone == run("transcript", folder, "corridor").stdout
    assert read_text(alone)[0].plays[0].agent == "bert_q"
    header, episodes = read_text(run("transcript", folder, "--with", "max_steps=3").stdout)
    (source,) = header.plays[0].sources
    assert (source.name, source.settings["max_steps"]) == ("corridor", 3)
    assert len(episodes[0]) <= 3


def test_a_run_knows_the_overrides_that_it_was_trained_with(tmp_path):
    run("train", "corridor", "--with", "rooms=3", "--steps", 20, "--episodes", 2, "--out", "run", *FAST)
    assert json.loads(run("evaluate", "run", "--episodes", 3, "--json").stdout)["shortest_mean"] == 2.0
    (play,) = read_text(run("transcript", "run").stdout)[0].plays
    assert play.sources[0].settings["rooms"] == 3


def test_a_training_without_a_folder_gets_a_new_one_under_runs(tmp_path):
    run("train", "corridor", "--steps", 20, "--episodes", 2, *FAST)
    (folder,) = (tmp_path / "runs").iterdir()
    assert re.fullmatch(r"corridor-bert_q-\d{8}-\d{6}", folder.name)


@pytest.mark.parametrize("name", ["[bold]", "[/b]", "a folder with quite a long name, longer than a line is wide" * 2])
def test_the_name_of_a_folder_is_printed_as_it_is(name):
    text = run("train", "corridor", "--steps", 20, "--episodes", 2, "--out", name, *FAST).stdout
    assert text.startswith(f"bert_q learns corridor; what it learns is kept in {name}\n")
    assert f"\nMeasure it again: textmaze evaluate {name}\n" in text


def test_a_training_goes_on_where_it_ended(folder):
    before = load_state(folder)[0]
    text = run("train", "--resume", folder, "--steps", 400, "--episodes", 2).stdout
    after = load_state(folder)[0]
    assert 400 <= after["steps"] < 500
    assert after["episodes"] >= before["episodes"]
    metrics = [json.loads(line)["steps"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert metrics == [before["steps"], after["steps"]]
    # Only the new validation is told of, not the one that the folder came with.
    assert [int(steps) for steps in re.findall(r"^ +(\d+) steps, ", text, re.MULTILINE)] == [after["steps"]]
    assert "│ walkthrough │" in text


@pytest.mark.slow
def test_a_training_that_is_interrupted_keeps_what_was_learned_and_can_go_on(tmp_path):
    arguments = ["train", "corridor", "--steps", "1000000", "--set", "valid_every=100", "--set", "stop_at=2",
                 "--out", "run", *FAST]
    pipe = subprocess.PIPE
    with subprocess.Popen([*TEXTMAZE, *arguments], stdout=pipe, stderr=pipe, text=True) as process:
        try:
            lines = [process.stdout.readline() for _ in range(3)]  # by then, two validations have been
            process.send_signal(signal.SIGINT)
            rest, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")
    assert lines[0].startswith("bert_q learns corridor")
    assert rest.endswith("Stopped. What was learned is kept; go on with: textmaze train --resume run\n")
    assert "walkthrough" not in rest
    assert load_model(tmp_path / "run")[1]
    steps = load_state(tmp_path / "run")[0]["steps"]
    assert steps >= 200
    run("train", "--resume", "run", "--steps", steps + 100, "--episodes", 2)
    assert load_state(tmp_path / "run")[0]["steps"] >= steps + 100


def test_a_training_that_is_interrupted_before_it_began_does_not_promise_that_it_can_go_on(monkeypatch):
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "run", interrupted)
    text = run("train", "corridor", "--out", "run", *FAST).stdout
    assert text.endswith("\nStopped before anything was learned.\n")


def tree(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def refused(folder: Path, *arguments: object) -> str:
    """The sentence that these arguments are refused with; the run folder must stay as it is."""
    before = tree(folder)
    done = CliRunner().invoke(main, list(map(str, arguments)))
    assert isinstance(done.exception, SystemExit), repr(done.exception)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1), done.stderr
    assert tree(folder) == before
    return done.stderr.removeprefix("Error: ").rstrip()


def test_a_run_is_not_trained_over(folder):
    assert refused(folder, "train", "corridor", "--out", folder, *FAST) == (
        f"{folder} holds a run already: name another folder, or go on with --resume {folder}."
    )


def test_what_a_run_has_learned_with_cannot_change_when_it_goes_on(folder):
    resume = ["train", "--resume", folder, "--set"]
    assert refused(folder, *resume, "gamma=0.5").startswith("gamma is fixed for the run in ")
    assert "did you mean 'steps'" in refused(folder, *resume, "stepps=5")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "noise", "folder"])
def test_a_damaged_run_is_no_agent(folder, name, damage):
    _damage(folder / name, damage)
    for command in ("evaluate", "transcript"):
        assert name in refused(folder, command, folder, "corridor")
        assert name in refused(folder, command, folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "state.safetensors"])
@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "noise", "folder"])
def test_a_damaged_run_does_not_go_on(folder, name, damage):
    _damage(folder / name, damage)
    assert name in refused(folder, "train", "--resume", folder)


def _damage(path: Path, damage: str) -> None:
    data = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "gone":
        path.write_bytes({"empty": b"", "cut": data[: len(data) // 2], "noise": bytes(range(256)) * 9}[damage])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", "textmaze-checkpoint-9"), ("agent", "mine"), ("agent", "../wander"), ("agent", 3), ("settings", []),
        ("settings", {"hidden": "wide"}), ("settings", {"unknown": 1}),
        ("game", None), ("game", {}), ("game", {"spec": 3, "with": {}}), ("game", {"spec": "none", "with": {}}),
        ("game", {"spec": "corridor", "with": []}), ("game", {"spec": "corridor", "with": {"rooms": []}}),
        ("game", {"spec": "x\0.z8", "with": {}}), ("game", {"spec": "x\0.toml", "with": {}}),
    ],
)
def test_a_run_with_a_config_that_makes_no_sense_is_refused(folder, key, value):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, key: value}))
    for arguments in (["evaluate", folder], ["transcript", folder], ["train", "--resume", folder]):
        refused(folder, *arguments)


def with_another_width(folder: Path) -> Path:
    config = json.loads((folder / "config.json").read_text())
    config["settings"]["hidden"] = 7
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_weights_that_the_settings_do_not_fit_are_refused(folder):
    assert "weights" in refused(with_another_width(folder), "evaluate", folder)
    assert "weights" in refused(folder, "transcript", folder)


def test_a_state_that_the_settings_do_not_fit_is_refused_and_the_run_stays_as_it_is(folder):
    assert "state.safetensors" in refused(with_another_width(folder), "train", "--resume", folder)


@pytest.mark.parametrize("key", ["rng", "learner", "steps", "valid"])
def test_a_state_that_makes_no_sense_is_refused(folder, key):
    state, tensors = load_state(folder)
    save_state(folder, {**state, key: "nonsense"}, tensors)
    done = CliRunner().invoke(main, ["train", "--resume", str(folder)])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1), (done.stderr, done.exception)
    assert "state.safetensors" in done.stderr


def test_an_agent_file_of_ones_own_must_be_named_again_for_its_run(folder, tmp_path):
    from textmaze.catalog import agent_files

    shutil.copy(agent_files()["bert_q"], tmp_path / "mine.py")
    run("train", "corridor", "--agent", "mine.py", "--steps", 20, "--episodes", 2, "--out", "own", "--code", "mine.py",
        *FAST)
    assert "name it by --code" in refused(tmp_path / "own", "evaluate", "own")
    assert "name it by --code" in refused(tmp_path / "own", "train", "--resume", "own")
    found = json.loads(run("evaluate", "own", "--code", "mine.py", "--episodes", 2, "--json").stdout)
    assert found["episodes"] == 2


@pytest.mark.slow
def test_a_training_with_the_real_bert_ends_with_the_table():
    arguments = ["train", "corridor", "--steps", "200", "--set", "valid_episodes=5", "--episodes", "5", "--out", "run"]
    done = subprocess.run([*TEXTMAZE, *arguments], capture_output=True, text=True, timeout=300,
                          env={**os.environ, "HF_HUB_OFFLINE": "1", "COLUMNS": "80"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "│ bert_q      │ unseen │" in done.stdout
