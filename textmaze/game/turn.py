"""What each command does in a maze, and what time does: a pure function on arrays, for any number of states at once."""

import numpy as np
from numpy.typing import NDArray

from textmaze.game.rules import (
    CLOSED,
    LOCKED,
    LOOK,
    LOST,
    MOST_PATROLS,
    OPEN,
    TAKEN_BACK,
    WAITED,
    WON,
    Codes,
    Rules,
    say,
)


def step(rules: Rules, codes: Codes) -> tuple[Codes, Codes]:
    """For N states in which the game goes on: the next state and the text of the answer, (N, commands) each."""
    turn = _Turn(rules, codes)
    turn.go()
    turn.take()
    turn.doors()
    turn.examine()
    return turn.end()


class _Turn:
    """All commands in N states. Each kind of command fills its columns of `change`, `text` and `won`."""

    def __init__(self, rules: Rules, codes: Codes) -> None:
        self.rules, self.maze, self.codes = rules, rules.maze, codes
        shape = len(codes), len(rules.commands)
        self.change = np.zeros(shape, dtype=np.int64)  # what is added to the code
        self.text = np.full(shape, say("not_here"), dtype=np.int64)
        self.won = np.zeros(shape, dtype=bool)
        self.looks = np.zeros(shape, dtype=bool)  # where the answer is a look at what follows
        self.room = codes % rules.rooms
        self.heading = codes // rules.rooms % rules.headings
        self.turn = codes // rules.turn_unit % rules.turns
        self.taken = codes // rules.item_unit
        self.sees = np.ones(len(codes), dtype=bool)
        if rules.has_dark:
            self.sees = ~rules.dark[self.room] | rules.holds_lamp(self.taken)

    def go(self) -> None:
        rules, columns = self.rules, self.rules.columns["go"]
        ways = np.arange(columns.stop - columns.start)
        way = np.broadcast_to(ways, (len(self.codes), len(ways)))
        if rules.headings > 1:
            way = np.where(ways < 4, (ways + self.heading[:, None]) % 4, ways)
        room = self.room[:, None]
        target = rules.exits[room, way]
        free = target >= 0
        text = np.full(way.shape, say("no_way"), dtype=np.int64)
        if self.maze.gates:
            gate = rules.gate_at[room, way]
            shut = (gate >= 0) & ~rules.gate_open[gate, self.turn[:, None]]
            text[shut] = say("gate_shut", gate[shut])
            free &= ~shut
        for door in range(len(self.maze.doors)):
            state = rules.door(self.codes, door)[:, None]
            barred = (rules.door_at[room, way] == door) & (state != OPEN)
            text = np.where(barred, np.where(state == LOCKED, say("door_locked", door), say("door_closed", door)), text)
            free &= ~barred
        change = target - room
        if rules.headings > 1:
            change = change + np.where(way < 4, way - self.heading[:, None], 0) * rules.rooms
        self.change[:, columns] = np.where(free, change, 0)
        self.text[:, columns] = text
        self.looks[:, columns] = free
        if self.maze.goal_kind == "exit":
            self.won[:, columns] = free & (target == self.maze.goal)

    def take(self) -> None:
        columns, maze = self.rules.columns, self.maze
        if maze.goal_kind == "coin":
            coin = columns["take coin"].start
            self.won[:, coin] = (self.room == maze.goal) & self.sees
            self.text[self.won[:, coin], coin] = say("took_coin")
        for bit, item in enumerate(maze.items):
            column = columns["take"].start + bit
            has = (self.taken >> bit & 1) > 0
            here = ~has & self.sees & (self.room == item.room)
            self.change[:, column] = np.where(here, self.rules.item_unit << bit, 0)
            self.text[has, column] = say("taken_already", bit)
            self.text[here, column] = say("taken", bit)
            if item.kind == "parcel":
                column = columns["drop"].start
                self.won[:, column] = has & (self.room == maze.goal)
                self.text[:, column] = np.where(has, say("wrong_place", bit), say("lacks", bit))
                self.text[self.won[:, column], column] = say("delivered", bit)

    def doors(self) -> None:
        columns, maze = self.rules.columns, self.maze
        keys = [bit for bit, item in enumerate(maze.items) if item.kind == "key"]
        unlock = columns["unlock"].start
        for door, unit in enumerate(self.rules.door_units):
            here = self.sees & self.rules.beside[door, self.room]
            state = self.rules.door(self.codes, door)
            column = columns["open"].start + door
            self.change[:, column] = np.where(here & (state == CLOSED), (OPEN - CLOSED) * unit, 0)
            answers = np.array([say("open_already", door), say("opened", door), say("door_locked", door)])
            self.text[here, column] = answers[state[here]]
            column = columns["close"].start + door
            self.change[:, column] = np.where(here & (state == OPEN), (CLOSED - OPEN) * unit, 0)
            answers = np.array([say("closed", door), *[say("closed_already", door)] * 2])
            self.text[here, column] = answers[state[here]]
            for key in keys if maze.doors[door].key >= 0 else ():
                has = (self.taken >> key & 1) > 0
                fits = key == maze.doors[door].key
                self.change[:, unlock] = np.where(here & has & fits & (state == LOCKED), (CLOSED - LOCKED) * unit, 0)
                turned = say("unlocked" if fits else "does_not_fit", door, key)
                answer = np.where(state != LOCKED, say("not_locked", door), np.where(has, turned, say("lacks", key)))
                self.text[here, unlock] = answer[here]
                unlock += 1

    def examine(self) -> None:
        columns, maze, rules = self.rules.columns, self.maze, self.rules
        if maze.goal_kind == "coin":
            self.text[(self.room == maze.goal) & self.sees, columns["examine coin"]] = say("coin_plain")
        for bit, item in enumerate(maze.items):
            at_hand = (self.taken >> bit & 1 > 0) | (self.sees & (self.room == item.room))
            self.text[at_hand, columns["examine"].start + bit] = say("plain", bit)
        for door in range(len(maze.doors)):
            here = self.sees & rules.beside[door, self.room]
            answers = np.array([say("door_open", door), say("door_closed", door), say("door_locked", door)])
            self.text[here, columns["examine door"].start + door] = answers[rules.door(self.codes, door)[here]]
        self.text[:, columns["examine map"]] = say("map")
        self.text[:, columns["look"].start] = rules.look(self.codes)
        self.text[:, columns["inventory"].start] = rules.inventory(self.codes)
        self.text[:, columns["wait"]] = say("wait")
        self.text[:, columns["help"]] = say("help")

    def end(self) -> tuple[Codes, Codes]:
        """Let time pass where the player has done something, and say what has become of it."""
        rules = self.rules
        following = self.codes[:, None] + self.change
        if self.maze.timed:
            wait = rules.columns["wait"].start
            acts = (self.change != 0) | self.won
            acts[:, wait] = self.looks[:, wait] = True
            ticks = (self.turn + 1) % rules.turns - self.turn
            following += np.where(acts, ticks[:, None] * rules.turn_unit, 0)
        following += self.won * rules.size * WON
        met = self._met(following, acts & ~self.won) if self.maze.patrols else {}
        for caught in met.values():
            if self.maze.caught == "lost":
                following[caught] += rules.size * LOST
            else:  # at the start, facing north again
                following[caught] += self.maze.start - following[caught] % rules.turn_unit
        self.text[self.looks] = rules.look(following[self.looks])
        if self.maze.timed:
            self.text[:, wait] += WAITED - LOOK
        for patrol, caught in met.items():
            self.text[caught] = say("caught", patrol) if self.maze.caught == "lost" else (
                4 * (rules.look(following[caught]) // 4 * MOST_PATROLS + patrol) + TAKEN_BACK)
        return following, self.text

    def _met(self, following: Codes, acts: NDArray[np.bool_]) -> dict[int, NDArray[np.bool_]]:
        """Where each patrol meets the player, in a room or between two; the last one where there are several."""
        rules, there = self.rules, following % self.rules.rooms
        met: dict[int, NDArray[np.bool_]] = {}
        for patrol, route in enumerate(rules.routes):
            before, after = route[self.turn][:, None], route[(self.turn + 1) % rules.turns][:, None]
            meets = acts & ((after == there) | ((after == self.room[:, None]) & (before == there)))
            met = {other: caught & ~meets for other, caught in met.items()} | {patrol: meets}
        return met
