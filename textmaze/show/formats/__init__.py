"""The formats of transcripts, one file each: `jsonl`, `chat`, `markdown`, `parquet`, `cast` ...

A format is a module with

- `write(episodes, header, **options)`: yields the parts of a file, str or bytes; the same episodes, the same bytes;
- `read(path)`, where the format carries enough: the header and the episodes, one after the other. DamagedError where
  they are not as they were written;
- `prove(replayer, item)`, where what is read are no episodes yet but must be played to become some;
- `SUFFIXES`, the ends of names that mean this format; by default its own name;
- `LOST`, a sentence on what it does not carry; by default nothing is lost.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textmaze.errors import TextmazeError, UnknownNameError
from textmaze.show.replay import Prove
from textmaze.show.streams import GZIP, read_lines
from textmaze.show.transcript import Header

Writer = Callable[..., Iterator[str | bytes]]
_MARKS = {b"PAR1": "parquet", b'{"messages"': "chat", b"{": "jsonl"}
Reader = Callable[[Path], tuple[Header, Iterator[Any]]]


@dataclass(frozen=True)
class Format:
    """A format by its name, and what its module offers."""

    name: str
    write: Writer
    read: Reader | None
    prove: Prove | None
    suffixes: tuple[str, ...]
    lost: str


def format_names() -> list[str]:
    """The names of all formats."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load_format(name: str) -> Format:
    """The format with this name. UnknownNameError where there is none."""
    if name not in format_names():
        raise UnknownNameError("format", name, format_names())
    module = importlib.import_module(f"{__name__}.{name}")
    return Format(name, module.write, getattr(module, "read", None), getattr(module, "prove", None),
                  getattr(module, "SUFFIXES", (f".{name}",)), getattr(module, "LOST", ""))


def named_format(path: Path) -> Format:
    """The format that a file's name asks for, by the longest end that fits; `.gz` behind it says it is compressed."""
    name = path.name.removesuffix(GZIP)
    known = {suffix: found for found in map(load_format, format_names()) for suffix in found.suffixes}
    fitting = [suffix for suffix in known if name.endswith(suffix)]
    if not fitting:
        raise TextmazeError(f"The name {str(path)!r} says no format; it should end with one of {', '.join(known)}.")
    return known[max(fitting, key=len)]


def read(path: Path) -> tuple[Format, Header, Iterator[Any]]:
    """The transcript in a file, by what it begins with, whatever its name says. TextmazeError where there is none."""
    start = next(iter(read_lines(path)), b"")
    name = next((name for mark, name in _MARKS.items() if start.startswith(mark)), None)
    if name is None:
        raise TextmazeError(f"{path} is no transcript that can be read back; {', '.join(_MARKS.values())} can.")
    found = load_format(name)
    assert found.read is not None
    return found, *found.read(path)
