"""Draws wordings from a theme, and fills in ways and names."""

import functools
import random
import re
from collections.abc import Sequence

from textmaze.game.layout import DIRECTIONS, WAYS
from textmaze.game.maze import Maze
from textmaze.game.rules import SEEN_FROM_PLAYER
from textmaze.game.theme import load_theme


def way_words(maze: Maze, way: int, heading: int) -> tuple[str, str]:
    """A way as one goes there, and as the side where it is: by the compass the same word."""
    if maze.frame == "compass" or way >= len(DIRECTIONS):
        return WAYS[way], WAYS[way]
    side = (way - heading) % 4
    return SEEN_FROM_PLAYER[side], ("front", "right", "back", "left")[side]


def turned(maze: Maze, ways: list[int], heading: int) -> list[int]:
    """Ways in the order in which they are told: as the compass turns, from where the player looks."""
    return sorted(ways, key=lambda way: (way - heading) % 4) if maze.frame == "egocentric" else ways


def way_sentence(maze: Maze, kind: str, voice: str, way: int, heading: int, order: int = 0, **names: str) -> str:
    """A wording that tells of one way."""
    return fill(fill_ways(choose(maze, kind, voice, order), way_words(maze, way, heading)), **names)


def fill_ways(sentence: str, words: tuple[str, str]) -> str:
    """After `the` stands a side, elsewhere a direction: `to the front`, but `go forward`."""
    sentence = re.sub(r"\b(the|The) \{ways?\}", rf"\1 {words[1]}", sentence)
    return re.sub(r"\{ways?\}", words[0], sentence)


def fill(sentence: str, **names: str) -> str:
    """A wording with its names, each with its article where the wording asks for it."""
    articles = {f"a_{kind}": with_article(name) for kind, name in names.items()}
    return sentence.format(**names, **articles)


def with_article(name: str) -> str:
    return f"{'an' if name[:1] in 'aeiou' else 'a'} {name}"


def listed(words: list[tuple[str, str]]) -> tuple[str, str]:
    """Several ways as one: as one goes there, and as the sides where they are."""
    return joined([going for going, _ in words]), joined([side for _, side in words])


def joined(words: Sequence[str], last: str = "and") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""


def voice_of(maze: Maze, where: int | str) -> random.Random:
    """The source of wordings for one room or thing: its own, so that texts can be rendered in any order."""
    return random.Random(f"{maze.voice}/{where}")


def choose(maze: Maze, kind: str, where: int | str, order: int = 0) -> str:
    """A wording; things that are told of together, one after the `order` of the other, have different ones."""
    return pick(maze, kind, voice_of(maze, where), order)


def pick(maze: Maze, kind: str, voice: random.Random, order: int = 0) -> str:
    words = load_theme(maze.theme).words(kind, maze.wordings)
    if kind in ("room", "detail") and any(room.dark for room in maze.rooms):
        words = _without_light(words)  # where a lamp must be found, nobody holds one
    return words[(int(voice.random() * len(words)) + order) % len(words)]


@functools.cache
def _without_light(words: tuple[str, ...]) -> tuple[str, ...]:
    dim = [text for text in words if not re.search(r"\b(lamps?|lanterns?|lights?|torch(es)?|beams?)\b", text)]
    return tuple(dim) or words
