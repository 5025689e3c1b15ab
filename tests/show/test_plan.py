"""Plans: who plays what how often, from the command line or from a mixture's file."""

import json
from pathlib import Path

import pytest
from transcripts import played

from textmaze.errors import SettingError, TextmazeError
from textmaze.show.plan import Filters, Task, make_plan, mixture_file, read_mixture

MIXTURE = """
seed = 5
[[plays]]
agent = "walkthrough"
game = "corridor"
share = 2
with = { rooms = 4 }
[[plays]]
agent = "wander"
game = "ladder"
set = { seed = 3 }
"""


@pytest.fixture
def path(tmp_path):
    found = tmp_path / "mix.toml"
    found.write_text(MIXTURE)
    return found


def test_episodes_are_dealt_out_by_shares_and_none_is_lost(path):
    for episodes in range(1, 20):
        tasks = read_mixture(path, episodes, None, None)
        assert sum(task.episodes for task in tasks) == episodes
        assert abs(tasks[0].episodes - 2 * episodes / 3) < 1
    assert [(task.agent, task.game, task.split, task.seed) for task in tasks] == [
        ("walkthrough", "corridor", "train", 5), ("wander", "ladder", "train", 5)]
    assert (tasks[0].overrides, tasks[1].sets) == ({"rooms": 4}, {"seed": 3})
    assert {(task.split, task.seed) for task in read_mixture(path, 9, "test", 0)} == {("test", 0)}


def test_a_plan_numbers_episodes_through_and_leaves_out_who_has_none(path):
    plan = make_plan(read_mixture(path, 9, None, None), Filters(only="won"))
    assert [(play.agent, play.first, play.episodes, play.seed) for play in plan.header.plays] == [
        ("walkthrough", 0, 6, 5), ("wander", 6, 3, 5)]
    assert plan.header.filters == {"only": "won"}
    assert len(make_plan(read_mixture(path, 1, None, None), Filters()).header.plays) == 1


@pytest.mark.parametrize(("text", "message"), [
    ("", "plays must be a list of 1 to 100 tables"), ("plays = [3]", "must hold tables, not 3"),
    ("[[plays]]\nagent = 'wander'\ngame = 'labyrint'", "did you mean 'labyrinth'"),
    ("[[plays]]\nagent = 'wanderer'\ngame = 'labyrinth'", "did you mean 'wander'"),
    ("[[plays]]\nagent = 'mine.py'\ngame = 'labyrinth'", "no agent for bad.toml named 'mine.py'"),
    ("[[plays]]\nagent = 'wander'\ngame = 'mine.json'", "no game for bad.toml named 'mine.json'"),
    ("[[plays]]\nagent = 'human'\ngame = 'labyrinth'", "plays alone"),
    ("[[plays]]\nagent = 'wander'\ngame = 'labyrinth'\nshare = 0", "share in bad.toml must be from 1"),
    ("[[plays]]\nagent = 'wander'\ngame = 'labyrinth'\nwith = 3", "with must be a table"),
    ("[[plays]]\nagent = 'wander'\ngame = 'labyrinth'\nshre = 1", "did you mean 'share'"),
    ("splt = 'train'\n[[plays]]\nagent = 'wander'\ngame = 'labyrinth'", "did you mean 'split'"),
])
def test_a_mixture_that_is_wrong_is_refused_in_one_sentence(tmp_path, text, message):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(TextmazeError, match=message):
        read_mixture(path, 10, None, None)


def test_shipped_mixtures_are_called_by_their_files_names_unless_there_is_such_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shipped = mixture_file("experts.toml")
    assert shipped.parent.name == "mixtures"
    assert len(make_plan(read_mixture(shipped, 10, None, None), Filters()).tasks) == 3
    (tmp_path / "experts.toml").write_text(MIXTURE)
    assert mixture_file("experts.toml") == Path("experts.toml")
    assert mixture_file("wander") is None
    assert mixture_file("runs/some") is None


def test_filters_keep_what_they_say():
    _, episodes = played(seeds=range(30))
    won = [episode for episode in episodes if Filters(only="won").keep(episode)]
    lost = [episode for episode in episodes if Filters(only="lost").keep(episode)]
    assert len(won) + len(lost) == 30
    assert all(episode[-1].won for episode in won)
    assert 0 < len(won) < 30
    near = [episode for episode in episodes if Filters(max_regret=2).keep(episode)]
    assert near == [episode for episode in won if len(episode) <= episode[0].distance + 2]
    assert not Filters(only="lost").keep(episodes[0][:1])  # it was left
    with pytest.raises(SettingError, match="has no regret"):
        Filters(only="lost", max_regret=1)
    assert Filters().to_dict() == {}
    assert Filters(max_regret=0, dedupe=True).to_dict() == {"max_regret": 0, "dedupe": True}


def test_the_text_of_a_plan_changes_with_what_it_is_made_of(tmp_path):
    agent = tmp_path / "mine.py"
    agent.write_text((Path(__file__).parents[2] / "agents" / "wander.py").read_text())

    def text(episodes=3, **filters):
        return make_plan([Task(str(agent), "corridor", "train", 0, episodes)], Filters(**filters)).to_json()

    first = text()
    assert text() == first
    assert json.loads(first)["tasks"][0]["agent"] == str(agent)
    assert len({first, text(4), text(dedupe=True)}) == 3
    agent.write_text(f"{agent.read_text()}\n# changed\n")
    assert text() != first
