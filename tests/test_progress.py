"""What is shown on a terminal while something is waited for."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest


def shown(folder: Path, *arguments: str) -> str:
    """All that a command writes to a terminal."""
    ours, theirs = pty.openpty()
    settings = {**os.environ, "TERM": "xterm-256color", "TEXTMAZE_CACHE": str(folder / "cache")}
    with subprocess.Popen([sys.executable, "-m", "textmaze.cli", *arguments], cwd=folder, stdin=theirs, stdout=theirs,
                          stderr=theirs, env=settings) as process:
        os.close(theirs)
        read = bytearray()
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:  # this is how a terminal ends here
                break
            if not data:
                break
            read += data
    os.close(ours)
    assert process.returncode == 0, read
    return read.decode()


@pytest.mark.parametrize(("arguments", "waited"), [
    (["evaluate", "bert_q", "corridor", "--episodes", "2", "--set", "encoder=hash"], "bert_q gets ready"),
    (["transcript", "bert_q", "corridor", "--set", "encoder=hash", "--out", "t.jsonl"], "bert_q gets ready"),
    (["make", "corridor", "--out", "maze.z8"], "TextWorld compiles it"),
    (["train", "corridor", "--steps", "50", "--set", "encoder=hash", "--set", "valid_episodes=2", "--episodes", "2"],
     "bert_q gets ready"),
])
def test_whoever_waits_is_told_what_for(arguments, waited, tmp_path):
    assert waited in shown(tmp_path, *arguments)
