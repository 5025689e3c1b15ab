"""Says a state of a maze in English. Every text is asked for by a small key, so that each is rendered once.

A key is a tuple: `("room", room, coin_here)` for what a room looks like, `("exit", room)` for the last room of a
maze that is won by leaving it, `("objective",)`, or `("say", name)` for an answer that is the same everywhere.
"""

import random

from textmaze.game.layout import DIRECTIONS
from textmaze.game.maze import Maze
from textmaze.game.theme import load_theme

Key = tuple[str | int | bool, ...]

# Answers that are the same in all themes; where Inform 7 has an answer of its own, these are its words.
SAYINGS = {
    "no_way": "You can't go that way.",
    "wait": "Time passes.",
    "empty": "You are carrying nothing.",
    "no_coin": "You can't see any such thing.",
    "taken": "You pick up the coin. That is what you came for: you have won!",
    "help": "Type a command and press Enter. You can go north, go east, go south or go west; take things; look "
            "around; look at your inventory; and wait. Short forms work too: n, e, s, w, l, i, z.",
}


def render(maze: Maze, key: Key) -> str:
    """The text for a key. The same maze and key give the same text."""
    kind = key[0]
    if kind == "say":
        return SAYINGS[str(key[1])]
    if kind == "objective":
        return _choose(maze, f"objective_{maze.goal_kind}", _voice(maze, "objective"))
    if kind == "exit":
        room = int(key[1])
        return f"{_heading(maze, room)}\n{_choose(maze, 'exit', _voice(maze, room))}"
    return describe(maze, int(key[1]), coin_here=bool(key[2]))


def describe(maze: Maze, room: int, *, coin_here: bool) -> str:
    """What `look` shows in a room: its name, where one is, a touch of detail, the ways out, and the coin."""
    voice = _voice(maze, room)
    name = maze.rooms[room].name.lower()
    ways = [DIRECTIONS[way] for way, target in enumerate(maze.rooms[room].exits) if target >= 0]
    sentences = [
        _choose(maze, "room", voice).format(place=name, a_place=f"{'an' if name[0] in 'aeiou' else 'a'} {name}"),
        _choose(maze, "detail", voice),
        _choose(maze, "exits_one" if len(ways) == 1 else "exits_many", voice).format(ways=_listed(ways)),
    ]
    coin = _choose(maze, "coin", voice)  # drawn always, so that taking the coin changes no other sentence
    if coin_here:
        sentences.append(coin)
    return f"{_heading(maze, room)}\n{' '.join(sentences)}"


def _heading(maze: Maze, room: int) -> str:
    return f"-= {maze.rooms[room].name} =-"


def _voice(maze: Maze, where: int | str) -> random.Random:
    """The source of a room's wordings: its own, so that texts can be rendered in any order."""
    return random.Random(f"{maze.voice}/{where}")


def _choose(maze: Maze, kind: str, voice: random.Random) -> str:
    words = load_theme(maze.theme).words(kind, maze.wordings)
    return words[int(voice.random() * len(words))]


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
