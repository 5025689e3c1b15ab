"""Themes: the words of a game, as data in `games/themes/`, dealt out once among the splits."""

import functools
import re
from dataclasses import dataclass, fields

from textmaze.errors import GameError, UnknownNameError
from textmaze.files import shipped_folder
from textmaze.game.recipe import read_toml

# Of each five entries in a list, three belong to train, the fourth to valid, the fifth to test.
_DEAL = ("train", "train", "train", "valid", "test")

# What each kind of sentence may mention, and what it must mention for the game to be playable.
_MAY = {"room": {"place", "a_place"}, "exits_one": {"ways"}, "exits_many": {"ways"}}
_MUST = {"exits_one": {"ways"}, "exits_many": {"ways"}}


@dataclass(frozen=True)
class Theme:
    """A theme's lists of words. What each list is for stands in `games/themes/dungeon.toml`."""

    title: str
    summary: str
    adjectives: tuple[str, ...]
    nouns: tuple[str, ...]
    room: tuple[str, ...]
    detail: tuple[str, ...]
    exits_one: tuple[str, ...]
    exits_many: tuple[str, ...]
    coin: tuple[str, ...]
    exit: tuple[str, ...]
    objective_coin: tuple[str, ...]
    objective_exit: tuple[str, ...]

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
        lower = [text.lower() for text in entry]
        twice = next((text for text in lower if lower.count(text) > 1), None)
        if twice is not None:
            raise GameError(f"{where}: {key} holds {twice!r} twice, so splits could share it.")
        values[key] = tuple(entry)
    return Theme(**values)  # type: ignore[arg-type]


def _check_text(text: str, kind: str, where: str) -> None:
    # Brackets and quotes would be code to Inform 7, into which a maze can be exported.
    if not (text.isascii() and text.isprintable() and text.strip() == text and text) or set(text) & set('[]"'):
        raise GameError(f"{where}: {kind} holds {text!r}; allowed is one line of ASCII without brackets and quotes.")
    found = set(re.findall(r"\{(.*?)\}", text))
    bare = re.sub(r"\{\w+\}", "", text)
    if found - _MAY.get(kind, set()) or _MUST.get(kind, set()) - found or "{" in bare or "}" in bare:
        allowed = ", ".join(f"{{{word}}}" for word in sorted(_MAY.get(kind, ()))) or "nothing"
        raise GameError(f"{where}: {kind} holds {text!r}; in braces it may name {allowed}.")
