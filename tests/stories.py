"""Small TextWorld games, made by TextWorld."""

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from textmaze.game.challenges import make_files
from textmaze.game.recipe import Challenge
from textmaze.game.situation import textworld_at_hand

Files = tuple[bytes, bytes]  # of a .z8 and its .json


def pantry(folder: Path) -> Path:
    """Two rooms and a door between them; eating the apple in the pantry wins, taking the bomb there loses."""
    return _written(folder / "pantry.z8", _pantry())


def attic(folder: Path) -> Path:
    """One room with a cup and a plate; whoever holds both has won."""
    return _written(folder / "attic.z8", _attic())


@functools.cache
def challenge(recipe: Challenge, split: str = "train", seed: int = 0) -> Files:
    """The files of one of a challenge's games, made once in a test run."""
    return make_files(recipe, split, seed)


@functools.cache
def _pantry() -> Files:
    with _maker() as maker:
        from textworld.generator.game import Event, Quest

        hall, pantry = maker.new_room("hall", "A caf\xe9-like hall."), maker.new_room("pantry", "A pantry.")
        door = maker.new_door(maker.connect(hall.east, pantry.west), "white door")
        door.add_property("closed")
        apple, bomb = maker.new("f", "apple", "Red."), maker.new("o", "bomb", "Black.")
        pantry.add(apple, bomb)
        maker.set_player(hall)
        eaten, taken = maker.new_fact("eaten", apple), maker.new_fact("in", bomb, maker.inventory)
        maker.quests = [Quest(win_events=[Event(conditions={eaten})], fail_events=[Event(conditions={taken})],
                              reward=3, desc="Eat the apple.")]
        maker.build().objective = "Eat the apple."
        return _compiled(maker)


@functools.cache
def _attic() -> Files:
    with _maker() as maker:
        from textworld.generator.game import Event, Quest

        room, things = maker.new_room("attic", "An attic."), [maker.new("o", "cup"), maker.new("o", "plate")]
        room.add(*things)
        maker.set_player(room)
        held = {maker.new_fact("in", thing, maker.inventory) for thing in things}
        maker.quests = [Quest(win_events=[Event(conditions=held)])]
        maker.build()
        return _compiled(maker)


@contextlib.contextmanager
def _maker() -> Iterator[Any]:
    with textworld_at_hand():
        import textworld

        options = textworld.GameOptions()
        options.seeds = 1
        yield textworld.GameMaker(options)


def _compiled(maker: Any) -> Files:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "game.z8"
        maker.compile(str(path))
        return path.read_bytes(), path.with_suffix(".json").read_bytes()


def _written(path: Path, files: Files) -> Path:
    path.write_bytes(files[0])
    path.with_suffix(".json").write_bytes(files[1])
    return path
