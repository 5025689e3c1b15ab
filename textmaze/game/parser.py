"""Reads what a player types: forgiving of case, articles, short forms and synonyms; one command a step.

The parser knows only strings, so the same one serves mazes of our own and games read from TextWorld.
"""

from collections.abc import Sequence
from typing import NamedTuple

from textmaze.errors import nearest

LONGEST_LINE = 200

_ARTICLES = {"the", "a", "an"}
_SHORT = {
    **{form: f"go {way}" for way in ("north", "east", "south", "west", "up", "down") for form in (way, way[0])},
    "l": "look", "look around": "look", "look at room": "look", "examine room": "look",
    "i": "inventory", "inv": "inventory", "z": "wait", "rest": "wait", "stay": "wait", "?": "help", "h": "help",
}
_VERBS = {
    "walk": "go", "move": "go", "head": "go", "run": "go", "g": "go", "pick up": "take", "get": "take",
    "grab": "take", "collect": "take", "x": "examine", "look at": "examine", "inspect": "examine", "shut": "close",
    "discard": "drop",
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
    text = " ".join(word for word in typed.split() if word not in _ARTICLES)
    if not text:
        return Reading(None, "Type a command, for instance: look.")
    if len(text) > LONGEST_LINE:
        return Reading(None, "That is too long. Type a short command, for instance: look.")
    if any(mark in typed for mark in ".;\n\0") or " then " in f" {text} ":
        return Reading(None, "One command at a time, please.")
    text = _SHORT.get(text, text)
    for length in (2, 1):
        words = text.split()
        verb = " ".join(words[:length])
        if verb in _VERBS:
            text = " ".join([_VERBS[verb], *words[length:]])
            break
    verb, _, noun = text.partition(" ")
    text = f"{verb} {_SHORT[noun].removeprefix('go ')}" if verb == "go" and noun in _SHORT else text
    if text in commands:
        return Reading(text, "")
    for choices in (admissible, commands):
        meant = [choice for choice in choices if _covers(choice, text)]
        if len(meant) == 1:
            return Reading(meant[0], "")
        if meant:
            return Reading(None, f"Which do you mean: {', '.join(meant[:-1])} or {meant[-1]}?")
    near = nearest(text, admissible) or nearest(text, commands) or (verb if verb in commands else None)
    hint = f' Did you mean "{near}"?' if near else " Type help to see what you can do."
    shown = "".join(c if c.isascii() and c.isprintable() else "?" for c in text[:40])
    return Reading(None, f'You cannot "{shown}" here.{hint}')


def _covers(command: str, text: str) -> bool:
    """Whether `text` is `command` with words left out: the same verb, and no other words."""
    words, typed = command.split(), text.split()
    return bool(typed) and words[0] == typed[0] and set(typed) <= set(words)
