"""Games that were left or saved: a small JSON with what was played and each command, restored by playing it again."""

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from textmaze import __version__
from textmaze.errors import TextmazeError, UnknownNameError
from textmaze.files import write_file
from textmaze.game.recipe import SPLITS

FORMAT = "textmaze-save-1"
MOST_BYTES = 30_000_000  # of a file that is read: 100,000 commands of the longest kind
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


@dataclass(frozen=True)
class Played:
    """Which game is played: all that is needed to begin it again."""

    source: str  # what `load_game` takes: a name or a path
    overrides: Mapping[str, str]  # and what was laid over it
    split: str
    seed: int


@dataclass(frozen=True)
class Save:
    """A moment of a game: how to begin it, what was typed since, and a digest of what was read then."""

    source: str
    overrides: Mapping[str, str]
    split: str
    seed: int
    commands: Sequence[str]
    read: str  # `digest` of the text that was read last
    textmaze: str = __version__
    format: str = FORMAT

    @property
    def played(self) -> Played:
        return Played(self.source, self.overrides, self.split, self.seed)


def make_save(played: Played, commands: Sequence[str], text: str) -> Save:
    return Save(played.source, dict(played.overrides), played.split, played.seed, list(commands), digest(text))


def digest(text: str) -> str:
    """What shows, when a game is restored, whether it still says the same."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def saves_folder() -> Path:
    """Where games are kept; TEXTMAZE_SAVES names another place."""
    import platformdirs

    return Path(os.environ.get("TEXTMAZE_SAVES") or Path(platformdirs.user_data_dir("textmaze", False)) / "saves")


def saved() -> list[str]:
    """The names of all saved games, the latest first."""
    found = [(path.stat().st_mtime_ns, path.stem) for path in saves_folder().glob("*.json")]
    return [name for _, name in sorted(found, reverse=True)]


def write_save(name: str, save: Save) -> None:
    """Keep a moment under a name, in place of what had that name."""
    write_file(_path(name), f"{json.dumps(asdict(save))}\n")


def remove_save(name: str) -> None:
    """Forget what was saved under a name, if anything was."""
    _path(name).unlink(missing_ok=True)


def read_save(name: str) -> Save:
    """What was saved under a name. TextmazeError where nothing was, or where the file is damaged."""
    path = _path(name)
    if not path.is_file():
        raise UnknownNameError("saved game", name, saved())
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise TextmazeError(f"{path} cannot be read: {error.strerror or error}.") from None
    if len(data) > MOST_BYTES:
        raise TextmazeError(f"{path} is larger than {MOST_BYTES:,} bytes, too large for a saved game.")
    try:
        content = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise TextmazeError(f"{path} is no saved game: it is not valid JSON.") from None
    return _checked(content, path)


def safe_name(text: str) -> str:
    """A text as part of a name that a save may have."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:40] or "game"


def _path(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise TextmazeError(f"A saved game cannot be called {name[:60]!r}: use up to 60 letters, digits, '.', '-' "
                            "and '_', the first of them a letter or a digit.")
    return saves_folder() / f"{name}.json"


def _checked(content: Any, path: Path) -> Save:
    names = {field.name for field in fields(Save)}
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise TextmazeError(f"{path} is no saved game: it lacks the format {FORMAT!r}.")
    types = {"seed": int, "commands": list, "overrides": dict}
    for name in {**dict.fromkeys(sorted(names)), **content}:
        if name not in content or name not in names:
            raise TextmazeError(f"{path} {'lacks' if name in names else 'has an unknown'} {name!r}.")
        if type(content[name]) is not types.get(name, str):
            raise TextmazeError(f"{path}: {name} must be of the type {types.get(name, str).__name__}.")
    texts = [*content["commands"], *content["overrides"], *content["overrides"].values()]
    if not all(isinstance(text, str) for text in texts):
        raise TextmazeError(f"{path}: commands and overrides must hold nothing but text.")
    if content["split"] not in SPLITS or not 0 <= content["seed"] < 2**31:
        raise TextmazeError(f"{path}: split must be one of {', '.join(SPLITS)}, and seed from 0 to {2**31 - 1}.")
    return Save(**content)
