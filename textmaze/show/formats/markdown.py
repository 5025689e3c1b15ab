"""For people: a Markdown page with a heading an episode, and every text word for word."""

import re
from collections.abc import Iterable, Iterator

from textmaze.show.printable import printable_line
from textmaze.show.transcript import Episode, Header, verdict

SUFFIXES = (".md", ".markdown")
LOST = ("Markdown keeps what was read and typed, but not what else could be done, what was carried and how far it was "
        "to a win.")


def write(episodes: Iterable[Episode], header: Header) -> Iterator[str]:
    """The paragraphs of a page."""
    facts = [f"textmaze {header.versions.get('textmaze')}"]
    for play in header.plays[:1] if len(header.plays) == 1 else ():
        settings = dict(play.sources[0].settings) if len(play.sources) == 1 else {}
        for name in ("title", "summary"):  # the summary tells of the recipe as it is, without what was laid over it
            settings.pop(name, None)
        facts += [f"split {play.split}", *(f"{name.replace('_', ' ')} {value}" for name, value in settings.items())]
    yield f"# {escape(header.title)}\n\n{escape(', '.join(facts))}.\n"
    for episode in episodes:
        play = header.play(episode[0].episode)
        who = f", {escape(play.agent)} in {escape(play.game)}" if len(header.plays) > 1 else ""
        yield f"\n## Episode {episode[0].episode}, seed {episode[0].seed}{who}\n\n"
        yield f"{_prose(episode[0].before.text)}\n"
        for record in episode:
            yield f"\n> {escape(' '.join(record.command.split()))}\n\n{_prose(record.feedback)}\n"
        yield f"\n**{verdict(episode)}**\n"


def _prose(text: str) -> str:
    """A game's text as Markdown paragraphs, one a line, that show it word for word."""
    return "\n\n".join(escape(line.strip()) for line in text.split("\n") if line.strip())


def escape(text: str) -> str:
    """One line of text with everything escaped that Markdown would read as more than text."""
    # A stray byte that was typed must not stop the writing.
    text = printable_line(text.encode("utf-8", "replace").decode())
    text = re.sub(r"([\\`*_<>\[\]&~|])", r"\\\1", text)
    return re.sub(r"^(\d*)(#|[-+.)](?=\s)|-+$|=+$)", r"\1\\\2", text)
