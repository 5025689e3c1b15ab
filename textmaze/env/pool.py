"""The tables that a vector environment plays, end to end in flat arrays: what its slots look up in."""

from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textmaze.env.single import opening, table_bytes
from textmaze.errors import GameError
from textmaze.game.table import GameTable

_MOST_NUMBERS = 2**16  # that are remembered: a single game from a file answers to any number
# What a command does in a state. It lies together, so that a step looks into memory at one place; numbers of 4 bytes
# keep that place small.
_CELL = np.dtype([
    ("state", np.int32),  # the state that follows
    ("row", np.int32),  # where the cells of that state begin
    ("text", np.int32),  # what the game answers
    ("reward", np.float32),
])
_TEXTS = ("description", "inventory", "objective")  # infos that are the text of a state


@dataclass(slots=True, eq=False)
class Place:
    """Where in the pool's arrays a table lies."""

    table: GameTable
    first_state: int = 0
    first_cell: int = 0
    first_text: int = 0
    opening: str = ""  # what a player reads first
    columns: Mapping[str, int] = field(default_factory=dict)  # of each command; tables share it

    def row(self, state: int) -> int:
        """Where the cells of one of the table's states begin."""
        return self.first_cell + state * (len(self.table.commands) + 1)


class TablePool:
    """The distinct tables that are played; each lies here once, however many slots play it.

    States and texts are numbered through all tables. The cells of a state, one for each command, stand in a row;
    the first of them, column 0, is what a command does that nobody understands: nothing. So every step is the same
    look-up, whatever was typed. State 0 belongs to no table: it is where slots stand that no game has begun in, or one
    that is played live. Live tables do not lie here, for nobody knows yet how large they are.

    Args:
        load: makes the table of the game with a number.
        infos: what `told` will be asked for.
        spare: how many bytes of tables that nobody plays may be kept, at least; see `keep_only`.
    """

    def __init__(self, load: Callable[[int], GameTable], infos: Sequence[str], spare: int) -> None:
        self._load, self._infos, self._spare = load, infos, spare
        self._numbers: dict[int, Place] = {}  # by the game's number
        self._most = spare
        self._clear()

    def _clear(self) -> None:
        self._places: list[Place] = []  # in the order of their texts
        self._first_texts: list[int] = []
        self._by_table: dict[int, Place] = {}  # by the table's id
        self._columns: dict[tuple[str, ...], dict[str, int]] = {}
        self._choices: dict[tuple[str, ...], dict[bytes, tuple[str, ...]]] = {}
        self.bytes = 0  # that the tables take
        self.cells = self.states = self.texts = 1  # how many there are
        self.cell = np.zeros(1, dtype=_CELL)
        self.terminal = np.zeros(1, dtype=bool)
        self._of_states: dict[str, NDArray[Any]] = {
            name: np.zeros(1, dtype=np.int32) if name in (*_TEXTS, "distance") else np.full(1, None)
            for name in self._infos
        }
        self._strings = np.full(1, None)
        self._rendered = np.ones(1, dtype=bool)

    def place(self, number: int) -> Place:
        """Where the table of the game with this number lies; it is made and laid down where it is not there yet."""
        place = self._numbers.get(number)
        if place is None:
            table = self._load(number)
            if table.live:  # the game itself keeps it, as long as it should be kept
                return Place(table, opening=opening(table), columns=_NoColumns())
            place = self._by_table.get(id(table))
            if place is None:
                place = Place(table)
                self._lay(place)
            if len(self._numbers) < _MOST_NUMBERS:
                self._numbers[number] = place
        return place

    @property
    def crowded(self) -> bool:
        """Whether it is time for `keep_only`."""
        return self.bytes > self._most

    def keep_only(self, played: Collection[Place]) -> None:
        """Drop the tables that nobody plays. The others move, so that states and texts get new numbers.

        Where this is called whenever the pool is `crowded`, the tables that nobody plays never take more memory than
        those that somebody plays, or than `spare` if that is more; and no table is moved often.
        """
        kept = [place for place in self._places if place in played]
        if len(kept) < len(self._places):
            self._clear()
            for place in kept:
                self._lay(place)
            self._numbers = {number: place for number, place in self._numbers.items() if place in played}
        self._most = self.bytes + max(self.bytes, self._spare)

    def text(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """The texts with these numbers, rendered where this is their first use."""
        rendered = self._rendered[numbers]
        if np.count_nonzero(rendered) < len(numbers):
            for number in set(numbers[~rendered].tolist()):
                place = self._places[bisect_right(self._first_texts, number) - 1]
                self._strings[number] = place.table.texts[number - place.first_text]
                self._rendered[number] = True
        return self._strings[numbers]  # type: ignore[no-any-return]

    def told(self, name: str, states: NDArray[Any]) -> NDArray[Any]:
        """The info of this name in each of these states."""
        found = self._of_states[name][states]
        if found.dtype == np.int32:
            found = found.astype(np.int64)
        return self.text(found) if name in _TEXTS else found

    def _lay(self, place: Place) -> None:
        """Put a table behind the others."""
        table = place.table
        states, commands = table.successor.shape
        cells = slice(self.cells, self.cells + states * (commands + 1))
        own = slice(self.states, self.states + states)
        texts = slice(self.texts, self.texts + len(table.texts))
        self._make_room(cells.stop, own.stop, texts.stop)
        self.cells, self.states, self.texts = cells.stop, own.stop, texts.stop
        self.bytes += table_bytes(table)

        grid = self.cell[cells].reshape(states, commands + 1)
        grid["state"][:, 0], grid["state"][:, 1:] = np.arange(states), table.successor
        grid["row"] = grid["state"] * (commands + 1) + cells.start
        grid["state"] += own.start
        grid["text"][:, 0], grid["text"][:, 1:] = 0, table.feedback + texts.start
        grid["reward"][:, 0], grid["reward"][:, 1:] = 0.0, table.reward
        self.terminal[own] = table.terminal
        self._rendered[texts] = False
        for name, values in self._of_states.items():
            values[own] = self._info(name, table, texts.start)

        place.first_state, place.first_cell, place.first_text = own.start, cells.start, texts.start
        place.opening = opening(table)
        if table.commands not in self._columns:
            self._columns[table.commands] = {command: index + 1 for index, command in enumerate(table.commands)}
        place.columns = self._columns[table.commands]
        self._places.append(place)
        self._first_texts.append(texts.start)
        self._by_table[id(table)] = place

    def _make_room(self, cells: int, states: int, texts: int) -> None:
        if cells > np.iinfo(np.int32).max:
            raise GameError(f"Games with {cells:,} cells, states times commands, are too large to be played at once.")
        self.cell, self.terminal = _longer(self.cell, cells), _longer(self.terminal, states)
        self._of_states = {name: _longer(values, states) for name, values in self._of_states.items()}
        self._strings, self._rendered = _longer(self._strings, texts), _longer(self._rendered, texts)

    def _info(self, name: str, table: GameTable, first_text: int) -> Any:
        """One kind of info for all states of a table."""
        if name in _TEXTS:
            return getattr(table, name) + first_text
        if name == "distance":
            return table.distance
        if name == "best_command":
            nearer = table.distance[table.successor] == table.distance[:, None] - 1
            best = np.where(table.distance > 0, nearer.argmax(axis=1), -1)
            return np.array((*table.commands, None), dtype=object)[best]
        assert name == "admissible_commands"
        return self._admissible(table)

    def _admissible(self, table: GameTable) -> NDArray[Any]:
        """The admissible commands of each state. There are few such tuples, so states and tables share them."""
        known = self._choices.setdefault(table.commands, {})
        keys = np.ascontiguousarray(np.packbits(table.admissible, axis=1))
        found = np.empty(len(keys), dtype=object)
        for state, key in enumerate(keys.view(f"S{keys.shape[1]}").ravel().tolist()):
            if key not in known:
                known[key] = tuple(compress(table.commands, table.admissible[state].tolist()))
            found[state] = known[key]
        return found


class _NoColumns(dict[str, int]):
    """The columns of a live table: whatever is typed, nothing happens in the pool."""

    def __missing__(self, command: str) -> int:
        return 0


def _longer(array: NDArray[Any], length: int) -> NDArray[Any]:
    """The array, or one at least this long that begins with it: at least twice as long, so that this is rare."""
    if length <= len(array):
        return array
    longer = np.empty(max(length, 2 * len(array)), dtype=array.dtype)
    longer[: len(array)] = array
    return longer
