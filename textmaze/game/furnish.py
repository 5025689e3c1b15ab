"""Puts doors, keys, gates, patrols, things and hints into a bare maze, so that it can still be won."""

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from textmaze.game.layout import BACK
from textmaze.game.maze import Cue, Door, Gate, Item, Maze, Patrol, Room
from textmaze.game.recipe import Recipe
from textmaze.game.theme import Theme

T = TypeVar("T")
Passage = tuple[int, int]  # a room and one of its ways


_FURNITURE = ("doors", "locks", "gates", "patrols", "things", "alike", "dark", "cues", "directions")


class Unfit(Exception):
    """A layout that cannot hold what the recipe asks for; its text says why not."""


def furnish(maze: Maze, recipe: Recipe, theme: Theme, rng: random.Random) -> Maze:
    """The maze with all that the recipe asks for. Only `rng.random()` is called; Unfit where there is no space."""
    if recipe.goal != "deliver" and not any(getattr(recipe, name) for name in _FURNITURE):
        return maze
    return _Furnisher(maze, recipe, theme, rng).furnished()


class _Furnisher:
    def __init__(self, maze: Maze, recipe: Recipe, theme: Theme, rng: random.Random) -> None:
        self.maze, self.recipe, self.theme, self.rng = maze, recipe, theme, rng
        self.exits = [room.exits for room in maze.rooms]
        self.items: list[Item] = []
        self.barred: set[Passage] = set()  # passages that have a door or gate, from both sides

    def furnished(self) -> Maze:
        recipe, maze = self.recipe, self.maze
        if recipe.goal == "deliver":
            self._put("parcel", self.theme.words("parcels", maze.wordings), 1, self._rooms_but(maze.start, maze.goal))
        target = self.items[0].room if self.items else maze.goal
        way = self._way(maze.start, maze.goal) if recipe.locks or recipe.gates else []
        only = [step for step in way if maze.goal not in self._reach(maze.start, {step})]  # nothing leads round these
        doors = self._locked_doors(only if len(only) >= recipe.locks else way)
        gates = self._gates(way)
        doors += self._plain_doors()
        patrols = self._patrols()
        rooms = self._rooms({(door.room, door.way) for door in doors if door.key >= 0})
        self._put("thing", self.theme.words("things", maze.wordings), recipe.things, range(len(maze.rooms)))
        cues = self._cues(target) if recipe.cues else ()
        route: tuple[int, ...] = ()
        if recipe.directions:
            walk = self._way(maze.start, target) + (self._way(target, maze.goal) if target != maze.goal else [])
            route = tuple(self._mistaken(way) if self.rng.random() < recipe.wrong else way for _, way in walk)
        return replace(maze, rooms=rooms, items=tuple(self.items), doors=tuple(doors), gates=gates, patrols=patrols,
                       cues=cues, directions=route)

    # -- what bars the way -------------------------------------------------------------------------------------------

    def _locked_doors(self, way: list[Passage]) -> list[Door]:
        """Doors along the way to the goal; each key lies where one gets to with the keys before it, and not sooner."""
        count = self.recipe.locks
        names = self._names("doors", count)
        keys = self._names("keys", count)
        passages = self._bar(way, count, "locked doors")
        passages.sort(key=way.index)
        doors: list[Door] = []
        before: set[int] = set()
        for number, (room, direction) in enumerate(passages):
            reach = self._reach(self.maze.start, set(passages[number:]))
            fresh = reach - before - {self.maze.start, self.maze.goal}
            self._put("key", [keys[number]], 1, sorted(fresh or reach))
            doors.append(Door(names[number], room, direction, len(self.items) - 1))
            before = reach
        return doors

    def _plain_doors(self) -> list[Door]:
        if not self.recipe.doors:
            return []
        passages = [(room, way) for room, exits in enumerate(self.exits) for way in (0, 1) if exits[way] >= 0]
        taken = self.recipe.locks  # the first names are those of the locked doors
        names = self._names("doors", taken + self.recipe.doors)[taken:]
        chosen = self._bar(passages, self.recipe.doors, "doors")
        return [Door(name, room, way, -1) for name, (room, way) in zip(names, chosen, strict=True)]

    def _gates(self, way: list[Passage]) -> tuple[Gate, ...]:
        names = self._names("gates", self.recipe.gates)
        passages = self._bar(way, self.recipe.gates, "gates")
        return tuple(Gate(name, room, direction, int(self.rng.random() * self.recipe.cycle))
                     for name, (room, direction) in zip(names, passages, strict=True))

    def _bar(self, passages: list[Passage], count: int, what: str) -> list[Passage]:
        """Choose passages on the level, open in both directions and not barred yet, and bar them."""
        if not count:
            return []
        free = [(room, way) for room, way in passages
                if way < 4 and (room, way) not in self.barred and self._two_way(room, way)]
        if len(free) < count:
            raise Unfit(f"there is no space for {count} {what}")
        chosen = [free.pop(int(self.rng.random() * len(free))) for _ in range(count)]
        for room, way in chosen:
            self.barred |= {(room, way), (self.exits[room][way], BACK[way])}
        return chosen

    def _two_way(self, room: int, way: int) -> bool:
        return self.exits[self.exits[room][way]][BACK[way]] == room

    def _patrols(self) -> tuple[Patrol, ...]:
        """Each patrol walks some way and the same way back, and rests where it turns if the cycle is longer."""
        recipe, maze = self.recipe, self.maze
        found = []
        for name in self._names("patrols", recipe.patrols):
            avoided = {maze.start, maze.goal}
            hosts = [room for room in range(len(maze.rooms)) if room not in avoided]
            if not hosts:
                raise Unfit("there is no space for a patrol")
            walk = [hosts[int(self.rng.random() * len(hosts))]]
            while len(walk) <= recipe.cycle // 2:
                ways = [target for way, target in enumerate(self.exits[walk[-1]][:4])
                        if target >= 0 and target not in avoided and target not in walk
                        and (walk[-1], way) not in self.barred and self._two_way(walk[-1], way)]
                if not ways:
                    break
                walk.append(ways[int(self.rng.random() * len(ways))])
            if len(walk) < 2:
                raise Unfit("there is no round for a patrol to walk")
            route = (walk + [walk[-1]] * recipe.cycle)[:recipe.cycle - len(walk) + 2] + walk[-2:0:-1]
            found.append(Patrol(name, tuple(route)))
        return tuple(found)

    # -- what is read ------------------------------------------------------------------------------------------------

    def _rooms(self, locked: set[Passage]) -> tuple[Room, ...]:
        """The rooms, some of them dark or alike; if any is dark, a lamp lies where one gets to without light or key."""
        recipe, maze = self.recipe, self.maze
        if not (recipe.dark or recipe.alike):
            return maze.rooms
        rooms = list(maze.rooms)
        if recipe.dark:
            near = self._reach(maze.start, locked) - {maze.goal}
            self._put("lamp", self.theme.words("lamps", maze.wordings), 1, sorted(near))
            lamp = self.items[-1].room
            for index in self._rooms_but(maze.start, lamp):
                if self.rng.random() < recipe.dark:
                    rooms[index] = replace(rooms[index], dark=True)
        if recipe.alike:
            # A room that the objective speaks of keeps its name.
            own = {maze.goal, *(item.room for item in self.items if item.kind == "parcel")}
            alike = [index for index in range(len(rooms)) if index not in own and self.rng.random() < recipe.alike]
            for index in alike:
                rooms[index] = replace(rooms[index], name=rooms[alike[0]].name, look=alike[0])
        return tuple(rooms)

    def _cues(self, target: int) -> tuple[Cue, ...]:
        """Hints for the next step to the target, or against another; false ones say the opposite in their own style."""
        backwards: list[list[int]] = [[] for _ in self.exits]
        for room, exits in enumerate(self.exits):
            for other in exits:
                if other >= 0:
                    backwards[other].append(room)
        steps = [-1] * len(self.exits)
        steps[target] = 0
        queue = deque([target])
        while queue:
            room = queue.popleft()
            for other in backwards[room]:
                if steps[other] < 0:
                    steps[other] = steps[room] + 1
                    queue.append(other)
        cues = []
        for room, exits in enumerate(self.exits):
            if room in (target, self.maze.goal) or self.rng.random() >= self.recipe.cues:
                continue
            # What comes from behind a door, or from where nobody returns, is no hint to believe in.
            free = [way for way in range(4)
                    if exits[way] >= 0 and (room, way) not in self.barred and self._two_way(room, way)]
            right = [way for way in free if steps[exits[way]] == steps[room] - 1]
            wrong = [way for way in free if way not in right]
            lie = self.rng.random() < self.recipe.lies
            inviting = self.rng.random() < 0.5
            ways = right if inviting != lie else wrong
            if not ways:  # then say what can be said
                inviting = not inviting
                ways = right if inviting != lie else wrong
            if ways:
                kind = ("inviting" if inviting else "warning") + ("_doubtful" if lie else "")
                cues.append(Cue(room, self._one_of(ways), kind))
        return tuple(cues)

    def _mistaken(self, way: int) -> int:
        """Another direction."""
        return self._one_of([other for other in range(4) if other != way])

    # -- tools -------------------------------------------------------------------------------------------------------

    def _put(self, kind: str, names: Sequence[str], count: int, rooms: Sequence[int]) -> None:
        """Put this many items with different names in any of these rooms."""
        left = list(names)
        if not rooms or len(left) < count:
            raise Unfit(f"there is no space for a {kind}" if not rooms
                        else f"the theme {self.maze.theme} has fewer than {count} names for a {kind}")
        for _ in range(count):
            name = left.pop(int(self.rng.random() * len(left)))
            self.items.append(Item(name, kind, self._one_of(rooms)))

    def _names(self, kind: str, count: int) -> list[str]:
        """Different names of one list of the theme. The order is drawn from a source of its own: `doors` asks twice."""
        if not count:
            return []
        left = list(self.theme.words(kind, self.maze.wordings))
        if len(left) < count:
            raise Unfit(f"the theme {self.maze.theme} has no {count} {kind} for the split {self.maze.wordings}")
        rng = random.Random(f"{self.maze.voice}/{kind}")
        return [left.pop(int(rng.random() * len(left))) for _ in range(count)]

    def _one_of(self, choices: Sequence[T]) -> T:
        return choices[int(self.rng.random() * len(choices))]

    def _rooms_but(self, *without: int) -> list[int]:
        return [room for room in range(len(self.exits)) if room not in without]

    def _reach(self, start: int, closed: set[Passage]) -> set[int]:
        """The rooms that can be reached from a room while some passages are closed, from both sides."""
        shut = closed | {(self.exits[room][way], BACK[way]) for room, way in closed}
        found, queue = {start}, [start]
        for room in queue:
            for way, target in enumerate(self.exits[room]):
                if target >= 0 and target not in found and (room, way) not in shut:
                    found.add(target)
                    queue.append(target)
        return found

    def _way(self, start: int, goal: int) -> list[Passage]:
        """The passages of a shortest way."""
        came: dict[int, Passage] = {}
        queue = deque([start])
        while goal not in came:
            room = queue.popleft()
            for way, target in enumerate(self.exits[room]):
                if target >= 0 and target != start and target not in came:
                    came[target] = (room, way)
                    queue.append(target)
        passages, room = [], goal
        while room != start:
            passages.append(came[room])
            room = came[room][0]
        return passages[::-1]
