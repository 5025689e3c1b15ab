"""What lies in the cache folder, whether it can be read, and how it is emptied."""

import contextlib
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from textmaze.doctor import BAD, GOOD, NOTE, Finding
from textmaze.errors import RunError
from textmaze.files import cache_folder
from textmaze.game.table_file import kept_files, kept_table
from textmaze.learn import score_cache, vector_cache
from textmaze.learn.database import PLACE
from textmaze.learn.packaged import LARGE_MODEL
from textmaze.units import spell

PART = "Cache"
PATIENCE = 10.0  # seconds that a check of one kind of files may take; what is left then is not looked at
LITTLE = 1e9  # bytes of free space in which a training with its games can get stuck
# All that textmaze writes there, and no more: the folder may be one that holds other things too. Files whose names
# begin with a dot are those that a crash left half written.
_VECTORS, _SCORES, _TABLES = ("vectors-*.sqlite3*",), ("scores-*.sqlite3*",), ("tables/*.npz", "tables/.*.npz.*")
_ENCODERS = (f"encoders/{LARGE_MODEL}/*.json", f"encoders/{LARGE_MODEL}/*.safetensors", f"encoders/{LARGE_MODEL}/.*")
ANOTHER = "name another place by TEXTMAZE_CACHE"
EMPTY_IT = "textmaze doctor --clean empties it; what is needed is made anew"


def cache() -> Iterator[Finding]:
    """The folder, what there is of each kind, and the space that is left."""
    from rich.filesize import decimal

    folder = cache_folder()
    files = _files(folder, *_VECTORS, *_SCORES, *_TABLES, *_ENCODERS)
    size = decimal(_size(files)) if files else "nothing in it yet"
    trouble = _unwritable(folder)
    if trouble:
        yield Finding(PART, "folder", BAD, f"{folder} cannot be written: {trouble}", ANOTHER)
    else:
        yield Finding(PART, "folder", GOOD, f"{folder}, {size}")
    limit = int(vector_cache.gigabytes() * 1e9)
    if os.environ.get(vector_cache.OFF):
        yield Finding(PART, "vectors", NOTE, f"turned off by {vector_cache.OFF}", "unset it")
    else:
        yield _database("vectors", folder / vector_cache.FILE, f" of at most {decimal(limit)}")
    yield _database("scores", folder / score_cache.FILE)
    yield _games(_files(folder, *_TABLES))
    encoders = _files(folder, *_ENCODERS)
    if encoders:
        yield Finding(PART, "encoders", GOOD, f"{LARGE_MODEL}, {decimal(_size(encoders))}")
    free = shutil.disk_usage(_existing(folder)).free
    if free < LITTLE:
        yield Finding(PART, "space", NOTE, f"only {decimal(free)} are free there", f"{EMPTY_IT}; or {ANOTHER}")
    else:
        yield Finding(PART, "space", GOOD, f"{decimal(free)} free")


def clean() -> tuple[int, int]:
    """Remove all that the cache holds; how many files it was, and how many bytes."""
    folder = cache_folder()
    files = _files(folder, *_VECTORS, *_SCORES, *_TABLES, *_ENCODERS)
    size = _size(files)
    for path in files:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise RunError(f"{path} cannot be removed: {error.strerror or error}.") from None
    for empty in (folder / "tables", folder / "encoders" / LARGE_MODEL, folder / "encoders", folder):
        with contextlib.suppress(OSError):
            empty.rmdir()
    return len(files), size


def _files(folder: Path, *patterns: str) -> list[Path]:
    return [path for pattern in patterns for path in sorted(folder.glob(pattern)) if path.is_file()]


def _size(files: list[Path]) -> int:
    total = 0
    for path in files:
        with contextlib.suppress(OSError):  # another process may have dropped it just now
            total += path.stat().st_size
    return total


def _existing(folder: Path) -> Path:
    """The folder, or that above it which is there."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


def _unwritable(folder: Path) -> str:
    """Why nothing can be written there; nothing if it can."""
    try:
        with tempfile.TemporaryFile(dir=_existing(folder)):
            return ""
    except OSError as error:
        return error.strerror or str(error)


def _database(name: str, path: Path, most: str = "") -> Finding:
    """Whether SQLite finds a file in order. It is only read: the cache itself throws a damaged one away."""
    from rich.filesize import decimal

    if not path.is_file():
        return Finding(PART, name, GOOD, f"none yet{most}")
    size, end = f"{decimal(path.stat().st_size)}{most}", time.monotonic() + PATIENCE
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=1)) as database:
            database.set_progress_handler(lambda: time.monotonic() > end, 10_000)
            (count,) = database.execute(f"SELECT count(*) FROM {name}").fetchone()
            (answer,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code == sqlite3.SQLITE_INTERRUPT:
            return Finding(PART, name, GOOD, f"{size}; sound as far as it was read in {spell(PATIENCE)}")
        if code in PLACE:
            return Finding(PART, name, NOTE, f"{path} cannot be read just now: {error}", "try again")
        answer, count = str(error), 0
    if answer != "ok":
        return Finding(PART, name, NOTE, f"{path} is damaged: {answer}",
                       "nothing; it is thrown away at its next use, and begun anew")
    return Finding(PART, name, GOOD, f"{size}, {count:,} texts")


def _games(files: list[Path]) -> Finding:
    """Whether the games that TextWorld made, and that were explored, can be read."""
    from rich.filesize import decimal

    if not files:
        return Finding(PART, "games", GOOD, "none yet of TextWorld's")
    end, read, damaged = time.monotonic() + PATIENCE, 0, 0
    for path in files:
        if time.monotonic() > end:
            break
        read += 1
        damaged += path.suffix != ".npz" or (kept_table(path) is None and kept_files(path) is None)
    some = "" if read == len(files) else f", of which {read:,} were read in {spell(PATIENCE)}"
    told = f"{len(files):,} of TextWorld's, {decimal(_size(files))}{some}"
    if damaged:
        return Finding(PART, "games", NOTE, f"{told}; {damaged:,} cannot be read",
                       "nothing; they are made anew when they are played")
    return Finding(PART, "games", GOOD, told)
