"""Playing a plan: the same episodes in one process or in several, at once or after an interruption."""

import pytest

from textmaze.errors import RunError
from textmaze.show import transcribe as module
from textmaze.show.formats import jsonl
from textmaze.show.plan import Filters, Task, make_plan
from textmaze.show.transcribe import close, distinct, parts_of, transcribe


def plan(episodes=9, agent="wander", filters=None, game="corridor", **overrides):
    return make_plan([Task(agent, game, "train", 3, episodes, {}, overrides),
                      Task("walkthrough", "corridor", "train", 0, 2)], filters or Filters())


def text(plan, jobs=1, folder=None, show=lambda done: None):
    return "".join(jsonl.write(transcribe(plan, jobs, folder, show), plan.header))


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(module, "PART", 4)


def test_parts_hold_every_episode_once():
    parts = parts_of(plan(9))
    assert [(part.first, part.after, part.episodes) for part in parts] == [
        (0, 0, 4), (4, 4, 4), (8, 8, 1), (9, 0, 2)]


def test_the_result_is_the_same_in_several_processes_and_with_a_folder_and_without(tmp_path):
    whole = text(plan())
    assert whole.count('"step": 0') == 11
    assert text(plan(), folder=tmp_path / "parts") == whole
    assert text(plan(), jobs=2) == whole
    assert text(plan(), jobs=2, folder=tmp_path / "more") == whole


def test_an_agent_that_draws_numbers_draws_others_in_each_part():
    found = list(transcribe(plan(8, game="labyrinth", rooms=4), 1, None, lambda done: None))[:8]
    commands = [[record.command for record in episode][:3] for episode in found]
    assert commands[:4] != commands[4:]


def test_what_was_played_is_not_played_again(tmp_path, monkeypatch):
    whole, folder = text(plan()), tmp_path / "parts"
    episodes = transcribe(plan(), 1, folder, lambda done: None)
    for _ in range(6):  # into the second part
        next(episodes)
    episodes.close()
    assert sorted(path.name for path in folder.iterdir()) == ["00000000.jsonl.gz", "00000004.jsonl.gz", "plan.json"]
    played = []
    real = module._played
    monkeypatch.setattr(module, "_played", lambda part, agent: played.append(part.first) or real(part, agent))
    assert text(plan(), folder=folder) == whole
    assert played == [8, 9]
    close(folder)
    assert not folder.exists()


def test_the_parts_of_another_plan_are_refused(tmp_path):
    folder = tmp_path / "parts"
    text(plan(), folder=folder)
    with pytest.raises(RunError, match="holds what was played for another transcript"):
        text(plan(10), folder=folder)
    (tmp_path / "mine").mkdir()
    with pytest.raises(RunError, match="another transcript"):
        text(plan(), folder=tmp_path / "mine")


def test_whoever_looks_on_is_told_how_many_have_been_played(tmp_path):
    for folder in (None, tmp_path / "parts"):
        told = []
        text(plan(filters=Filters(only="lost")), folder=folder, show=told.append)
        assert told == sorted(told)
        assert told[-1] == 11


def test_filters_leave_out_episodes_and_keep_their_numbers(tmp_path):
    whole = list(transcribe(plan(30), 1, None, lambda done: None))
    won = list(transcribe(plan(30, filters=Filters(only="won")), 2, tmp_path / "parts", lambda done: None))
    assert [episode[0].episode for episode in won] == [episode[0].episode for episode in whole if episode[-1].won]


def test_an_episode_in_which_the_same_was_read_and_typed_is_dropped(tmp_path):
    whole = list(transcribe(plan(), 1, None, lambda done: None))
    assert list(distinct([*whole, *whole[::-1]])) == whole
    assert list(distinct([whole[0], whole[0][:-1]])) == [whole[0], whole[0][:-1]]
    maze = tmp_path / "maze.json"
    from textmaze.catalog import load_game

    maze.write_text(load_game("corridor").maze("train", 0).to_json())
    same = make_plan([Task("walkthrough", str(maze), "train", 0, 9)], Filters(dedupe=True))
    assert len(list(transcribe(same, 1, None, lambda done: None))) == 1


def test_values_of_an_agent_that_has_some_are_kept():
    found = list(transcribe(make_plan([Task("ladder", "corridor", "train", 0, 1)], Filters()), 1, None,
                            lambda done: None))
    for record in found[0]:
        assert {command for command, _ in record.values} <= set(record.before.admissible)
        assert record.values
