"""Reads a TextWorld game into a `GameTable`, by trying every command in every state in its interpreter."""

import contextlib
import json
import re
import tempfile
import unicodedata
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from textmaze.errors import GameError
from textmaze.game.layout import DIRECTIONS
from textmaze.game.table import GameTable

# States times commands. Each is a step of about a millisecond; a game with loose things soon has millions of
# states, so one that needs more steps than this would most likely be explored for ever.
MAX_CELLS = 100_000

_GOING = tuple(f"go {direction}" for direction in DIRECTIONS)
_ALWAYS = ("look", "inventory", "wait", "help", "goal")
_WON, _LOST = "*** The End ***", "*** You lost! ***"
_OVER = "The game is over."
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


def explore(story: bytes, info: bytes, name: str) -> GameTable:
    """The game whose .z8 holds the bytes `story` and whose .json holds `info`; `name` names it in errors.

    Two situations are one state where TextWorld's facts, the completed quests and the score are equal. What
    depends on anything else, such as the number of turns, is as it was where it was met first.
    """
    check_story(story, name)
    with textworld_at_hand(), tempfile.TemporaryDirectory(prefix="textmaze-") as folder:
        path = Path(folder) / "game.z8"
        path.write_bytes(story)
        game = _read_info(info, name)
        try:
            return _Exploration(path, game, name).table()
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
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


@dataclass
class _State:
    """A state and all it takes to go on from there."""

    saved: Any  # the interpreter's memory
    world: Any  # TextWorld's facts
    actions: list[Any]  # TextWorld's actions that these facts allow
    completed: frozenset[int]  # quests
    score: int
    ended: str  # "", or the banner that the game ended with
    description: str = ""  # only where the game has ended, else `look` tells
    inventory: str = ""


class _Cell(NamedTuple):
    """What a command leads to in a state."""

    successor: int
    feedback: str


class _Exploration:
    """One walk through a game. The interpreter's memory is saved and restored as bytes, which takes 0.03 ms.

    (Copying TextWorld's environment does the same in 110 ms, for it loads the game anew.)
    """

    def __init__(self, path: Path, game: Any, name: str) -> None:
        import jericho
        from textworld.generator.inform7 import Inform7Game

        self.game, self.name = game, name
        self.tracker = Inform7Game(game)
        self.env = jericho.FrotzEnv(str(path), seed=1)
        self.env.reset()
        self._send("tw-trace-actions")
        if "<score>" not in self._send("tw-extra-infos score"):
            raise GameError(f"{name} was not made by TextWorld.")
        self.states: list[_State] = []
        self.number: dict[Any, int] = {}
        self.cells: dict[tuple[int, str], _Cell] = {}
        self.allowed: dict[frozenset[Any], list[Any]] = {}
        world = game.world.state.copy()
        self._state(world, self._completed(world, frozenset()), 0, "")

    def table(self) -> GameTable:
        commands: set[str] = set()
        index = 0
        while index < len(self.states):  # first what TextWorld lists, so that all commands get known ...
            listed = self._listed(self.states[index])
            commands.update(listed)
            for command in listed:
                self._try(index, command)
            index += 1
            if len(self.states) * len(commands) > MAX_CELLS:
                raise GameError(f"{self.name} has too many states to explore: {len(self.states):,} were "
                                f"found so far, with {len(commands)} commands to try in each.")
        columns = (*_GOING, *sorted(commands - {*_GOING, *_ALWAYS}), *_ALWAYS)
        index = 0
        while index < len(self.states):  # ... then all of them everywhere: a table answers as TextWorld does
            for command in columns:
                self._try(index, command)
            index += 1
        return self._table(columns)

    def _listed(self, state: _State) -> list[str]:
        return sorted(set(self.tracker.gen_commands_from_actions(state.actions))) if not state.ended else []

    def _try(self, source: int, command: str) -> None:
        """Find out what a command leads to in a state, unless that is known."""
        if (source, command) in self.cells:
            return
        state = self.states[source]
        if state.ended:
            self.cells[source, command] = _Cell(source, _OVER)
            return
        self.env.set_state(state.saved)
        answer = self._send(command)
        world = self._follow(state, answer)
        ended = next((banner for banner in (_WON, _LOST) if banner in answer), "")
        score = _score(answer, state.score)
        target = source  # where nothing changed; to compare hundreds of facts takes longer than the step
        if world is not state.world or score != state.score or ended:
            completed = self._completed(world, state.completed)
            target = self._state(world, completed, score, ended, source, command)
        feedback = _clean(answer.partition(ended)[0] if ended else answer)
        if ended == _LOST:
            feedback += "\n\nYou have lost."
        self.cells[source, command] = _Cell(target, feedback)

    def _follow(self, state: _State, answer: str) -> Any:
        """The facts after what the game says happened."""
        world, actions = state.world, state.actions
        for event in re.findall(r"\[([^]()]+) - succeeded\]", answer):
            action = self.tracker.detect_action(event, actions)
            if action is not None and (action.added or action.removed):
                if world is state.world:
                    world = world.copy()
                world.apply(action)
                actions = self._allowed(world)
            elif action is None and event.startswith("going "):
                # A way that TextWorld's facts do not tell of, or another game's .json: the rest is wrong.
                raise GameError(f"{self.name} cannot be explored: its .json lacks a way that can be gone.")
        return world

    def _state(self, world: Any, completed: frozenset[int], score: int, ended: str,
               source: int = -1, command: str = "") -> int:
        """The number of a state; a new one is noted as the interpreter stands now."""
        key = (frozenset(world.facts), completed, score, ended)
        found = self.number.get(key)
        if found is None:
            found = self.number[key] = len(self.states)
            actions = [] if ended else self._allowed(world)
            state = _State(self.env.get_state(), world, actions, completed, score, ended)
            if ended:
                self._last_words(state, source, command)
            self.states.append(state)
        return found

    def _last_words(self, state: _State, source: int, command: str) -> None:
        """What is seen at the end, where no `look` is answered any more: the last step again, looking too.

        A loss cuts the turn short: its answer stands for the look, and what was carried before is told.
        """
        self.env.set_state(self.states[source].saved)
        self._send("tw-extra-infos description")
        before = self._send("tw-extra-infos inventory")
        answer = self._send(command)
        state.description = _tag("description", answer) or _clean(answer.partition(state.ended)[0])
        state.inventory = _tag("inventory", answer) or _tag("inventory", before)

    def _allowed(self, world: Any) -> list[Any]:
        """The actions that TextWorld's rules allow; to find them takes 10 ms, so each world is asked once."""
        facts = frozenset(world.facts)
        if facts not in self.allowed:
            base = self.game.kb
            found = world.all_applicable_actions(base.rules.values(), base.types.constants_mapping)
            self.allowed[facts] = list(found)
        return self.allowed[facts]

    def _completed(self, world: Any, before: frozenset[int]) -> frozenset[int]:
        """The quests that are done; one that is done stays done, even when its facts are undone."""
        return before.union(
            index for index, quest in enumerate(self.game.quests)
            if index not in before and any(event.is_triggering(world) for event in quest.win_events)
        )

    def _send(self, command: str) -> str:
        return str(self.env.step(command)[0])

    def _table(self, columns: tuple[str, ...]) -> GameTable:
        number: dict[str, int] = {}

        def texts(found: list[str]) -> Any:
            return np.array([number.setdefault(text, len(number)) for text in found], dtype=np.int32)

        size = len(self.states), len(columns)
        cells = [self.cells[state, command] for state in range(size[0]) for command in columns]
        successor = np.array([cell.successor for cell in cells], dtype=np.int32).reshape(size)
        look = [s.description or self.cells[i, "look"].feedback for i, s in enumerate(self.states)]
        inventory = [s.inventory or self.cells[i, "inventory"].feedback for i, s in enumerate(self.states)]
        objective = int(texts([_clean(self.game.objective or "")])[0])
        score = np.array([state.score for state in self.states], dtype=np.float32)
        won = np.array([state.ended == _WON for state in self.states])
        return GameTable(
            feedback=texts([cell.feedback for cell in cells]).reshape(size),
            description=texts(look),
            inventory=texts(inventory),
            texts=tuple(number),
            commands=columns,
            successor=successor,
            reward=score[successor] - score[:, None],
            terminal=np.array([bool(state.ended) for state in self.states]),
            admissible=successor != np.arange(size[0])[:, None],
            won=won,
            start=0,
            objective=objective,
        )


def _score(answer: str, before: int) -> int:
    """The score after an answer; what it was before, where the command was none that takes a turn."""
    found = re.search(r"<score>\s*(-?\d+)\s*</score>", answer)
    return int(found[1]) if found else before


def _tag(name: str, answer: str) -> str:
    found = re.search(f"<{name}>(.*?)</{name}>", answer, re.DOTALL)
    return _clean(found[1]) if found else ""


def _clean(text: str) -> str:
    """The words alone, in printable ASCII: no prompt with its status line, no tags, no traces of actions."""
    text = re.sub(r"\n>[^\n]*\Z", "", text)
    text = re.sub(r"<(score|moves|description|inventory)>.*?</\1>", "", text, flags=re.DOTALL)
    text = re.sub(r"\[[^]]+\]\n?", "", text)
    text = unicodedata.normalize("NFKD", text.translate(_ASCII)).encode("ascii", "ignore").decode()
    text = "".join(c for c in text if c.isprintable() or c == "\n")
    text = re.sub(r" +$", "", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", text).strip()
