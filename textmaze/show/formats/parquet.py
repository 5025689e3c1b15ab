"""Columns, for analysis: a row for each line that `lines` tells of, with the game and the agent beside it.

Nothing is lost. The header stands in the schema's metadata, and what ends a JSONL file in that of the file.
"""

import io
import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmaze.errors import TextmazeError
from textmaze.show.formats.jsonl import Ending, load
from textmaze.show.lines import episodes_of, lines_of
from textmaze.show.printable import printable_line
from textmaze.show.transcript import DamagedError, Episode, Header, Line, header_line, read_header

if TYPE_CHECKING:
    import pyarrow

_HEADER, _END = b"textmaze.header", b"textmaze.end"
_GROUP = 8192  # rows that are held at once


def write(episodes: Iterable[Episode], header: Header) -> Iterator[bytes]:
    """The bytes of a file. TextmazeError where pyarrow is missing."""
    arrow, parquet = _library()
    schema = _schema(arrow).with_metadata({_HEADER: json.dumps(header_line(header))})
    sink, ending = io.BytesIO(), Ending(header)
    with parquet.ParquetWriter(_Sink(sink), schema, compression="zstd", write_page_checksum=True) as writer:
        rows = _rows(episodes, header, ending)
        while group := list(itertools.islice(rows, _GROUP)):
            try:
                writer.write_table(arrow.Table.from_pylist(group, schema))
            except (UnicodeEncodeError, OverflowError, arrow.ArrowException):
                raise TextmazeError("Parquet cannot hold a text with a stray byte, or a number of that size, as "
                                    f"stands in the episodes up to {group[-1]['episode']}; JSONL can.") from None
            yield _drained(sink)
        writer.add_key_value_metadata({_END: ending.line()})
    yield _drained(sink)


def _rows(episodes: Iterable[Episode], header: Header, ending: Ending) -> Iterator[Line]:
    for episode in episodes:
        ending.add(episode)
        play = header.play(episode[0].episode)
        for line in lines_of(episode):
            if "values" in line:
                line["values"] = list(line["values"].items())
            yield {"game": play.game, "agent": play.agent, **line}


def read(path: Path) -> tuple[Header, Iterator[Episode]]:
    """The header and the episodes of a file, of which some thousand rows are in memory at a time."""
    arrow, parquet = _library()
    try:
        file = parquet.ParquetFile(path, page_checksum_verification=True)
        schema, library = file.schema_arrow, str(file.metadata.created_by)
    except Exception as error:  # whatever a damaged file makes the library say
        if isinstance(error, OSError) and error.strerror:
            raise TextmazeError(f"{path} cannot be read: {error.strerror}.") from None
        raise DamagedError(f"{path} is damaged: {_line(error)}.") from None
    about = schema.metadata or {}
    try:
        head = load(about.get(_HEADER, b""))
    except ValueError:
        head = None
    header = read_header(head, str(path))
    if not schema.equals(_schema(arrow)):
        raise DamagedError(f"{path} has other columns than a transcript.")
    episodes = _episodes(header, file, path)
    # Another version of the library may write the same in other bytes.
    own = library.endswith(f" {arrow.__version__}")
    return header, _same_bytes(header, episodes, path) if own else episodes


def _same_bytes(header: Header, episodes: Iterable[Episode], path: Path) -> Iterator[Episode]:
    """The same episodes, which are written again to see that they give the file: not every byte of it is content."""
    passed: list[Episode] = []
    with path.open("rb") as file:
        for part in write(_noted(episodes, passed), header):
            same = file.read(len(part)) == part
            yield from passed
            passed.clear()
            if not same:
                raise DamagedError(f"{path} is not as it was written, though its episodes read the same.")
        if file.read(1):
            raise DamagedError(f"{path} goes on behind its end.")


def _noted(episodes: Iterable[Episode], notes: list[Episode]) -> Iterator[Episode]:
    for episode in episodes:
        notes.append(episode)
        yield episode


def _episodes(header: Header, file: Any, path: Path) -> Iterator[Episode]:
    ending = Ending(header)
    with file:
        for episode in episodes_of(header, _lines(header, file, path)):
            ending.add(episode)
            yield episode
        if (file.metadata.metadata or {}).get(_END) != ending.line().encode():
            raise DamagedError(f"{path} is not as it was written: it holds {ending.episodes} episodes of "
                               f"{ending.steps} steps, and says another count or another SHA-256.")


def _lines(header: Header, file: Any, path: Path) -> Iterator[tuple[str, Line]]:
    place = "its beginning"
    batches = file.iter_batches(batch_size=_GROUP)
    while True:
        try:
            rows = next(batches).to_pylist()
        except StopIteration:
            return
        except Exception as error:  # as above
            raise DamagedError(f"{path} is damaged after {place}: {_line(error)}.") from None
        for row in rows:
            line = {name: value for name, value in row.items() if value is not None}
            place = f"episode {line.get('episode')}, step {line.get('step')}"
            if "values" in line:
                line["values"] = dict(line["values"])
            game, agent = line.pop("game", None), line.pop("agent", None)
            play = header.play(line.get("episode", -1))
            if (game, agent) != (play.game, play.agent):
                raise DamagedError(f"{path}, {place}: game and agent are not those of the header.")
            yield f"{path}, {place}", line


def _schema(arrow: Any) -> "pyarrow.Schema":
    text, whole = arrow.string(), arrow.int64()
    values = arrow.map_(text, arrow.float64())
    return arrow.schema({
        "game": text, "agent": text, "episode": whole, "seed": whole, "step": whole, "objective": text,
        "command": text, "text": text, "description": text, "inventory": text, "admissible": arrow.list_(text),
        "distance": whole, "reward": arrow.float64(), "terminated": arrow.bool_(), "truncated": arrow.bool_(),
        "won": arrow.bool_(), "values": values,
    }.items())


class _Sink(io.RawIOBase):
    """Counts what goes through it into a buffer that is emptied now and then."""

    def __init__(self, buffer: io.BytesIO) -> None:
        self._buffer, self._length = buffer, 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        written = self._buffer.write(data)
        self._length += written
        return written

    def tell(self) -> int:
        return self._length


def _drained(buffer: io.BytesIO) -> bytes:
    data = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return data


def _line(error: Exception) -> str:
    """What a library says, as part of a sentence; it may quote what a stranger has written."""
    return printable_line(str(error)).rstrip(". ")[:200]


def _library() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise TextmazeError("The format parquet needs pyarrow: pip install 'textmaze[parquet]'.") from None
    return pyarrow, pyarrow.parquet
