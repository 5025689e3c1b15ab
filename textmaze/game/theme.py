"""Themes: the words of a game, as data in `games/themes/`, dealt out once among the splits."""

import functools
import re
from collections import Counter
from dataclasses import dataclass, fields

from textmaze.errors import GameError, UnknownNameError
from textmaze.files import shipped_folder
from textmaze.game.recipe import read_toml

# Of each five entries in a list, three belong to train, the fourth to valid, the fifth to test.
_DEAL = ("train", "train", "train", "valid", "test")

# What each kind of sentence mentions in braces. Where a word has a form with its article, either will do, and a place
# need not be mentioned at all where the heading names it.
_SLOTS: dict[str, tuple[str, ...]] = {
    "room": ("place?",),
    "exits_one": ("ways",), "exits_also": ("ways",), "exits_many": ("ways",), "one_way": ("way",),
    "door_open": ("door", "way"), "door_closed": ("door", "way"), "door_locked": ("door", "way"),
    "gate_open": ("gate", "way"), "gate_shut": ("gate", "way"),
    "thing": ("thing",),
    "patrol_near": ("patrol", "way"), "patrol_far": ("patrol", "way"), "caught": ("patrol",), "sent_back": ("patrol",),
    "inviting": ("way",), "warning": ("way",), "inviting_doubtful": ("way",), "warning_doubtful": ("way",),
    "objective_deliver": ("thing", "place"), "directions": ("route",), "whereabouts": ("place",),
}
_WITH_ARTICLE = ("place", "door", "gate", "thing")

NAMES = ("adjectives", "nouns", "doors", "keys", "gates", "patrols", "things", "lamps", "parcels")  # no sentences


@dataclass(frozen=True)
class Theme:
    """A theme's lists of words. What each list is for stands in `games/themes/dungeon.toml`."""

    title: str
    summary: str
    # Names, in lower case and without an article.
    adjectives: tuple[str, ...]
    nouns: tuple[str, ...]
    doors: tuple[str, ...]
    keys: tuple[str, ...]
    gates: tuple[str, ...]
    patrols: tuple[str, ...]
    things: tuple[str, ...]
    lamps: tuple[str, ...]
    parcels: tuple[str, ...]
    # What a place looks like.
    room: tuple[str, ...]
    detail: tuple[str, ...]
    exits_one: tuple[str, ...]
    exits_also: tuple[str, ...]
    exits_many: tuple[str, ...]
    stairs_up: tuple[str, ...]
    stairs_down: tuple[str, ...]
    one_way: tuple[str, ...]
    door_open: tuple[str, ...]
    door_closed: tuple[str, ...]
    door_locked: tuple[str, ...]
    gate_open: tuple[str, ...]
    gate_shut: tuple[str, ...]
    thing: tuple[str, ...]
    coin: tuple[str, ...]
    dark: tuple[str, ...]
    # Hints at the way; the doubtful ones, told in a style of their own, are the ones that lie.
    inviting: tuple[str, ...]
    warning: tuple[str, ...]
    inviting_doubtful: tuple[str, ...]
    warning_doubtful: tuple[str, ...]
    # Patrols.
    patrol_near: tuple[str, ...]
    patrol_far: tuple[str, ...]
    caught: tuple[str, ...]
    sent_back: tuple[str, ...]
    # What the player is told to do, and how it ends.
    objective_coin: tuple[str, ...]
    objective_exit: tuple[str, ...]
    objective_deliver: tuple[str, ...]
    directions: tuple[str, ...]
    whereabouts: tuple[str, ...]
    exit: tuple[str, ...]

    def words(self, kind: str, wordings: str) -> tuple[str, ...]:
        """The entries of the list `kind` that belong to one of the three splits."""
        return _deal(getattr(self, kind), wordings)


@functools.cache
def _deal(entries: tuple[str, ...], wordings: str) -> tuple[str, ...]:
    return tuple(entry for index, entry in enumerate(entries) if _DEAL[index % 5] == wordings)


@functools.cache
def load_theme(name: str) -> Theme:
    """The theme in `games/themes/NAME.toml`, checked."""
    folder = shipped_folder("games") / "themes"
    known = {path.stem: path for path in folder.glob("*.toml")}
    if name not in known:
        raise UnknownNameError("theme", name, known)
    return theme_from(read_toml(known[name]), f"theme {name}")


def theme_from(data: dict[str, object], where: str) -> Theme:
    """A theme from the contents of its file."""
    names = {field.name for field in fields(Theme)}
    for key in data:
        if key not in names:
            raise UnknownNameError(f"list in {where}", key, names)
    values: dict[str, object] = {}
    for key in names:
        entry = data.get(key)
        if key in ("title", "summary"):
            if not isinstance(entry, str):
                raise GameError(f"{where}: {key} must be a line of text.")
            values[key] = entry
            continue
        if not (isinstance(entry, list) and len(entry) >= len(_DEAL) and all(isinstance(e, str) for e in entry)):
            raise GameError(f"{where}: {key} must be a list of at least {len(_DEAL)} texts.")
        for text in entry:
            _check_text(text, key, where)
        counts = Counter(text.lower() for text in entry)
        twice = next((text for text, count in counts.items() if count > 1), None)
        if twice is not None:
            raise GameError(f"{where}: {key} holds {twice!r} twice, so splits could share it.")
        values[key] = tuple(entry)
    return Theme(**values)  # type: ignore[arg-type]


def _check_text(text: str, kind: str, where: str) -> None:
    # Brackets and quotes would be code to Inform 7, into which a maze can be exported.
    if not (text.isascii() and text.isprintable() and text.strip() == text and text) or set(text) & set('[]"'):
        raise GameError(f"{where}: {kind} holds {text!r}; allowed is one line of ASCII without brackets and quotes.")
    found = re.findall(r"\{(.*?)\}", text)
    bare = re.sub(r"\{\w+\}", "", text)
    slots = _SLOTS.get(kind, ())
    may = {slot.rstrip("?") for slot in slots} | {
        f"a_{slot.rstrip('?')}" for slot in slots if slot.rstrip("?") in _WITH_ARTICLE}
    named = {name.removeprefix("a_") for name in found}
    missing = [slot for slot in slots if not slot.endswith("?") and slot not in named]
    if set(found) - may or missing or "{" in bare or "}" in bare:
        allowed = ", ".join(f"{{{name}}}" for name in sorted(may)) or "nothing"
        raise GameError(f"{where}: {kind} holds {text!r}; in braces it may name {allowed}"
                        f"{f', and must name {{{missing[0]}}}' if missing else ''}.")
