"""Lines that a player may type in a maze: sense, nonsense, and what lies between."""

import random
import string
from collections.abc import Sequence

from textmaze.game.parser import ARTICLES, SHORT, VERBS

_BEFORE = ("", "", " ", "!", ".")
_AFTER = ("", "", " ", "!", ".", "?", "..", " ; look", ". look")
_ODD = ("", " ", ".", "the", "then", "oops", "undo", "again", "g", "quit", "restart", "save", "xyzzy", "tw-obey")
_PRINTABLE = string.digits + string.ascii_letters + string.punctuation + " "


class Words:
    """What is typed where there are these commands."""

    def __init__(self, commands: Sequence[str], rng: random.Random) -> None:
        self.commands, self.rng = commands, rng
        known = (*commands, *SHORT, *VERBS, *ARTICLES, "then")
        self.vocabulary = sorted({word for text in known for word in text.split()})

    def line(self, admissible: Sequence[str], best: str | None) -> str:
        """A line to type; often the best command, for deep in a maze is more to compare."""
        rng = self.rng
        if best and rng.random() < 0.2:
            return best
        sense = rng.choice(admissible or self.commands)
        command = rng.choice(self.commands)
        kind = rng.random()
        if kind < 0.45:
            return sense
        if kind < 0.6:
            return command
        if kind < 0.65:
            return rng.choice(list(SHORT))
        if kind < 0.9:
            change = rng.choice((self.misspelt, self.shortened, self.reworded, self.dressed))
            return change(rng.choice((sense, command)))
        if kind < 0.95:
            return " ".join(rng.choice(self.vocabulary) for _ in range(rng.randrange(5)))
        return self.garbage()

    def misspelt(self, command: str) -> str:
        letters = list(command)
        for _ in range(self.rng.randint(1, 3)):
            place = self.rng.randint(0, len(letters))
            new = self.rng.choice(string.ascii_letters + " ")
            letters[place:place + self.rng.choice((0, 1, 1, 2))] = self.rng.choice(([], [new], [new, new]))
        return "".join(letters)

    def shortened(self, command: str) -> str:
        """Some words left out."""
        words = command.split()
        return " ".join(word for number, word in enumerate(words) if self.rng.random() < (0.6 if number else 0.95))

    def reworded(self, command: str) -> str:
        """Another word for the verb, or a short form."""
        verb, _, rest = command.partition(" ")
        forms = [form for form, meant in VERBS.items() if meant == verb] + [verb]
        short = [form for form, meant in SHORT.items() if meant == command]
        if short and self.rng.random() < 0.5:
            return self.rng.choice(short)
        rest = self.rng.choice([form for form, meant in SHORT.items() if meant == f"go {rest}"] or [rest])
        return f"{self.rng.choice(forms)} {rest}".strip()

    def dressed(self, command: str) -> str:
        """Articles, capitals, spaces and marks that mean nothing, and some that do."""
        words = []
        for word in command.split():
            words += [self.rng.choice(ARTICLES)] * (self.rng.random() < 0.3) + [word]
        text = (" " * self.rng.choice((1, 1, 2))).join(words)
        text = self.rng.choice((str, str.upper, str.title, str.capitalize))(text)
        return self.rng.choice(_BEFORE) + text + self.rng.choice(_AFTER)

    def garbage(self) -> str:
        kind = self.rng.random()
        if kind < 0.2:
            return self.rng.choice(_ODD)
        if kind < 0.4:
            return " ".join(self.rng.choice(self.vocabulary) for _ in range(self.rng.randrange(40)))
        return "".join(self.rng.choice(_PRINTABLE) for _ in range(self.rng.randrange(200 if kind < 0.5 else 30)))
