"""What models have said is kept: bounded, shared by processes, and harmless whatever becomes of the file."""

import os
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from textmaze.learn import database, score_cache
from textmaze.learn.score_cache import FILE, Cached, ScoreCache

KEYS = [bytes([number]) * 32 for number in range(10)]
SCORES = {key: float(number) for number, key in enumerate(KEYS)}


class Counting:
    """A scorer to which a long text reads well, and which knows what it was asked."""

    def __init__(self, identity="counting"):
        self.identity = identity
        self.asked = []

    def score(self, consequences, objective):
        self.asked.append(list(consequences))
        return np.array([float(len(text)) for text in consequences])


def test_what_was_written_is_read_again_and_nothing_else(tmp_path):
    path = tmp_path / "deep" / "below" / "scores"
    ScoreCache(path).write(SCORES)
    assert ScoreCache(path).read([*KEYS, b"other"]) == SCORES
    ScoreCache(path).write({KEYS[0]: 7.5})
    assert ScoreCache(path).read(KEYS) == {**SCORES, KEYS[0]: 7.5}


def test_by_default_it_lies_in_the_cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTMAZE_CACHE", str(tmp_path))
    ScoreCache().write(SCORES)
    assert ScoreCache(tmp_path / FILE).read(KEYS) == SCORES


def test_the_oldest_are_dropped_where_there_are_too_many(tmp_path):
    cache = ScoreCache(tmp_path / "scores", limit=4)
    for key, score in SCORES.items():
        cache.write({key: score})
    assert cache.read(KEYS) == {key: SCORES[key] for key in KEYS[6:]}
    cache.write({KEYS[6]: 6.0})  # written again, and so young again
    cache.write({KEYS[0]: 0.0, KEYS[1]: 1.0})
    assert cache.read(KEYS) == {key: SCORES[key] for key in (KEYS[0], KEYS[1], KEYS[6], KEYS[9])}
    for first in range(3):
        cache.write({key + bytes([first]): score for key, score in SCORES.items()})
    with sqlite3.connect(tmp_path / "scores") as database:
        assert database.execute("SELECT count(*) FROM scores").fetchone() == (4,)
    database.close()


BROKEN = {
    "empty": b"",
    "nonsense": b"this is no database, and long enough to be looked at as one " * 50,
    "a torn one": None,
    "another one": "CREATE TABLE scores (word TEXT)",
    "one of texts": "CREATE TABLE scores (number INTEGER PRIMARY KEY, key BLOB UNIQUE, score REAL)",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_thrown_away_and_does_no_harm(tmp_path, name):
    path, how = tmp_path / "scores", BROKEN[name]
    if isinstance(how, bytes):
        path.write_bytes(how)
    elif how is None:
        ScoreCache(path).write({bytes([a, b]) * 100: 1.0 for a in range(100) for b in range(10)})
        content = path.read_bytes()
        path.write_bytes(content[:4096] + os.urandom(len(content) - 4096))
    else:
        with sqlite3.connect(path) as database:
            database.execute(how)
            if name == "one of texts":
                database.executemany("INSERT INTO scores (key, score) VALUES (?, ?)", [(key, "high") for key in KEYS])
        database.close()
    assert ScoreCache(path).read(KEYS) == {}
    ScoreCache(path).write(SCORES)
    ScoreCache(path).write(SCORES)  # the first may have been what found out
    assert ScoreCache(path).read(KEYS) == SCORES


def test_numbers_that_are_none_are_not_known(tmp_path):
    cache = ScoreCache(tmp_path / "scores")
    cache.write({KEYS[0]: float("nan"), KEYS[1]: float("inf"), KEYS[2]: 2.0})
    assert cache.read(KEYS) == {KEYS[2]: 2.0}


def test_where_nothing_can_be_written_nothing_is_kept_and_nothing_is_lost(tmp_path):
    (tmp_path / "file").write_text("a file")
    for path in (tmp_path / "file" / "scores", tmp_path):
        scorer = Counting()
        assert Cached(scorer, ScoreCache(path)).score(["a", "bb"], "o").tolist() == [1, 2]
    assert (tmp_path / "file").read_text() == "a file"


def test_a_cache_that_another_process_is_writing_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "PATIENCE", 0.01)
    path = tmp_path / "scores"
    ScoreCache(path).write(SCORES)
    other = sqlite3.connect(path)
    other.execute("BEGIN EXCLUSIVE")
    assert ScoreCache(path).read(KEYS) == {}
    ScoreCache(path).write({b"new": 1.0})
    other.rollback()
    other.close()
    assert ScoreCache(path).read([*KEYS, b"new"]) == SCORES


WRITER = """
import sys
from pathlib import Path
from textmaze.learn.score_cache import ScoreCache
cache = ScoreCache(Path(sys.argv[1]))
for number in range(30):
    cache.write({f"{sys.argv[2]} {number}".encode(): float(number)})
"""


def test_several_processes_may_write_at_once(tmp_path):
    path = tmp_path / "scores"
    names = ["a", "b", "c"]
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in names]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    every = {f"{name} {number}".encode(): float(number) for name in names for number in range(30)}
    assert ScoreCache(path).read(list(every)) == every


def test_a_text_is_scored_once_for_each_model_and_objective(tmp_path):
    cache = ScoreCache(tmp_path / "scores")
    first = Counting()
    assert Cached(first, cache).score(["a", "bb", "a"], "o").tolist() == [1, 2, 1]
    assert first.asked == [["a", "bb"]]
    again = Counting()
    assert Cached(again, cache).score(["bb", "ccc"], "o").tolist() == [2, 3]
    assert again.asked == [["ccc"]]
    Cached(again, cache).score(["bb"], "another objective")
    assert again.asked[1:] == [["bb"]]
    other = Counting("with other weights")
    Cached(other, cache).score(["bb"], "o")
    assert other.asked == [["bb"]]
    assert Cached(other, cache).score([], "o").shape == (0,)


def test_an_interruption_loses_little(tmp_path, monkeypatch):
    monkeypatch.setattr(score_cache, "CHUNK", 2)
    cache = ScoreCache(tmp_path / "scores")

    class Tiring(Counting):
        def score(self, consequences, objective):
            if "eeeee" in consequences:
                raise KeyboardInterrupt
            return super().score(consequences, objective)

    texts = ["a", "bb", "ccc", "dddd", "eeeee"]
    with pytest.raises(KeyboardInterrupt):
        Cached(Tiring(), cache).score(texts, "o")
    after = Counting()
    assert Cached(after, cache).score(texts, "o").tolist() == [1, 2, 3, 4, 5]
    assert after.asked == [["eeeee"]]


def test_any_text_can_be_a_key(tmp_path):
    scorer = Counting()
    texts = ["", "\0", "\ud800", "ü", "x" * 100_000]
    for _ in range(2):
        assert Cached(scorer, ScoreCache(tmp_path / "scores")).score(texts, "\udfff").tolist() == [0, 1, 1, 1, 100_000]
    assert len(scorer.asked) == 1
