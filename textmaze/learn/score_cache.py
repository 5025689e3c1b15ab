"""What language models have said of texts, on disk, so that no text is read twice by the same model."""

import contextlib
import hashlib
import json
import math
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from textmaze.files import cache_folder

T = TypeVar("T")

FILE = "scores-1.sqlite3"  # the number changes with what is in it
MAX_SCORES = 1_000_000  # some 100 MB
CHUNK = 256  # texts that are scored before what was said is kept: an interruption loses no more
PATIENCE = 10.0  # seconds that another process may take to write
# What is wrong with the place and not with the file: the cache is left alone, and nothing is kept.
_PLACE = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL,
}


class ScoreCache:
    """Numbers by key in one SQLite file, the oldest dropped where there are more than `limit`.

    Several processes may use it at once. It never fails: where nothing can be read nothing is known, where nothing can
    be written nothing is kept, and a file that is no such cache is thrown away.
    """

    def __init__(self, path: Path | None = None, limit: int = MAX_SCORES) -> None:
        self._path = path or cache_folder() / FILE
        self._limit = limit

    def read(self, keys: Sequence[bytes]) -> dict[bytes, float]:
        """Those of the keys that are known, with their numbers."""
        found: dict[bytes, float] = {}

        def look_up(database: sqlite3.Connection) -> None:
            for some in _chunks(keys):
                marks = ",".join("?" * len(some))
                found.update(database.execute(f"SELECT key, score FROM scores WHERE key IN ({marks})", some))

        self._do(look_up)
        return {key: score for key, score in found.items() if isinstance(score, float) and math.isfinite(score)}

    def write(self, scores: Mapping[bytes, float]) -> None:
        """Keep these."""

        def keep(database: sqlite3.Connection) -> None:
            database.executemany("INSERT OR REPLACE INTO scores (key, score) VALUES (?, ?)", scores.items())
            # Numbers only rise, so the last one bounds how many rows there can be.
            database.execute("DELETE FROM scores WHERE number <= (SELECT max(number) FROM scores) - ?", (self._limit,))

        self._do(keep)

    def _do(self, task: Callable[[sqlite3.Connection], None]) -> None:
        """Carry out a task in one transaction, or not at all."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(sqlite3.connect(self._path, timeout=PATIENCE)) as database, database:
                database.execute(
                    "CREATE TABLE IF NOT EXISTS scores (number INTEGER PRIMARY KEY, key BLOB UNIQUE, score REAL)"
                )
                task(database)
        except OSError:
            pass  # there can be no such folder
        except sqlite3.Error as error:
            if error.sqlite_errorcode & 0xFF not in _PLACE:
                self._discard()

    def _discard(self) -> None:
        for end in ("-journal", "-wal", "-shm", ""):  # the file last, or what is left would belong to the next one
            with contextlib.suppress(OSError):
                self._path.with_name(self._path.name + end).unlink(missing_ok=True)


class Model(Protocol):
    """A scorer that says who it is."""

    @property
    def identity(self) -> str:
        """Everything that decides a score beside the text and the objective: which weights, and what they are asked."""
        ...

    def score(self, consequences: Sequence[str], objective: str) -> NDArray[np.float64]: ...


class Cached:
    """A scorer that remembers on disk what it has said."""

    def __init__(self, scorer: Model, cache: ScoreCache | None = None) -> None:
        self._scorer = scorer
        self._cache = cache or ScoreCache()

    def score(self, consequences: Sequence[str], objective: str) -> NDArray[np.float64]:
        """As the scorer's own; each distinct text is read once."""
        identity = self._scorer.identity if consequences else ""
        keys = {text: _key(identity, objective, text) for text in consequences}
        known = self._cache.read(list(keys.values()))
        new = [text for text, key in keys.items() if key not in known]
        for some in _chunks(new):
            scores = self._scorer.score(some, objective).tolist()
            fresh = {keys[text]: score for text, score in zip(some, scores, strict=True)}
            self._cache.write(fresh)
            known.update(fresh)
        return np.array([known[keys[text]] for text in consequences], dtype=np.float64)


def _key(*parts: str) -> bytes:
    return hashlib.sha256(json.dumps(parts).encode()).digest()


def _chunks(items: Sequence[T]) -> Iterator[list[T]]:
    return (list(items[first : first + CHUNK]) for first in range(0, len(items), CHUNK))
