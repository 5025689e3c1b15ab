"""What each command does in a maze. Pure functions from a state to what follows; the words are the narrator's."""

from typing import NamedTuple

from textmaze.game.layout import DIRECTIONS
from textmaze.game.maze import Maze
from textmaze.game.narrator import Key

COMMANDS = (*(f"go {direction}" for direction in DIRECTIONS), "take coin", "look", "inventory", "wait", "help")


class State(NamedTuple):
    """All that can change while a maze is played."""

    room: int
    won: bool = False


class Outcome(NamedTuple):
    """What a command leads to: the next state, and the key of the text that tells of it."""

    state: State
    feedback: Key


def first_state(maze: Maze) -> State:
    return State(maze.start)


def coin_here(maze: Maze, state: State) -> bool:
    return maze.goal_kind == "coin" and state.room == maze.goal and not state.won


def description(maze: Maze, state: State) -> Key:
    """The key of what `look` says."""
    if state.won and maze.goal_kind == "exit":
        return ("exit", state.room)
    return ("room", state.room, coin_here(maze, state))


def step(maze: Maze, state: State, command: str) -> Outcome:
    """What happens when the player gives one of `COMMANDS`. After the win nothing changes any more."""
    verb, _, noun = command.partition(" ")
    if verb == "go":
        target = maze.rooms[state.room].exits[DIRECTIONS.index(noun)]
        if target < 0 or state.won:
            return Outcome(state, ("say", "no_way"))
        following = State(target, won=maze.goal_kind == "exit" and target == maze.goal)
        return Outcome(following, description(maze, following))
    if verb == "take":
        if coin_here(maze, state):
            return Outcome(State(state.room, won=True), ("say", "taken"))
        return Outcome(state, ("say", "no_coin"))
    if verb == "look":
        return Outcome(state, description(maze, state))
    return Outcome(state, ("say", {"inventory": "empty", "wait": "wait", "help": "help"}[verb]))
