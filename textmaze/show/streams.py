"""Files that are read and written piece by piece, so that memory does not grow with them."""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from textmaze.errors import TextmazeError
from textmaze.show.transcript import DamagedError

GZIP = ".gz"
_MAGIC = b"\x1f\x8b"
LONGEST_LINE = 2**28  # bytes; an episode of the most steps, with long texts


def read_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file with their ends, decompressed where it is gzip. TextmazeError where it cannot be read."""
    try:
        with path.open("rb") as plain:
            zipped = plain.peek(2)[:2] == _MAGIC
            with gzip.open(plain) if zipped else plain as file:
                while line := file.readline(LONGEST_LINE + 1):
                    if len(line) > LONGEST_LINE:
                        raise DamagedError(f"{path} has a line of more than {LONGEST_LINE:,} bytes.")
                    yield line
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise DamagedError(f"{path} is damaged, or was cut off: it cannot be decompressed.") from None
    except (OSError, ValueError) as error:  # no file can have a name with a NUL
        raise TextmazeError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def encoded(parts: Iterable[str | bytes]) -> Iterator[bytes]:
    for part in parts:
        yield part.encode("utf-8") if isinstance(part, str) else part


def compressed(parts: Iterable[str | bytes], level: int = 6) -> Iterator[bytes]:
    """The same as gzip; the same parts give the same bytes, as no time and no name is written."""
    packer = zlib.compressobj(level, wbits=31)
    for part in encoded(parts):
        if piece := packer.compress(part):
            yield piece
    yield packer.flush()
