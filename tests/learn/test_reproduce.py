"""Carrying out a protocol: every part once, what was broken off goes on, and what fails is told."""

import dataclasses
import json
import multiprocessing
import os
import shutil
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner
from filelock import FileLock

from textmaze.catalog import load_game
from textmaze.cli import main
from textmaze.errors import RunError
from textmaze.learn import reproduce as reproduce_module
from textmaze.learn import runs
from textmaze.learn.cells import cells, exact_version, results
from textmaze.learn.compare import contenders
from textmaze.learn.evaluate import evaluate
from textmaze.learn.findings import findings
from textmaze.learn.protocol import load_protocol
from textmaze.learn.reproduce import course, do, reproduce, summary
from textmaze.show.protocol_page import noise_curves, protocol_grids, protocol_page

TINY = """
title = "Tiny"
aim = "To run."
seeds = 2

[[train]]
label = "hash"
game = "corridor"
set = { encoder = "hash", steps = 640, valid_every = 160, valid_episodes = 3, games = 4, slots = 8, stop_at = 2.0 }

[[test]]
label = "typos {typos}"
game = "corridor"
episodes = 3
agents = ["hash", "explorer", "wander"]
cross = { noise = { typos = [0.0, 0.5] } }

[[target]]
agent = "explorer"
test = "typos {typos}"
at_least = 1.0

[[target]]
metric = "steps"
agent = "wander"
relative_to = "explorer"
at_most = 1.0

[[target]]
metric = "env_steps"
agent = "hash"
at_most = 700
over = "worst"
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """The protocol, and a folder in which it was done, in this process."""
    path = tmp_path_factory.mktemp("protocol") / "tiny.toml"
    path.write_text(TINY)
    protocol, folder = load_protocol(str(path)), path.parent / "out"
    for cell in cells(protocol):
        do(cell, folder)
    return protocol, folder


def write(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text)
    return str(path)


def test_every_cell_leaves_its_result_in_one_file(tiny):
    protocol, folder = tiny
    found = results(protocol, folder)
    assert {path.name for path in (folder / "cells").iterdir()} == {cell.file for cell, _ in found}
    for cell, data in found:
        assert data["hash"] == cell.digest
        assert data["settings"] == cell.settings
        assert "result" in data, data


def test_a_test_is_what_evaluate_measures(tiny):
    protocol, folder = tiny
    row = next(row for row in findings(protocol, folder).tested if (row.test, row.agent) == ("typos 0.0", "wander"))
    for seed, make in enumerate(contenders(["wander"], 2)[0].makers):
        result = evaluate(make()[1], load_game("corridor"), range(3), name="wander")
        assert (row.values["success"][seed], row.values["steps"][seed]) == pytest.approx(
            (result.success, result.steps_mean))


def test_what_is_done_is_not_done_again(tiny):
    protocol, folder = tiny
    before = {path: path.stat().st_mtime_ns for path in (folder / "cells").iterdir()}
    shown = []
    status = reproduce(protocol, folder, 2, lambda status: shown.append(status.total))
    assert (status.total, status.failed, shown) == (0, {}, [0])
    assert {path: path.stat().st_mtime_ns for path in (folder / "cells").iterdir()} == before


def test_two_at_once_do_not_share_a_folder(tiny, tmp_path):
    protocol, _ = tiny
    (tmp_path / "cells").mkdir()
    with FileLock(tmp_path / ".lock"), pytest.raises(RunError, match="Another protocol is carried out in"):
        reproduce(protocol, tmp_path, 2, lambda status: None)


def test_protocols_that_ask_for_the_same_training_share_it(tiny):
    protocol, folder = tiny
    other = dataclasses.replace(protocol, name="other", tests=(), targets=())
    shown = []
    reproduce(other, folder, 2, lambda status: shown.append(status.total))
    assert shown == [0]


def test_targets_are_checked_and_told(tiny):
    protocol, folder = tiny
    found = findings(protocol, folder)
    assert [one.met for one in found.verdicts] == [True, False, True]
    assert found.verdicts[0].text == "success of explorer on typos …: at least 1"
    assert found.verdicts[1].text == "steps of wander, as a multiple of explorer's: at most 1"
    assert (found.failed, found.missing) == ({}, 0)


def test_the_page_says_how_and_by_what_it_was_done(tiny):
    protocol, folder = tiny
    page = protocol_page(protocol, findings(protocol, folder), "textmaze reproduce tiny")
    assert page.startswith("# Tiny\n\nHoped for: To run.\n\n## Targets\n")
    for part in ("| met |", "| not met |", "    textmaze reproduce tiny\n", "textmaze train corridor --agent bert_q",
                 "textmaze evaluate wander corridor --episodes 3 --seed 0 --noise typos=0.5", "- textmaze ", "- date "):
        assert part in page
    assert "quick" not in page.lower()


def test_spl_is_a_curve_over_noise(tiny):
    protocol, folder = tiny
    found = findings(protocol, folder)
    curves = noise_curves(found)
    amounts = {agent: [amount for amount, _ in points] for agent, points in curves["typos"].items()}
    assert amounts == {agent: [0.0, 0.5] for agent in ("hash", "explorer", "wander")}
    spl = [row.figures["spl"] for row in found.tested if row.agent == "explorer" and row.noise]
    assert [figure for _, figure in curves["typos"]["explorer"]] == spl


def test_a_quick_run_is_marked_as_one(tiny):
    protocol, folder = tiny
    quick = dataclasses.replace(protocol, quick=True)
    found = findings(quick, folder)
    assert all(grid.title.endswith("(quick)") for grid in protocol_grids(quick, found))
    assert "A QUICK RUN" in protocol_page(quick, found, "textmaze")


def test_what_is_not_done_leaves_its_place_empty(tiny, tmp_path):
    protocol, _ = tiny
    found = findings(protocol, tmp_path)
    assert (found.trained, found.tested, found.missing) == ((), (), len(cells(protocol)))
    assert {one.met for one in found.verdicts} == {None}


@pytest.mark.parametrize(("kind", "agent", "unknown"), [
    ("test", "explorer", {0, 1}), ("test", "wander", {1}), ("test", "hash", set()), ("train", "hash", {2})])
def test_a_target_is_not_judged_while_a_seed_or_a_test_is_missing(tiny, tmp_path, kind, agent, unknown):
    protocol, folder = tiny
    shutil.copytree(folder / "cells", tmp_path / "cells")
    cell = [cell for cell in cells(protocol) if (cell.kind, cell.agent) == (kind, agent)][-1]
    (tmp_path / "cells" / cell.file).write_text(json.dumps({"hash": cell.digest, "error": "It failed."}))
    verdicts = findings(protocol, tmp_path).verdicts
    assert {place for place, one in enumerate(verdicts) if one.met is None} == unknown


def test_what_another_textmaze_found_is_not_taken_for_what_this_one_would(tiny, monkeypatch):
    before = {cell.file for cell in cells(tiny[0])}
    monkeypatch.setattr("textmaze.learn.cells.exact_version", lambda: "0.2.0 and another file")
    assert not before & {cell.file for cell in cells(tiny[0])}


def test_code_games_and_weights_decide_and_what_only_shows_does_not(tmp_path, monkeypatch):
    for folder in ("textmaze/learn", "textmaze/show", "agents/pretrained/mine", "games/protocols"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setattr("textmaze.__file__", str(tmp_path / "textmaze" / "__init__.py"))
    digests = []
    for name in ("", "textmaze/learn/td.py", "agents/wander.py", "agents/pretrained/mine/model.safetensors",
                 "games/maze.toml", "textmaze/show/page.py", "games/protocols/mine.toml", "agents/wander.pyc"):
        if name:
            (tmp_path / name).write_text("x")
        digests.append(exact_version.__wrapped__())
    assert len(set(digests)) == len(set(digests[:5])) == 5


def test_a_training_that_was_broken_off_goes_on(tiny, tmp_path):
    cell = cells(tiny[0])[0]
    made = cell.settings
    plan = runs.planned(made["game"], made["with"], made["agent"], made["set"], 0, tmp_path / cell.run)

    def stop(progress):
        if progress.steps >= 400:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runs.run(plan, stop)
    begun = course(tmp_path / cell.run)
    do(cell, tmp_path)
    whole = course(tmp_path / cell.run)
    assert whole[:len(begun)] == begun
    assert whole[len(begun)]["steps"] > 400  # as it would not be, had it begun anew
    assert whole[-1]["steps"] >= 640
    assert json.loads((tmp_path / "cells" / cell.file).read_text())["result"]["env_steps"] == whole[-1]["steps"]


def test_a_training_that_was_broken_off_before_its_first_checkpoint_begins_anew(tiny, tmp_path):
    cell = cells(tiny[0])[0]
    (tmp_path / cell.run).mkdir(parents=True)
    (tmp_path / cell.run / "config.json").write_text("{")
    do(cell, tmp_path)
    assert "result" in json.loads((tmp_path / "cells" / cell.file).read_text())


def test_a_training_whose_checkpoint_is_damaged_begins_anew(tiny, tmp_path):
    cell = cells(tiny[0])[0]
    do(cell, tmp_path)
    whole, state = course(tmp_path / cell.run), tmp_path / cell.run / "state.safetensors"
    state.write_bytes(state.read_bytes()[:1000])
    (tmp_path / "cells" / cell.file).unlink()
    do(cell, tmp_path)
    assert [line["steps"] for line in course(tmp_path / cell.run)] == [line["steps"] for line in whole]
    assert "result" in json.loads((tmp_path / "cells" / cell.file).read_text())


def test_a_damaged_result_is_none(tiny, tmp_path):
    protocol, _ = tiny
    cell = cells(protocol)[-1]
    (tmp_path / "cells").mkdir()
    for text in ("", "[1]", "{}", '{"hash": "x", "result": 1}', "[" * 100_000):
        (tmp_path / "cells" / cell.file).write_text(text)
        assert findings(protocol, tmp_path).missing == len(cells(protocol))


def test_processes_do_it_all_and_a_part_that_fails_takes_only_those_with_it_that_need_it(tmp_path):
    spec = write(tmp_path, """
        seeds = 1
        [[train]]
        label = "never"
        game = "corridor"
        set = { no_such_setting = 1 }
        [[test]]
        label = "corridor"
        game = "corridor"
        episodes = 2
        agents = ["never", "explorer", "nobody"]
        [[target]]
        agent = "never"
        at_least = 0.5
    """)
    done = CliRunner(env={"COLUMNS": "100"}).invoke(
        main, ["reproduce", spec, "--out", str(tmp_path / "out"), "--jobs", "3"])
    assert done.exit_code == 1
    assert "There is no setting of bert_q or its training named 'no_such_setting'" in done.stderr
    assert "There is no agent named 'nobody'" in done.stderr
    assert "never on corridor, seed 0: its training has failed." in done.stderr
    assert "Traceback" not in done.output
    assert "not known" in done.stdout
    page = (tmp_path / "out" / f"{Path(spec).stem}.md").read_text()
    assert "| corridor | explorer | 1.00 (1.00-1.00) |" in page
    assert "Parts that have no result: 3." in page


def test_the_course_of_a_training_adds_up_what_was_broken_off(tmp_path):
    lines = [(100, 5.0), (200, 10.0), (200, 3.0), (300, 6.0)]
    (tmp_path / "metrics.jsonl").write_text("".join(
        json.dumps({"steps": steps, "seconds": seconds, "valid_success": 0.5}) + "\n" for steps, seconds in lines))
    assert [(line["steps"], line["seconds"]) for line in course(tmp_path)] == [(100, 5.0), (200, 13.0), (300, 16.0)]


def test_the_figures_of_a_training_by_hand():
    lines = [{"steps": 100 * (n + 1), "episodes": n, "seconds": 60.0 * n, "valid_success": success}
             for n, success in enumerate((0.2, 0.9, 1.0, 0.7))]
    found = summary(lines)
    assert found == {"env_steps": 400, "episodes": 3, "minutes": 3.0, "validation": 1.0,
                     "drop": pytest.approx(0.3), "steps_to_90": 200}
    assert summary(lines[:1])["steps_to_90"] is None


def test_sigterm_stops_the_cells_too(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(reproduce_module, "_GRACE", 2.0)
    before = signal.getsignal(signal.SIGTERM)
    children = []

    def stop(status):
        if status.running:
            children.extend(multiprocessing.active_children())
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        reproduce(tiny[0], tmp_path, 1, stop)
    assert children
    assert not any(child.is_alive() for child in children)
    assert signal.getsignal(signal.SIGTERM) is before
