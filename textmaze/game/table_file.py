"""Tables of games as files in the cache folder, for games that take seconds to make or to explore."""

import hashlib
import io
import json
from pathlib import Path

import numpy as np

from textmaze.files import cache_folder, write_file
from textmaze.game.table import GameTable

# Part of every file's name: change it when a table would be written, or explored, in another way.
FORMAT = "2"

_ARRAYS = {"successor": np.int32, "feedback": np.int32, "description": np.int32, "inventory": np.int32,
           "reward": np.float32, "terminal": np.bool_, "admissible": np.bool_, "won": np.bool_}


def table_path(*key: str | bytes) -> Path:
    """Where the table is kept of the game that `key` tells from all others."""
    digest = hashlib.sha256(FORMAT.encode())
    for part in key:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big"))  # so that "a", "bc" is not "ab", "c"
        digest.update(data)
    return cache_folder() / "tables" / f"{digest.hexdigest()}.npz"


def keep_table(path: Path, table: GameTable) -> None:
    """Write a table, whole or not at all. RunError where the folder does not take it."""
    words = {"texts": list(table.texts), "commands": table.commands, "start": table.start,
             "objective": table.objective}
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        allow_pickle=False,
        words=np.frombuffer(json.dumps(words).encode(), dtype=np.uint8),
        **{name: getattr(table, name) for name in _ARRAYS},
    )
    write_file(path, buffer.getvalue())


def keep_files(path: Path, story: bytes, info: bytes) -> None:
    """Write, in place of a table, the two files of a game that is played live."""
    buffer = io.BytesIO()
    files = {"story": story, "info": info}
    np.savez_compressed(buffer, allow_pickle=False,
                        **{name: np.frombuffer(data, dtype=np.uint8) for name, data in files.items()})
    write_file(path, buffer.getvalue())


def kept_files(path: Path) -> tuple[bytes, bytes] | None:
    """What `keep_files` wrote; None where there is nothing, or nothing that can be read."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            return file["story"].tobytes(), file["info"].tobytes()
    except Exception:  # as below
        return None


def kept_table(path: Path) -> GameTable | None:
    """The table in a file; None where there is none, or none that can be read: it is then made anew."""
    try:
        data = path.read_bytes()
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name].astype(kind, casting="no") for name, kind in _ARRAYS.items()}
            words = json.loads(file["words"].tobytes())
        table = GameTable(**arrays, texts=tuple(words["texts"]), commands=tuple(words["commands"]),
                          start=words["start"], objective=words["objective"])
        return table if _whole(table) else None
    except Exception:  # whatever a damaged file leads to, in zip, zlib, numpy or json: it is no table
        return None


def _whole(table: GameTable) -> bool:
    """Whether every number in the table points at something."""
    states, size = len(table.terminal), (len(table.terminal), len(table.commands))
    texts = np.concatenate([table.feedback.ravel(), table.description, table.inventory, [table.objective]])
    return (
        all(getattr(table, name).shape == size for name in ("successor", "feedback", "reward", "admissible"))
        and all(getattr(table, name).shape == (states,) for name in ("description", "inventory", "won"))
        and 0 <= table.start < states
        and bool(np.all((table.successor >= 0) & (table.successor < states)))
        and bool(np.all((texts >= 0) & (texts < len(table.texts))))
    )
