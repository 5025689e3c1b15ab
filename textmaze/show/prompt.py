"""The line that somebody types at a terminal, with a history and with completions of what can be read there."""

import re
from collections.abc import Iterable, Iterator, Sequence

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.output import ColorDepth

from textmaze.catalog import agent_files, pretrained
from textmaze.env.rollout import Leave, Observation
from textmaze.show.orders import ORDERS, SLASH
from textmaze.show.saves import saved

_BETWEEN = re.compile(r" (?:with|from|into|in|on|to|at) ")  # two nouns of a command
_ALONE = ("look", "inventory", "wait")
_AHEAD = {"forward": ("forward", "front", "ahead")}
_MENU = 6  # lines of completions that are shown at once


def suggestions(commands: Sequence[str], seen: Observation) -> list[str]:
    """The commands that consist of what a player reads at this moment, and those that need nothing.

    Whether a command would do anything is no matter: which key fits is for the player to find out. Where no way is
    told of, as in the dark, all are.
    """
    text = " ".join(f"{seen.text.replace(seen.objective, '')}\n{seen.description}\n{seen.inventory}".lower().split())
    found = [command for command in commands if command in _ALONE or _told(command, text)]
    if any(command.startswith("go ") for command in found):
        return found
    return [command for command in commands if command.startswith("go ") or command in found]


def _told(command: str, text: str) -> bool:
    verb, _, nouns = command.partition(" ")
    if not nouns:
        return False
    if verb == "go":
        return any(_stands(word, text) for word in _AHEAD.get(nouns, (nouns,)))
    return all(_stands(noun, text) for noun in _BETWEEN.split(nouns))


def _stands(words: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(words.lower())}(?!\w)", text) is not None


class Suggest(Completer):
    """Completes whole commands, then orders, by their beginning."""

    def __init__(self, commands: Sequence[str]) -> None:
        self.seen: Observation | None = None
        self._commands = commands

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        before = document.text_before_cursor.lstrip()
        typed = " ".join(before.lower().split()) + (" " if before.strip() and before.endswith(" ") else "")
        for text, meaning in self._candidates(typed):
            if text.lower().startswith(typed) and text != typed:
                yield Completion(text, start_position=-len(document.text_before_cursor), display_meta=meaning)

    def _candidates(self, typed: str) -> Iterable[tuple[str, str]]:
        if self.seen:
            yield from ((command, "") for command in suggestions(self._commands, self.seen))
        slash = SLASH if typed.startswith(SLASH) else ""
        yield from ((slash + name, kind.does) for name, kind in ORDERS.items())
        verb = typed.removeprefix(SLASH).partition(" ")[0]
        rests: dict[str, Iterable[str]] = {
            "restore": saved(), "advise": (*pretrained(), *(name for name in agent_files() if name != "human")),
            "transcript": ("on", "off"),
        } if " " in typed else {}
        yield from ((f"{slash}{verb} {rest}", "") for rest in rests.get(verb, ()))


class Prompt:
    """Asks the person at the terminal. Ctrl-C and Ctrl-D leave the game.

    Args:
        commands: all that the game knows; what is suggested is chosen from them.
        typed: what was typed before, which the arrow keys bring back.
        colours: whether there are any.
    """

    infos: Sequence[str] = ()

    def __init__(self, commands: Sequence[str], typed: Sequence[str] = (), *, colours: bool = True) -> None:
        self._suggest = Suggest(commands)
        self._session: PromptSession[str] = PromptSession(
            history=InMemoryHistory(typed), completer=self._suggest, complete_while_typing=True,
            reserve_space_for_menu=_MENU, color_depth=None if colours else ColorDepth.DEPTH_1_BIT,
        )
        self._mark = FormattedText([("bold", "> ")]) if colours else "> "

    def begin(self, episodes: Sequence[int]) -> None:
        pass  # people remember for themselves

    def act(self, observations: Sequence[Observation]) -> list[str]:
        return [self._ask(seen) for seen in observations]

    def _ask(self, seen: Observation) -> str:
        """The next line that is not blank; a blank one costs no step."""
        self._suggest.seen = seen
        line = ""
        while not line:
            try:
                line = self._session.prompt(self._mark).strip()
            except (EOFError, KeyboardInterrupt):
                raise Leave from None
        return line
