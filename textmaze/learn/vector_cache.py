"""Text vectors on disk, so that a second training reads what the first one encoded."""

import hashlib
import os
import sqlite3
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from textmaze.errors import SettingError
from textmaze.files import cache_folder
from textmaze.learn.database import rows_of, transact

FILE = "vectors-1.sqlite3"  # the number changes with what is in it
OFF = "TEXTMAZE_NO_VECTOR_CACHE"  # any value but none turns the cache off
LIMIT = "TEXTMAZE_VECTOR_CACHE_GB"
DEFAULT_GB = 2.0
ROW = 1000  # bytes of a row that are not its vector: the key, its place in the index, and what a page leaves empty
_BEGIN = (
    # Waiting for the disk would cost more than all else. What a power failure may spoil, the checksums tell.
    "PRAGMA synchronous = OFF",
    # Numbers rise with every write, so they tell the oldest.
    "CREATE TABLE IF NOT EXISTS vectors (number INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB UNIQUE, data BLOB)",
)

Vector = NDArray[np.float32]


class VectorCache:
    """The vectors that one model gives to texts. All models share one file, which forgets its oldest vectors.

    A vector whose checksum is wrong is not known.

    Args:
        model: whatever tells this model's vectors from all others'.
        width: of its vectors.
        path: the file.
        limit: the most bytes that the file takes, to within a few pages.
    """

    def __init__(self, model: bytes, width: int, path: Path, limit: int) -> None:
        self._model = model
        self._width = width
        self._path = path
        self._limit = limit

    def read(self, texts: Sequence[str]) -> dict[str, Vector]:
        """Those of the texts that are known, with their vectors, (width,) float32."""
        by_key = {self._key(text): text for text in texts}
        found: dict[str, Vector] = {}

        def look_up(database: sqlite3.Connection) -> None:
            for key, data in rows_of(database, "SELECT key, data FROM vectors", list(by_key)):
                vector = _unpacked(key, data, self._width)
                if vector is not None:
                    found[by_key[key]] = vector

        transact(self._path, _BEGIN, look_up)
        return found

    def write(self, vectors: Mapping[str, Vector]) -> None:
        """Keep these, in place of the oldest where there is no more room; nothing where they alone are too many."""
        rows = [(key, _packed(key, vector)) for key, vector in ((self._key(t), v) for t, v in vectors.items())]
        need = sum(len(data) + ROW for _, data in rows)
        if need > self._limit:
            return

        def keep(database: sqlite3.Connection) -> None:
            while rows and _bytes(database) + need > self._limit:
                few = max(len(rows), database.execute("SELECT count(*) FROM vectors").fetchone()[0] // 10)
                oldest = "SELECT number FROM vectors ORDER BY number LIMIT ?"
                if not database.execute(f"DELETE FROM vectors WHERE number IN ({oldest})", (few,)).rowcount:
                    return
            database.executemany("INSERT OR REPLACE INTO vectors (key, data) VALUES (?, ?)", rows)

        transact(self._path, _BEGIN, keep)

    def _key(self, text: str) -> bytes:
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=20, key=self._model[:64]).digest()


def _bytes(database: sqlite3.Connection) -> int:
    """What the file's pages hold; those of deleted rows are filled again before it grows."""
    pages, free, size = (
        int(database.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _packed(key: bytes, vector: Vector) -> bytes:
    data = vector.astype("<f4").tobytes()
    return zlib.crc32(key + data).to_bytes(4, "little") + data


def _unpacked(key: bytes, packed: object, width: int) -> Vector | None:
    """The vector; None where it is damaged."""
    if not isinstance(packed, bytes) or len(packed) != 4 + 4 * width:
        return None
    check, data = packed[:4], packed[4:]
    if zlib.crc32(key + data).to_bytes(4, "little") != check:
        return None
    return np.frombuffer(data, dtype="<f4").astype(np.float32)


def open_cache(model: bytes, width: int) -> VectorCache | None:
    """The cache in textmaze's cache folder; None where the environment has turned it off."""
    if os.environ.get(OFF):
        return None
    return VectorCache(model, width, cache_folder() / FILE, int(gigabytes() * 1e9))


def gigabytes() -> float:
    text = os.environ.get(LIMIT) or str(DEFAULT_GB)
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1e6:
        raise SettingError(f"{LIMIT} must be a number of gigabytes, not {text!r}.")
    return value
