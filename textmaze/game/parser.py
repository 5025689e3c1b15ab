"""Reads what a player types: forgiving of case, articles, short forms and synonyms; one command a step.

The parser knows only strings, so the same one serves mazes of our own and games read from TextWorld; and it is simple
enough that an exported game reads in the same way.
"""

from collections.abc import Sequence
from typing import NamedTuple

LONGEST_LINE = 200
LONGEST_SHOWN = 40  # characters of what was not understood

ARTICLES = ("the", "a", "an")
EMPTY = "Type a command, for instance: look."
TOO_LONG = "That is too long. Type a short command, for instance: look."
CHAINED = "One command at a time, please."
MARKS = ".;\n\0"  # what stands between two commands, so no line may hold one within
SHORT = {
    **{form: f"go {way}" for way in ("north", "east", "south", "west", "up", "down") for form in (way, way[0])},
    **{form: f"go {way}" for way in ("forward", "right", "back", "left") for form in (way, way[0])},
    "l": "look", "look around": "look", "look at room": "look", "examine room": "look",
    "i": "inventory", "inv": "inventory", "z": "wait", "rest": "wait", "stay": "wait", "?": "help", "h": "help",
}
VERBS = {
    "walk": "go", "move": "go", "head": "go", "run": "go", "g": "go", "turn": "go", "pick up": "take", "get": "take",
    "grab": "take", "collect": "take", "x": "examine", "look at": "examine", "inspect": "examine", "read": "examine",
    "shut": "close", "put down": "drop", "leave": "drop", "discard": "drop", "deliver": "drop",
}


class Reading(NamedTuple):
    """What a line means: a command, or None and the sentence that tells the player why not."""

    command: str | None
    answer: str


def read(line: str, commands: Sequence[str], admissible: Sequence[str]) -> Reading:
    """The one of `commands` that `line` means; `admissible` ones are preferred where a noun is left out."""
    if line in commands:
        return Reading(line, "")
    typed = line.lower().strip(" \t\n!.")
    if typed in commands:  # a name may hold what is an article elsewhere
        return Reading(typed, "")
    words = [word for word in typed.split() if word not in ARTICLES]
    text = " ".join(words)
    if not text:
        return Reading(None, EMPTY)
    if len(text) > LONGEST_LINE:
        return Reading(None, TOO_LONG)
    if any(mark in typed for mark in MARKS) or "then" in words:
        return Reading(None, CHAINED)
    text = _plain(text)
    if text in commands:
        return Reading(text, "")
    for choices in (admissible, commands):
        meant = [choice for choice in choices if _covers(choice, text)]
        if len(meant) == 1:
            return Reading(meant[0], "")
        if meant:
            return Reading(None, f"Which do you mean: {', '.join(meant[:-1])} or {meant[-1]}?")
    near = nearest_command(text, commands)
    hint = f' Did you mean "{near}"?' if near else " Type help to see what you can do."
    shown = "".join(c if c.isascii() and c.isprintable() else "?" for c in text[:LONGEST_SHOWN])
    return Reading(None, f'You cannot "{shown}" here.{hint}')


def _plain(text: str) -> str:
    """The text with short forms and synonyms put into our own words."""
    text = SHORT.get(text, text)
    words = text.split()
    for length in (2, 1):
        verb = " ".join(words[:length])
        if verb in VERBS:
            words = [VERBS[verb], *words[length:]]
            break
    if len(words) == 2 and words[0] == "go":
        words[1] = SHORT.get(words[1], words[1]).removeprefix("go ")
    return " ".join(words)


def _covers(command: str, text: str) -> bool:
    """Whether `text` is `command` with words left out: the same verb, and no other words."""
    words, typed = command.split(), text.split()
    return words[0] == typed[0] and set(typed) <= set(words)


def nearest_command(text: str, commands: Sequence[str]) -> str | None:
    """The first of the commands most like `text`, or None: at most a third of its letters may be wrong.

    The first word alone is enough where it is a command.
    """
    shown = text[:LONGEST_SHOWN]
    distances = [_distance(shown, command) for command in commands]
    if distances and min(distances) <= max(1, len(shown) // 3):
        return commands[distances.index(min(distances))]
    verb = text.partition(" ")[0]
    return verb if verb in commands else None


def _distance(one: str, other: str) -> int:
    """Levenshtein's: how many letters must be put in, taken out or changed to make one text the other."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, 1):
        above, row[0] = row[0], number
        for index, another in enumerate(other, 1):
            above, row[index] = row[index], min(above + (letter != another), row[index] + 1, row[index - 1] + 1)
    return row[-1]
