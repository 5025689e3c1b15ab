"""Settings as frozen dataclasses: each field says what it means and what it may be, in the place where it stands.

Recipes (`--with KEY=VALUE`) and agents (`--set KEY=VALUE`) share this, so both refuse a wrong value in the same words.
"""

import dataclasses
import reprlib
import typing
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from textmaze.errors import SettingError, UnknownNameError

S = TypeVar("S")


def setting(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Iterable[str] | None = None,
    code: bool = False,
) -> Any:
    """A dataclass field with its meaning and its limits (both ends included).

    With `code` it may also be a .py file, which is run where somebody names it: see `catalog.run_named`.
    """
    limits = {"help": help, "low": low, "high": high, "choices": tuple(choices) if choices else None, "code": code}
    return dataclasses.field(default=default, metadata=limits)


def build(kind: type[S], values: Mapping[str, Any], where: str) -> S:
    """`kind(**values)` with every name, type and limit checked; `where` names the source in errors."""
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(kind)
    checked = {}
    for name, value in values.items():
        if name not in fields:
            raise UnknownNameError(f"setting in {where}", name, fields)
        checked[name] = _check(name, value, hints[name], fields[name].metadata, where)
    missing = [
        name
        for name, field in fields.items()
        if name not in checked
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise SettingError(f"{where} lacks the setting {missing[0]!r}.")
    return kind(**checked)


def override(settings: S, changes: Mapping[str, Any], where: str) -> S:
    """A copy of `settings` with `changes` laid over it; a value may be given as the text a command line has."""
    hints = typing.get_type_hints(type(settings))
    values: dict[str, Any] = {name: getattr(settings, name) for name in hints}
    for name, value in changes.items():
        if name not in values:
            raise UnknownNameError(f"setting in {where}", name, values)
        values[name] = _read(name, value, hints[name], where) if isinstance(value, str) else value
    return build(type(settings), values, where)


def pairs(texts: Iterable[str]) -> dict[str, str]:
    """`["rooms=9"]`, as typed on a command line, as `{"rooms": "9"}`."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise SettingError(f"{text!r} is not of the form KEY=VALUE.")
        found[name.strip()] = value.strip()
    return found


def _read(name: str, text: str, hint: Any, where: str) -> Any:
    """The value that `text` spells for a field of type `hint`."""
    try:
        return _SWITCH[text.lower()] if hint is bool else hint(text)
    except (KeyError, ValueError):
        raise SettingError(f"{name} in {where} must be {_NOUNS[hint]}, not {text!r}.") from None


_SWITCH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_NOUNS: dict[Any, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def _check(name: str, value: Any, hint: Any, limits: Mapping[str, Any], where: str) -> Any:
    if hint is float and type(value) is int and abs(value) < 2**1000:  # larger ones have no float
        value = float(value)
    if type(value) is not hint:
        raise SettingError(f"{name} in {where} must be {_NOUNS[hint]}, not {shown(value)}.")
    low, high, choices = limits.get("low"), limits.get("high"), limits.get("choices")
    if choices and value not in choices and not (limits.get("code") and value.endswith(".py")):
        raise UnknownNameError(f"choice for {name} in {where}", value, choices)
    # `not (a <= b)` so that nan is refused too.
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        span = f"from {low} to {high}" if low is not None and high is not None else (
            f"at least {low}" if high is None else f"at most {high}"
        )
        raise SettingError(f"{name} in {where} must be {span}, not {shown(value)}.")
    return value


def shown(value: Any) -> str:
    """A stranger's value for an error: short, however long or deep it is."""
    try:
        return reprlib.repr(value)
    except ValueError:  # Python writes no number of more than some thousand digits
        return "a number of that size"
