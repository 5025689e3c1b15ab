"""Everything that textmaze refuses to do, one sentence each. The command line turns these into messages."""

import difflib
from collections.abc import Iterable


class TextmazeError(Exception):
    """Something the user can mend; its text is one sentence that says what was wrong and what is allowed."""


class UnknownNameError(TextmazeError):
    """A name that nothing answers to."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = nearest(name, names)
        hint = f"; did you mean {near!r}?" if near else "."
        super().__init__(f"There is no {kind} named {name!r}{hint} Known: {', '.join(names) or 'none'}.")

    def __reduce__(self) -> tuple[type[TextmazeError], tuple[str]]:
        """What another process is told: the sentence, without what it was made of."""
        return TextmazeError, (str(self),)


class SettingError(TextmazeError):
    """A setting with a value that is not allowed."""


class GameError(TextmazeError):
    """A game that cannot be read, made or played."""


class RunError(TextmazeError):
    """A run folder or a checkpoint that cannot be read or written."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, or None where none is like it."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)), None)
