"""Where a TextWorld game stands: the interpreter's memory beside TextWorld's facts, and how a command changes both."""

import contextlib
import json
import math
import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from textmaze.errors import GameError
from textmaze.game.interpreter import Interpreter, Moment, Outcome

WON, LOST = "*** The End ***", "*** You lost! ***"
OVER = "The game is over."
# What changes nothing, but tells what must be known: the recipe of tw-cooking, and what is wanted in tw-simple.
READING = ("examine cookbook", "examine note")
_LONGEST_COMMAND = 198  # bytes; the interpreter's buffer holds no more
_NO_MOVES = {"q", "quit", "restart", "restore", "save", "script", "transcript", "undo"}  # they speak to the interpreter
_ASCII = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-",
                        "\u2014": "-", "\u2026": "...", "\t": " ", "\r": "\n"})


@contextlib.contextmanager
def textworld_at_hand() -> Iterator[None]:
    """Import textworld, which takes up to 2 s the first time, and keep its warnings from the user."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import textworld  # noqa: F401
        except ImportError as error:
            raise GameError(f"This needs TextWorld, which cannot be imported here ({error}): "
                            "install it with `pip install textworld`.") from None
        yield


class Deed(NamedTuple):
    """One of TextWorld's actions. Sets of facts are the bits of a number."""

    command: str  # "" where it cannot be typed
    event: str  # what the interpreter reports when it happens
    added: int
    removed: int
    after: int  # all that is certain then

    @property
    def changes(self) -> bool:
        return bool(self.added or self.removed)


@dataclass(frozen=True, slots=True)
class Situation:
    """A state of a game and all it takes to go on from there: some 3 kB."""

    moment: Moment
    facts: int
    completed: int  # quests
    score: int
    ended: str = ""  # or the banner that the game ended with
    description: str = ""  # only where the game has ended, else `look` tells
    inventory: str = ""

    @property
    def key(self) -> tuple[int, int, int, str]:
        """What tells states apart. What depends on anything else, such as the number of turns, is not told apart."""
        return self.facts, self.completed, self.score, self.ended


class StoryWorld:
    """A TextWorld game in its interpreter: how its situations follow from each other."""

    def __init__(self, story: bytes, info: bytes, name: str) -> None:
        check_story(story, name)
        self.name, self.story = name, story
        self._numbers: dict[Any, int] = {}  # of facts
        self._facts: list[Any] = []
        self._deeds: dict[tuple[str, ...], Deed] = {}
        self._allowed: dict[int, tuple[Deed, ...]] = {}
        with textworld_at_hand(), one_sentence(name):
            from textworld.generator.inform7 import Inform7Game

            self.game = _read_info(info, name)
            self._tracker = Inform7Game(self.game)
            self.interpreter = Interpreter(story, name)
            self._goals = [[self._set(event.condition.preconditions) for event in quest.win_events]
                           for quest in self.game.quests]
            # What loses at once, or wins as all that there is to do.
            last = [quest for quest in self.game.quests if quest.win_events]
            self._endings = [self._set(event.condition.preconditions) for quest in self.game.quests
                             for event in (*quest.fail_events, *(quest.win_events if [quest] == last else ()))]
            facts = self._set(self.game.world.state.facts)
            self.first = Situation(self.interpreter.moment(), facts, self._completed(facts, 0), 0)
            self.objective = clean(self.game.objective or "")

    @property
    def walkthrough(self) -> tuple[str, ...]:
        """TextWorld's own way to win, where the .json tells one."""
        found = self.game.metadata.get("walkthrough") if isinstance(self.game.metadata, dict) else None
        told = found if isinstance(found, list) and all(isinstance(command, str) for command in found) else ()
        return tuple(told)

    def deeds(self, facts: int) -> tuple[Deed, ...]:
        """What TextWorld's rules allow, those with most conditions first. To find it takes 1 ms, so it is kept."""
        found = self._allowed.get(facts)
        if found is None:
            from textworld.logic import State

            base = self.game.kb
            world = State(base.logic, [self._facts[bit] for bit in _bits(facts)])
            actions = world.all_applicable_actions(base.rules.values(), base.types.constants_mapping)
            ordered = sorted(actions, key=lambda action: -len(action.preconditions))
            found = self._allowed[facts] = tuple(map(self._deed, ordered))
        return found

    def listed(self, situation: Situation) -> list[str]:
        """The commands that TextWorld lists."""
        return [] if situation.ended else sorted({deed.command for deed in self.deeds(situation.facts)} - {""})

    def effective(self, situation: Situation) -> list[str]:
        """Those that change something, as the facts tell: nothing need be tried for it; and those of `READING`."""
        if situation.ended:
            return []
        deeds = self.deeds(situation.facts)
        return sorted({deed.command for deed in deeds if deed.changes or deed.command in READING} - {""})

    def all_commands(self) -> set[str]:
        """Every command that TextWorld can ever list: those that it would list if no fact were ever lost."""
        facts, commands, before = self.first.facts, set[str](), -1
        while facts != before:
            before = facts
            for deed in self.deeds(before):
                commands.add(deed.command)
                if not self._ends(deed):
                    facts |= deed.added
            del self._allowed[before]  # no real state
        return commands - {""}

    def guess(self) -> float:
        """Roughly how many states times commands there are: were each thing free to be wherever it can ever be."""
        commands = len(self.all_commands())
        changing = 0
        for deed in self._deeds.values():
            changing |= deed.removed if self._ends(deed) else deed.added | deed.removed
        things = [fact.arguments[0] for bit in _bits(changing) if (fact := self._facts[bit]).arguments]
        # Which ways are free follows from the doors.
        return commands * math.prod(map(float, Counter(thing.name for thing in things if thing.type != "r").values()))

    def after(self, situation: Situation, command: str, outcome: Outcome) -> tuple[str, Situation]:
        """What a player reads after a command, and what follows; the situation itself where nothing changed."""
        answer = outcome.answer
        facts = self._follow(situation.facts, answer)
        score = _score(answer, situation.score)
        ended = next((banner for banner in (WON, LOST) if banner in answer), "")
        feedback = clean(answer.partition(ended)[0] if ended else answer)
        if ended == LOST:
            feedback += "\n\nYou have lost."
        if facts == situation.facts and score == situation.score and not ended:
            return feedback, situation
        completed = self._completed(facts, situation.completed)
        # A game that ends without any action that succeeded cannot go on, so it needs no moment of its own.
        moment = outcome.after or situation.moment
        words = self._last_words(situation, command, ended) if ended else ("", "")
        return feedback, Situation(moment, facts, completed, score, ended, *words)

    def _last_words(self, before: Situation, command: str, ended: str) -> tuple[str, str]:
        """What is seen at the end, where no `look` is answered any more: the last step again, looking too.

        A loss cuts the turn short: its answer stands for the look, and what was carried before is told.
        """
        self.interpreter.go_to(before.moment)
        self.interpreter.send("tw-extra-infos description")
        carried = self.interpreter.send("tw-extra-infos inventory")
        answer = self.interpreter.send(command)
        description = _tag("description", answer) or clean(answer.partition(ended)[0])
        return description, _tag("inventory", answer) or _tag("inventory", carried)

    def _ends(self, deed: Deed) -> bool:
        """Whether the game is over wherever this was done."""
        return any(deed.after & ending == ending for ending in self._endings)

    def _follow(self, facts: int, answer: str) -> int:
        """The facts after what the game says happened."""
        for event in re.findall(r"\[([^]()]+) - succeeded\]", answer):
            deed = next((deed for deed in self.deeds(facts) if deed.event == event.lower()), None)
            if deed is not None:
                facts = (facts | deed.added) & ~deed.removed
            elif event.startswith("going "):
                # A way that TextWorld's facts do not tell of, or another game's .json: the rest is wrong.
                raise GameError(f"{self.name} cannot be played: its .json lacks a way that can be gone.")
        return facts

    def _completed(self, facts: int, before: int) -> int:
        """The quests that are done; one that is done stays done, even when its facts are undone."""
        for index, events in enumerate(self._goals):
            if any(facts & event == event for event in events):
                before |= 1 << index
        return before

    def _deed(self, action: Any) -> Deed:
        key = (action.name, *(variable.name for variable in action.variables))
        found = self._deeds.get(key)
        if found is None:
            (command,) = self._tracker.gen_commands_from_actions([action])
            event = self.game.kb.inform7_events[action.name].format(**self._tracker._get_name_mapping(action))
            found = Deed(_typed(command), event.lower(), self._set(action.added), self._set(action.removed),
                         self._set(action.postconditions))
            self._deeds[key] = found
        return found

    def _set(self, facts: Iterable[Any]) -> int:
        """A set of facts as a number."""
        found = 0
        for fact in facts:
            number = self._numbers.setdefault(fact, len(self._facts))
            if number == len(self._facts):
                self._facts.append(fact)
            found |= 1 << number
        return found


@contextlib.contextmanager
def one_sentence(name: str) -> Iterator[None]:
    """What a .json that is not that of its story makes TextWorld raise, as a GameError."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise GameError(f"{name} cannot be explored: its .json is not that of this game.") from error


def check_story(story: bytes, name: str) -> None:
    """Raise GameError unless the bytes are a whole Z-machine story of version 8.

    The interpreter is C code that crashes or hangs on a damaged file; the header says how long the file must
    be, and what its bytes must add up to.
    """
    if len(story) < 64 or story[0] != 8:
        raise GameError(f"{name} is not a Z-machine game of version 8.")
    length, checksum = 8 * int.from_bytes(story[0x1A:0x1C], "big"), int.from_bytes(story[0x1C:0x1E], "big")
    # A file may be longer than its game, for it may be padded to a whole number of blocks.
    if not 64 <= length <= len(story) or sum(story[64:length]) % 65536 != checksum:
        raise GameError(f"{name} is damaged: its length or checksum is not what its header says.")


def _read_info(info: bytes, name: str) -> Any:
    from textworld import Game

    where = Path(name).with_suffix(".json").name
    try:
        data = json.loads(info)
    except (ValueError, RecursionError) as error:
        raise GameError(f"{where} is not valid JSON: {error}.") from None
    try:
        return Game.deserialize(data)
    except Exception:  # what a stranger's file makes TextWorld raise is anybody's guess
        raise GameError(f"{where} does not describe a TextWorld game.") from None


def _typed(command: str) -> str:
    """The command, or "" where no player could type it: in TextWorld neither, or it would speak to the interpreter."""
    words = command.split()
    plain = command.isascii() and command.isprintable() and len(command) <= _LONGEST_COMMAND
    if not words or not plain or any(mark in command for mark in ".;") or words[0].lower() in _NO_MOVES:
        return ""
    return command


def _bits(number: int) -> Iterator[int]:
    for bit, digit in enumerate(reversed(bin(number))):
        if digit == "1":
            yield bit


def _score(answer: str, before: int) -> int:
    """The score after an answer; what it was before, where the command was none that takes a turn."""
    found = re.search(r"<score>\s*(-?\d+)\s*</score>", answer)
    return int(found[1]) if found else before


def _tag(name: str, answer: str) -> str:
    found = re.search(f"<{name}>(.*?)</{name}>", answer, re.DOTALL)
    return clean(found[1]) if found else ""


def clean(text: str) -> str:
    """The words alone, in printable ASCII: no prompt with its status line, no tags, no traces of actions."""
    text = re.sub(r"\n>[^\n]*\Z", "", text)
    text = re.sub(r"<(score|moves|description|inventory)>.*?</\1>", "", text, flags=re.DOTALL)
    text = re.sub(r"\[[^]]+\]\n?", "", text)
    text = unicodedata.normalize("NFKD", text.translate(_ASCII)).encode("ascii", "ignore").decode()
    text = "".join(c for c in text if c.isprintable() or c == "\n")
    text = re.sub(r" +$", "", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", text).strip()
