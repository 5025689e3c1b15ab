"""Whatever is in the files of a TextWorld game, it is played or refused in one sentence."""

import json
import random
import time
from pathlib import Path
from typing import Any

import pytest
import stories

from textmaze.env.single import MazeEnv
from textmaze.errors import GameError
from textmaze.game import interpreter, story
from textmaze.game.story import StoryGame

BYTES, VALUES = 200, 100  # files of each kind


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTMAZE_CACHE", str(tmp_path / "cache"))
    story.MEMORY.clear()
    story.LIVE_MEMORY.clear()


def played(path: Path) -> str:
    """How the game in a file is refused, in one sentence; "" where it can be played."""
    try:
        env = MazeEnv(StoryGame("x", path, 5))
        _, info = env.reset()
        for command in (*info["admissible_commands"], "look", "go east"):
            env.step(command)
    except GameError as error:
        return str(error)
    return ""


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Some bytes changed, cut out, doubled, or the end cut off."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 3))):
        place, length = rng.randrange(len(found)), rng.choice((1, 1, 4, 50))
        kind = rng.randrange(4)
        if kind == 0:
            found[place] = rng.randrange(256)
        elif kind == 1:
            del found[place: place + length]
        elif kind == 2:
            found[place:place] = found[place: place + length]
        else:
            del found[max(1, place):]
    return bytes(found)


def replaced(data: Any, rng: random.Random) -> Any:
    """JSON with one value somewhere in it replaced by another, or left out."""
    if isinstance(data, dict) and data and rng.random() < 0.9:
        key = rng.choice(sorted(data))
        return {**data, key: replaced(data[key], rng)}
    if isinstance(data, list) and data and rng.random() < 0.9:
        place = rng.randrange(len(data))
        return [*data[:place], *([replaced(data[place], rng)] if rng.random() < 0.9 else []), *data[place + 1:]]
    return rng.choice((None, True, 0, -1, 1e999, 10**30, "", "r_0", "P", "{d}", "a\nb\0", [], {}, [[]], {"a": 1}))


def test_mutated_files_are_played_or_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(story, "check_runs", lambda story, name: None)  # it takes long, and has a test of its own
    path = stories.attic(tmp_path)  # the smallest
    whole, info = path.read_bytes(), path.with_suffix(".json").read_bytes()
    rng = random.Random(0)
    outcomes = []
    for number in range(BYTES + VALUES):
        path.write_bytes(whole)
        path.with_suffix(".json").write_bytes(info)
        if number >= BYTES:
            path.with_suffix(".json").write_text(json.dumps(replaced(json.loads(info), rng)))
        elif number % 2:
            path.with_suffix(".json").write_bytes(mutated(info, rng))
        else:
            path.write_bytes(whole[:64] + mutated(whole[64:], rng))
        outcomes.append(played(path))
    assert all(sentence.endswith(".") for sentence in outcomes if sentence)
    assert 5 < outcomes.count("") < BYTES + VALUES


@pytest.mark.parametrize("place", [6, 10, 14, 52])
def test_a_damaged_header_is_refused_in_time(
    place: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checksum does not cover the header, and the interpreter hangs on some."""
    monkeypatch.setattr(interpreter, "_PATIENCE", 3)
    path = stories.pantry(tmp_path)
    whole = bytearray(path.read_bytes())
    whole[place] ^= 0x20
    path.write_bytes(whole)
    begun = time.monotonic()
    assert played(path).endswith(".")
    assert time.monotonic() - begun < 60  # it does not hang
