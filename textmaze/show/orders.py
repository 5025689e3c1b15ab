"""What a player tells the program and not the game: `map`, `undo`, `save` and their like. They cost no step.

A game's own words come first: where it has a command that begins with such a word, the word alone means the game's,
and the order is given with a slash before it, `/map`. So it can be given in any game. The one exception is `help`:
it shows the game's own help as well.
"""

from collections.abc import Collection
from dataclasses import dataclass

from textmaze.errors import TextmazeError, UnknownNameError

SLASH = "/"


@dataclass(frozen=True)
class Kind:
    """An order: how it is written, and what it does."""

    usage: str
    does: str
    words: int = 0  # that may follow


ORDERS = {
    "help": Kind("help", "this page"),
    "map": Kind("map", "what you have explored so far"),
    "hint": Kind("hint", "the next step; asked again, one step more each time"),
    "undo": Kind("undo", "take the last command back"),
    "restart": Kind("restart", "begin this game again"),
    "save": Kind("save [NAME]", "keep this moment, to come back to it", 1),
    "restore": Kind("restore [NAME]", "go back to a moment that was saved", 1),
    "score": Kind("score", "what you have done, and what you are here for"),
    "advise": Kind("advise [AGENT]", "what an agent would do in your place", 1),
    "transcript": Kind("transcript on|off [FILE]", "write this game into a file", 2),
    "quit": Kind("quit", "leave; the game is kept"),
}
LEAVING = ("quit", "exit", "q")
_ALSO = {"exit": "quit", "q": "quit", "hints": "hint", "advice": "advise", "load": "restore", "?": "help", "h": "help"}


@dataclass(frozen=True)
class Order:
    """An order that was given, with the words that followed."""

    name: str
    words: tuple[str, ...] = ()


def read_order(line: str, commands: Collection[str]) -> Order | None:
    """The order in a line that was typed; None where the line is meant for the game.

    Args:
        line: what was typed.
        commands: all that the game knows.

    Raises:
        TextmazeError: a line that begins with a slash is no order.
    """
    words = line.strip().removeprefix(SLASH).split()
    slash = line.strip().startswith(SLASH)
    if not words:
        if slash:
            raise TextmazeError("Orders are " + ", ".join(f"{SLASH}{name}" for name in ORDERS) + ".")
        return None
    first = words[0].lower()
    name = _ALSO.get(first, first)
    if name not in ORDERS:
        if slash:
            raise UnknownNameError("order", first, ORDERS)
        return None
    if not slash and (len(words) - 1 > ORDERS[name].words or _taken(first, commands)):
        return None
    if name == "transcript" and words[1:2] and words[1].lower() not in ("on", "off"):
        if not slash:
            return None
        raise TextmazeError("Type transcript on, transcript on FILE, or transcript off.")
    return Order(name, tuple(words[1:]))


def _taken(word: str, commands: Collection[str]) -> bool:
    """Whether a word means something to the game itself."""
    return word not in ("help", "h", "?") and any(command.partition(" ")[0] == word for command in commands)


def help_page(game: str, commands: Collection[str]) -> str:
    """How to play: what the game says of it, and the orders."""
    width = max(len(kind.usage) for kind in ORDERS.values()) + 1
    lines = []
    for name, kind in ORDERS.items():
        usage = f"{SLASH}{kind.usage}" if _taken(name, commands) else kind.usage
        lines.append(f"  {usage:<{width}}  {kind.does}")
    return (f"{game}\n\nThese cost no step:\n" + "\n".join(lines) +
            f"\n\nWhere the game has such a word of its own, put a {SLASH} before: {SLASH}map. On a terminal, Tab "
            "completes what you type and the arrow keys bring back what you typed.")
