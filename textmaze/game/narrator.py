"""Says in English what the rules tell in codes. Each text is rendered when it is first read."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from textmaze.game.layout import BACK, DIRECTIONS, WAYS
from textmaze.game.maze import Maze
from textmaze.game.rules import CLOSED, LOCKED, OPEN, SEEN_FROM_PLAYER, WON, Rules, Told, View, gate_open
from textmaze.game.wording import (
    choose,
    fill,
    fill_ways,
    joined,
    listed,
    pick,
    turned,
    voice_of,
    way_sentence,
    way_words,
    with_article,
)

# Answers that are the same in all themes; where Inform 7 has an answer of its own, these are its words.
ANSWERS = {
    "no_way": "You can't go that way.",
    "not_here": "You can't see any such thing.",
    "gate_shut": "The {gate} is shut.",
    "door_open": "The {door} is open.",
    "door_closed": "The {door} is closed.",
    "door_locked": "The {door} is locked.",
    "opened": "You open the {door}.",
    "open_already": "The {door} is open already.",
    "closed": "You close the {door}.",
    "closed_already": "The {door} is closed already.",
    "unlocked": "You unlock the {door} with the {other}.",
    "not_locked": "The {door} is not locked.",
    "does_not_fit": "The {other} does not fit the {door}.",
    "lacks": "You do not have the {item}.",
    "taken": "You take the {item}.",
    "taken_already": "You have the {item} already.",
    "took_coin": "You pick up the coin. That is what you came for: you have won!",
    "delivered": "You put down the {item}. This is where it belongs: you have won!",
    "wrong_place": "This is not where the {item} belongs.",
    "plain": "You see nothing special about the {item}.",
    "coin_plain": "It is the coin that you came for.",
    "wait": "Time passes.",
    "over": "The game is over.",
}
DARKNESS = "Darkness"  # the heading of every place where nothing can be seen


def render(rules: Rules, text: int) -> str:
    """The text with this code. The same maze and code give the same text."""
    maze, told = rules.maze, rules.told(text)
    if told.look is None:
        return _answer(maze, told)
    look = describe(maze, told.look)
    if not told.saying:
        return look
    if told.saying == "wait":
        return f"{ANSWERS['wait']}\n\n{look}"
    return f"{meeting(maze, told.first)}\n\n{look}"


def _answer(maze: Maze, told: Told) -> str:
    if told.saying == "objective":
        return objective(maze)
    if told.saying == "inventory":
        return inventory(maze, told.first)
    if told.saying == "help":
        return help_text(maze)
    if told.saying == "map":
        return map_text(maze)
    if told.saying == "caught":
        return meeting(maze, told.first)
    template = ANSWERS[told.saying]
    names = {
        kind: things[told.first].name
        for kind, things in (("item", maze.items), ("door", maze.doors), ("gate", maze.gates))
        if f"{{{kind}}}" in template
    }
    other = maze.items[told.second].name if "{other}" in template else ""
    return template.format(**names, other=other)


class When(NamedTuple):
    """The part of a state on which it hangs whether a sentence is said, and the value for which it is."""

    part: str = ""  # door, gate, item or coin; "" for what is always said
    number: int = 0
    value: int = 0

    def holds(self, maze: Maze, view: View) -> bool:
        if self.part == "door":
            return view.doors[self.number] == self.value
        if self.part == "gate":
            return gate_open(maze, self.number, view.turn) == self.value
        if self.part == "item":
            return view.taken >> self.number & 1 == self.value
        return self.part == "" or view.outcome != WON


Sight = tuple[When, Callable[[], str]]


def describe(maze: Maze, view: View) -> str:
    """What `look` shows: the place's name, where one is, and all that is seen there."""
    room = maze.rooms[view.room]
    if room.dark and not carries_lamp(maze, view.taken):
        heading, sentences = DARKNESS, [darkness(maze, view.room)]
    elif view.outcome == WON and maze.goal_kind == "exit":
        heading, sentences = room.name, [outside(maze)]
    else:
        heading = room.name
        sentences = [say() for when, say in sights(maze, view.room, view.heading) if when.holds(maze, view)]
    for number, patrol in enumerate(maze.patrols):
        there = patrol.route[view.turn]
        way = near(maze, view.room, there)
        if view.outcome != WON:
            sentences += [patrol_near(maze, number, way, view.heading)] if way >= 0 else [
                patrol_far(maze, number, far_way, view.heading) for far_way in far(maze, view.room, there)]
    return f"-= {heading} =-\n{' '.join(sentences)}"


def sights(maze: Maze, here: int, heading: int) -> Iterator[Sight]:
    """One sentence for each thing that may be seen in a room where there is light, and when it is."""
    room = maze.rooms[here]
    voice = voice_of(maze, room.look)  # these four are drawn always, so that what happens changes no other sentence
    place, ways = room.name.lower(), plain_ways(maze, here)
    yield When(), partial(pick(maze, "room", voice).format, place=place, a_place=with_article(place))
    yield When(), partial(str, pick(maze, "detail", voice))
    told = listed([way_words(maze, way, heading) for way in turned(maze, ways, heading)])
    alone = sum(target >= 0 for target in room.exits) == 1  # and not just the only way without a door, say
    exits = pick(maze, "exits_many" if len(ways) != 1 else "exits_one" if alone else "exits_also", voice)
    coin = pick(maze, "coin", voice)
    if ways:
        yield When(), partial(fill_ways, exits, told)
    for way, kind in ((4, "stairs_up"), (5, "stairs_down")):
        if room.exits[way] >= 0:
            yield When(), partial(choose, maze, kind, f"{room.look}/{kind}")
    for way in one_ways(maze, here):
        if way < len(DIRECTIONS):
            yield When(), partial(way_sentence, maze, "one_way", f"{room.look}/one_way/{way}", way, heading)
    doors = [(number, way) for number, door in enumerate(maze.doors)
             if (way := bar_way(maze, door.room, door.way, here)) >= 0]
    for order, (number, way) in enumerate(doors):
        door = maze.doors[number]
        for state, kind in ((OPEN, "door_open"), (CLOSED, "door_closed"), (LOCKED, "door_locked")):
            if state != LOCKED or door.key >= 0:
                yield When("door", number, state), partial(
                    way_sentence, maze, kind, f"{here}/{kind}", way, heading, order, door=door.name)
    gates = [(number, way) for number, gate in enumerate(maze.gates)
             if (way := bar_way(maze, gate.room, gate.way, here)) >= 0]
    for order, (number, way) in enumerate(gates):
        for is_open, kind in enumerate(("gate_shut", "gate_open")):
            yield When("gate", number, is_open), partial(
                way_sentence, maze, kind, f"{here}/{kind}", way, heading, order, gate=maze.gates[number].name)
    for order, cue in enumerate(maze.cues):
        if cue.room == here:
            yield When(), partial(way_sentence, maze, cue.kind, cue.kind, cue.way, heading, order)
    items = [bit for bit, item in enumerate(maze.items) if item.room == here]
    for order, bit in enumerate(items):
        yield When("item", bit, 0), partial(_item_sentence, maze, bit, f"{here}/thing", order)
    if maze.goal_kind == "coin" and here == maze.goal:
        yield When("coin"), partial(str, coin)


def _item_sentence(maze: Maze, bit: int, voice: str, order: int) -> str:
    return fill(choose(maze, "thing", voice, order), thing=maze.items[bit].name)


def darkness(maze: Maze, here: int) -> str:
    """What is said of a room in which nothing can be seen."""
    return choose(maze, "dark", f"{maze.rooms[here].look}/dark")


def outside(maze: Maze) -> str:
    """What is said to a player who has reached the exit."""
    return choose(maze, "exit", maze.rooms[maze.goal].look)


def patrol_near(maze: Maze, number: int, way: int, heading: int) -> str:
    """How a patrol makes itself felt that is one room away."""
    return way_sentence(maze, "patrol_near", f"patrol/{number}/{way}", way, heading, patrol=maze.patrols[number].name)


def patrol_far(maze: Maze, number: int, way: int, heading: int) -> str:
    """How a patrol makes itself felt that is two rooms away; from each way in other words."""
    name = maze.patrols[number].name
    return way_sentence(maze, "patrol_far", f"patrol_far/{number}", way, heading, order=way, patrol=name)


def objective(maze: Maze) -> str:
    """What the player is told to do, and what directions there are."""
    parcel = next((item for item in maze.items if item.kind == "parcel"), None)
    kind = f"objective_{maze.goal_kind}"
    sentences = [fill(choose(maze, kind, "objective"), thing=parcel.name if parcel else "",
                       place=maze.rooms[maze.goal].name.lower())]
    if maze.map:
        place = maze.rooms[parcel.room if parcel else maze.goal].name.lower()
        sentences.append(fill(choose(maze, "whereabouts", "whereabouts"), place=place))
    if maze.directions:
        sentences.append(choose(maze, "directions", "directions").format(route=_route(maze)))
    return " ".join(sentences)


def _route(maze: Maze) -> str:
    """The directions in words; where ways are as the player sees them, for somebody who follows them."""
    words, heading = [], 0
    for way in maze.directions:
        words.append(way_words(maze, way, heading)[0])
        heading = way if way < len(DIRECTIONS) else heading
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and then {words[-1]}"


def inventory(maze: Maze, taken: int) -> str:
    """What the player carries; a map is read there too."""
    held = ["map"] if maze.map else []
    held += [item.name for bit, item in enumerate(maze.items) if taken >> bit & 1]
    if not held:
        return "You are carrying nothing."
    told = f"You are carrying {joined([with_article(name) for name in held])}."
    return f"{told}\n{map_text(maze)}" if maze.map else told


def map_text(maze: Maze) -> str:
    """Every room with the ways that lead out of it, by the compass."""
    lines = ["The map shows:"]
    for room in maze.rooms:
        ways = [f"{WAYS[way]} to the {maze.rooms[target].name.lower()}"
                for way, target in enumerate(room.exits) if target >= 0]
        lines.append(f"From the {room.name.lower()}: {', '.join(ways) or 'no way out'}.")
    if maze.frame == "egocentric":
        lines.append("At first you face north.")
    return "\n".join(lines)


def help_text(maze: Maze) -> str:
    """How to play, in the terms of this maze."""
    stairs = any(max(room.exits[4:]) >= 0 for room in maze.rooms)
    ways = [*(DIRECTIONS if maze.frame == "compass" else SEEN_FROM_PLAYER), *(WAYS[4:] if stairs else ())]
    short = "n, e, s, w" if maze.frame == "compass" else "f, r, b"
    deeds = ["take things"] if maze.items or maze.goal_kind == "coin" else []
    deeds += ["put down what is to be delivered"] if maze.goal_kind == "deliver" else []
    deeds += ["open and close doors"] if maze.doors else []
    deeds += ["unlock a door with its key"] if any(door.key >= 0 for door in maze.doors) else []
    deeds += ["look around", "look at your inventory", "wait"]
    return (f"Type a command and press Enter. You can {joined([f'go {way}' for way in ways], 'or')}; "
            f"{'; '.join(deeds[:-1])}; and {deeds[-1]}. Short forms work too: {short}, l, i, z.")


def meeting(maze: Maze, patrol: int) -> str:
    """What happens when a patrol meets the player."""
    kind = "caught" if maze.caught == "lost" else "sent_back"
    return choose(maze, kind, f"{kind}/{patrol}").format(patrol=maze.patrols[patrol].name)


# -- what there is to be said --------------------------------------------------------------------------------------


def carries_lamp(maze: Maze, taken: int) -> bool:
    return any(item.kind == "lamp" and taken >> bit & 1 for bit, item in enumerate(maze.items))


def one_ways(maze: Maze, room: int) -> list[int]:
    """The ways from a room that cannot be gone in the other direction."""
    return [way for way, target in enumerate(maze.rooms[room].exits)
            if target >= 0 and maze.rooms[target].exits[BACK[way]] < 0]


def plain_ways(maze: Maze, room: int) -> list[int]:
    """The ways that are told of in one sentence: on the level, both ways, and without door or gate."""
    barred = {bar_way(maze, bar.room, bar.way, room) for bar in maze.bars}
    barred.update(one_ways(maze, room))
    return [way for way, target in enumerate(maze.rooms[room].exits[:4]) if target >= 0 and way not in barred]


def bar_way(maze: Maze, room: int, way: int, here: int) -> int:
    """The way from `here` on which a door or gate stands that belongs to `room` and `way`, or -1."""
    if here == room:
        return way
    return BACK[way] if here == maze.rooms[room].exits[way] else -1


def near(maze: Maze, room: int, other: int) -> int:
    """The level way that leads from a room straight to another, or -1."""
    return next((way for way, target in enumerate(maze.rooms[room].exits[:4]) if target == other), -1)


def far(maze: Maze, room: int, other: int) -> list[int]:
    """The level ways from a room behind which another is the room after next; none where it is nearer."""
    if room == other or near(maze, room, other) >= 0:
        return []
    exits = maze.rooms[room].exits[:4]
    return [way for way, target in enumerate(exits) if target >= 0 and near(maze, target, other) >= 0]
