"""The map of what a player has explored, drawn or told: made from a `Chart`, so nobody learns more than was read.

North is up, and where the player began is the ground floor. What lies so that it cannot be drawn beside the rest, as
rooms may that lead round in a ring of their own, is told below.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from textmaze.env.chart import Chart, Room, beside
from textmaze.game.layout import BACK, DIRECTIONS, WAYS
from textmaze.show.printable import printable

_GAP = 4  # columns between labels, and beside the outermost
_LABEL = 18  # of the widest label
_EXTRA = 4  # of it for brackets and stairs
_NARROW = 7  # below this, labels tell nothing: rooms are drawn as dots
_DOT = 2  # columns of a dot
_NORTH, _EAST, _SOUTH, _WEST, _UP, _DOWN = range(len(WAYS))


@dataclass(frozen=True)
class Marks:
    """The characters of a drawing; the names are those of the legend."""

    across: str = "─"
    along: str = "│"
    one_way: str = "▲>▼<"
    facing: str = "↑→↓←"
    stairs: str = "↑↓"
    room: str = "o"


ASCII = Marks("-", "|", "^>v<", "NESW", "ud")
UNKNOWN, BARRED, ELSEWHERE, ONE_WAY, CUT = "?", "x", "*", ">", "..."
LEGEND = {UNKNOWN: "not taken yet", BARRED: "barred when last seen", ELSEWHERE: "leads elsewhere",
          ONE_WAY: "one way only", CUT: "only what is around you"}


def title(room: Room) -> str:
    """What a room is called: its heading, where the game gives it one."""
    return printable(room.description.partition("\n")[0]).strip("-= ") or "a place without a name"


def floor_name(level: int) -> str:
    if level == 0:
        return "the floor where you began"
    return f"{abs(level)} floor{'s' if abs(level) > 1 else ''} {'up' if level > 0 else 'down'}"


def draw_map(
    chart: Chart, *, width: int = 80, height: int = 200, unicode: bool = True, whole: bool = True,
) -> list[str]:
    """The lines of a map, with a legend of the marks that occur.

    Args:
        chart: what was explored.
        width, height: what it must fit into; where it does not, the part about the player is drawn.
        whole: whether all floors are drawn, and what cannot be drawn is listed; or only where the player is.
    """
    placed = _placed(chart)
    levels = sorted({place[2] for place in placed}, reverse=True) if whole else [chart.room.at[2]]
    marks = Marks() if unicode else ASCII
    several = len({place[2] for place in placed}) > 1
    used: set[str] = set()
    lines: list[str] = []
    for level in levels:
        if several:
            lines.append(f"{floor_name(level).capitalize()}:")
        floor = _Floor(chart, placed, level, width, marks, tall=whole)
        found = floor.lines()
        shown = _window(found, max(3, height - 3), chart.room.at[2] == level)
        lines += [*shown, ""]
        used |= floor.used | ({CUT} if len(shown) < len(found) else set())
    lines += _wrapped(_legend(used, chart, marks), width)
    missing = [room for room in _rooms(chart) if placed.get(room.at) is not room]
    bent = any(_bent(chart, placed, room) for room in _rooms(chart))
    if (missing or bent) and whole:
        lines += ["", "What cannot be drawn so:"]
        lines += [f"  {_told(chart, room)}" for room in _rooms(chart) if room in missing or _bent(chart, placed, room)]
    return lines


def tell_map(chart: Chart) -> str:
    """The same in words: where one is, and all rooms, nearest first, with where their ways lead."""
    facing = "" if chart.compass else f" You face {DIRECTIONS[chart.facing]}, if you faced north at first."
    lines = [f"You know {len(_rooms(chart))} room{'s' if len(_rooms(chart)) != 1 else ''}.{facing}"]
    for room, steps, _ in chart.walks():
        away = "You are here" if steps == 0 else f"{steps} step{'s' if steps > 1 else ''} away"
        lines.append(f"{away}: {_told(chart, room)}")
    return "\n".join(lines)


def _rooms(chart: Chart) -> list[Room]:
    """Every room, once, in the order in which they were found."""
    found = {id(room): room for room in chart.rooms.values()}
    return list(found.values())


def _placed(chart: Chart) -> dict[tuple[int, ...], Room]:
    """What is drawn where: where several rooms would lie on each other, the player's own or the first one found."""
    placed: dict[tuple[int, ...], Room] = {}
    for room in (chart.room, *_rooms(chart)):
        placed.setdefault(room.at, room)
    return placed


def _barred(chart: Chart, room: Room) -> set[int]:
    """The ways that a room tells of, and that could not be taken when it was read last."""
    return chart.told(room.description, room.facing) - set(chart.steps(room))


def _bent(chart: Chart, placed: dict[tuple[int, ...], Room], room: Room) -> bool:
    """Whether a way of this room leads to where it cannot be drawn."""
    return any(target is not None and placed.get(beside(room.at, way)) is not target
               for way, target in room.ways.items())


def _told(chart: Chart, room: Room) -> str:
    """`Larder: north to Hall, east not taken yet.`"""
    ways = [f"{WAYS[way]} {f'to {title(target)}' if target else 'not taken yet'}"
            for way, target in sorted(room.ways.items())]
    ways += [f"{WAYS[way]} barred when last seen" for way in sorted(_barred(chart, room)) if way not in room.ways]
    return f"{title(room)}: {', '.join(ways) or 'no way known'}."


def _legend(used: set[str], chart: Chart, marks: Marks) -> list[str]:
    parts = ["@ you" if "@" in used else "[ ] you"]
    parts += [f"{mark} {what}" for mark, what in LEGEND.items() if mark in used]
    if any(way in (_UP, _DOWN) for room in _rooms(chart) for way in room.ways):
        parts.append(f"{marks.stairs[0]} {marks.stairs[1]} stairs")
    if not chart.compass:
        parts.append("up is where you faced at first")
    return parts


def _wrapped(parts: Sequence[str], width: int) -> list[str]:
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + 3 + len(part) <= width:
            lines[-1] += f"   {part}"
        else:
            lines.append(part)
    return lines


class _Floor:
    """One floor on lines of text: some with the names of rooms, and one below each of these for the ways between."""

    def __init__(
        self, chart: Chart, placed: dict[tuple[int, ...], Room], level: int, width: int, marks: Marks, *, tall: bool,
    ) -> None:
        self._chart, self._placed, self._marks = chart, placed, marks
        self.used: set[str] = set()  # the marks that occur
        rooms = {place: room for place, room in placed.items() if place[2] == level}
        low, high = min(place[0] for place in rooms), max(place[0] for place in rooms)
        middle = chart.room.at[0] if chart.room.at[2] == level else low
        self._left, right = _span(low, high, middle, max(1, (width - _GAP) // (_DOT + _GAP)))
        if (self._left, right) != (low, high):
            self.used.add(CUT)
        count = right - self._left + 1
        longest = max(_NARROW, max(len(title(room)) for room in rooms.values()) + _EXTRA)
        self._wide = min(_LABEL, longest, (width - _GAP * (count + 1)) // count)
        self._lines = 2 if tall else 1  # for a name
        if self._wide < _NARROW:
            self._wide, self._lines = _DOT, 0
        shown = {place: room for place, room in rooms.items() if self._left <= place[0] <= right}
        self._labels = {place: self._label(room) for place, room in shown.items()}
        self._rooms = shown
        self._pitch = 1 + max(len(label) for label in self._labels.values())
        self._top = max(place[1] for place in shown)
        rows = self._top - min(place[1] for place in shown) + 1
        self._canvas = [[" "] * (count * (self._wide + _GAP) + _GAP) for _ in range(rows * self._pitch + 1)]

    def lines(self) -> list[str]:
        for place, label in self._labels.items():
            for number, line in enumerate(label):
                start = self._start(place, line)
                self._canvas[self._row(place) + number][start:start + len(line)] = line
        for place, room in self._rooms.items():
            for way in range(len(DIRECTIONS)):
                mark = self._mark(room, way)
                if mark:
                    draw = self._put_along if way in (_NORTH, _SOUTH) else self._put_across
                    draw(place, room, way, mark)
        found = ["".join(row).rstrip() for row in self._canvas]
        indent = min((len(line) - len(line.lstrip()) for line in found if line), default=0)
        found = "\n".join(line[indent:] for line in found).strip("\n").split("\n")
        return found

    def _label(self, room: Room) -> list[str]:
        """The lines of a room's name and its stairs; in brackets, with what one faces, where the player is."""
        here = room is self._chart.room
        extra = "".join(
            f"{self._marks.stairs[way - _UP]}{UNKNOWN if room.ways[way] is None else ''}"
            for way in (_UP, _DOWN) if way in room.ways)
        if here and not self._chart.compass:
            extra += self._marks.facing[self._chart.facing]
        if not self._lines:
            self.used |= {"@"}
            return [f"{'@' if here else self._marks.room}{extra[:_DOT - 1]}"]
        lines = _packed(title(room).split(), extra, self._wide - 2 * here, self._lines)
        if here:
            lines = [f"{'[' if number == 0 else ' '}{line}{']' if number == len(lines) - 1 else ' '}"
                     for number, line in enumerate(lines)]
        return lines

    def _row(self, place: tuple[int, ...]) -> int:
        """Of the first line of a room's label."""
        return (self._top - place[1]) * self._pitch + 1

    def _column(self, place: tuple[int, ...]) -> int:
        """Where the space for a room's label begins."""
        return _GAP + (place[0] - self._left) * (self._wide + _GAP)

    def _start(self, place: tuple[int, ...], line: str) -> int:
        return self._column(place) + (self._wide - len(line)) // 2

    def _put_along(self, place: tuple[int, ...], room: Room, way: int, mark: str) -> None:
        """A way to the north or the south: all lines from one label to the other."""
        middle = self._column(place) + (self._wide - 1) // 2
        joined = self._joined(place, room, way)
        other = beside(place, way)
        upper, lower = (other, place) if way == _NORTH else (place, other)
        if joined:
            rows = range(self._row(upper) + len(self._labels[upper]), self._row(lower))
            for row in rows:
                self._canvas[row][middle] = self._marks.along
            self._canvas[rows[0 if way == _NORTH else -1]][middle] = mark
            return
        row = self._row(place) - 1 if way == _NORTH else self._row(place) + len(self._labels[place])
        if self._canvas[row][middle] == " ":
            self._canvas[row][middle] = mark

    def _put_across(self, place: tuple[int, ...], room: Room, way: int, mark: str) -> None:
        """A way to the east or the west: a line from one label to the other, or as much as is known of it."""
        row, line = self._row(place), self._labels[place][0]
        start = self._start(place, line)
        end = start + len(line)
        if self._joined(place, room, way):
            there = self._labels[beside(place, way)][0]
            far = self._start(beside(place, way), there)
            first, last = (end + 1, far - 1) if way == _EAST else (far + len(there) + 1, start - 1)
            self._canvas[row][first:last] = self._marks.across * (last - first)
            if mark != self._marks.across:
                self._canvas[row][last - 1 if way == _EAST else first] = mark
        elif way == _EAST:
            self._canvas[row][end + 1] = mark
        else:
            self._canvas[row][start - 2] = mark

    def _joined(self, place: tuple[int, ...], room: Room, way: int) -> bool:
        """Whether a way leads to the room that is drawn beside this one."""
        other = self._rooms.get(beside(place, way))
        return other is not None and room.ways.get(way) is other

    def _mark(self, room: Room, way: int) -> str:
        """What stands for a way: a line or an arrow to a neighbour, or why there is none."""
        mark = ""
        if way not in room.ways:
            mark = BARRED if way in _barred(self._chart, room) else ""
        elif (target := room.ways[way]) is None:
            mark = UNKNOWN
        elif self._placed.get(beside(room.at, way)) is not target:
            mark = ELSEWHERE
        elif target.ways.get(BACK[way]) is not room:
            self.used.add(ONE_WAY)
            return self._marks.one_way[way]
        else:
            return self._marks.along if way in (_NORTH, _SOUTH) else self._marks.across
        self.used.add(mark)
        return mark


def _packed(words: Sequence[str], extra: str, wide: int, most: int) -> list[str]:
    """As many words of a name, from the first, as fit on so many lines; `extra`, if any, ends the last line."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 1 + len(word) <= wide:
            lines[-1] += f" {word}"
        elif len(lines) == most:
            break
        else:
            lines.append(word[:wide])
    if not extra:
        return lines
    if len(lines[-1]) + 1 + len(extra) > wide and len(lines) < most:
        return [*lines, extra]
    while len(lines[-1]) + 1 + len(extra) > wide and " " in lines[-1]:
        lines[-1] = lines[-1].rpartition(" ")[0]
    return [*lines[:-1], f"{lines[-1][:max(1, wide - 1 - len(extra))]} {extra}"]


def _span(low: int, high: int, middle: int, most: int) -> tuple[int, int]:
    """The part of low ... high, at most so long, that has `middle` in it, as far in the middle as can be."""
    if high - low < most:
        return low, high
    first = min(max(low, middle - most // 2), high - most + 1)
    return first, first + most - 1


def _window(lines: Sequence[str], most: int, here: bool) -> list[str]:
    """The lines around the player, where there are too many."""
    at = next((number for number, line in enumerate(lines) if "[" in line), 0) if here else 0
    first, last = _span(0, len(lines) - 1, at, most)
    return list(lines[first:last + 1])
