"""A recording for asciinema (version 2 of its format): what a terminal would have shown, typed at a human pace."""

import json
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from textmaze.show.printable import printable, printable_line
from textmaze.show.transcript import Episode, Header, verdict

LOST = ("A recording keeps what was read and typed, but not what else could be done, what was carried and how far it "
        "was to a win.")
WIDTH, HEIGHT = 80, 24
# Seconds: between keys, before Enter, for a word that is read, at most for a text, between episodes.
_KEY, _SENT, _WORD, _MOST, _BETWEEN = 0.06, 0.3, 0.08, 4.0, 3.0
_BOLD, _CYAN, _PLAIN = "\x1b[1m", "\x1b[1;36m", "\x1b[0m"


@dataclass
class _Clock:
    now: float = 0.0

    def after(self, seconds: float, text: str) -> str:
        """An event of the recording."""
        self.now += seconds
        return f"{json.dumps([round(self.now, 3), 'o', text])}\n"


def write(episodes: Iterable[Episode], header: Header) -> Iterator[str]:
    """The lines of a recording."""
    yield json.dumps({"version": 2, "width": WIDTH, "height": HEIGHT, "title": printable_line(header.title)}) + "\n"
    clock = _Clock()
    for number, episode in enumerate(episodes):
        play = header.play(episode[0].episode)
        title = printable_line(f"{play.game}, seed {episode[0].seed}, played by {play.agent}")
        yield clock.after(_BETWEEN if number else 0.0, f"\x1b[2J\x1b[H{_BOLD}{title}{_PLAIN}\r\n\r\n")
        yield clock.after(0.0, _screen(episode[0].before.text))
        pause = _reading(episode[0].before.text)
        for record in episode:
            yield clock.after(pause, f"{_BOLD}> ")
            for mark in printable_line(record.command):
                yield clock.after(_KEY, mark)
            yield clock.after(_SENT, f"{_PLAIN}\r\n{_screen(record.feedback)}")
            pause = _reading(record.feedback)
        yield clock.after(pause, f"{_BOLD}{verdict(episode)}{_PLAIN}\r\n")


def _reading(text: str) -> float:
    """Seconds that somebody takes to read a text."""
    return min(_MOST, 0.5 + _WORD * len(text.split()))


def _screen(text: str) -> str:
    """A text wrapped for the screen, with its headings set apart, and an empty line below."""
    lines = [part for line in printable(text.rstrip()).split("\n") for part in textwrap.wrap(line, WIDTH - 1) or [""]]
    shown = (f"{_CYAN}{line}{_PLAIN}" if line.startswith("-=") and line.endswith("=-") else line for line in lines)
    return "".join(f"{line}\r\n" for line in (*shown, ""))

