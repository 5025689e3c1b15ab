"""What a transcript is: whole episodes in order, and a header that its games can be made from again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import stories
from transcripts import SEEDS, Quitter, played, rounds

from textmaze.catalog import load_game
from textmaze.env.rollout import rollout
from textmaze.errors import GameError, TextmazeError
from textmaze.game.mixture import Mixture
from textmaze.show.transcript import (
    DamagedError,
    by_episode,
    header_line,
    load_play,
    make_header,
    read_header,
    regret,
    verdict,
)


def test_episodes_come_out_whole_and_in_order_though_many_were_played_at_once():
    found = rounds(slots=5, seeds=range(12))
    episodes = list(by_episode(found))
    assert [episode[0].episode for episode in episodes] == list(range(12))
    assert [episode[0].seed for episode in episodes] == list(range(12))
    for episode in episodes:
        assert [record.step for record in episode] == list(range(1, len(episode) + 1))
        assert [record.ended for record in episode] == [False] * (len(episode) - 1) + [True]
    assert sum(map(len, episodes)) == sum(map(len, found))


def test_an_episode_comes_out_as_soon_as_it_and_those_before_it_have_ended():
    found = rounds(slots=1)
    first_ends = next(index for index, records in enumerate(found) if records[0].ended)
    read = []

    def watched():
        for records in found:
            read.append(records)
            yield records

    next(by_episode(watched()))
    assert len(read) == first_ends + 1


@pytest.mark.parametrize(("spec", "overrides"), [
    ("labyrinth", {"rooms": "9", "theme": "station"}), ("catacombs", {}), ("coin_collector", {"level": 7}),
    ("ladder", {"max_steps": 30}), ("coin", {}),
])
def test_a_header_holds_all_that_it_takes_to_make_the_game_again(spec, overrides):
    game = load_game(spec, overrides)
    header = make_header(game, source=spec, split="valid", agent="wander", seeds=[3, 4])
    again = read_header(json.loads(json.dumps(header_line(header))), "t")
    assert again == header
    assert (again.play(1).seed, again.play(0).episodes, again.play(1).split) == (3, 2, "valid")
    assert load_play(again.plays[0]) == game


def test_the_header_of_a_game_in_a_file_names_the_file(tmp_path):
    path = stories.pantry(tmp_path)
    game = load_game(str(path), {"max_steps": "7"})
    header = make_header(game, source=str(path), split="train", agent="wander", seeds=[0])
    assert load_play(header.plays[0]) == game
    assert header.plays[0].sources[0].settings == {"max_steps": 7}
    path.unlink()
    with pytest.raises(TextmazeError, match="There is no file"):
        load_play(header.plays[0]).table("train", 0)


def test_no_file_is_opened_because_a_transcript_names_it(tmp_path):
    path = stories.pantry(tmp_path)
    game = load_game(str(path))
    written = make_header(game, source=f"/elsewhere/{path.name}", split="train", agent="wander", seeds=[0])
    header = read_header(header_line(written), "t")
    with pytest.raises(GameError, match=rf"called '{path.name}', and no file is opened .*: give the game by --game"):
        load_play(header.plays[0])
    assert load_play(header.given([path]).plays[0]).table("train", 0).texts == game.table("train", 0).texts
    assert header_line(header.given([path])) == header_line(header)
    with pytest.raises(GameError, match=r"played in a file called 'other\.z8'"):
        header.given([path, tmp_path / "other.z8"])


def test_only_a_game_in_a_file_is_read_from_a_path():
    header = make_header(load_game("corridor"), source="corridor", split="train", agent="wander", seeds=[0])
    source = replace(header.plays[0].sources[0], kind="file", path="ladder")
    header = replace(header, plays=(replace(header.plays[0], sources=(replace(source, settings={}),)),))
    with pytest.raises(TextmazeError, match="'ladder' is none"):
        load_play(header.given([Path("ladder")]).plays[0])


@pytest.mark.parametrize("settings", [{"roms": 4}, {"rooms": 1}, {"rooms": "9"}, {"topology": []}], ids=str)
def test_settings_that_cannot_be_are_damage(settings):
    play = make_header(load_game("corridor"), source="corridor", split="train", agent="a", seeds=SEEDS).plays[0]
    with pytest.raises(DamagedError, match="in the transcript"):
        load_play(replace(play, sources=(replace(play.sources[0], settings=settings),)))


def test_a_suite_is_a_mixture_again_and_every_part_has_its_own_settings():
    play = make_header(load_game("ladder"), source="ladder", split="train", agent="a", seeds=SEEDS).plays[0]
    assert isinstance(load_play(play), Mixture)
    assert [source.name for source in play.sources][:2] == ["corridor", "labyrinth"]
    assert play.sources[0].settings["topology"] == "corridor"


@pytest.mark.parametrize(("values", "message"), [
    ({"format": "textmaze-transcript-1"}, "another version of textmaze"), ({"format": 3}, "is no transcript"),
    ({"plays": [3]}, "not a JSON object"), ({"plays": []}, "names no episodes"),
    ({"plays": {}}, "plays must be of the type list"),
    ({"more": 1}, "unknown 'more'"), ({"filters": None}, "filters must be"),
])
def test_a_header_with_something_else_in_it_is_refused(values, message):
    line = header_line(played()[0])
    with pytest.raises(TextmazeError, match=message):
        read_header(line | values, "t.jsonl")


@pytest.mark.parametrize("values", [
    {"first": 1}, {"first": -1}, {"episodes": -1}, {"seed": -1}, {"sources": []}, {"seed": True}, {"agent": None},
    {"sources": [{"name": "x", "kind": "y", "path": "", "settings": {}}]}, {"sources": [{}]},
    {"first": 2**32}, {"seed": 10**30}, {"episodes": 2**32},
], ids=str)
def test_plays_that_cannot_be_are_refused(values):
    line = header_line(played()[0])
    line["plays"].append(line["plays"][0] | {"first": 6})
    read_header(line, "t")
    line["plays"][1] |= values
    with pytest.raises(TextmazeError):
        read_header(line, "t")


def test_an_episode_that_no_play_has_is_damage():
    header = played()[0]
    for number in (-1, 6):
        with pytest.raises(DamagedError, match=f"Episode {number} is none"):
            header.play(number)
    assert header.title == "Corridor, played by wander"


def test_regret_is_what_a_win_took_more_than_the_fewest():
    _, episodes = played(name="wander", seeds=range(12))
    for episode in episodes:
        won = episode[-1].won
        assert regret(episode) == (len(episode) - episode[0].distance if won else None)
        assert regret(episode[:-1] or episode[:1]) is None or len(episode) == 1
    assert regret([replace(episodes[0][-1], terminated=True, distance_after=0, distance=-1)]) is None


def test_a_verdict_says_how_it_ended():
    records = list(rollout(load_game("corridor"), Quitter("look", "n", "fly!"), [3], split="train"))
    assert verdict([record for found in records for record in found]) == "Left after 3 steps."
    assert verdict(played(name="walkthrough")[1][0]) == "Won in 4 steps; the fewest possible is 4."
    assert verdict(played(max_steps=1)[1][0]).startswith("Out of steps after 1; ")
