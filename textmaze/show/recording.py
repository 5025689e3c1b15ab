"""The transcript of a game at the terminal, for whoever asks for one while it is played."""

import os
from collections.abc import Sequence
from pathlib import Path

from textmaze.env.rollout import StepRecord
from textmaze.errors import TextmazeError
from textmaze.files import write_file
from textmaze.show.formats import jsonl
from textmaze.show.transcript import Header, by_episode


class Recording:
    """Writes the game from its start, whenever that is asked for.

    Args:
        header: of the game.
        usual: the file's name where nobody gives one.
    """

    def __init__(self, header: Header, usual: str) -> None:
        self._header, self._usual = header, usual
        self._path: Path | None = None  # the file that is being written

    def told(self, words: Sequence[str], records: Sequence[StepRecord]) -> str:
        """Do what `transcript` with these words asks for; what to say of it."""
        if words[:1] == ("off",):
            if self._path is None:
                raise TextmazeError("No transcript is being written.")
            path, self._path = self._path, None
            self._write(path, records)
            return f"Written: {path}"
        path = Path(words[1] if len(words) > 1 else self._usual)
        if not str(path).isprintable():
            raise TextmazeError("That cannot be the name of a file.")
        if os.path.exists(path) and path != self._path:  # unlike Path's, it answers for any name, however long
            raise TextmazeError(f"{path} is there already. Name another file: transcript on FILE")
        self._write(path, records)
        self._path = path
        return f"This game, from its start, is written into {path} when it is over or left."

    def close(self, records: Sequence[StepRecord]) -> None:
        """Write what is to be written, when the game is over or left."""
        if self._path:
            self._write(self._path, records)

    def _write(self, path: Path, records: Sequence[StepRecord]) -> None:
        write_file(path, "".join(jsonl.write(by_episode([records]), self._header)))
