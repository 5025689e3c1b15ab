"""Our own format, which loses nothing: one JSON object a line.

The first line is the header, and the last counts the episodes and steps and has the SHA-256 of all lines before it, so
that a file that was cut off or changed shows. What stands between is told in `lines`.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from textmaze.show.lines import episodes_of, lines_of
from textmaze.show.streams import read_lines
from textmaze.show.transcript import DamagedError, Episode, Header, Line, header_line, read_header

_DUMP = json.JSONEncoder().encode


class Ending:
    """Counts the episodes of a transcript, and works out the SHA-256 of its lines."""

    def __init__(self, header: Header) -> None:
        self.header = f"{_DUMP(header_line(header))}\n"
        self.episodes = self.steps = 0
        self._digest = hashlib.sha256(self.header.encode())

    def add(self, episode: Episode) -> str:
        """Count an episode; its lines."""
        text = "".join(f"{_DUMP(line)}\n" for line in lines_of(episode))
        self._digest.update(text.encode())
        self.episodes += 1
        self.steps += len(episode)
        return text

    def line(self) -> str:
        """The last line."""
        return _end(self.episodes, self.steps, self._digest.hexdigest())


def _end(episodes: int, steps: int, digest: str) -> str:
    return f"{_DUMP({'end': {'episodes': episodes, 'steps': steps, 'sha256': digest}})}\n"


def write(episodes: Iterable[Episode], header: Header) -> Iterator[str]:
    """The lines of a transcript."""
    ending = Ending(header)
    yield ending.header
    for episode in episodes:
        yield ending.add(episode)
    yield ending.line()


def read(path: Path) -> tuple[Header, Iterator[Episode]]:
    """The header and the episodes of a file, of which one is in memory at a time."""
    return parse(read_lines(path), str(path))


def parse(lines: Iterable[bytes], where: str) -> tuple[Header, Iterator[Episode]]:
    """The same of the lines themselves; `where` is what errors call them."""
    rest = iter(lines)
    first = next(rest, b"")
    try:
        head = load(first)
    except ValueError:
        head = None
    header = read_header(head, where)
    return header, _episodes(header, first, rest, where)


def _episodes(header: Header, first: bytes, rest: Iterator[bytes], where: str) -> Iterator[Episode]:
    digest, last = hashlib.sha256(first), b""
    count = {"episodes": 0, "steps": 0}

    def body() -> Iterator[tuple[str, Line]]:
        nonlocal last
        place = "its header"
        for number, line in enumerate(rest, 2):
            here = f"{where}, line {number}"
            if last:
                raise DamagedError(f"{here}: something stands behind the end.")
            if line.startswith(b'{"end"'):
                last = line
                continue
            digest.update(line)
            try:
                found = load(line)
            except ValueError as error:
                raise DamagedError(f"{here}, which follows {place}, is not valid JSON: {error}.") from None
            if type(found) is not dict:
                raise DamagedError(f"{here}, which follows {place}, is not a JSON object.")
            place = f"episode {found.get('episode')!r:.12}, step {found.get('step')!r:.12}"
            yield here, found

    for episode in episodes_of(header, body()):
        count["episodes"] += 1
        count["steps"] += len(episode)
        yield episode
    if not last:
        raise DamagedError(f"{where} was cut off: its last line does not count its episodes and steps.")
    if last != _end(**count, digest=digest.hexdigest()).encode():
        raise DamagedError(f"{where} is not as it was written: it holds {count['episodes']} episodes of "
                           f"{count['steps']} steps, and its last line has another count or another SHA-256.")


def load(line: bytes) -> Any:
    """What a line of JSON holds. NotJSONError where it is none."""
    try:
        return json.loads(line.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise NotJSONError(str(error).rstrip("."), getattr(error, "pos", getattr(error, "start", 0))) from None


class NotJSONError(ValueError):
    """What is wrong, and where in the line."""

    def __init__(self, why: str, place: int) -> None:
        super().__init__(why)
        self.place = place


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")
