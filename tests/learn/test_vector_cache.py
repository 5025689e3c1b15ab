"""Vectors on disk: what is read is what was written, or nothing; whatever happens to the file."""

import multiprocessing
import sqlite3
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from textmaze.errors import SettingError
from textmaze.learn import database, vector_cache
from textmaze.learn.vector_cache import VectorCache, open_cache

WIDTH = 8


def vector(text):
    return np.random.default_rng(list(text.encode())).standard_normal(WIDTH).astype(np.float32)


def vectors(texts):
    return {text: vector(text) for text in texts}


def check(found):
    """Whatever was found is right."""
    for text, values in found.items():
        np.testing.assert_array_equal(values, vector(text))
    return set(found)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "cache.sqlite3"


def cache(path, model=b"model", limit=10**9, width=WIDTH):
    return VectorCache(model, width, path, limit)


def test_what_was_written_is_read_by_any_other_of_the_same_model(path):
    texts = [f"room {number}" for number in range(1200)] + ["", "naïve \N{SNOWMAN}", "a\0b", "a"]
    cache(path).write(vectors(texts))
    assert check(cache(path).read([*texts, "never seen"])) == set(texts)
    assert cache(path, b"another").read(texts) == {}
    assert cache(path).read([]) == {}


def test_a_vector_of_another_width_is_not_known(path):
    cache(path).write(vectors(["a"]))
    assert cache(path, width=WIDTH + 1).read(["a"]) == {}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.text(st.characters(codec="utf-8"), max_size=5), max_size=6), max_size=6))
def test_all_that_was_written_is_known(tmp_path_factory, rounds):
    path = tmp_path_factory.mktemp("cache") / "file"
    written = set()
    for texts in rounds:
        assert check(cache(path).read(texts)) == written & set(texts)
        cache(path).write(vectors(texts))
        written |= set(texts)
    assert check(cache(path).read(sorted(written))) == written


def test_the_oldest_make_room_for_the_newest(path):
    texts = [f"room {number}" for number in range(3000)]
    for start in range(0, len(texts), 50):
        cache(path, limit=100_000).write(vectors(texts[start : start + 50]))
        assert path.stat().st_size <= 110_000  # SQLite's own tables, and pages half full
    known = check(cache(path).read(texts))
    assert known == set(texts[-len(known):])
    assert len(known) >= 200


def test_more_than_there_is_room_for_is_not_kept(path):
    cache(path, limit=100_000).write(vectors(["a"]))
    cache(path, limit=100_000).write(vectors(f"room {number}" for number in range(5000)))
    assert check(cache(path).read(["a", "room 1"])) == {"a"}


@pytest.mark.parametrize("content", [b"", b"no database at all" * 500, "cut", "another table", "another kind"])
def test_a_broken_file_is_thrown_away_and_the_next_one_works(path, content):
    texts = [f"room {number}" for number in range(500)]
    cache(path).write(vectors(texts))
    match content:
        case "cut":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + 100])
        case "another table" | "another kind":
            path.unlink()
            database = sqlite3.connect(path)
            columns = "word" if content == "another table" else "number INTEGER PRIMARY KEY, key TEXT, data INTEGER"
            database.execute(f"CREATE TABLE vectors ({columns})")
            database.close()
        case _:
            path.write_bytes(content)
    for _ in range(3):
        check(cache(path).read(texts))
        cache(path).write(vectors(texts))
    assert check(cache(path).read(texts)) == set(texts)


def test_a_spoilt_vector_is_not_taken_for_a_whole_one(path):
    """SQLite itself does not notice a flipped bit in the data."""
    texts = [f"room {number}" for number in range(300)]
    cache(path).write(vectors(texts))
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    for at in rng.integers(4096, len(data), size=300):
        data[at] ^= 1 << int(rng.integers(8))
    path.write_bytes(data)
    assert len(check(cache(path).read(texts))) < len(texts)


def test_where_nothing_can_be_kept_nothing_is_known_and_nothing_is_said(tmp_path):
    (tmp_path / "file").write_text("no folder")
    for path in (tmp_path / "file" / "cache", tmp_path):
        cache(path).write(vectors(["a"]))
        assert cache(path).read(["a"]) == {}
    assert (tmp_path / "file").read_text() == "no folder"


def test_a_file_that_another_process_holds_is_left_alone(path, monkeypatch):
    monkeypatch.setattr(database, "PATIENCE", 0.01)
    cache(path).write(vectors(["a"]))
    other = sqlite3.connect(path)
    other.execute("BEGIN EXCLUSIVE")
    cache(path).write(vectors(["b"]))
    assert cache(path).read(["a"]) == {}
    other.rollback()
    other.close()
    assert check(cache(path).read(["a", "b"])) == {"a"}


def work(path, number):
    """Writes texts, half of which others write too, and reads all."""
    texts = [f"room {index}" for index in range(100 * number, 100 * number + 200)]
    for start in range(0, len(texts), 20):
        cache(path).write(vectors(texts[start : start + 20]))
        check(cache(path).read([f"room {index}" for index in range(500)]))
    return texts


def test_several_processes_use_it_at_once(path):
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        jobs = [pool.submit(work, path, number) for number in range(3)]
        texts = {text for job in jobs for text in job.result()}
    assert check(cache(path).read(sorted(texts))) == texts


def test_the_environment_says_where_and_how_much(tmp_path, monkeypatch):
    monkeypatch.delenv(vector_cache.OFF, raising=False)
    monkeypatch.setenv("TEXTMAZE_CACHE", str(tmp_path))
    open_cache(b"model", WIDTH).write(vectors(["a"]))
    assert check(open_cache(b"model", WIDTH).read(["a"])) == {"a"}
    assert (tmp_path / vector_cache.FILE).is_file()
    monkeypatch.setenv(vector_cache.LIMIT, "0")
    open_cache(b"model", WIDTH).write(vectors(["b"]))
    assert open_cache(b"model", WIDTH).read(["b"]) == {}
    for wrong in ("much", "-1", "nan", "1e9"):
        monkeypatch.setenv(vector_cache.LIMIT, wrong)
        with pytest.raises(SettingError, match="gigabytes"):
            open_cache(b"model", WIDTH)
    monkeypatch.setenv(vector_cache.OFF, "1")
    assert open_cache(b"model", WIDTH) is None
