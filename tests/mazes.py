"""Any maze, for properties; and a player who follows the rules in plain Python, as a second opinion on the arrays."""

from collections import deque
from dataclasses import dataclass, replace

from hypothesis import assume
from hypothesis import strategies as st

from textmaze.errors import GameError
from textmaze.game.generate import make_maze
from textmaze.game.layout import OPPOSITE, WAYS
from textmaze.game.recipe import SPLITS, Recipe
from textmaze.game.rules import LOST, PLAYING, WON, View

SEEN = ("forward", "right", "back", "left")


@st.composite
def recipes(draw, **fixed):
    """Any settings in any combination, for mazes of some dozen rooms."""
    topology = fixed.get("topology") or draw(st.sampled_from(["grid", "planar", "tree", "corridor"]))
    spacious = topology in ("grid", "planar")
    some = st.sampled_from
    drawn = {
        "topology": topology,
        "rooms": draw(st.integers(8, 18)),
        "floors": draw(st.integers(1, 3)) if spacious else 1,
        "loops": draw(some([0.0, 0.3, 1.0])) if spacious else 0.0,
        "branches": draw(st.integers(0, 2)),
        "one_way": draw(some([0.0, 0.0, 0.3])),
        "doors": draw(some([0, 0, 1, 2])),
        "locks": draw(some([0, 0, 1, 2])),
        "gates": draw(some([0, 0, 1, 2])),
        "cycle": draw(some([2, 3, 6])),
        "patrols": draw(some([0, 0, 1, 2])),
        "caught": draw(some(["lost", "back"])),
        "cues": draw(some([0.0, 0.5, 1.0])),
        "lies": draw(some([0.0, 0.5, 1.0])),
        "things": draw(some([0, 0, 1])),
        "alike": draw(some([0.0, 0.0, 0.5])),
        "dark": draw(some([0.0, 0.0, 0.5])),
        "frame": draw(some(["compass", "egocentric"])),
        "goal": draw(some(["coin", "exit", "deliver"])),
        "directions": draw(st.booleans()),
        "wrong": draw(some([0.0, 0.3])),
        "map": draw(st.booleans()),
    }
    return Recipe(**{**drawn, **fixed})


@st.composite
def mazes(draw, **fixed):
    """Any maze; a recipe that asks for more than its rooms can hold is passed over."""
    try:
        return make_maze(draw(recipes(**fixed)), draw(st.sampled_from(SPLITS)), draw(st.integers(0, 10**6)))
    except GameError:
        assume(False)


def plain_mazes(goals=("coin", "exit")):
    """Mazes that hold nothing but rooms and a goal."""
    return st.builds(
        lambda topology, rooms, loops, goal, split, seed: make_maze(
            Recipe(topology=topology, rooms=rooms, loops=loops if topology == "grid" else 0.0, goal=goal), split, seed),
        st.sampled_from(["grid", "corridor"]), st.integers(6, 40), st.sampled_from([0.0, 0.3, 1.0]),
        st.sampled_from(goals), st.sampled_from(SPLITS), st.integers(0, 10**6),
    )


@dataclass(frozen=True)
class Player:
    """Somebody in a maze, and everything that has happened there."""

    room: int
    heading: int = 0
    turn: int = 0
    doors: tuple[str, ...] = ()
    has: frozenset[str] = frozenset()
    outcome: int = PLAYING


def first(maze):
    return Player(maze.start, doors=tuple("locked" if door.key >= 0 else "closed" for door in maze.doors))


def view(maze, player):
    """The same as the narrator wants it."""
    doors = tuple(("open", "closed", "locked").index(state) for state in player.doors)
    taken = sum(1 << bit for bit, item in enumerate(maze.items) if item.name in player.has)
    return View(player.room, player.heading, player.turn, doors, taken, player.outcome)


def step(maze, player, command):
    """What becomes of the player. Written as one would tell the rules to a person, to be unlike the arrays."""
    verb, _, noun = command.partition(" ")
    after = {"go": _go, "take": _take, "drop": _drop, "open": _open, "close": _close, "unlock": _unlock}.get(
        verb, lambda maze, player, noun: player)(maze, player, noun)
    waits = verb == "wait" and (maze.gates or maze.patrols)
    if after == player and not waits:
        return player
    if maze.gates or maze.patrols:
        after = replace(after, turn=(player.turn + 1) % maze.cycle)
    if after.outcome == PLAYING:
        for patrol in maze.patrols:
            was, now = patrol.route[player.turn], patrol.route[after.turn]
            if now == after.room or (now == player.room and was == after.room):
                if maze.caught == "lost":
                    return replace(after, outcome=LOST)
                return replace(after, room=maze.start, heading=0)
    return after


def _bar(maze, things, room, way):
    """The door or gate in a passage, seen from either side."""
    for number, thing in enumerate(things):
        other = maze.rooms[thing.room].exits[thing.way]
        if (room, way) in ((thing.room, thing.way), (other, WAYS.index(OPPOSITE[WAYS[thing.way]]))):
            return number
    return None


def _go(maze, player, noun):
    way = WAYS.index(noun) if noun in WAYS else (player.heading + SEEN.index(noun)) % 4
    target = maze.rooms[player.room].exits[way]
    if target < 0:
        return player
    gate, door = _bar(maze, maze.gates, player.room, way), _bar(maze, maze.doors, player.room, way)
    if gate is not None and (player.turn - maze.gates[gate].opens) % maze.cycle >= maze.cycle // 2:
        return player
    if door is not None and player.doors[door] != "open":
        return player
    heading = way if maze.frame == "egocentric" and way < 4 else player.heading
    won = maze.goal_kind == "exit" and target == maze.goal
    return replace(player, room=target, heading=heading, outcome=WON if won else PLAYING)


def _sees(maze, player):
    return not maze.rooms[player.room].dark or any(i.kind == "lamp" and i.name in player.has for i in maze.items)


def _take(maze, player, noun):
    if not _sees(maze, player):
        return player
    if noun == "coin":
        return replace(player, outcome=WON) if player.room == maze.goal else player
    lies_here = any(item.name == noun and item.room == player.room for item in maze.items)
    return replace(player, has=player.has | {noun}) if lies_here else player


def _drop(maze, player, noun):
    return replace(player, outcome=WON) if noun in player.has and player.room == maze.goal else player


def _turn_door(maze, player, name, before, after):
    for number, door in enumerate(maze.doors):
        other = maze.rooms[door.room].exits[door.way]
        if door.name == name and player.room in (door.room, other) and player.doors[number] == before:
            return replace(player, doors=(*player.doors[:number], after, *player.doors[number + 1:]))
    return player


def _open(maze, player, noun):
    return _turn_door(maze, player, noun, "closed", "open") if _sees(maze, player) else player


def _close(maze, player, noun):
    return _turn_door(maze, player, noun, "open", "closed") if _sees(maze, player) else player


def _unlock(maze, player, noun):
    name, _, key = noun.partition(" with ")
    fits = any(door.name == name and door.key >= 0 and maze.items[door.key].name == key for door in maze.doors)
    if not fits or key not in player.has or not _sees(maze, player):
        return player
    return _turn_door(maze, player, name, "locked", "closed")


def hearing(maze, player):
    """For each patrol how many level steps it is away, up to two, and the ways on which it is reached in that many."""
    for number, patrol in enumerate(maze.patrols):
        there, reach = patrol.route[player.turn], {player.room: set()}
        for steps in (1, 2):
            following = {}
            for room, ways in reach.items():
                for way, target in enumerate(maze.rooms[room].exits[:4]):
                    if target >= 0:
                        following.setdefault(target, set()).update(ways or {way})
            if there == player.room:
                break
            if there in following:
                yield number, steps, sorted(following[there])
                break
            reach = following


def fewest_commands(maze, commands):
    """For each state that can be reached: the fewest commands to a win, or None."""
    start = first(maze)
    edges, queue, known = {}, deque([start]), {start}
    while queue:
        here = queue.popleft()
        edges[here] = {step(maze, here, c) for c in commands} if here.outcome == PLAYING else set()
        for there in edges[here] - known:
            known.add(there)
            queue.append(there)
    sources = {state: [] for state in known}
    for here, others in edges.items():
        for there in others:
            sources[there].append(here)
    costs = {state: 0 for state in known if state.outcome == WON}
    queue = deque(costs)
    while queue:
        there = queue.popleft()
        for here in sources[there]:
            if here not in costs:
                costs[here] = costs[there] + 1
                queue.append(here)
    return {state: costs.get(state) for state in known}


def there_and_back(maze):
    """Every passage that can be gone both ways by the compass, as (room, way, other, way back)."""
    for number, room in enumerate(maze.rooms):
        for way, target in enumerate(room.exits):
            back = WAYS.index(OPPOSITE[WAYS[way]])
            if target >= 0 and maze.rooms[target].exits[back] == number:
                yield number, way, target, back
