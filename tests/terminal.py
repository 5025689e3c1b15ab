"""A real terminal for tests: a window of tmux, typed into and read as a person would."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import pytest

import textmaze

PATIENCE = 60.0  # seconds until what is waited for must have come, on a machine however busy


class Terminal:
    """A command that runs in a window of 80x24.

    Args:
        folder: where it runs, and where its saved games lie.
        arguments: of `textmaze`.
        program: what runs in place of `textmaze`.
        variables: what is set beside the usual ones.
    """

    def __init__(self, folder: Path, *arguments: str, program: Sequence[str] = (), width: int = 80, height: int = 24,
                 **variables: str) -> None:
        if shutil.which("tmux") is None:
            pytest.skip("tmux is not installed")
        self.folder = folder
        self._short = tempfile.TemporaryDirectory(prefix="tmux-")  # the path of a socket must be short
        self._socket = str(Path(self._short.name) / "socket")
        settings = {"TEXTMAZE_SAVES": str(folder / "saves"), "PYTHONPATH": str(Path(textmaze.__file__).parents[1]),
                    "LC_ALL": "C.UTF-8", **variables}
        program = program or [sys.executable, "-m", "textmaze.cli"]
        words = [*(f"{name}={value}" for name, value in settings.items()), *program]
        unset = " ".join(f"-u {name}" for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"))
        command = f"env {unset} {shlex.join([*words, *arguments])}; echo Ended with $?.; sleep 600"
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height), "-c", str(folder),
                   command)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], capture_output=True)
        self._short.cleanup()

    def _tmux(self, *arguments: str) -> str:
        return subprocess.run(["tmux", "-S", self._socket, *arguments], check=True, capture_output=True,
                              text=True).stdout

    def screen(self, *options: str) -> str:
        """What can be seen; with `-S -` all since the start, with `-e` with its colours."""
        return self._tmux("capture-pane", "-p", *options)

    def wait(self, pattern: str, *, times: int = 1) -> str:
        """Everything that was shown, as soon as a pattern stands in it so often."""
        end = time.monotonic() + PATIENCE
        while True:
            shown = self.screen("-S", "-")
            if len(re.findall(pattern, shown, re.MULTILINE)) >= times:
                return shown
            assert time.monotonic() < end, f"no {pattern!r} in:\n{shown}"
            time.sleep(0.05)

    def asked(self, times: int) -> str:
        """Everything that was shown, as soon as the game has asked so often, this time included."""
        return self.wait(r"^> ?", times=times)

    def keys(self, *keys: str) -> None:
        """Press keys: text as it stands, or a key by tmux's name."""
        self._tmux("send-keys", *keys)

    def resize(self, width: int, height: int) -> None:
        """Change the size of the window; what runs in it knows then."""
        self._tmux("resize-window", "-x", str(width), "-y", str(height))
        with open(self._tmux("display-message", "-p", "#{pane_tty}").strip(), "rb", buffering=0) as tty:
            end = time.monotonic() + PATIENCE
            while os.get_terminal_size(tty.fileno()) != (width, height):  # tmux tells of it a little later
                assert time.monotonic() < end
                time.sleep(0.05)


class Player:
    """Somebody who types line after line, and reads each answer before the next."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self._asked = 1
        self.first = terminal.asked(1)

    def type(self, line: str, key: str = "", becomes: str = "") -> str:
        """Type a line, press a key that makes it become another, if any, and Enter; what was shown since."""
        self.terminal.asked(self._asked)
        self.terminal.keys("-l", line)
        if key:
            self.terminal.keys(key)
            self.terminal.wait(f"^> {becomes}$")
        self.terminal.keys("Enter")
        self._asked += 1
        shown = self.terminal.asked(self._asked)
        return shown[[found.start() for found in re.finditer("^>", shown, re.MULTILINE)][self._asked - 2]:]

    def leave(self, line: str) -> str:
        """Type what ends the game; all that was shown."""
        self.terminal.keys("-l", line)
        self.terminal.keys("Enter")
        return self.terminal.wait(r"^Ended with \d+\.")
