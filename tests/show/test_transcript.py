"""Transcripts: nothing is lost, nothing can be changed unnoticed, and the order is that of the episodes."""

import json
from dataclasses import replace

import pytest

from textmaze.catalog import load_agent, load_game
from textmaze.env.rollout import Leave, StepRecord, rollout
from textmaze.errors import TextmazeError
from textmaze.game.mazes import MazeGame
from textmaze.game.recipe import Recipe
from textmaze.game.table import Game
from textmaze.show.transcript import (
    by_episode,
    make_header,
    read_jsonl,
    verdict,
    verify,
    write_jsonl,
    write_markdown,
)

SEEDS = range(12)


def play(game: Game, name: str = "wander", *, slots: int = 4, split: str = "test") -> list[list[StepRecord]]:
    module = load_agent(name)
    return list(rollout(game, module.make(module.Settings()), SEEDS, split=split, slots=slots))


def transcript(name: str = "wander", **overrides: object) -> tuple[Game, str]:
    game = load_game("corridor", overrides)
    header = make_header(game, source="corridor", split="test", agent=name, seeds=SEEDS, overrides=overrides)
    return game, "".join(write_jsonl(play(game, name), header))


def changed(transcript: str, line: int, values: dict[str, object]) -> str:
    """The transcript with other values on one line, counted from 0."""
    lines = transcript.splitlines()
    lines[line] = json.dumps(json.loads(lines[line]) | values)
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def corridor() -> tuple[Game, str]:
    return transcript(rooms=4)


def test_episodes_come_out_whole_and_in_order_though_many_were_played_at_once():
    rounds = play(load_game("corridor"), slots=5)
    episodes = list(by_episode(rounds))
    assert [episode[0].episode for episode in episodes] == list(SEEDS)
    assert [episode[0].seed for episode in episodes] == list(SEEDS)
    for episode in episodes:
        assert [record.step for record in episode] == list(range(1, len(episode) + 1))
        assert [record.ended for record in episode] == [False] * (len(episode) - 1) + [True]
    assert sum(map(len, episodes)) == sum(map(len, rounds))


def test_an_episode_comes_out_as_soon_as_it_and_those_before_it_have_ended():
    rounds = play(load_game("corridor"), slots=1)
    first_ends = next(index for index, records in enumerate(rounds) if records[0].ended)
    read = []

    def watched():
        for records in rounds:
            read.append(records)
            yield records

    next(by_episode(watched()))
    assert len(read) == first_ends + 1


def test_reading_gives_back_the_header_and_the_records_that_were_written(tmp_path):
    game = load_game("labyrinth", {"rooms": "9"})
    header = make_header(game, source="labyrinth", split="valid", agent="wander", seeds=SEEDS,
                         overrides={"rooms": "9"})
    rounds = play(game, split="valid")
    path = tmp_path / "t.jsonl"
    path.write_text("".join(write_jsonl(rounds, header)))
    found, records = read_jsonl(path)
    assert found == replace(header, seeds=list(SEEDS))
    assert found.settings["rooms"] == 9
    assert records == [_without_slot(record) for episode in by_episode(rounds) for record in episode]


def _without_slot(record: StepRecord) -> StepRecord:
    return replace(record, before=replace(record.before, slot=0), after=replace(record.after, slot=0))


def test_the_same_records_give_the_same_bytes(corridor):
    assert transcript(rooms=4)[1] == corridor[1]
    assert transcript(rooms=4)[1].isascii()


def test_every_line_is_an_object_and_every_step_tells_what_was_done_and_what_came_of_it(corridor):
    head, opening, step, *_, end = map(json.loads, corridor[1].splitlines())
    assert head["format"] == "textmaze-transcript-1"
    assert (head["game"], head["agent"], head["split"]) == ("corridor", "wander", "test")
    assert head["overrides"] == {"rooms": 4}
    assert opening["step"] == 0
    assert opening["text"] == f"{opening['objective']}\n\n{opening['description']}"
    assert step["command"] in opening["admissible"]
    assert {"text", "reward", "terminated", "truncated", "won", "description", "inventory"} <= step.keys()
    assert end["end"]["episodes"] == 12


@pytest.mark.parametrize("name", ["wander", "walkthrough", "explorer"])
def test_an_untouched_transcript_verifies(name):
    game, text = transcript(name)
    verify(*read_jsonl(text), game)


@pytest.mark.parametrize("values", [
    {"text": "You fly."}, {"description": "A room."}, {"inventory": "A lamp."}, {"admissible": []},
    {"reward": 1.0}, {"truncated": True}, {"distance": 7}, {"command": "look"},
], ids=lambda values: next(iter(values)))
def test_verify_names_episode_step_and_field_of_the_first_difference(corridor, values):
    game, text = corridor
    line = next(i for i, line in enumerate(text.splitlines()) if json.loads(line).get("step") == 1)
    assert json.loads(text.splitlines()[line])["truncated"] is False
    with pytest.raises(TextmazeError) as caught:
        verify(*read_jsonl(changed(text, line, values)), game)
    message = str(caught.value)
    if "truncated" in values:  # the steps that follow cannot stand behind an end
        assert "episode 0, step 2" in message
    else:
        assert message.startswith("Episode 0, step 1: ")
    if "text" in values:
        assert "text is 'You fly.'" in message


def test_no_single_character_of_an_episode_can_change_unnoticed(corridor):
    game, text = corridor
    lines = text.splitlines()
    for place in range(len(lines[0]) + 1, len("\n".join(lines[:3]))):
        if text[place] in ' "\n' or text[place - 1] == "\\":
            continue  # a space between two marks is no content
        other = "x" if text[place] != "x" else "y"
        with pytest.raises(TextmazeError):
            verify(*read_jsonl(text[:place] + other + text[place + 1 :]), game)


def test_verify_refuses_a_game_with_other_settings_and_says_which(corridor):
    with pytest.raises(TextmazeError, match=r"rooms = 4, but corridor now has 5"):
        verify(*read_jsonl(corridor[1]), load_game("corridor"))


def test_verify_finds_a_seed_that_the_header_does_not_name(corridor):
    with pytest.raises(TextmazeError, match="Episode 0 has seed 0"):
        verify(*read_jsonl(changed(corridor[1], 0, {"seeds": [1]})), corridor[0])


def test_a_transcript_cut_off_anywhere_is_refused_in_one_sentence(corridor):
    text = corridor[1]
    for end in (0, 10, len(text) // 2, len(text) - 20, len(text[:-1].rpartition("\n")[0]) + 1):
        with pytest.raises(TextmazeError) as caught:
            read_jsonl(text[:end])
        assert "\n" not in str(caught.value)


def test_a_transcript_without_one_of_its_lines_is_refused(corridor):
    lines = corridor[1].splitlines(keepends=True)
    for gone in (0, 1, 2, 3, len(lines) - 2, len(lines) - 1):
        with pytest.raises(TextmazeError):
            read_jsonl("".join(lines[:gone] + lines[gone + 1 :]))


@pytest.mark.parametrize(("line", "values"), [
    (0, {"format": "textmaze-transcript-9"}), (0, {"seeds": ["a"]}), (0, {"split": 3}), (0, {"extra": 1}),
    (1, {"seed": -1}), (1, {"step": True}), (1, {"admissible": [1]}), (1, {"text": None}),
    (2, {"won": True}), (2, {"reward": 0}), (2, {"seed": 9}), (2, {"step": 3}), (2, {"extra": 1}),
])
def test_a_line_with_a_wrong_name_type_or_place_is_refused_with_its_number(corridor, line, values):
    with pytest.raises(TextmazeError) as caught:
        read_jsonl(changed(corridor[1], line, values))
    assert f"line {line + 1}" in str(caught.value) or "first line" in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[]\n", b"[" * 100_000, b"null", b"\n"], ids=range(5))
def test_a_file_that_is_something_else_is_refused_with_its_name(tmp_path, content):
    path = tmp_path / "strange.jsonl"
    path.write_bytes(content)
    with pytest.raises(TextmazeError, match=r"strange\.jsonl"):
        read_jsonl(path)
    with pytest.raises(TextmazeError, match=r"gone\.jsonl cannot be read"):
        read_jsonl(tmp_path / "gone.jsonl")


class Quitter:
    """Says the commands it was made with, then leaves."""

    infos = ()

    def __init__(self, *commands: str) -> None:
        self._commands = list(commands)

    def begin(self, episodes):
        pass

    def act(self, observations):
        if not self._commands:
            raise Leave
        return [self._commands.pop(0)]


def test_an_episode_that_was_left_is_kept_and_verifies():
    game = load_game("corridor")
    records = list(rollout(game, Quitter("look", "n", "fly!"), [3], split="train"))
    header = make_header(game, source="corridor", split="train", agent="human", seeds=[3, 4], overrides={})
    found, read = read_jsonl("".join(write_jsonl(records, header)))
    assert [record.command for record in read] == ["look", "n", "fly!"]
    verify(found, read, game)
    assert verdict(read) == "Left after 3 steps."


def test_markdown_shows_every_command_and_text_word_for_word_and_how_it_ended():
    game = load_game("corridor")
    name = "walkthrough"
    rounds = play(game, name)
    header = make_header(game, source="corridor", split="test", agent=name, seeds=SEEDS, overrides={})
    text = "".join(write_markdown(rounds, header))
    assert text.startswith("# Corridor, played by walkthrough\n")
    assert text.count("\n## Episode ") == 12
    assert text.count("\n**Won in 4 steps; the fewest possible is 4.**\n") == 12
    for record in next(by_episode(rounds)):
        for line in (*record.before.text.splitlines(), f"> {record.command}", *record.feedback.splitlines()):
            assert not line or f"\n{line}\n" in text
    assert "\n\n\n" not in text


@pytest.mark.parametrize(("command", "shown"), [
    ("*take* <b>coin</b>", r"\*take\* \<b\>coin\</b\>"), ("# one", r"\# one"), ("1. go", r"1\. go"),
    ("- go", r"\- go"), ("a\nb", "a b"), ("stray \udcff", "stray ?"),
])
def test_markdown_shows_marks_as_marks(command, shown):
    game = MazeGame("x", Recipe(topology="corridor", rooms=3))
    rounds = list(rollout(game, Quitter(command), [0], split="train"))
    header = make_header(game, source="x", split="train", agent="my_agent", seeds=[0], overrides={})
    text = "".join(write_markdown(rounds, header))
    assert text.startswith("# x, played by my\\_agent\n")
    assert f"\n> {shown}\n" in text
    text.encode()
