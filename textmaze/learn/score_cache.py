"""What language models have said of texts, on disk, so that no text is read twice by the same model."""

import hashlib
import json
import math
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from textmaze.files import cache_folder
from textmaze.learn.database import rows_of, transact

FILE = "scores-1.sqlite3"  # the number changes with what is in it
MAX_SCORES = 1_000_000  # some 100 MB
CHUNK = 256  # texts that are scored before what was said is kept: an interruption loses no more
_BEGIN = ("CREATE TABLE IF NOT EXISTS scores (number INTEGER PRIMARY KEY, key BLOB UNIQUE, score REAL)",)


class ScoreCache:
    """Numbers by key in one file, the oldest dropped where there are more than `limit`."""

    def __init__(self, path: Path | None = None, limit: int = MAX_SCORES) -> None:
        self._path = path or cache_folder() / FILE
        self._limit = limit

    def read(self, keys: Sequence[bytes]) -> dict[bytes, float]:
        """Those of the keys that are known, with their numbers."""
        found: dict[bytes, float] = {}

        def look_up(database: sqlite3.Connection) -> None:
            found.update(rows_of(database, "SELECT key, score FROM scores", keys))

        transact(self._path, _BEGIN, look_up)
        return {key: score for key, score in found.items() if isinstance(score, float) and math.isfinite(score)}

    def write(self, scores: Mapping[bytes, float]) -> None:
        """Keep these."""

        def keep(database: sqlite3.Connection) -> None:
            database.executemany("INSERT OR REPLACE INTO scores (key, score) VALUES (?, ?)", scores.items())
            # Numbers only rise, so the last one bounds how many rows there can be.
            database.execute("DELETE FROM scores WHERE number <= (SELECT max(number) FROM scores) - ?", (self._limit,))

        transact(self._path, _BEGIN, keep)


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
        for start in range(0, len(new), CHUNK):
            some = new[start : start + CHUNK]
            scores = self._scorer.score(some, objective).tolist()
            fresh = {keys[text]: score for text, score in zip(some, scores, strict=True)}
            self._cache.write(fresh)
            known.update(fresh)
        return np.array([known[keys[text]] for text in consequences], dtype=np.float64)


def _key(*parts: str) -> bytes:
    return hashlib.sha256(json.dumps(parts).encode()).digest()
