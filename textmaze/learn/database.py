"""SQLite files that keep what need not be worked out again, and that never fail.

Several processes may use one at once. Where nothing can be read nothing is known, where nothing can be written nothing
is kept, and a file that is no such database is thrown away.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

PATIENCE = 10.0  # seconds that another process may take to write
_ROWS = 500  # that a query asks for
# What is wrong with the place and not with the file: it is left alone, and nothing is kept.
PLACE = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL,
}


def transact(path: Path, begin: Sequence[str], task: Callable[[sqlite3.Connection], None]) -> None:
    """Carry out a task in one transaction, or not at all.

    The file is opened anew each time (some 0.3 ms), so that any thread may use it, and a process after a fork.

    Args:
        begin: statements that come first, the last of which makes the table if it is not there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(path, timeout=PATIENCE)) as database, database:
            for statement in begin:
                database.execute(statement)
            task(database)
    except OSError:
        pass  # there can be no such folder
    except sqlite3.Error as error:
        # Python's own complaints, of a column of another kind for example, bear no code.
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF not in PLACE:
            _discard(path)


def rows_of(database: sqlite3.Connection, select: str, keys: Sequence[bytes]) -> Iterator[Any]:
    """The rows that `select` finds for these keys."""
    for start in range(0, len(keys), _ROWS):
        some = keys[start : start + _ROWS]
        yield from database.execute(f"{select} WHERE key IN ({','.join('?' * len(some))})", some)


def _discard(path: Path) -> None:
    for end in ("-journal", "-wal", "-shm", ""):  # the file last, or what is left would belong to the next one
        with contextlib.suppress(OSError):
            path.with_name(path.name + end).unlink(missing_ok=True)
