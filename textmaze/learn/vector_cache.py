"""Text vectors on disk, so that a second training reads what the first one encoded."""

import contextlib
import hashlib
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from textmaze.errors import SettingError
from textmaze.files import cache_folder

FILE = "vectors-1.sqlite3"  # the number changes with what is in it
OFF = "TEXTMAZE_NO_VECTOR_CACHE"  # any value but none turns the cache off
LIMIT = "TEXTMAZE_VECTOR_CACHE_GB"
DEFAULT_GB = 2.0
PATIENCE = 10.0  # seconds that another process may take to write
CHUNK = 500  # rows a query asks for
ROW = 1000  # bytes of a row that are not its vector: the key, its place in the index, and what a page leaves empty
# What is wrong with the place and not with the file: it is left alone, and nothing is kept.
PLACE = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL,
}

Vector = NDArray[np.float32]


class VectorCache:
    """The vectors that one model gives to texts. All models share one SQLite file, which forgets its oldest vectors.

    Several processes may use it at once. It never fails: where nothing can be read nothing is known, where nothing can
    be written nothing is kept, a vector whose checksum is wrong is not known, and a file that is no such cache is
    thrown away. It is opened anew for each call (some 0.3 ms), so that it may be used by any thread, and after a fork.

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
            keys = list(by_key)
            for start in range(0, len(keys), CHUNK):
                some = keys[start : start + CHUNK]
                marks = ",".join("?" * len(some))
                for key, data in database.execute(f"SELECT key, data FROM vectors WHERE key IN ({marks})", some):
                    vector = _unpacked(key, data, self._width)
                    if vector is not None:
                        found[by_key[key]] = vector

        self._do(look_up)
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

        self._do(keep)

    def _key(self, text: str) -> bytes:
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=20, key=self._model[:64]).digest()

    def _do(self, task: Callable[[sqlite3.Connection], None]) -> None:
        """Carry out a task in one transaction, or not at all."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with _open(self._path) as database, database:
                task(database)
        except OSError:
            pass  # there can be no such folder
        except sqlite3.Error as error:
            # Python's own complaints, of a column of another kind for example, bear no code.
            if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF not in PLACE:
                self._discard()

    def _discard(self) -> None:
        for end in ("-journal", "-wal", "-shm", ""):  # the file last, or what is left would belong to the next one
            with contextlib.suppress(OSError):
                self._path.with_name(self._path.name + end).unlink(missing_ok=True)


@contextlib.contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(path, timeout=PATIENCE)) as database:
        # Waiting for the disk would cost more than all else. What a power failure may spoil, the checksums tell.
        database.execute("PRAGMA synchronous = OFF")
        # Numbers rise with every write, so they tell the oldest.
        database.execute(
            "CREATE TABLE IF NOT EXISTS vectors (number INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB UNIQUE, data BLOB)"
        )
        yield database


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
