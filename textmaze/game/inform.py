"""Writes a maze in Inform 7: tables and sentences for the rules and the parser that are the same for all mazes."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from textmaze.game.inform_parser import PARSER
from textmaze.game.inform_rules import INFORM_7, RULES
from textmaze.game.layout import DIRECTIONS
from textmaze.game.maze import ITEM_KINDS, Maze
from textmaze.game.narrator import (
    ANSWERS,
    DARKNESS,
    When,
    darkness,
    help_text,
    map_text,
    meeting,
    objective,
    outside,
    patrol_far,
    patrol_near,
    sights,
)
from textmaze.game.parser import ARTICLES, CHAINED, EMPTY, LONGEST_LINE, LONGEST_SHOWN, SHORT, TOO_LONG, VERBS
from textmaze.game.rules import CLOSED, LOCKED, LOST, OPEN, SAYINGS, WON, Rules, commands
from textmaze.game.wording import with_article

_NOWHERE = 255  # in a byte of a table, where our own rules have -1
_PLAIN = re.compile(r"[^A-Za-z0-9 .,:;!?-][0-9]*")

_TEMPLATE = """
The {rooms} are rooms.
{names}
{inform_7}
When play begins:
{printed}	do nothing.

Include (-

{tables}
{rules}
{parser}
-).
"""


class Ids(NamedTuple):
    """What TextWorld calls the rooms, items and doors of a maze; if there is a coin, it is the last of the items."""

    rooms: tuple[str, ...]
    items: tuple[str, ...]
    doors: tuple[str, ...]
    names: tuple[tuple[str, str], ...]  # of items and doors: the id, and the name that is read


def inform_source(maze: Maze, ids: Ids) -> str:
    """What is to follow TextWorld's own source."""
    named = (*ids.rooms, *ids.items, *ids.doors, *DIRECTIONS)
    return _TEMPLATE.format(
        rooms=" and the ".join(ids.rooms),  # TextWorld forgets those that no passage of its kind leads to
        names="\n".join(f'The {name} object translates into I6 as "Mz_{name}".' for name in named),
        inform_7=INFORM_7,
        printed="".join(f'\tnow the printed name of {id_} is "{name}";\n' for id_, name in ids.names),
        tables="\n".join((*_constants(maze), *_tables(maze, ids), *_sentences(maze))),
        rules=RULES,
        parser=PARSER,
    )


# -- numbers -------------------------------------------------------------------------------------------------------


def _constants(maze: Maze) -> Iterable[str]:
    values = {
        "MZ_START": maze.start, "MZ_GOAL": maze.goal, "MZ_DOORS": len(maze.doors), "MZ_GATES": len(maze.gates),
        "MZ_ITEMS": len(maze.items), "MZ_PATROLS": len(maze.patrols), "MZ_CYCLE": maze.cycle,
        "MZ_TIMED": maze.timed, "MZ_EGOCENTRIC": maze.frame == "egocentric", "MZ_EXIT_WINS": maze.goal_kind == "exit",
        "MZ_CAUGHT_LOSES": maze.caught == "lost", "MZ_MAP": maze.map,
        "MZ_COMMANDS": sum(map(len, commands(maze).values())),
        "MZ_LONGEST_LINE": LONGEST_LINE, "MZ_LONGEST_SHOWN": LONGEST_SHOWN,
        "MZ_OPEN": OPEN, "MZ_CLOSED": CLOSED, "MZ_LOCKED": LOCKED, "MZ_WON": WON, "MZ_LOST": LOST,
        **{f"MZ_{kind.upper()}": number for number, kind in enumerate(ITEM_KINDS)},
        **{_deed(kind): number for number, kind in enumerate(commands(maze))},
        **{f"SAY_{saying.upper()}": number for number, saying in enumerate(SAYINGS)},
    }
    return (f"Constant {name} {int(value)};" for name, value in values.items())


def _tables(maze: Maze, ids: Ids) -> Iterable[str]:
    closed = [LOCKED if door.key >= 0 else CLOSED for door in maze.doors]
    yield _array("MzNow", "-->", [maze.start, 0, 0, 0, *closed, *[0 for _ in maze.items]])
    yield _bytes("MzExits", [way for room in maze.rooms for way in room.exits])
    yield _bytes("MzDark", [room.dark for room in maze.rooms])
    yield _bytes("MzItemRoom", [item.room for item in maze.items])
    yield _bytes("MzItemKind", [ITEM_KINDS.index(item.kind) for item in maze.items])
    yield _bytes("MzDoorRoom", [door.room for door in maze.doors])
    yield _bytes("MzDoorWay", [door.way for door in maze.doors])
    yield _bytes("MzDoorKey", [door.key for door in maze.doors])
    yield _bytes("MzGateRoom", [gate.room for gate in maze.gates])
    yield _bytes("MzGateWay", [gate.way for gate in maze.gates])
    yield _bytes("MzGateOpens", [gate.opens for gate in maze.gates])
    yield _bytes("MzRoutes", [room for patrol in maze.patrols for room in patrol.route])
    yield _array("MzDeeds", "->", _deeds(maze))
    yield _array("MzRooms", "-->", [f"Mz_{id_}" for id_ in ids.rooms])
    yield _array("MzItemObjects", "-->", [f"Mz_{id_}" for id_ in ids.items])
    yield _array("MzDoorObjects", "-->", [f"Mz_{id_}" for id_ in ids.doors])
    yield _array("MzDirections", "-->", [f"Mz_{way}" for way in DIRECTIONS])


def _deed(kind: str) -> str:
    return f"DEED_{kind.upper().replace(' ', '_')}"


def _deeds(maze: Maze) -> list[str | int]:
    """For each command what it does, and with what."""
    items, doors = range(len(maze.items)), range(len(maze.doors))
    keys = [bit for bit in items if maze.items[bit].kind == "key"]
    parcels = [bit for bit in items if maze.items[bit].kind == "parcel"]
    things: dict[str, Iterable[tuple[int, ...]]] = {
        "go": ((way,) for way in range(6)),
        "take": ((bit,) for bit in items), "drop": ((bit,) for bit in parcels), "examine": ((bit,) for bit in items),
        "open": ((door,) for door in doors), "close": ((door,) for door in doors),
        "examine door": ((door,) for door in doors),
        "unlock": ((door, key) for door in doors if maze.doors[door].key >= 0 for key in keys),
    }
    found: list[str | int] = []
    for kind, names in commands(maze).items():
        for _, with_what in zip(names, things.get(kind, ((),)), strict=False):
            found += [_deed(kind), *(*with_what, 0, 0)[:2]]
    return found


def _bytes(name: str, values: Iterable[int]) -> str:
    return _array(name, "->", [_NOWHERE if value < 0 else int(value) for value in values])


def _array(name: str, kind: str, values: Sequence[str | int]) -> str:
    """An Inform 6 array; two entries more, for one alone would be read as its size."""
    entries = [str(value) for value in (*values, 0, 0)]
    lines = (" ".join(entries[first:first + 30]) for first in range(0, len(entries), 30))
    return f"Array {name} {kind}\n\t" + "\n\t".join(lines) + ";"


# -- words ---------------------------------------------------------------------------------------------------------


def _sentences(maze: Maze) -> Iterable[str]:
    rules = Rules(maze)
    yield f"Constant MZ_DARKNESS {_quoted(DARKNESS)};"
    for name, answer in (("EMPTY", EMPTY), ("TOO_LONG", TOO_LONG), ("CHAINED", CHAINED)):
        yield f"Constant MZ_{name} {_quoted(answer)};"
    yield f"Constant MZ_OUTSIDE {_quoted(outside(maze) if maze.goal_kind == 'exit' else '')};"
    yield _strings("MzCommands", rules.commands)
    yield _strings("MzRoomNames", [room.name for room in maze.rooms])
    yield _strings("MzDarkness", [darkness(maze, room) if maze.rooms[room].dark else "" for room in range(rules.rooms)])
    yield _strings("MzItemNames", [item.name for item in maze.items])
    yield _strings("MzItemsWithArticle", [with_article(item.name) for item in maze.items])
    yield _strings("MzDoorNames", [door.name for door in maze.doors])
    yield _strings("MzGateNames", [gate.name for gate in maze.gates])
    yield _strings("MzMeeting", [meeting(maze, patrol) for patrol in range(len(maze.patrols))])
    yield _strings("MzArticles", ARTICLES)
    yield _strings("MzChains", ["then"])
    yield _strings("MzShort", [text for pair in SHORT.items() for text in pair])
    verbs = sorted(VERBS.items(), key=lambda pair: -len(pair[0].split()))
    yield _strings("MzVerbs", [text for pair in verbs for text in pair])
    for number in range(rules.rooms):
        yield _room(maze, number)
    yield _array("MzSights", "-->", [f"MzSights{number}" for number in range(rules.rooms)])
    yield _patrols(maze)
    yield _routine("MzObjective", [_print(objective(maze))])
    yield _routine("MzHelp", [_print(help_text(maze))])
    yield _routine("MzMap", [_print(map_text(maze))] if maze.map else [])
    yield _routine("MzItem item", ["print (string) MzItemNames-->item;"])
    yield _routine("MzDoor door", ["print (string) MzDoorNames-->door;"])
    yield _routine("MzGate gate", ["print (string) MzGateNames-->gate;"])
    yield _answers()


def _room(maze: Maze, number: int) -> str:
    """What is seen in a room where there is light."""
    seen = [list(sights(maze, number, heading)) for heading in _headings(maze)]
    lines = []
    for index, views in enumerate(zip(*seen, strict=True)):
        when = views[0][0]
        space = " " if index else ""  # the first sentence is always said
        lines.append(_condition(when) + _by_heading([space + say() for _, say in views]))
    return _routine(f"MzSights{number}", lines)


def _headings(maze: Maze) -> range:
    return range(4 if maze.frame == "egocentric" else 1)


def _condition(when: When) -> str:
    if when.part == "door":
        return f"if (MzNow-->(MZ_DOOR + {when.number}) == {when.value}) "
    if when.part == "gate":
        return f"if (MzGateOpen({when.number}) == {when.value}) "
    if when.part == "item":
        return f"if (MzHas({when.number}) == {when.value}) "
    return "if (MzNow-->MZ_OUTCOME ~= MZ_WON) " if when.part == "coin" else ""


def _by_heading(texts: Sequence[str]) -> str:
    """Print the text for the way that the player faces."""
    if len(set(texts)) == 1:
        return _print(texts[0])
    cases = " ".join(f"{heading}: {_print(text)}" for heading, text in enumerate(texts))
    return f"switch (MzNow-->MZ_HEADING) {{ {cases} }}"


def _patrols(maze: Maze) -> str:
    """How each patrol makes itself felt from each way, one room away and two."""
    told = []
    for name, sentence in (("MzPatrolNear", patrol_near), ("MzPatrolFar", patrol_far)):
        lines = [
            f"{4 * number + way}: {_by_heading([sentence(maze, number, way, heading) for heading in _headings(maze)])}"
            for number in range(len(maze.patrols)) for way in range(4)
        ]
        told.append(_routine(f"{name} which", ["switch (which) {", *lines, "}"] if lines else []))
    return "\n".join(told)


def _answers() -> str:
    lines = [f"SAY_{saying.upper()}: {_filled(ANSWERS[saying])}" for saying in SAYINGS if saying in ANSWERS]
    lines += [f"SAY_{name.upper()}: Mz{name.title()}();" for name in ("map", "help", "inventory", "objective")]
    return _routine("MzSay saying first second", ["switch (saying) {", *lines, "}"])


def _filled(template: str) -> str:
    """An answer in which names are filled in."""
    names = {"{item}": "MzItem(first);", "{door}": "MzDoor(first);", "{gate}": "MzGate(first);",
             "{other}": "MzItem(second);"}
    return " ".join(names.get(part) or _print(part) for part in re.split(r"(\{\w+\})", template) if part)


def _routine(head: str, lines: Sequence[str]) -> str:
    return "\n\t".join((f"[ {head};", *lines)) + "\n];"


def _strings(name: str, texts: Iterable[str]) -> str:
    return f"Array {name} -->\n\t" + "\n\t".join((*map(_quoted, texts), "0 0;"))


def _print(text: str) -> str:
    return "\n\t".join(f"print {_quoted(line)};" for line in re.split(r"(?<=\n)", text) if line)


def _quoted(text: str) -> str:
    """The text as Inform 6 reads it: what is code to it is told by number, with the digits that follow."""
    plain = _PLAIN.sub(lambda found: "".join("^" if c == "\n" else f"@@{ord(c)}" for c in found[0]), text)
    return f'"{plain}"'
