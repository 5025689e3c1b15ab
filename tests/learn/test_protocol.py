"""Protocol files: what is shipped, and what a stranger's may say."""

from pathlib import Path

import pytest

from textmaze.errors import TextmazeError
from textmaze.learn.cells import cells
from textmaze.learn.packaged import LARGE_MODEL
from textmaze.learn.protocol import QUICK, load_protocol, protocol_files, quick

TINY = """
title = "Tiny"
seeds = 2

[set]
encoder = "hash"
steps = 600

[[train]]
label = "{games} games"
game = "corridor"
set = { steps = 300 }
cross = { set = { games = [2, 5] } }

[[test]]
label = "rooms {rooms}, typos {typos}"
game = "labyrinth"
episodes = 4
agents = ["{games} games", "explorer", "wander"]
cross = { with = { rooms = [4, 9] }, noise = { typos = [0.0, 0.5] } }

[[target]]
agent = "{games} games"
at_least = 0.5
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


def test_lists_are_crossed_and_labels_tell_the_crossings_apart(tiny):
    found = load_protocol(str(tiny))
    assert [(one.label, one.family, dict(one.sets)) for one in found.trainings] == [
        (f"{games} games", "{games} games", {"encoder": "hash", "steps": 300, "games": games}) for games in (2, 5)
    ]
    assert [one.label for one in found.tests] == [
        "rooms 4, typos 0.0", "rooms 4, typos 0.5", "rooms 9, typos 0.0", "rooms 9, typos 0.5"]
    assert [(dict(one.overrides), dict(one.noise)) for one in found.tests[1:3]] == [
        ({"rooms": 4}, {"typos": 0.5}), ({"rooms": 9}, {"typos": 0.0})]
    assert {one.agents for one in found.tests} == {("2 games", "5 games", "explorer", "wander")}


def test_every_training_and_every_agent_that_draws_has_a_cell_for_each_seed(tiny):
    found = cells(load_protocol(str(tiny)))
    assert len(found) == 2 * 2 + 4 * (2 + 2 + 1 + 2)
    assert len({cell.file for cell in found}) == len(found)
    trained = {cell.file for cell in found if cell.kind == "train"}
    assert {cell.needs for cell in found if cell.kind == "test" and "games" in cell.agent} == trained


def test_trainings_go_seed_by_seed_and_before_all_tests(tiny):
    found = cells(load_protocol(str(tiny)))
    kinds = [cell.kind for cell in found]
    assert kinds == sorted(kinds, reverse=True)
    assert [(cell.seed, cell.label) for cell in found if cell.kind == "train"] == [
        (0, "2 games"), (0, "5 games"), (1, "2 games"), (1, "5 games")]


def test_a_cell_has_another_file_once_what_decides_it_has_changed(tiny):
    before = {cell.file for cell in cells(load_protocol(str(tiny)))}
    assert {cell.file for cell in cells(load_protocol(str(tiny)))} == before
    tiny.write_text(TINY.replace('title = "Tiny"', 'title = "Other"').replace("at_least = 0.5", "at_least = 0.6"))
    assert {cell.file for cell in cells(load_protocol(str(tiny)))} == before
    tiny.write_text(TINY.replace("steps = 300", "steps = 301"))
    changed = {cell.file for cell in cells(load_protocol(str(tiny)))}
    assert {file for file in before if "explorer" in file or "wander" in file} == changed & before


def test_a_quick_run_is_the_same_in_small(tiny):
    whole = load_protocol(str(tiny))
    found = quick(whole)
    assert [one.label for one in found.trainings] == [one.label for one in whole.trainings]
    assert {one.episodes for one in found.tests} == {2}
    assert all(QUICK.items() <= one.sets.items() for one in found.trainings)
    assert len(cells(found)) == 2 + 4 * 4


@pytest.mark.parametrize("name", protocol_files())
def test_a_quick_run_fetches_no_encoder(name):
    assert not any(LARGE_MODEL in one.sets.values() for one in quick(load_protocol(name)).trainings)


@pytest.mark.parametrize("name", protocol_files())
def test_every_shipped_protocol_says_what_it_is(name):
    found = load_protocol(name)
    assert found.name == name
    assert found.about.title
    assert found.about.summary.endswith(".")
    assert found.about.seeds >= 3
    assert found.trainings
    assert cells(found)


@pytest.mark.parametrize(("old", "new", "sentence"), [
    ("seeds = 2", "seeds = 0", "seeds in tiny.toml must be from 1 to 1000, not 0."),
    ("seeds = 2", "sed = 2", "There is no setting in tiny.toml named 'sed'; did you mean 'seeds'?"),
    ('game = "corridor"', 'game = "corrido"', "There is no game for tiny.toml named 'corrido'; did you mean 'corrid"),
    ('game = "corridor"', 'game = "/tmp/x.toml"', "There is no game for tiny.toml named '/tmp/x.toml'"),
    ('game = "corridor"', 'game = "corridor"\nagent = "/tmp/x.py"', "tiny.toml: '/tmp/x.py' is neither the label of"),
    ('"explorer", ', '"../runs/x", ', "tiny.toml: '../runs/x' is neither the label of a training nor an agent's name."),
    ("rooms = [4, 9]", "rooms = [4, 1]", "rooms in labyrinth.toml must be from 2 to "),
    ("rooms = [4, 9]", "rooms = 4", "tiny.toml: rooms in cross must be a list, not 4."),
    ("rooms = [4, 9]", "loops = [0.0, 0.1]", "the label 'rooms {rooms}, typos {typos}' must tell its crossings apart"),
    ("typos = [0.0, 0.5]", "typos = [0.0, 2.0]", "typos in noise of tiny.toml must be from 0.0 to 1.0, not 2.0."),
    ("noise = {", "nose = {", "There is no table to cross in tiny.toml named 'nose'; did you mean 'noise'?"),
    ("games = [2, 5]", "games = [2, 2]", "tiny.toml: two trains are called '2 games'; give one of them another label."),
    ("games = [2, 5]", f"games = {list(range(1001))}", "'{games} games' has more than 1,000 crossings."),
    ('label = "{games} games"', "", "tiny.toml: every train and every test needs a label."),
    ("at_least = 0.5", "", "tiny.toml: a target needs at_least or at_most."),
    ("at_least = 0.5", 'at_least = 0.5\nmetric = "sucess"', "There is no choice for metric in tiny.toml named 'suc"),
    ("at_least = 0.5", 'at_least = 0.5\ntest = "rooms"', "There is no test for a target in tiny.toml named 'rooms'"),
    ('agent = "{games} games"', 'agent = "6 games"', "There is no agent for a target in tiny.toml named '6 games'"),
    ("at_least = 0.5", 'at_least = 0.5\nrelative_to = "x"', "There is no agent for a target in tiny.toml named 'x'"),
    ('agents = ["{games} games", "explorer", "wander"]', "agents = []", "agents of a test must be a list of labels"),
    ("[[test]]", "[test]", "tiny.toml: test must be a list of at most 1,000 tables, each begun by [[test]]."),
    (TINY, "", "tiny.toml has neither a [[train]] nor a [[test]], so there is nothing to do."),
    (TINY, "set = 1", "tiny.toml: set must be a table, not 1."),
])
def test_a_protocol_that_is_wrong_is_refused_in_one_sentence(tiny, old, new, sentence):
    assert old in TINY
    tiny.write_text(TINY.replace(old, new))
    with pytest.raises(TextmazeError) as refused:
        load_protocol(str(tiny))
    assert sentence in str(refused.value)


@pytest.mark.parametrize("spec", ["signpost", "", "\0", "no/such.toml", "x" * 5000])
def test_a_protocol_that_is_not_there_is_refused(spec):
    with pytest.raises(TextmazeError, match="There is no protocol"):
        load_protocol(spec)
