"""Asks the person at the keyboard; in a pipe, takes one command a line.

It only asks; what the game says is shown by whoever runs the game, see textmaze/show/session.py. At a terminal,
textmaze/show/prompt.py asks in its place.
"""

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from textmaze.env.rollout import Agent, Leave, Observation
from textmaze.errors import TextmazeError

LEAVING = ("quit", "exit", "q")


@dataclass(frozen=True)
class Settings:
    pass


class Human:
    infos: Sequence[str] = ()

    def __init__(self) -> None:
        with contextlib.suppress(ImportError):  # Windows has no readline, and edits lines without it
            import readline  # noqa: F401 - once imported, input() edits lines and remembers them

    def begin(self, episodes: Sequence[int]) -> None:
        pass  # people remember for themselves

    def act(self, observations: Sequence[Observation]) -> list[str]:
        return [_ask() for _ in observations]


def _ask() -> str:
    """The next line that is not blank; a blank one costs no step."""
    # A prompt belongs on a screen that somebody types at; in a file or a pipe it would be noise.
    typing = sys.stdin.isatty() and sys.stdout.isatty()
    line = ""
    while not line:
        try:
            line = input("> " if typing else "").strip()
        except UnicodeDecodeError as error:
            raise TextmazeError(f"The commands are not {error.encoding} text.") from None
        except (EOFError, KeyboardInterrupt):
            if typing:
                print()  # ends the line with the prompt
            raise Leave from None
    if not sys.stdin.isatty():
        print(f"> {line}")  # so that what a pipe gets reads like a session
    if line.lower() in LEAVING:
        raise Leave
    return line


def make(settings: Settings) -> Agent:
    return Human()
