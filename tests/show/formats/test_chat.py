"""Chat: messages as trainers read them, from which the whole episode comes back."""

import json
import re

import pytest
from transcripts import changed, played, weighed

from textmaze.show.formats import chat
from textmaze.show.replay import verified
from textmaze.show.transcript import DamagedError


def rows(of=list, spec="labyrinth", **options):
    header, episodes = played(spec, "walkthrough")
    text = "".join(chat.write(of(episodes), header, **options))
    return episodes, text, [json.loads(line) for line in text.splitlines()]


def proved(path):
    header, lines = chat.read(path)
    return list(verified(header, lines, chat.prove))


def test_an_episode_is_a_conversation_with_the_objective_in_front_and_the_agent_in_the_end():
    episodes, _, found = rows()
    assert len(found) == len(episodes)
    for episode, row in zip(episodes, found, strict=True):
        system, *said = row["messages"]
        assert system["role"] == "system"
        assert system["content"].endswith(f"\n\n{episode[0].before.objective}")
        assert [message["role"] for message in said] == ["user", "assistant"] * len(episode)
        assert said[0]["content"] == episode[0].before.description
        assert [message["content"] for message in said[1::2]] == [record.command for record in episode]
        assert [message["content"] for message in said[2::2]] == [record.feedback for record in episode[:-1]]


def test_metadata_tells_episodes_apart_and_has_the_same_types_in_every_row():
    episodes, _, found = rows(spec="ladder")
    for episode, row in zip(episodes, found, strict=True):
        about = row["metadata"]
        assert (about["agent"], about["game"], about["split"]) == ("walkthrough", "ladder", "test")
        assert (about["seed"], about["steps"], about["won"]) == (episode[0].seed, len(episode), True)
        assert {name: type(value) for name, value in about.items()} == {
            name: type(value) for name, value in found[0]["metadata"].items()}


def test_what_can_be_done_stands_below_each_message_if_it_is_asked_for():
    episodes, _, found = rows(admissible=True)
    users = [message["content"] for message in found[0]["messages"][1::2]]
    assert [user.rpartition("\n\n")[2] for user in users] == [
        f"You can: {', '.join(record.before.admissible)}." for record in episodes[0]]


def test_the_agent_reasons_by_its_values_if_it_has_any():
    _, text, found = rows(weighed, reasoning=True)
    for message in found[0]["messages"][2::2]:
        assert re.fullmatch(r"Worth: (go \w+ \d\.\d\d(, )?)+\.\n(go \w+|take coin)", message["content"]) or (
            "take coin" in message["content"])
    assert "best" not in text
    assert rows(reasoning=True)[2][0]["messages"][2]["content"].count("\n") == 0


def test_rows_may_be_shuffled_and_left_out(tmp_path):
    episodes, text, _ = rows()
    lines = text.splitlines(keepends=True)
    path = tmp_path / "t.chat.jsonl"
    path.write_text("".join(lines[::-2]))
    assert proved(path) == episodes[::-2]


@pytest.mark.parametrize("message", range(5))
def test_a_changed_message_is_named_by_episode_and_step(tmp_path, message):
    _, text, found = rows()
    messages = found[2]["messages"]
    messages[message]["content"] += "!"
    path = tmp_path / "t"
    path.write_text(changed(text, 2, {"messages": messages}))
    with pytest.raises(DamagedError, match=f"^Episode 2, step {message // 2}: {messages[message]['role']} has the "):
        proved(path)


@pytest.mark.parametrize(("name", "value"), [
    ("seed", 1), ("episode", 1), ("won", False), ("steps", 2), ("agent", "wander"), ("sha256", "0"),
])
def test_changed_metadata_is_found(tmp_path, name, value):
    _, text, found = rows()
    path = tmp_path / "t"
    path.write_text(changed(text, 2, {"metadata": found[2]["metadata"] | {name: value}}))
    with pytest.raises(DamagedError, match="pisode"):
        proved(path)


@pytest.mark.parametrize("how", [
    {"commands": []}, {"commands": [3]}, {"commands": ["look"] * 100_001}, {"values": [{}]}, {"values": [3] * 3},
    {"admissible": 1}, {"more": 1}, {"commands": ["look"]},
], ids=lambda how: str(how)[:30])
def test_what_cannot_be_played_again_is_refused(tmp_path, how):
    _, text, found = rows()
    replay = json.dumps(json.loads(found[0]["metadata"]["replay"]) | how)
    path = tmp_path / "t"
    path.write_text(changed(text, 0, {"metadata": found[0]["metadata"] | {"replay": replay}}))
    with pytest.raises(DamagedError):
        proved(path)


def test_a_message_that_is_none_is_named(tmp_path):
    _, text, found = rows()
    path = tmp_path / "t"
    messages = found[1]["messages"]
    path.write_text(changed(text, 1, {"messages": [*messages[:4], 3]}))
    with pytest.raises(DamagedError, match=r"line 2 \(episode 1, step 2\) is not a JSON object"):
        proved(path)
    lines = text.splitlines(keepends=True)
    lines[1] = lines[1].replace('"assistant", "content"', '"assistant", content"', 2)
    path.write_text("".join(lines))
    with pytest.raises(DamagedError, match=r"line 2 \(episode 1, step 1\) is not valid JSON"):
        proved(path)


def test_datasets_reads_it(tmp_path):
    datasets = pytest.importorskip("datasets", reason="needs the library datasets")
    episodes, text, found = rows(spec="ladder")
    path = tmp_path / "t.jsonl"
    path.write_text(text)
    read = datasets.load_dataset("json", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))
    assert read.num_rows == len(episodes)
    assert read[:]["messages"] == [row["messages"] for row in found]
    assert read[:]["metadata"] == [row["metadata"] for row in found]
